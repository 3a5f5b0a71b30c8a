"""The votes of FER+ are aligned with the rows of the CSV beside them."""

import gzip

import pytest

from emopipe.core.errors import DataError
from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import RawRow, Reject
from source_files import error_of, read, written

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
TABLE = "emotion,pixels,Usage\n3,1 2 3 4,Training\n0,1 2 3,Training\n4,4 3 2 1,PublicTest\n"
VOTES = HEADER + (
    "Training,fer0.png,0,9,1,0,0,0,0,0,0,0\n"
    "Training,fer1.png,0,0,0,0,8,2,0,0,0,0\n"
    "PublicTest,,3,0,0,4,0,0,0,1,1,1\n"
)  # fmt: skip
SAD = {
    "neutral": 3, "happiness": 0, "surprise": 0, "sadness": 4, "anger": 0, "disgust": 0, "fear": 0, "contempt": 1,
    "unknown": 1, "NF": 1,
}  # fmt: skip
ADVICE = "; put the votes that belong to f.csv beside it, or none"


def given(row: RawRow | Reject) -> dict[str, int] | None:
    """The votes of a row without the noughts, None of a reject."""
    return None if isinstance(row, Reject) else {name: count for name, count in row.votes.items() if count}


def test_each_row_has_its_votes_and_a_rejected_one_shifts_none(tmp_path):
    first, bad, last = read(written(tmp_path, {"f.csv": TABLE, "fer2013new.csv": VOTES, "README.md": ""}))
    assert given(first) == {"happiness": 9, "surprise": 1}
    assert bad == Reject("f.csv:3", "wrong_pixel_count", "3 pixels, expected 4", "Training", "0")
    assert last.votes == SAD
    assert (last.label, last.split) == ("4", "PublicTest")


def test_a_malformed_row_uses_up_its_votes_and_a_blank_line_uses_none(tmp_path):
    table = TABLE.replace("0,1 2 3,Training", "\n0,1 2 3 4\n")
    votes = VOTES.replace("PublicTest", "\nPublicTest")
    rows = read(written(tmp_path, {"f.csv": table, "v.csv": votes}))
    assert [given(row) for row in rows] == [
        {"happiness": 9, "surprise": 1},
        None,
        {"neutral": 3, "sadness": 4, "contempt": 1, "unknown": 1, "NF": 1},
    ]
    assert rows[1] == Reject("f.csv:4", "malformed_row", "2 cells, expected 3")


@pytest.mark.parametrize("named", ["f.csv", "."])
@pytest.mark.parametrize("votes", ["fer2013new.csv", "a.CSV.gz"])
def test_the_votes_are_found_by_their_header_and_belong_to_the_source(tmp_path, named, votes):
    content = VOTES.replace(HEADER, "\ufeff" + HEADER.replace(",", " , ").upper()).encode()
    written(tmp_path, {"f.csv": TABLE, votes: gzip.compress(content) if votes.endswith("gz") else content})
    source = recognise(tmp_path / named, ())
    assert (source.format, source.name, source.files) == ("FER2013 CSV", str(tmp_path / "f.csv"), ("f.csv", votes))
    assert [row.votes["NF"] for row in source.read() if isinstance(row, RawRow)] == [0, 1]


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"other.csv": HEADER.replace(",NF", "")},
        {"votes.txt": VOTES},
        {"sub/fer2013new.csv": VOTES},
        {"damaged.csv.gz": b"\x1f\x8b"},
    ],
)
def test_without_such_a_file_rows_have_no_votes(tmp_path, others):
    source = recognise(written(tmp_path, {"f.csv": TABLE, **others}) / "f.csv", ())
    assert source.files == ("f.csv",)
    assert [row.votes for row in source.read() if isinstance(row, RawRow)] == [None, None]


def test_columns_beyond_those_of_fer_plus_are_no_votes(tmp_path):
    votes = "\n".join(f"{line},{note}" for line, note in zip(VOTES.splitlines(), ["note", "?", "?", "?"], strict=True))
    *_, last = read(written(tmp_path, {"f.csv": TABLE, "v.csv": votes}))
    assert last.votes == SAD


def line(number: int, text: str) -> str:
    """The votes with another line in the place of this one; the header is line 1."""
    lines = VOTES.splitlines()
    lines[number - 1] = text
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("votes", "fault"),
    [
        (line(3, "PublicTest,,1,0,0,0,0,0,0,0,0,0"),
         "line 3: Usage 'PublicTest', expected 'Training' as in f.csv:3" + ADVICE),
        (line(2, ",,1,0,0,0,0,0,0,0,0,0"), "line 2: Usage '', expected 'Training' as in f.csv:2" + ADVICE),
        (line(4, ""), "line 3: the last of the votes, but f.csv:4 is to come" + ADVICE),
        (HEADER, "line 1: the last of the votes, but f.csv:2 is to come" + ADVICE),
        (VOTES + "PublicTest,,1,0,0,0,0,0,0,0,0,0", "line 5: f.csv has no row left for it" + ADVICE),
        (line(4, "PublicTest,,1,0,0"), "line 4: 5 cells, expected 12; fetch the file again"),
        (line(4, "PublicTest,,-1,0,0,0,0,0,0,0,0,0"),
         "line 4: '-1' votes for neutral, expected an integer from 0; fetch the file again"),
        (line(4, "PublicTest,,0,1.5,0,0,0,0,0,0,0,0"),
         "line 4: '1.5' votes for happiness, expected an integer from 0; fetch the file again"),
        (line(4, "PublicTest,,0,0,0,0,0,0,0,0,0,"),
         "line 4: '' votes for NF, expected an integer from 0; fetch the file again"),
        (line(4, "PublicTest,,0,0,0,0,0,0,0,0,two,0"),
         "line 4: 'two' votes for unknown, expected an integer from 0; fetch the file again"),
        (line(4, "PublicTest,,٣,0,0,0,0,0,0,0,0,0"),
         "line 4: '٣' votes for neutral, expected an integer from 0; fetch the file again"),
        (line(4, f"PublicTest,,{'9' * 5000},0,0,0,0,0,0,0,0,0"),
         f"line 4: '{'9' * 40}' votes for neutral, expected an integer from 0; fetch the file again"),
    ],
)  # fmt: skip
def test_votes_that_do_not_fit_are_an_error_with_the_line(tmp_path, votes, fault):
    written(tmp_path, {"f.csv": TABLE, "v.csv": votes})
    assert error_of(tmp_path) == f"{tmp_path}/v.csv, {fault}"


def test_votes_that_do_not_fit_are_an_error_when_rows_are_counted(tmp_path):
    source = recognise(written(tmp_path, {"f.csv": TABLE, "v.csv": HEADER}), ())
    with pytest.raises(DataError, match="the last of the votes"):
        source.counts()


def test_a_file_of_votes_that_ends_early_is_an_error(tmp_path):
    written(tmp_path, {"f.csv": TABLE, "v.csv.gz": gzip.compress(VOTES.encode())[:-8]})
    assert error_of(tmp_path).startswith(f"{tmp_path}/v.csv.gz cannot be read past line ")


def test_two_files_of_votes_are_an_error(tmp_path):
    written(tmp_path, {"f.csv": TABLE, "v.csv": VOTES, "w.csv": VOTES})
    assert error_of(tmp_path) == f"{tmp_path} holds 2 files of votes (v.csv, w.csv), expected one: remove the others"


def test_votes_alone_are_no_source(tmp_path):
    assert "holds the first line 'Usage,Image name," in error_of(written(tmp_path, {"fer2013new.csv": VOTES}))
