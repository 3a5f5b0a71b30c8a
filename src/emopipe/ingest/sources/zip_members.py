"""The members of a zip: which ones are safe to read, and their content."""

import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emopipe.core.errors import DataError
from emopipe.ingest.sources.base import Reject
from emopipe.ingest.sources.image_tree import read_image
from emopipe.ingest.sources.listing import is_data
from emopipe.ingest.sources.read_errors import READ_ERRORS, error_text

_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
"""The others unpack whole blocks, of any size."""
_ENCRYPTED = 0x1
_NUM_QUOTED = 60


@dataclass(frozen=True)
class Members:
    """The members of an archive, without folders and bookkeeping."""

    files: Mapping[str, zipfile.ZipInfo]
    """By path, in the order of reading."""
    rejects: tuple[Reject, ...]
    num_members: int
    num_bytes: int
    """Unpacked, as the archive declares."""


def open_zip(path: Path) -> zipfile.ZipFile:
    """Raises `DataError` when the list of members is damaged."""
    try:
        return zipfile.ZipFile(path)
    except READ_ERRORS as error:
        raise DataError(f"{path} cannot be read ({error_text(error)}): fetch it again") from error


def sort_members(archive: zipfile.ZipFile, prefix: str) -> Members:
    """Separate files from unsafe members; `prefix` precedes the path in the name of a row."""
    files: dict[str, zipfile.ZipInfo] = {}
    rejects: list[Reject] = []
    members = archive.infolist()
    for member in members:
        raw = member.orig_filename.replace("\\", "/")  # as some Windows programs write it
        name = PurePosixPath(raw).as_posix()
        fault = _path_fault(raw)
        if fault is None and ((raw.endswith("/") and not member.file_size) or not is_data(name)):
            continue
        fault = fault or _kind_fault(member) or ("a second member of this name" if name in files else None)
        if fault:
            rejects.append(Reject(prefix + _printable(raw), "unsafe_member", fault))
        else:
            files[name] = member
    ordered = {name: files[name] for name in sorted(files, key=_reading_order)}
    return Members(ordered, tuple(rejects), len(members), sum(member.file_size for member in members))


def _path_fault(name: str) -> str | None:
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "an absolute path, expected one inside the archive"
    if ".." in PurePosixPath(name).parts:
        return "a path with .., expected one inside the archive"
    return None if _printable(name) == name else "control characters in its path"


def _kind_fault(member: zipfile.ZipInfo) -> str | None:
    if not PurePosixPath(member.orig_filename).parts:
        return "no name, expected a path"
    kind = stat.S_IFMT(member.external_attr >> 16)
    return None if kind in (0, stat.S_IFREG) else "a link, a folder or a device, expected a file"


def _printable(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", name)


def _reading_order(name: str) -> list[tuple[bool, str]]:
    """Sorts like `listing.all_files`: the files of a folder before its sub-folders."""
    *folders, last = PurePosixPath(name).parts
    return [*((True, folder) for folder in folders), (False, last)]


def load_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: str) -> bytes | Reject:
    """The content of one member, or a reject of the row `source`."""
    if member.flag_bits & _ENCRYPTED:
        return Reject(source, "unreadable_file", "encrypted, expected a member that needs no password")
    if member.compress_type not in _METHODS:
        detail = f"compression method {member.compress_type}, expected {' or '.join(_METHODS.values())}"
        return Reject(source, "unreadable_file", detail)
    try:
        with archive.open(member) as file:
            return read_image(source, file)
    except READ_ERRORS as error:
        return Reject(source, "unreadable_file", f"damaged ({error_text(error)[:_NUM_QUOTED]})")
