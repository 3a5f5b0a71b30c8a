"""A data set in MLflow has an address from which DVC gives its bytes again."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import mlflow.data  # noqa: F401 - before DvcSource, as its docstring says
import pandas as pd
import pytest

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_parquet
from emopipe.faces.table import faces_to_arrow
from emopipe.faces.training_set import COLUMNS, TrainingSet, training_set_to_arrow
from emopipe.tracking.data_sets import data_sets
from emopipe.tracking.dvc_source import DvcSource
from face_tables import faces_of
from projects import ROOT, environment


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A DVC project that keeps a file and a folder in its cache and in a remote."""
    from dvc.repo import Repo

    for name in ("SYSTEM_CONFIG", "GLOBAL_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / "dvc"))
    monkeypatch.delenv("DVC_ROOT", raising=False)
    root = tmp_path / "project"
    (root / "folder" / "inner").mkdir(parents=True)
    (root / "clean.parquet").write_text("faces")
    (root / "folder" / "a.txt").write_text("a")
    (root / "folder" / "inner" / "b.txt").write_text("b")
    Repo.init(str(root), no_scm=True).close()
    with (root / ".dvc" / "config").open("a") as config:
        config.write(f"['remote \"store\"']\n    url = {tmp_path / 'remote'}\n")
    monkeypatch.chdir(root)
    with Repo(str(root)) as repo:
        repo.add(["clean.parquet", "folder"])
        repo.push(remote="store")
    return root


def source_of(project: Path, path: str) -> DvcSource:
    line = next(line for line in (project / f"{path}.dvc").read_text().splitlines() if "md5:" in line and "- " in line)
    return DvcSource(path, line.split()[-1])


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("lost", [(), ("clean.parquet", "folder"), (".dvc/cache",)])
def test_what_is_loaded_is_what_dvc_keeps_in_its_cache_or_in_a_remote(project, tmp_path, lost):
    file, folder = source_of(project, "clean.parquet"), source_of(project, "folder")
    for name in lost:
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert Path(file.load(str(tmp_path / "to"))).read_text() == "faces"
    assert contents(Path(folder.load())) == {"a.txt": "a", "inner/b.txt": "b"}


def test_what_has_changed_since_is_not_taken_for_it(project):
    source = source_of(project, "clean.parquet")
    (project / "clean.parquet").unlink()
    (project / "clean.parquet").write_text("other faces")
    assert Path(source.load()).read_text() == "faces"


def test_what_is_gone_is_one_line(project, tmp_path):
    source = source_of(project, "clean.parquet")
    for gone in (project / ".dvc" / "cache", tmp_path / "remote"):
        shutil.rmtree(gone)
    (project / "clean.parquet").unlink()
    with pytest.raises(WorkspaceError) as error:
        source.load(str(tmp_path / "to"))
    assert str(error.value) == (
        f"clean.parquet with the hash {source.md5} is in no cache and no remote that is set: "
        "run `dvc fetch` where it is, or `dvc repro` to make it again"
    )
    assert not (tmp_path / "to").exists() or not list((tmp_path / "to").iterdir())


def test_the_address_names_path_and_hash_and_is_read_back():
    source = DvcSource("build/a b.parquet", "0" * 32)
    assert source.uri == f"dvc://build/a%20b.parquet?md5={'0' * 32}"
    again = DvcSource._resolve(source.uri)
    assert (again.path, again.md5) == (source.path, source.md5)
    assert [DvcSource._can_resolve(raw) for raw in (source.uri, "dvc://build", "s3://bucket", 7)] == [
        True,
        *[False] * 3,
    ]


def test_tables_among_the_inputs_are_data_sets_under_their_hashes():
    found = data_sets({"build/clean.parquet": "c" * 32, "src/emopipe/training/train_model.py": "d" * 32})
    assert [(item.dataset.name, item.dataset.digest, item.dataset.source_type) for item in found] == [
        ("build/clean.parquet", "c" * 32, "dvc")
    ]


def test_a_data_set_has_schema_rows_and_faces_per_class(tmp_path):
    faces = faces_of("train happy A", "train sad B", "train happy C", "val sad D")
    write_parquet(tmp_path / "clean.parquet", faces_to_arrow(faces))
    real = [("a", (), "real", "", 0, "happy", None), ("b", (), "real", "", 0, "sad", None)]
    repeated = [("a", ("a",), "repeated", "", 0, "happy", None)]
    rows = pd.DataFrame(real + repeated, columns=list(COLUMNS))
    write_parquet(tmp_path / "train.parquet", training_set_to_arrow(TrainingSet(rows)))
    hashes = {"build/clean.parquet": "c" * 32, "build/train.parquet": "d" * 32}
    clean, train = data_sets(hashes, lambda path, _: tmp_path / Path(path).name)
    assert [item.tags[0].value for item in (clean, train)] == ["evaluation", "training"]
    assert (clean.dataset.digest, train.dataset.digest) == tuple(hashes.values()), "DVC's"
    columns = {column["name"]: column["type"] for column in json.loads(clean.dataset.schema)["mlflow_colspec"]}
    assert columns["image"] == "object"
    assert (columns["label"], columns["width"], columns["votes"]) == ("string", "integer", "array")
    assert json.loads(clean.dataset.profile) == {
        "num_rows": 4,
        "num_elements": 4 * len(columns),
        "class_counts": {"train": {"happy": 2, "sad": 1}, "val": {"sad": 1}},
    }
    assert json.loads(train.dataset.profile)["class_counts"] == {"train": {"happy": 2, "sad": 1}}


def test_a_data_set_whose_file_is_lost_has_neither(tmp_path):
    (found,) = data_sets({"build/clean.parquet": "c" * 32}, lambda path, _: tmp_path / path)
    assert (found.dataset.schema, found.dataset.profile) == (None, None)


RESOLVE = """
import mlflow.data
from mlflow.entities import Dataset
source = mlflow.data.get_source(Dataset("clean.parquet", "d", "dvc", '{"path": "clean.parquet", "md5": "HASH"}'))
print(open(source.load()).read())
print(type(mlflow.data.dataset_source_registry.resolve_dataset_source("dvc://clean.parquet?md5=HASH")).__name__)
"""


@pytest.mark.slow
def test_mlflow_finds_the_source_by_the_entry_point_of_the_package(project, tmp_path):
    """An installed package is a folder with its metadata on the path."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    installed = tmp_path / "site" / "installed-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1\n")
    ((group, entries),) = points.items()
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines))
    code = RESOLVE.replace("HASH", source_of(project, "clean.parquet").md5)
    path = f"{installed.parent}:{ROOT / 'src'}"
    said = subprocess.check_output(
        [sys.executable, "-c", code], cwd=project, env=environment(project, PYTHONPATH=path), text=True
    )
    assert said == "faces\nDvcSource\n"
