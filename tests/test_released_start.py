"""The released model as initial weights."""

import hashlib

import pytest
import torch

from emopipe.core.errors import ModelError
from emopipe.export.runtime import Bundle
from emopipe.inference.model import RELEASED_FOLDER
from emopipe.ingest.sample.generate import draw_faces
from emopipe.training import released
from emopipe.training.networks import architecture, build_network

FACES = draw_faces(["happy", "sad", "fear"] * 8, size=48, seed=0)


def network(num_classes=7):
    spec = architecture("cnn", num_classes=num_classes, size=48, channels=1, max_stride=32)
    return build_network(spec, released.released_weights("cnn")).eval()


def features(model, inputs):
    """What the last layer gets."""
    with torch.no_grad():
        return model[:-1](inputs)


def test_the_network_is_the_one_of_the_graph():
    """Up to the pixels' mean and deviation, which the graph holds: with the right ones the predictions agree."""
    expected = Bundle(RELEASED_FOLDER, num_threads=1).predict(FACES).argmax(1)
    scaled = torch.from_numpy(FACES).permute(0, 3, 1, 2).float() / 255
    mean, std = 0.508, 0.255  # of FER2013
    with torch.no_grad():
        found = network()((scaled - mean) / std).argmax(1).numpy()
    assert (found == expected).mean() > 0.9
    assert len(set(expected.tolist())) > 1


def test_statistics_change_nothing_but_the_normalisation_of_a_batch():
    model, inputs = network(), torch.randn(64, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    before = features(model, inputs)
    released.restore_statistics(model, inputs)
    assert not model.training
    assert torch.allclose(features(model, inputs), before, atol=1e-4)
    model.train()
    model[-2].eval()  # dropout
    assert torch.allclose(features(model, inputs), before, atol=1e-4)
    assert not torch.allclose(features(network().train(), inputs), before, atol=0.1), "without them it computes another"


def test_other_classes_have_a_new_last_layer():
    inputs = torch.randn(8, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    three = network(num_classes=3)
    assert three(inputs).shape == (8, 3)
    assert torch.equal(features(three, inputs), features(network(), inputs))


def test_only_the_cnn_starts_from_it_and_a_damaged_graph_is_refused(tmp_path, monkeypatch):
    assert hashlib.sha256(released.GRAPH.read_bytes()).hexdigest() == released.SHA256
    with pytest.raises(ModelError, match=r"train\.pretrained\.resnet18: the released model is a cnn"):
        released.released_weights("resnet18")
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(released.GRAPH.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(released, "GRAPH", damaged)
    with pytest.raises(ModelError, match=r"expected .*: install it again"):
        released.released_weights("cnn")
