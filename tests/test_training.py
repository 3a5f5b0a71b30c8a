import numpy as np
import pytest
import torch
from PIL import Image

from emopipe.errors import ModelError
from emopipe.training.augment import augment, random_affine
from emopipe.training.checkpoint import TrainedModel, load_model, save_model
from emopipe.training.classifier import Classifier
from emopipe.training.config import TrainConfig
from emopipe.training.data import LabelledImages
from emopipe.training.loop import measure, train
from emopipe.training.networks import architecture, build_network
from emopipe.training.preprocess import InputSpec, Preprocess, stack_images

PLAIN = {
    "epochs": 1,
    "batch_size": 8,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "flip": False,
    "rotation": 0.0,
    "scale": 0.0,
    "shift": 0.0,
    "max_minutes": None,
}


def config(**changes):
    return TrainConfig(**PLAIN | changes)


def bright_or_dark(num, seed=0):
    """Class 0 is dark, class 1 is bright: any network learns it."""
    labels = torch.arange(num) % 2
    noise = torch.randint(0, 100, (num, 16, 16, 1), generator=torch.Generator().manual_seed(seed))
    return LabelledImages(images=(noise + 150 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels=labels)


def small_cnn(seed=0):
    torch.manual_seed(seed)
    return Classifier(architecture("cnn", num_classes=2, size=16, channels=1), mean=0.5, std=0.25)


def run(classifier, settings, *, seed=0, training=None, validation=None):
    training, validation = training or bright_or_dark(32), validation or bright_or_dark(16, seed=1)
    return list(train(classifier, training, validation, settings, seed=seed, device="cpu"))


def test_one_batch_is_overfitted():
    data = LabelledImages(
        images=torch.randint(0, 256, (8, 16, 16, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        labels=torch.arange(8) % 2,
    )
    classifier = small_cnn()
    run(classifier, config(epochs=30), training=data, validation=data)
    assert measure(classifier, data)[1] == 1


def test_the_loss_falls():
    epochs = run(small_cnn(), config(epochs=4))
    assert epochs[-1].train_loss < epochs[0].train_loss


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    settings = config(flip=True, rotation=10.0, scale=0.1, shift=0.1)
    weights = []
    for seed in (1, 1, 2):
        classifier = small_cnn()
        run(classifier, settings, seed=seed)
        weights.append(torch.cat([p.flatten() for p in classifier.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_model_ends_with_the_weights_of_its_best_epoch():
    classifier, validation = small_cnn(), bright_or_dark(16, seed=1)
    best = [epoch for epoch in run(classifier, config(epochs=5, learning_rate=0.1)) if epoch.is_best][-1]
    assert measure(classifier, validation) == pytest.approx((best.val_loss, best.val_accuracy))


def test_a_loss_that_is_not_finite_stops_the_training():
    classifier = small_cnn()
    with torch.no_grad():
        next(classifier.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match=r"^the loss is nan in epoch 1: lower train.learning_rate$"):
        run(classifier, config())


def test_a_time_budget_lays_out_fewer_epochs_and_leaves_the_weights_alone():
    epochs = run(small_cnn(), config(epochs=100_000, max_minutes=0.02))
    assert epochs[-1].num_epochs == len(epochs) < 100_000
    repeated = run(small_cnn(), config(epochs=len(epochs)))
    assert repeated[-1].train_loss == epochs[-1].train_loss


def test_no_last_batch_has_a_single_face():
    run(small_cnn(), config(batch_size=8), training=bright_or_dark(17))  # batch norm refuses one value per channel


def test_without_augmentation_pictures_pass_unchanged():
    images = torch.rand(2, 1, 16, 16)
    affine = random_affine(2, config(), torch.Generator())
    assert torch.allclose(augment(images, affine, 16), images, atol=1e-5)


def test_flip_mirrors_about_half_of_the_pictures():
    images = torch.rand(1, 1, 16, 16).expand(200, -1, -1, -1)
    seen = augment(images, random_affine(200, config(flip=True), torch.Generator().manual_seed(0)), 16)
    mirrored = [torch.allclose(one, images[0].flip(-1), atol=1e-5) for one in seen]
    same = [torch.allclose(one, images[0], atol=1e-5) for one in seen]
    assert sum(mirrored) + sum(same) == 200
    assert 80 < sum(mirrored) < 120


@pytest.mark.parametrize(("name", "limit"), [("rotation", 30.0), ("scale", 0.3), ("shift", 0.2)])
def test_each_augmentation_stays_within_its_limit_and_uses_it(name, limit):
    affine = random_affine(500, config(**{name: limit}), torch.Generator().manual_seed(0))
    drawn = {
        "rotation": torch.rad2deg(torch.atan2(affine[:, 1, 0], affine[:, 0, 0])),
        "scale": 1 / torch.hypot(affine[:, 0, 0], affine[:, 1, 0]) - 1,
        "shift": affine[:, :, 2].flatten() / 2,
    }
    for other, values in drawn.items():
        if other == name:
            assert 0.9 * limit < values.abs().max() <= limit * 1.0001
        else:
            assert values.abs().max() < 1e-4


def test_preprocessing_scales_repeats_grey_and_normalises():
    spec = InputSpec(size=4, channels=3, mean=0.5, std=0.25)
    images = torch.full((2, 4, 4, 1), 255, dtype=torch.uint8)
    assert torch.equal(Preprocess(spec)(images), torch.full((2, 3, 4, 4), 2.0))


def test_pictures_of_any_size_are_stacked_and_their_own_size_is_kept_exactly():
    exact = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    stacked = stack_images([exact, np.full((40, 30, 1), 7, np.uint8)], 16)
    assert stacked.shape == (2, 16, 16, 1)
    assert np.array_equal(stacked[0], exact)
    assert (stacked[1] == 7).all()


def test_pixel_statistics_are_those_of_numpy():
    data = bright_or_dark(10)
    pixels = data.images.numpy() / 255
    assert data.pixel_statistics() == pytest.approx((pixels.mean(), pixels.std()))


@pytest.mark.parametrize("name", ["cnn", "yolov8n-cls", "resnet18", "efficientnet_b0"])
def test_each_network_gives_one_logit_per_class(name):
    wanted = architecture(name, num_classes=5, size=48, channels=1)
    network = build_network(wanted).eval()
    with torch.inference_mode():
        logits = network(torch.zeros(2, wanted.channels, wanted.size, wanted.size))
    assert logits.shape == (2, 5)


def test_building_a_yolo_network_leaves_pillow_as_it_was():
    opener = Image.open
    build_network(architecture("yolov8n-cls", num_classes=2, size=48, channels=1))
    assert Image.open is opener
    assert opener.__module__ == "PIL.Image"


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (32, 3), (100, 3)])
def test_the_cnn_takes_any_size_and_channels(size, channels):
    network = build_network(architecture("cnn", num_classes=3, size=size, channels=channels))
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 3)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mobilenetv4_conv_small"])
def test_networks_of_timm_are_built_for_the_size_of_the_pictures(name):
    network = build_network(architecture(name, num_classes=3, size=48, channels=1)).eval()
    assert network(torch.zeros(2, 1, 48, 48)).shape == (2, 3)


def test_an_unknown_network_is_named_with_the_nearest_known_ones():
    with pytest.raises(ModelError, match=r"'resnet81' is neither cnn, nor .*; did you mean resnet18"):
        build_network(architecture("resnet81", num_classes=2, size=48, channels=1))
    with pytest.raises(
        ModelError, match=r"^train.models: ultralytics has no network 'yolo99-cls'; it has yolov8n-cls$"
    ):
        build_network(architecture("yolo99-cls", num_classes=2, size=48, channels=1))


def test_a_saved_model_predicts_the_same_when_loaded(tmp_path):
    classifier, data = small_cnn(), bright_or_dark(4)
    save_model(tmp_path, TrainedModel(classifier=classifier, classes=("dark", "bright"), training={"epochs": 1}))
    loaded = load_model(tmp_path)
    assert loaded.classes == ("dark", "bright")
    assert torch.equal(loaded.classifier.predict_logits(data.images), classifier.predict_logits(data.images))


def test_a_missing_or_broken_model_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"holds no trained model: run `dvc repro`$"):
        load_model(tmp_path)
    save_model(tmp_path, TrainedModel(classifier=small_cnn(), classes=("a", "b"), training={}))
    (tmp_path / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"^[^\n]*does not hold a model of this version[^\n]*$"):
        load_model(tmp_path)


def test_every_mistake_in_a_recipe_is_reported_at_once():
    with pytest.raises(ValueError, match=r"^epochs must be at least 1, got 0; scale must be from 0 to below 1, got 2$"):
        config(epochs=0, scale=2)
