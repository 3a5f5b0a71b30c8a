"""A zip of class folders reads like the unpacked folders; what is bad in it can neither write nor fill the memory."""

import stat
import struct
import zipfile

import pytest

from emopipe.core.errors import DataError
from emopipe.ingest.sources import image_tree, recognise, zip_folders
from emopipe.ingest.sources.base import RawRow, Reject
from emopipe.ingest.splits import FOLDER_SPLITS
from source_files import TABLE, error_of, png, read, written, zipped

GOOD = {"train/happy/1.jpg": b"1", "train/sad/2.jpg": b"2" * 1000}


def member(name: str, mode: int = stat.S_IFREG | 0o644, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def changed(archive: bytes, name: str, **changes: int) -> bytes:
    """The archive with other values in its list of members: `flags` (of 2 bytes), `size` unpacked (of 4)."""
    content = bytearray(archive)
    entry = content.rindex(name.encode()) - 46  # the list follows the members, and names end an entry of it
    assert content[entry : entry + 4] == b"PK\x01\x02"
    for key, value in changes.items():
        form, place = {"flags": ("<H", 8), "size": ("<I", 24)}[key]
        struct.pack_into(form, content, entry + place, value)
    return bytes(content)


def read_zip(folder, content: bytes) -> list[RawRow | Reject]:
    return read(written(folder, {"f.zip": content}) / "f.zip")


def test_a_zip_gives_the_rows_of_the_folders_in_the_same_order(tmp_path):
    files = {
        "fer/train/happy/2.jpg": png(2), "fer/train/happy/10.png": png(10), "fer/train/happy/ann/0.jpg": png(0),
        "fer/test/sad/1.webp": b"?", "fer/notes.txt": b"", "loose.jpg": b"?", "fer/train/happy/.1.jpg": b"?",
        ".DS_Store": b"", "fer/Thumbs.db": b"", "__MACOSX/fer/._1.jpg": b"?", "fer/.git/1.jpg": b"?",
    }  # fmt: skip
    rows = read(written(tmp_path / "tree", files))
    packed = read_zip(tmp_path, zipped({"fer/": b"", "fer/train/": b"", **files}))
    assert [row.source for row in packed] == [f"f.zip:{row.source}" for row in rows]
    assert [vars(row) | {"source": ""} for row in packed] == [vars(row) | {"source": ""} for row in rows]
    assert len(rows) == 7


def test_a_zip_is_one_file_beside_others_and_is_known_by_its_content(tmp_path):
    source = recognise(written(tmp_path, {"fer.data": zipped(GOOD), "README.md": "hello"}), FOLDER_SPLITS)
    assert (source.format, source.root, source.files) == ("zip of class folders", tmp_path, ("fer.data",))
    assert source.counts() == {("train", "happy"): 1, ("train", "sad"): 1}


@pytest.mark.parametrize("name", ["train\\happy\\1.jpg", "./train/happy/1.jpg", "train//happy/1.jpg"])
def test_paths_written_in_other_ways_are_the_same_paths(tmp_path, name):
    assert read_zip(tmp_path, zipped({name: b"1", "train\\": b""})) == [
        RawRow("f.zip:train/happy/1.jpg", "happy", "train", b"1")
    ]


@pytest.mark.parametrize(
    ("name", "shown", "fault"),
    [
        ("/train/happy/3.jpg", "/train/happy/3.jpg", "an absolute path, expected one inside the archive"),
        ("\\train\\3.jpg", "/train/3.jpg", "an absolute path, expected one inside the archive"),
        ("C:/happy/3.jpg", "C:/happy/3.jpg", "an absolute path, expected one inside the archive"),
        ("c:happy\\3.jpg", "c:happy/3.jpg", "an absolute path, expected one inside the archive"),
        ("../happy/3.jpg", "../happy/3.jpg", "a path with .., expected one inside the archive"),
        ("train/../../3.jpg", "train/../../3.jpg", "a path with .., expected one inside the archive"),
        ("train\\..\\..\\.DS_Store", "train/../../.DS_Store", "a path with .., expected one inside the archive"),
        ("train/happy/3\n.jpg", "train/happy/3?.jpg", "control characters in its path"),
        ("train/happy/\x1b[2J.jpg", "train/happy/?[2J.jpg", "control characters in its path"),
        ("", "", "no name, expected a path"),
    ],
)
def test_a_member_with_an_unsafe_path_is_rejected_and_the_others_are_read(tmp_path, name, shown, fault):
    bad, *others = read_zip(tmp_path, zipped({member(name): b"3", **GOOD}))
    assert bad == Reject(f"f.zip:{shown}", "unsafe_member", fault)
    assert [row.image for row in others] == list(GOOD.values())
    assert [path.name for path in tmp_path.rglob("*")] == ["f.zip"], "nothing is unpacked"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_a_member_that_is_no_file_is_rejected(tmp_path, kind):
    bad, *others = read_zip(tmp_path, zipped({member("train/happy/3.jpg", kind | 0o777): b"/etc/passwd", **GOOD}))
    fault = "a link, a folder or a device, expected a file"
    assert bad == Reject("f.zip:train/happy/3.jpg", "unsafe_member", fault)
    assert len(others) == 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_second_is_rejected(tmp_path):
    twice = {member("train/happy/1.jpg"): b"first", member("train/happy/1.jpg"): b"second"}
    assert read_zip(tmp_path, zipped(twice)) == [
        Reject("f.zip:train/happy/1.jpg", "unsafe_member", "a second member of this name"),
        RawRow("f.zip:train/happy/1.jpg", "happy", "train", b"first"),
    ]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"flags": 0x1}, "encrypted, expected a member that needs no password"),
        ({"flags": 0x40}, "damaged (strong encryption (flag bit 6))"),
        ({"flags": 0x20}, "damaged (compressed patched data (flag bit 5))"),
        ({"size": 10}, "damaged (Bad CRC-32 for file 'train/sad/2.jpg')"),
    ],
)
def test_a_member_that_cannot_be_unpacked_is_rejected(tmp_path, changes, detail):
    good, bad = read_zip(tmp_path, changed(zipped(GOOD), "train/sad/2.jpg", **changes))
    assert good == RawRow("f.zip:train/happy/1.jpg", "happy", "train", b"1")
    assert bad == Reject("f.zip:train/sad/2.jpg", "unreadable_file", detail, "train", "sad")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_by_what_unpacks_without_bounds_is_rejected(tmp_path, method):
    (bad,) = read_zip(tmp_path, zipped({member("train/happy/3.jpg", method=method): b"3"}))
    detail = f"compression method {method}, expected stored or deflated"
    assert bad == Reject("f.zip:train/happy/3.jpg", "unreadable_file", detail, "train", "happy")


