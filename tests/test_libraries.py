"""The warning about libraries that are installed in other versions than the pinned ones."""

import shutil
from importlib.metadata import version

import pytest
import yaml

from emopipe.core.libraries import differing_libraries
from projects import ROOT


@pytest.fixture
def root(tmp_path):
    for name in ("dvc.yaml", "libraries.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def pin(root, group, **versions):
    path = root / "libraries.yaml"
    pinned = yaml.safe_load(path.read_text())
    pinned[group] |= versions
    path.write_text(yaml.safe_dump(pinned))


@pytest.mark.parametrize("stage", ["ingest", "validate", "balance", "train", "evaluate", "ensemble", "export"])
def test_with_the_pinned_versions_no_stage_warns(stage):
    assert differing_libraries(ROOT, stage) == []


def test_a_stage_names_those_of_its_libraries_that_differ(root):
    pin(root, "networks", torch="0.0.1, 0.0.2")
    pin(root, "pages", absent="1.0", jinja2="0.1")
    torch = f"torch {version('torch').partition('+')[0]} (pinned: 0.0.1, 0.0.2)"
    assert differing_libraries(root, "train") == [torch]
    assert differing_libraries(root, "ensemble") == [torch]
    assert differing_libraries(root, "validate") == [f"jinja2 {version('jinja2')} (pinned: 0.1)"]
    assert differing_libraries(root, "ingest") == []


def test_outside_a_project_nothing_is_pinned(tmp_path):
    assert differing_libraries(tmp_path, "train") == []
