"""The order and the parts of the tests, and fixtures of several files: a model that knows drawn faces, and a clip."""

import os
import shutil
import tempfile
from collections import Counter

import pytest

import fork_server
from emopipe.inference.model import open_recogniser
from scenes import write_bundle, write_clip

PARTS = {
    "pipeline": ("test_check", "test_pipeline", "test_sweep", "test_sync"),
    "server": ("test_faults", "test_mlflow_serving", "test_registry_restore", "test_serve", "test_team"),
    "browser": ("test_web", "test_web_browser", "test_web_parity"),
}
"""Files by the job of the workflow that runs them; `unit` runs the others."""


def pytest_collection_modifyitems(items):
    """Mark each test with its part, and run the files with the most slow tests first: no worker ends alone."""
    part_of = {name: part for part, names in PARTS.items() for name in names}
    for item in items:
        item.add_marker(part_of.get(item.path.stem, "unit"))
    slow = Counter(item.path for item in items if "slow" in item.keywords)
    items.sort(key=lambda item: -slow[item.path])


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the workers of pytest-xdist inherit it
        os.environ[fork_server.FOLDER] = tempfile.mkdtemp(prefix="emopipe-")
        if config.option.markexpr == "not slow":
            os.environ[fork_server.UNUSED] = "1"


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(fork_server.FOLDER))  # the server ends


@pytest.fixture(scope="module", autouse=True)
def _own_store():
    """A module does not log to the store of an earlier one: `mlflow.set_tracking_uri` sets this variable for good."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def recogniser(bundle):
    return open_recogniser(str(bundle), yunet=None, longest=320, uncertain_below=0.5, num_threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")
