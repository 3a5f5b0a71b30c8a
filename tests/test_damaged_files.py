"""Every file of the project, damaged at random: a reader gives its content or an error of one line."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from emopipe.core.dvc_lock import read_lock
from emopipe.core.errors import EmopipeError
from emopipe.core.files import read_json, read_parquet, write_json, write_parquet
from emopipe.core.params import load_params
from emopipe.export.runtime import Bundle
from emopipe.faces.file import FaceFile
from emopipe.faces.predictions import predictions_from_arrow, predictions_to_arrow
from emopipe.faces.table import faces_from_arrow, faces_to_arrow
from emopipe.inference.choice import default_model, describe, local_models
from emopipe.tracking.registry_backup import RegisteredBundle, RegistryBackup, read_backup
from emopipe.training.checkpoint import load_model, save_model
from emopipe.validate.corrections import read_corrections
from face_tables import faces_of
from mutants import MUTATIONS, damaged
from predicted import predict
from projects import ROOT
from scenes import write_bundle

LENGTH = 2000
"""Characters of the longest message; params.yaml names up to eight mistakes at once."""


@dataclass(frozen=True)
class Reader:
    """A file and what reads it: `write` makes a whole one in a folder and returns its path."""

    write: Callable[[Path], Path]
    read: Callable[[Path], object]


def write_faces(folder):
    write_parquet(folder / "faces.parquet", faces_to_arrow(faces_of("train happy A", "val sad B", "test happy C")))
    return folder / "faces.parquet"


def read_faces(path):
    file = FaceFile(path)
    list(file.images())
    file.pngs(range(len(file)))
    faces_from_arrow(read_parquet(path))


def write_predictions(folder):
    write_parquet(folder / "cnn.parquet", predictions_to_arrow(predict("hhss", "hshs")))
    return folder / "cnn.parquet"


def read_bundle(path):
    default_model(path.parents[1])
    for description in local_models(path.parents[1]).values():
        describe(description)
    Bundle(path.parent, num_threads=1).predict(np.zeros((2, 9, 7, 1), np.uint8))


def write_registry(folder):
    bundle = RegisteredBundle(order=1, key="k" * 32, description="best", tags={"a": "b"}, origin={"stage": "export"})
    digest = "d" * 32
    backup = RegistryBackup(bundles={digest: bundle}, aliases={"champion": digest}, champions=[digest])
    write_json(folder / "registry.json", asdict(backup))
    return folder / "registry.json"


def write_corrections(folder):
    path = folder / "corrections.csv"
    path.write_text(f"id,action,label,note\n{'a' * 32},relabel,sad,\n{'b' * 32},drop,,blurred\n")
    return path


def write_report(folder):
    write_json(folder / "report.json", {"val": {"accuracy": 0.5}, "confusion": [[1, 2], [3, 4]]})
    return folder / "report.json"


def copied(name):
    return lambda folder: Path(shutil.copy(ROOT / name, folder / name))


READERS = {
    "table of faces": Reader(write_faces, read_faces),
    "predictions": Reader(write_predictions, lambda path: predictions_from_arrow(read_parquet(path))),
    "graph": Reader(lambda folder: write_bundle(folder / "exports") / "model.onnx", read_bundle),
    "model.json": Reader(lambda folder: write_bundle(folder / "exports") / "model.json", read_bundle),
    "params.yaml": Reader(copied("params.yaml"), load_params),
    "dvc.lock": Reader(copied("dvc.lock"), lambda path: read_lock(path.read_text(errors="replace"))),
    "registry.json": Reader(write_registry, lambda path: read_backup(path.parent)),
    "corrections.csv": Reader(write_corrections, lambda path: read_corrections(path, ("happy", "sad"))),
    "report": Reader(write_report, read_json),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_gives_its_content_or_one_line(tmp_path, name):
    reader, rng = READERS[name], np.random.default_rng(24)
    path = reader.write(tmp_path)
    whole = path.read_bytes()
    reader.read(path)
    num_errors = 0
    for _ in range(MUTATIONS):
        path.write_bytes(damaged(rng, whole))
        try:
            reader.read(path)
        except EmopipeError as error:
            num_errors += 1
            assert len(str(error)) <= LENGTH and str(error).isprintable(), str(error)
    assert num_errors, "some damage is noticed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_damaged_checkpoint_gives_a_model_or_one_line(tmp_path, name):
    from test_export import trained

    save_model(tmp_path, trained())
    rng, whole = np.random.default_rng(24), (tmp_path / name).read_bytes()
    for _ in range(min(MUTATIONS, 50)):  # each builds a network
        (tmp_path / name).write_bytes(damaged(rng, whole))
        try:
            load_model(tmp_path)
        except EmopipeError as error:
            assert len(str(error)) <= LENGTH and str(error).isprintable(), str(error)


def test_an_emptied_lock_names_the_remedy(tmp_path):
    with pytest.raises(EmopipeError, match=r"or run `rm dvc\.lock; dvc repro`$"):
        read_lock("stages: [")
    assert dict(read_lock("")) == {}
