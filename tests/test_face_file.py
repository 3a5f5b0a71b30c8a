"""Tables of faces that are read and written part by part."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emopipe.core.errors import DataError
from emopipe.core.files import read_parquet
from emopipe.faces.file import FaceFile, face_writer
from emopipe.faces.png import decode_png, encode_png, pixel_digest
from emopipe.faces.table import METADATA_COLUMNS, Faces, faces_from_arrow, faces_to_arrow
from face_tables import faces_of, file_of, image

ROWS = [f"train {label} {name}" for label in ("happy", "sad") for name in "ABCDEF"]


def test_facts_and_pictures_come_as_they_were_written():
    file = file_of(faces_of(*ROWS, channels=3))
    assert list(file.frame.columns) == list(METADATA_COLUMNS)
    assert len(file) == 12
    pictures = list(file.images())
    np.testing.assert_array_equal(pictures[7], image("B", channels=3))


def test_some_pictures_are_read_by_row_number_across_row_groups():
    faces = faces_of(*ROWS)
    found = file_of(faces).pngs(np.array([11, 0, 5, 4, 0]))
    assert found == {row: faces.frame["png"][row] for row in (0, 4, 5, 11)}
    assert file_of(faces).pngs([]) == {}


def test_pictures_that_were_read_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("emopipe.faces.file.BATCH", 20)
    noise = np.random.default_rng(0).integers(0, 256, (200, 100, 100, 1), dtype=np.uint8)
    faces = faces_of(*(f"train happy {number}" for number in range(200)))
    faces = Faces(faces.frame.assign(png=[encode_png(pixels) for pixels in noise]))
    pq.write_table(faces_to_arrow(faces), tmp_path / "faces", row_group_size=20)
    file = FaceFile(tmp_path / "faces")
    before = pa.total_allocated_bytes()
    assert max(pa.total_allocated_bytes() for _ in file.images()) - before < 10**6, "of two million"


def test_a_copy_has_the_kept_rows_and_the_changed_columns(tmp_path):
    faces = faces_of(*ROWS)
    kept = np.arange(12) % 3 > 0
    file_of(faces).copy(tmp_path / "copy", kept, label=[f"label {row}" for row in range(12)])
    copy = faces_from_arrow(read_parquet(tmp_path / "copy")).frame
    assert copy["label"].tolist() == [f"label {row}" for row in range(12) if row % 3]
    assert copy["png"].tolist() == faces.frame["png"][kept].tolist()


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def write_and_fail() -> None:
        with face_writer(tmp_path / "faces") as writer:
            writer.write_table(faces_to_arrow(faces_of(*ROWS)))
            raise ValueError("stop")

    with pytest.raises(ValueError, match=r"^stop$"):
        write_and_fail()
    assert not list(tmp_path.iterdir())


def test_a_table_without_faces_is_written_and_read(tmp_path):
    with face_writer(tmp_path / "faces"):
        pass
    file = FaceFile(tmp_path / "faces")
    assert len(file) == 0
    assert not list(file.images())


def test_what_is_no_table_of_faces_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist: run the stage that makes it"):
        FaceFile(tmp_path / "gone")
    (tmp_path / "text").write_text("text")
    with pytest.raises(DataError, match=r"is not readable \("):
        FaceFile(tmp_path / "text")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other")
    with pytest.raises(DataError, match=r"expected the columns \['id', 'image', .*got \['x'\]"):
        FaceFile(tmp_path / "other")


def test_pictures_are_lossless_and_readable_by_others():
    for channels in (1, 3):
        shape = (7, 5, channels)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        np.testing.assert_array_equal(decode_png(encode_png(pixels)), pixels)
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(pixels)))).reshape(shape), pixels)


def test_images_of_the_same_bytes_and_other_shapes_have_other_ids():
    pixels = np.arange(24, dtype=np.uint8)
    shapes = [(4, 6, 1), (6, 4, 1), (2, 4, 3), (4, 2, 3)]
    assert len({pixel_digest(pixels.reshape(shape)) for shape in shapes}) == len(shapes)
