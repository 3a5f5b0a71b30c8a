"""Presets in params/, and the command that applies one."""

import shutil

import pytest

from emopipe.cli.presets import apply_preset
from emopipe.core.errors import ParamsError
from emopipe.core.params import load_params
from projects import ROOT, run

PRESETS = sorted((ROOT / "params").glob("*.yaml"))


@pytest.fixture
def params(tmp_path):
    return shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_valid_and_changes_nothing_twice(path, params):
    assert path.read_text(encoding="utf-8").startswith("# ")
    before = params.read_text(encoding="utf-8")
    assert apply_preset(path, params)
    load_params(params, trainable=True)
    assert params.read_text(encoding="utf-8").splitlines()[0] == before.splitlines()[0], "comments stay"
    assert apply_preset(path, params) == []


def test_only_the_named_values_change_and_mappings_of_names_are_replaced(params, tmp_path):
    wish = tmp_path / "wish.yaml"
    wish.write_text(
        "models: [cnn]\ntrain:\n  augment: {rotation: 9.0}\n  overrides: {cnn: {epochs: 3}}\n  pretrained: {}\n"
    )
    before = load_params(params)
    changes = apply_preset(wish, params)
    assert [path for path, *_ in changes] == ["models", "train.augment.rotation", "train.overrides", "train.pretrained"]
    now = load_params(params)
    assert (now.models, now.train.augment.rotation, now.train.overrides) == (("cnn",), 9.0, {"cnn": {"epochs": 3}})
    assert now.train.augment.scale == before.train.augment.scale
    assert (now.ingest, now.validate, now.balance) == (before.ingest, before.validate, before.balance)


def test_a_preset_with_a_mistake_changes_nothing(params, tmp_path):
    wish, before = tmp_path / "wish.yaml", params.read_bytes()
    wish.write_text("train: {epochs: 3, epoch: 4}\n")
    with pytest.raises(ParamsError, match=r"wish\.yaml: train\.epoch "):
        apply_preset(wish, params)
    assert params.read_bytes() == before


@pytest.mark.slow
def test_the_command_lists_and_applies(params, tmp_path):
    shutil.copytree(ROOT / "params", tmp_path / "params")
    listed = run(tmp_path, "emopipe", "preset", PYTHONPATH=ROOT / "src").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [path.stem for path in PRESETS]
    shown = run(tmp_path, "emopipe", "preset", "fer2013-10min", PYTHONPATH=ROOT / "src")
    assert "train.max_minutes: None -> 10\n" in shown.stdout
    unknown = run(tmp_path, "emopipe", "preset", "x", PYTHONPATH=ROOT / "src")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
