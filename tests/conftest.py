"""Fixtures of several test files: a made-up model that knows drawn faces, and a clip of them."""

import os
import shutil
import tempfile

import pytest

import fork_server
from emopipe.inference.model import open_recogniser
from scenes import write_bundle, write_clip


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the workers of pytest-xdist inherit it
        os.environ[fork_server.FOLDER] = tempfile.mkdtemp(prefix="emopipe-")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(fork_server.FOLDER))  # the server ends


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def recogniser(bundle):
    return open_recogniser(str(bundle), yunet=None, longest=320, uncertain_below=0.5, num_threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")
