"""Outs of models that are no longer listed are removed, and files of unknown origin are refused."""

from pathlib import Path

import pytest

from emopipe.core.dvc_lock import defined_records, stage_names
from emopipe.core.errors import WorkspaceError
from emopipe.core.leftovers import check_folder, remove_leftovers

PIPELINE = """
stages:
  train:
    matrix:
      model: ${models}
  ensemble:
    foreach: ${ensembles}
    do: {}
  export: {}
"""
LOCK = """
schema: '2.0'
stages:
  train@cnn:
    outs:
    - {path: build/models/cnn, md5: aa.dir}
  train@resnet18:
    outs:
    - {path: build/models/resnet18, md5: bb.dir}
    - {path: metrics/resnet18.json, md5: cc}
"""


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "params.yaml").write_text("models: [cnn]\nensembles: {}\n")
    for name in ("build/models/cnn/a", "build/models/resnet18/a", "metrics/resnet18.json", "build/models/.gitignore"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_outs_of_a_model_that_is_no_longer_listed_are_removed(root):
    assert remove_leftovers(root) == ["build/models/resnet18", "metrics/resnet18.json"]
    assert sorted(path.name for path in (root / "build" / "models").iterdir()) == [".gitignore", "cnn"]
    assert remove_leftovers(root) == []


def test_nothing_is_removed_while_all_models_are_listed_or_without_a_lock(root):
    (root / "params.yaml").write_text("models: [cnn, resnet18]\nensembles: {}\n")
    assert remove_leftovers(root) == []
    (root / "dvc.lock").unlink()
    assert remove_leftovers(root) == []


def test_what_is_in_no_lock_is_refused_and_kept(root):
    (root / "dvc.lock").unlink()
    line = r"models holds resnet18, of no model in params.yaml: run `dvc checkout`, or remove it$"
    with pytest.raises(WorkspaceError, match=line):
        check_folder(root / "build" / "models", ["cnn"])
    check_folder(root / "build" / "models", ["cnn", "resnet18"])
    check_folder(root / "metrics", ["resnet18"])


def test_the_records_are_those_of_defined_stages(root):
    texts = [(root / name).read_text() for name in ("dvc.lock", "dvc.yaml", "params.yaml")]
    assert list(defined_records(*texts)) == ["train@cnn"]
    assert stage_names(PIPELINE, "models: [a, b]\nensembles: {both: [a, b]}") == {
        *("train@a", "train@b", "ensemble@both", "export")
    }
    assert stage_names(PIPELINE, "ensembles: {}") == {"export"}
    with pytest.raises(WorkspaceError, match=r"^dvc.yaml and params.yaml do not define the stages \("):
        stage_names(PIPELINE, "models: [")
