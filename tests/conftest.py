"""Shared fixtures: a fake model, a recogniser with it, and a clip of drawn faces."""

import pytest

from emopipe.inference.model import open_recogniser
from scenes import write_bundle, write_clip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def recogniser(bundle):
    return open_recogniser(str(bundle), yunet=None, longest=320, uncertain_below=0.5, num_threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")
