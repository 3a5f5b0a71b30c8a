"""The bytes of one file, unpacked on the way: plain, gz, xz, zst, or the only CSV in a zip or a tar.

Nothing is unpacked to disk, and an archive is read once, from its start to its end.
"""

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

import zstandard

from emopipe.core.errors import DataError
from emopipe.ingest.sources.listing import is_data
from emopipe.ingest.sources.magic import file_kind
from emopipe.ingest.sources.read_errors import READ_ERRORS

HEAD = 2**17
"""First bytes of a file that are read at once."""
MAX_MEMBERS = 2_000_000
"""Most members of a tar."""
MAX_UNPACKED = 2**38
"""Largest total of the sizes that a tar declares, in bytes."""

_MAX_HEADER = 2**20
"""Largest header of a member of a tar, in bytes; it is read into memory."""


class Unpacked(io.RawIOBase):
    """A stream with its first bytes, which are read at once; damage behind them is raised where it is read."""

    def __init__(self, file: Any) -> None:
        self._file, self._error = file, None
        head = bytearray()
        try:
            while len(head) < HEAD and (chunk := file.read1(HEAD - len(head))):
                head += chunk
        except READ_ERRORS as error:
            self._error = error
        self.head = bytes(head)
        self._left = memoryview(self.head)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            if self._error is not None:
                raise self._error
            self._left = memoryview(self._file.read1(len(buffer)))
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


@contextmanager
def open_unpacked(path: Path) -> Iterator[Unpacked]:
    """The unpacked content of `path`. Raises `DataError` for an archive that does not hold exactly one CSV."""
    with path.open("rb") as file:
        content = Unpacked(_decompressed(path, file))
        if _is_tar(content.head):
            yield from _csv_in_tar(path, io.BufferedReader(content))
        else:
            yield content


def _decompressed(path: Path, file: IO[bytes]) -> IO[bytes]:
    kind = file_kind(path)
    if kind == "gzip":
        return gzip.open(file, "rb")  # type: ignore[return-value]
    if kind == "xz":
        return lzma.open(file, "rb")
    if kind == "zstd":
        return io.BufferedReader(_ZstdStream(file), HEAD)
    if kind == "zip":
        archive = zipfile.ZipFile(file)
        return archive.open(_single_csv(path, archive.namelist()))
    return file


def _is_csv(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() == ".csv" and not path.name.startswith(".") and is_data(name)


def _single_csv(path: Path, names: list[str]) -> str:
    names = list(filter(_is_csv, names))
    if len(names) != 1:
        raise DataError(f"{path} holds {len(names)} CSV files, expected one: unpack it and name the file or folder")
    return names[0]


def _is_tar(head: bytes) -> bool:
    """Whether the first block is the header of a member; its checksum is verified."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


class _Member(tarfile.TarInfo):
    """A member whose header has a bounded size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if not member.isfile() and member.size > _MAX_HEADER:
            raise ValueError(f"a header of {member.size} bytes, expected at most {_MAX_HEADER}")
        return member


def _csv_in_tar(path: Path, file: IO[bytes]) -> Iterator[Unpacked]:
    """The only CSV among the members; after it has been read, the others are checked."""
    names: list[str] = []
    num_members = num_bytes = 0
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_Member) as archive:
        for member in archive:
            num_members, num_bytes = num_members + 1, num_bytes + member.size
            if num_members > MAX_MEMBERS or num_bytes > MAX_UNPACKED:
                raise DataError(
                    f"{path} holds more than {MAX_MEMBERS} members, or {MAX_UNPACKED} bytes unpacked: unpack it and "
                    "name the file or folder"
                )
            archive.members = []  # type: ignore[attr-defined]  # tarfile keeps those that are passed
            if not member.isfile() or not _is_csv(member.name):
                continue
            names.append(member.name)
            if len(names) == 1 and (content := archive.extractfile(member)):
                yield Unpacked(content)
    _single_csv(path, names)


class _ZstdStream(io.RawIOBase):
    """Unpacks zstd frames; unlike `zstandard.open` it detects a truncated file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._unpacked:
            packed = self._frame.unused_data or self._file.read(HEAD)
            if not packed:
                if not self._frame.eof:
                    raise EOFError("the last frame is incomplete")
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._unpacked = memoryview(self._frame.decompress(packed))
        size = min(len(buffer), len(self._unpacked))
        buffer[:size] = self._unpacked[:size]
        self._unpacked = self._unpacked[size:]
        return size
