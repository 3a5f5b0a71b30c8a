"""Outs of models that are no longer listed are removed, and files of unknown origin are refused."""

from pathlib import Path

import pytest

from emopipe.core.dvc_lock import workspace_records
from emopipe.core.errors import WorkspaceError
from emopipe.core.leftovers import check_folder, remove_leftovers
from emopipe.core.stage_names import stage_names, variable_files

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
    assert list(workspace_records(root)) == ["train@cnn"]
    assert stage_names(PIPELINE, {"params.yaml": "models: [a, b]\nensembles: {both: [a, b]}"}) == {
        *("train@a", "train@b", "ensemble@both", "export")
    }


VARIABLES = {
    "inline": ("vars: [{models: [cnn, resnet18]}]", "models.yaml", ""),
    "a file": ("vars: [./models.yaml]", "models.yaml", "models: [cnn, resnet18]"),
    "keys of a file": (
        "vars: ['models.json:models']",
        "models.json",
        '{"models": ["cnn", "resnet18"], "ensembles": 1}',
    ),
    "a file in TOML": ("vars: [models.toml]", "models.toml", 'models = ["cnn", "resnet18"]'),
}


@pytest.mark.parametrize("variables", VARIABLES)
def test_models_that_are_listed_in_variables_keep_their_outs(root, variables):
    line, file, text = VARIABLES[variables]
    (root / "dvc.yaml").write_text(f"{line}\n{PIPELINE}")
    (root / file).write_text(text)
    (root / "params.yaml").write_text("ensembles: {}\n")
    assert list(workspace_records(root)) == ["train@cnn", "train@resnet18"]
    assert remove_leftovers(root) == []


def test_names_are_those_of_dvc_for_values_that_are_not_texts():
    matrix = "stages: {train: {matrix: {rate: [1.0, true], of: [{a: 1}]}}, each: {foreach: [{a: 1}], do: {}}}"
    assert stage_names(matrix, {}) == {"train@1.0-of0", "train@true-of0", "each@0"}


@pytest.mark.parametrize(
    ("head", "params"), [("", "models: ["), ("", "ensembles: {}"), ("vars: [missing.yaml]", "models: [cnn]")]
)
def test_nothing_is_removed_if_the_stages_are_not_defined(root, head, params):
    (root / "dvc.yaml").write_text(f"{head}\n{PIPELINE}")
    (root / "params.yaml").write_text(params)
    with pytest.raises(WorkspaceError, match=r"^dvc.yaml and its variables do not define the stages \(.+\): see `dvc"):
        remove_leftovers(root)
    assert (root / "metrics" / "resnet18.json").exists()
    with pytest.raises(WorkspaceError, match=r"^dvc.yaml and its variables"):
        variable_files("stages: [")