@pytest.mark.parametrize("declared", [None, 2**32 - 2])
def test_a_bomb_is_rejected(tmp_path, monkeypatch, declared):
    monkeypatch.setattr(image_tree, "MAX_BYTES", 1000)
    bomb = zipped(GOOD | {"train/sad/3.jpg": bytes(10_000_000)})
    *others, bad = read_zip(tmp_path, changed(bomb, "train/sad/3.jpg", size=declared) if declared else bomb)
    assert bad == Reject("f.zip:train/sad/3.jpg", "too_many_bytes", "more than the limit of 1000 bytes", "train", "sad")
    assert [row.image for row in others] == list(GOOD.values())


@pytest.mark.parametrize(("members", "unpacked"), [(1, 1001), (2, 1000)])
def test_an_archive_that_promises_too_much_is_refused_as_a_whole(tmp_path, monkeypatch, members, unpacked):
    monkeypatch.setattr(zip_folders, "MAX_MEMBERS", members)
    monkeypatch.setattr(zip_folders, "MAX_UNPACKED", unpacked)
    path = written(tmp_path, {"f.zip": zipped(GOOD)}) / "f.zip"
    assert error_of(path) == (
        f"{path} holds 2 members of 1001 bytes unpacked, expected at most {members} of {unpacked}: "
        "unpack it and name the folder"
    )
    with pytest.raises(DataError, match="unpack it and name the folder"):
        recognise(path, FOLDER_SPLITS).counts()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_zip_is_an_error(tmp_path, share):
    content = zipped(GOOD)
    path = written(tmp_path, {"f.zip": content[: int(share * len(content))]}) / "f.zip"
    assert error_of(path) == f"{path} cannot be read past line 0 (File is not a zip file): fetch it again"


def test_a_zip_that_is_damaged_after_it_was_found_is_an_error(tmp_path):
    path = written(tmp_path, {"f.zip": zipped(GOOD)}) / "f.zip"
    source = recognise(path, FOLDER_SPLITS)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError) as caught:
        list(source.read())
    assert str(caught.value) == f"{path} cannot be read (File is not a zip file): fetch it again"


@pytest.mark.parametrize("tables", [{"a.csv": b"file,label\n"}, {"a.csv": TABLE.encode(), "b.csv": TABLE.encode()}])
def test_a_zip_of_pictures_may_hold_tables_which_are_rejected(tmp_path, tables):
    rows = read_zip(tmp_path, zipped(GOOD | tables))
    assert [row.source for row in rows if isinstance(row, Reject)] == [f"f.zip:{name}" for name in tables]


def test_a_zip_of_pictures_and_of_one_csv_of_faces_is_two_sources(tmp_path):
    path = written(tmp_path, {"f.zip": zipped({**GOOD, "a.csv": TABLE.encode()})}) / "f.zip"
    assert error_of(path) == (
        f"{path} holds 2 sources (FER2013 CSV {path}, zip of class folders {path}), "
        "expected one: remove or name one of them"
    )


@pytest.mark.parametrize("members", [{"1.jpg": b"1"}, {"happy/notes.txt": b""}, {"happy/.1.jpg": b"1"}])
def test_a_zip_without_a_picture_in_a_folder_is_no_such_source(tmp_path, members):
    path = written(tmp_path, {"f.zip": zipped(members)}) / "f.zip"
    assert error_of(path) == f"{path} holds 0 CSV files, expected one: unpack it and name the file or folder"
