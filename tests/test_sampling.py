"""Splits that ingest samples: what stays together, which class cannot be split, and shares unlike those asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emopipe.core.errors import DataError
from emopipe.core.files import read_parquet
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.table import faces_from_arrow
from emopipe.ingest.ingest import ingest
from emopipe.ingest.sampling import group_of
from emopipe.ingest.splits import split_from_train
from face_tables import ingest_params

LABELS = ("happy", "sad")


def run(data: Path, folder: Path, **changes: Any) -> tuple[pd.DataFrame, list[str]]:
    """The faces and the warnings."""
    options = {"val_fraction": 0.2, "test_fraction": 0.2} | changes
    result = ingest(
        data,
        folder / "faces.parquet",
        base=BaseParams(seed=0, classes=LABELS),
        image=ImageParams(size=16, channels=1),
        ingest=ingest_params(**options),
    )
    return faces_from_arrow(read_parquet(folder / "faces.parquet")).frame, result.warnings


def frames(num_persons: int, num_frames: int, *, alike: bool) -> dict[str, np.ndarray]:
    """Pictures by `label/person/frame.png`: of one person in one class nearly the same, or unlike."""
    rng = np.random.default_rng(0)
    pictures = {}
    for label in LABELS:
        for person in range(num_persons):
            pixels = rng.integers(40, 200, (16, 16))
            for frame in range(num_frames):
                shown = pixels + frame if alike else rng.integers(0, 256, (16, 16))
                pictures[f"{label}/p{person}/{frame}.png"] = shown.astype(np.uint8)
    return pictures


def as_folders(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    for name, pixels in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def as_csv(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    lines = ["Person,emotion,pixels,Usage"]
    for name, pixels in pictures.items():
        label, person, _ = name.split("/")
        lines.append(f"{person},{label},{' '.join(map(str, pixels.ravel()))},Training")
    folder.mkdir()
    (folder / "f.csv").write_text("\n".join(lines) + "\n")
    return folder


def as_table(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    as_folders(folder, {f"img/{name.replace('/', '_')}": pixels for name, pixels in pictures.items()})
    lines = [f"img/{name.replace('/', '_')};{name.split('/')[0]};{name.split('/')[1]}" for name in pictures]
    (folder / "labels.csv").write_text("\n".join(["path;label;person", *lines]))
    return folder


def as_arrow(folder: Path, pictures: dict[str, np.ndarray]) -> Path:
    trees = as_folders(folder / "tree", pictures)
    labels, persons = zip(*(name.split("/")[:2] for name in pictures), strict=True)
    images = [(trees / name).read_bytes() for name in pictures]
    (folder / "data").mkdir()
    table = pa.table([images, labels, persons], names=["image", "label", "person"])
    with pa.ipc.new_file(folder / "data/f.arrow", table.schema) as writer:
        writer.write_table(table)
    return folder / "data"


PERSONS = {as_folders: "folder:-1", as_csv: "person", as_table: "Person", as_arrow: "PERSON"}


@pytest.mark.parametrize("writer", PERSONS)
def test_no_person_is_in_two_splits(tmp_path, writer):
    pictures = frames(10, 4, alike=False)
    data = writer(tmp_path / "data", pictures)
    for group_by, most in ((PERSONS[writer], 1), (None, 3)):
        faces, warnings = run(data, tmp_path, group_by=group_by)
        person = faces["source"].str.extract(r"(p\d+)", expand=False)
        if person.isna().all():
            person = pd.Series([name.split("/")[1] for name in pictures])
        assert faces["split"].groupby(person).nunique().max() == most
        assert set(faces["split"] + faces["label"]) == {f"{a}{b}" for a in ("train", "val", "test") for b in LABELS}
        assert warnings == []


def test_a_class_of_which_all_pictures_are_nearly_the_same_is_named(tmp_path):
    pictures = frames(6, 3, alike=True)
    only = {name: pixels for name, pixels in pictures.items() if name.startswith("happy") or "/p0/" in name}
    with pytest.raises(DataError) as caught:
        run(as_folders(tmp_path / "data", only), tmp_path)
    assert str(caught.value) == (
        "sad (3 pictures, which are nearly the same): none is left for val and test. Pictures that are nearly the "
        "same, or of one group, stay in one split: add other pictures of the class, give these splits pictures of "
        "their own, or raise ingest.min_similarity"
    )


def test_a_class_of_too_few_persons_is_named(tmp_path):
    pictures = frames(6, 3, alike=False)
    only = {name: pixels for name, pixels in pictures.items() if name.startswith("happy") or "/p0/" in name}
    with pytest.raises(DataError, match=r"^sad \(3 pictures, of 1 groups \(ingest.group_by\)\): none is left for "):
        run(as_folders(tmp_path / "data", only), tmp_path, group_by="folder:2")


def test_a_share_that_is_far_from_the_one_asked_for_is_a_warning(tmp_path):
    _, warnings = run(
        as_folders(tmp_path / "data", frames(4, 3, alike=True)), tmp_path, val_fraction=0.1, test_fraction=0.25
    )
    assert warnings == [
        "val has 25% of the pictures of train, ingest.val_fraction asks for 10%: pictures that are nearly the same, or "
        "of one group, stay together, and each class has one of them at least"
    ]


@pytest.mark.parametrize(
    ("writer", "group_by", "message"),
    [
        (as_folders, "person", "{0} (class folders) has no column person (ingest.group_by): name a level of folders, "),
        (
            as_folders,
            "folder:3",
            "no picture has a group (ingest.group_by is folder:3): name a column that has values, ",
        ),
        (as_csv, "folder:1", "no picture has a group (ingest.group_by is folder:1): name a column that has values, "),
        (as_csv, "subject", "{0}/f.csv has no column subject (ingest.group_by in params.yaml), but person, emotion, "),
        (
            as_table,
            "who",
            "{0}/labels.csv has no column who (ingest.group_by in params.yaml), but path, label, person: ",
        ),
    ],
)
def test_groups_that_the_source_does_not_have_are_an_error(tmp_path, writer, group_by, message):
    data = writer(tmp_path / "data", frames(1, 1, alike=False))
    with pytest.raises(DataError) as caught:
        run(data, tmp_path, group_by=group_by)
    assert str(caught.value).startswith(message.format(data))


def test_rows_without_a_group_are_counted(tmp_path):
    pictures = frames(10, 1, alike=False) | {"sad/lone.png": np.arange(256, dtype=np.uint8).reshape(16, 16)}
    _, warnings = run(as_folders(tmp_path / "data", pictures), tmp_path, group_by="folder:2")
    assert warnings == ["1 pictures have no group (ingest.group_by is folder:2)"]


@pytest.mark.parametrize(
    ("group_by", "group"),
    [("folder:1", "a"), ("folder:2", "b"), ("folder:3", None), ("folder:-1", "b"), ("folder:-3", None), ("x", "cell")],
)
def test_a_level_of_folders_counts_from_either_end(group_by, group):
    assert group_of("a/b/1.png", "cell", group_by) == group


@pytest.mark.parametrize("group_by", ["folder:0", "folder:", "folder:x", 3])
def test_another_group_is_an_error_of_the_parameters(group_by):
    with pytest.raises(ValueError, match="expected null, the name of a column, or folder:1"):
        ingest_params(group_by=group_by)


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(LABELS)), min_size=1), st.integers(0, 9))
def test_groups_stay_together_and_a_label_of_three_groups_is_in_every_split(rows, seed):
    groups, labels = (pd.Series(column, dtype="str") for column in zip(*rows, strict=True))
    splits = split_from_train(groups, labels, {"val": 0.1, "test": 0.1}, seed=seed, by_rarest=True)
    assert splits.groupby(groups).nunique().max() == 1
    num_groups = groups.groupby(labels).nunique()
    rarest = min(num_groups.index, key=lambda label: (num_groups[label], label))
    if num_groups[rarest] > 2:
        assert set(splits[labels == rarest]) == {"train", "val", "test"}
