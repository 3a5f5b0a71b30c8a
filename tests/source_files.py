"""Small sources for tests, and reading them."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from emopipe.core.errors import DataError
from emopipe.faces.classes import FER2013_CLASSES, label_lookup
from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import RawRow, Reject
from emopipe.ingest.splits import FOLDER_SPLITS

LABELS = label_lookup(FER2013_CLASSES)
TABLE = "emotion,pixels,Usage\n3,0 50 100 255,Training\n0,9 8 7 6,PublicTest\n"


def png(value: int, size: tuple[int, int] = (4, 2)) -> bytes:
    """A grey image of one level."""
    buffer = io.BytesIO()
    Image.new("L", size, value).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(members: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(members: Mapping[str, tarfile.TarInfo | bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name) if isinstance(content, bytes) else content
            data = content if isinstance(content, bytes) else b""
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(path: Path) -> list[RawRow | Reject]:
    return list(recognise(path, FOLDER_SPLITS, LABELS).read())


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)
