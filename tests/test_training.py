import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from emopipe.core.errors import ModelError
from emopipe.faces.resize import InputSpec, Preprocess, stack_images
from emopipe.training import budget
from emopipe.training.augment import (
    apply_affine,
    jitter_brightness_contrast,
    mixup_or_cutmix,
    random_affine,
    random_erasing,
)
from emopipe.training.checkpoint import TrainedModel, load_model, save_model
from emopipe.training.classifier import Classifier
from emopipe.training.config import AugmentConfig, ImbalanceConfig, TrainConfig
from emopipe.training.data import LabelledImages
from emopipe.training.loop import COMPILERS, in_bfloat16, measure, train
from emopipe.training.muon import orthogonal
from emopipe.training.networks import architecture, build_network
from emopipe.training.optimisers import hidden_matrices, make_optimizers, rate_at
from emopipe.training.weight_average import WeightAverage

RECIPE = {
    "max_stride": 16,
    "epochs": 1,
    "batch_size": 8,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "warmup_fraction": 0.15,
    "ema_decay": 0.0,
    "label_smoothing": 0.0,
    "test_time_augmentation": "none",
    "precision": "auto",
    "compile": False,
    "max_minutes": None,
}
NO_AUGMENTATION = dict.fromkeys(
    ("flip", "rotation", "scale", "shift", "brightness", "contrast", "random_erasing", "mixup", "cutmix"), 0.0
)
NO_CORRECTION = {
    "class_weights": "none",
    "class_balanced_beta": 0.999,
    "logit_adjustment": 0.0,
    "resample_exponent": 0.0,
    "focal_gamma": 0.0,
}


def augmentation(**changes):
    return AugmentConfig(**NO_AUGMENTATION | changes)


def imbalance(**changes):
    return ImbalanceConfig(**NO_CORRECTION | changes)


def config(*, augment=NO_AUGMENTATION, correct=NO_CORRECTION, **changes):
    parts = {"augment": augmentation(**augment), "imbalance": imbalance(**correct)}
    return TrainConfig(**RECIPE | parts | changes)


def bright_or_dark(num, seed=0):
    """Class 0 is dark and class 1 bright, which any network learns."""
    labels = torch.arange(num) % 2
    noise = torch.randint(0, 100, (num, 16, 16, 1), generator=torch.Generator().manual_seed(seed))
    return LabelledImages(images=(noise + 150 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels=labels)


ARCHITECTURE = architecture("cnn", num_classes=2, size=16, channels=1, max_stride=16)


def small_cnn(seed=0):
    torch.manual_seed(seed)
    return Classifier(ARCHITECTURE, mean=0.5, std=0.25)


def run(classifier, settings, *, seed=0, training=None, validation=None):
    training, validation = training or bright_or_dark(32), validation or bright_or_dark(16, seed=1)
    return list(train(classifier, training, validation, settings, seed=seed, device="cpu"))


@pytest.mark.slow
def test_one_batch_is_overfitted():
    data = LabelledImages(
        images=torch.randint(0, 256, (8, 16, 16, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        labels=torch.arange(8) % 2,
    )
    classifier = small_cnn()
    run(classifier, config(epochs=30), training=data, validation=data)
    assert measure(classifier, data)[1] == 1


@pytest.mark.slow
def test_the_loss_falls():
    epochs = run(small_cnn(), config(epochs=4))
    assert epochs[-1].train_loss < epochs[0].train_loss


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    settings = config(augment={"flip": True, "rotation": 10.0, "scale": 0.1, "shift": 0.1})
    weights = []
    for seed in (1, 1, 2):
        classifier = small_cnn()
        run(classifier, settings, seed=seed)
        weights.append(torch.cat([p.flatten() for p in classifier.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.slow
def test_the_model_has_the_weights_of_its_best_epoch():
    classifier, validation = small_cnn(), bright_or_dark(16, seed=1)
    best = [epoch for epoch in run(classifier, config(epochs=5, learning_rate=0.1)) if epoch.is_best][-1]
    assert measure(classifier, validation) == pytest.approx((best.val_loss, best.val_accuracy))


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_training():
    classifier = small_cnn()
    with torch.no_grad():
        next(classifier.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match=r"^the loss is nan in epoch 1: lower train.learning_rate$"):
        run(classifier, config())


@pytest.mark.slow
def test_a_time_budget_schedules_fewer_epochs_and_does_not_change_the_weights():
    epochs = run(small_cnn(), config(epochs=100_000, max_minutes=0.02))
    assert epochs[-1].num_epochs == len(epochs) < 100_000
    repeated = run(small_cnn(), config(epochs=len(epochs)))
    assert repeated[-1].train_loss == epochs[-1].train_loss


def test_an_eighth_of_a_time_budget_is_reserved(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(budget.time, "perf_counter", lambda: clock[0])

    def take(seconds):
        clock[0] += seconds

    epochs = budget.epochs_within(
        10, step=lambda: take(1), validate=lambda: take(2), steps_per_epoch=10, max_epochs=1000
    )
    assert clock[0] == 1 + 2 + 12  # the warm-up step, a validation, and steps for a fiftieth of the budget
    assert epochs == (600 - 75 - 15) // (10 * 1 + 2)


def test_the_average_follows_the_weights_and_equals_them_without_decay():
    layer = torch.nn.Linear(1, 1)
    slow, none = WeightAverage(layer, 0.5), WeightAverage(layer, 0.0)
    with torch.no_grad():
        layer.weight.fill_(8)
    slow.network.weight.data.fill_(0)
    for average in (slow, none):
        average.update(step=1000)
        average.update(step=1001)
    assert (slow.network.weight.item(), none.network.weight.item()) == (6, 8)


def test_a_new_average_follows_closely():
    layer = torch.nn.Linear(1, 1)
    average = WeightAverage(layer, 0.999)
    before = layer.weight.item()
    with torch.no_grad():
        layer.weight.add_(1)
    average.update(step=0)  # decay 1 / 10
    assert average.network.weight.item() == pytest.approx(before + 0.9)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (12, 12)])
def test_muon_keeps_singular_vectors_and_sets_singular_values_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    rotated = u.T @ orthogonal([matrix])[0] @ v.T
    assert torch.allclose(rotated, rotated.diag().diag(), atol=1e-3)
    assert (rotated.diag()[values > 0.05 * values.max()] - 1).abs().max() < 0.35


def test_muon_gets_the_matrices_between_the_first_and_the_last_layer():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.Conv2d(4, 4, 3, groups=4),
        torch.nn.Conv2d(4, 8, 3),
        torch.nn.BatchNorm2d(8),
        torch.nn.Linear(8, 8),
        torch.nn.Linear(8, 2),
    )
    assert [weight.shape for weight in hidden_matrices(network)] == [(8, 4, 3, 3), (8, 8)]
    adamw, muon = make_optimizers(network, config(optimizer="muon"))
    weights = [w for optimizer in (adamw, muon) for group in optimizer.param_groups for w in group["params"]]
    assert sorted(map(id, weights)) == sorted(map(id, network.parameters()))


@pytest.mark.slow
def test_muon_learns():
    epochs = run(small_cnn(), config(epochs=4, optimizer="muon"))
    assert epochs[-1].train_loss < epochs[0].train_loss


def test_the_rate_rises_to_its_peak_and_ends_near_zero():
    rates = [rate_at(step, 100, config(warmup_fraction=0.2)) for step in range(100)]
    assert max(rates) == pytest.approx(0.01, rel=0.01)
    assert rates.index(max(rates)) in (19, 20)
    assert rates[-1] < 1e-5 < rates[0] < 1e-3
    assert rates == sorted(rates[:20]) + sorted(rates[20:], reverse=True)


@pytest.mark.parametrize(("views", "num_views"), [("flip", 2), ("flip_shift", 6)])
def test_views_are_averaged(views, num_views):
    plain, many = small_cnn().eval(), small_cnn().eval()
    many.views = views
    images = bright_or_dark(4).images
    batch_sizes = []
    many.network.register_forward_pre_hook(lambda _, inputs: batch_sizes.append(len(inputs[0])))
    logits = many.mean_logits(images)
    assert batch_sizes == [4 * num_views]
    assert not torch.allclose(plain.mean_logits(images), logits, atol=1e-5)
    if views == "flip":
        assert torch.allclose(many.mean_logits(images.flip(2)), logits, atol=1e-5)
        assert torch.allclose((plain(images) + plain(images.flip(2))) / 2, logits, atol=1e-5)


def test_the_temperature_divides_the_logits():
    classifier, images = small_cnn(), bright_or_dark(4).images
    before = classifier.predict(images)
    classifier.temperature = 2.0
    assert torch.allclose(classifier.predict(images), before.sqrt() / before.sqrt().sum(1, keepdim=True), atol=1e-6)


def test_brightness_and_contrast_stay_within_their_limits():
    images = torch.full((300, 1, 4, 4), 0.5)
    images[:, :, :2] = 0.3
    brighter = (
        jitter_brightness_contrast(images, augmentation(brightness=0.1), torch.Generator().manual_seed(0)) - images
    )
    assert 0.09 < brighter.abs().max() <= 0.1001
    assert brighter.flatten(1).std(1).max() < 1e-6
    contrasted = jitter_brightness_contrast(images, augmentation(contrast=0.5), torch.Generator().manual_seed(0))
    assert torch.allclose(contrasted.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-6)
    spread = (contrasted[:, 0, 3, 0] - contrasted[:, 0, 0, 0]) / 0.2
    assert 0.5 <= spread.min() < 0.55
    assert 1.45 < spread.max() <= 1.5001


def test_a_square_is_erased_in_a_fraction_of_the_faces():
    erased = random_erasing(torch.ones(400, 1, 12, 12), 0.25, torch.Generator().manual_seed(0)) == 0
    areas = erased.flatten(1).sum(1)
    assert set(areas.tolist()) == {0, 16}
    assert (areas > 0).float().mean().item() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_faces_and_targets_are_blended_by_the_same_weight(kind):
    inputs = torch.stack([torch.zeros(1, 16, 16), torch.ones(1, 16, 16)])
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        mixed, targets = mixup_or_cutmix(inputs, torch.eye(2), augmentation(**{kind: 1.0}), generator)
        assert torch.allclose(mixed.mean((1, 2, 3)), targets[:, 1], atol=1e-6)
        assert torch.allclose(targets.sum(1), torch.ones(2))
        assert len(mixed[0].unique()) <= (1 if kind == "mixup" else 2)


@pytest.mark.slow
def test_soft_targets_replace_labels():
    data = bright_or_dark(32)
    swapped = LabelledImages(images=data.images, labels=data.labels, soft=torch.eye(2)[1 - data.labels])
    classifier = small_cnn()
    run(classifier, config(epochs=4), training=swapped)
    assert measure(classifier, data)[1] == 0


@pytest.mark.slow
def test_bfloat16_trains_nearly_the_same():
    plain, half = (run(small_cnn(), config(epochs=2, precision=precision)) for precision in ("float32", "bfloat16"))
    assert half[-1].train_loss != plain[-1].train_loss
    assert half[-1].train_loss == pytest.approx(plain[-1].train_loss, abs=0.05)


def test_on_a_cpu_the_default_precision_is_float32():
    assert not in_bfloat16(config(precision="auto"), "cpu")
    assert in_bfloat16(config(precision="bfloat16"), "cpu")


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_learns():
    classifier = small_cnn()
    epochs = run(classifier, config(epochs=2, ema_decay=0.5, compile=True))
    assert classifier.network._compiled_call_impl is not None
    assert epochs[-1].train_loss < epochs[0].train_loss


def test_compiling_without_a_compiler_is_one_line(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ModelError, match=r"^train.compile needs a compiler, one of g\+\+, [^\n]*$"):
        run(small_cnn(), config(compile=True))


def test_no_last_batch_has_a_single_face():
    run(small_cnn(), config(batch_size=8), training=bright_or_dark(17))  # batch norm refuses one value per channel


def test_without_augmentation_images_stay_unchanged():
    images = torch.rand(2, 1, 16, 16)
    affine = random_affine(2, augmentation(), torch.Generator())
    assert torch.allclose(apply_affine(images, affine), images, atol=1e-5)


def test_flip_mirrors_about_half_of_the_images():
    images = torch.rand(1, 1, 16, 16).expand(200, -1, -1, -1)
    flipped = apply_affine(images, random_affine(200, augmentation(flip=True), torch.Generator().manual_seed(0)))
    mirrored = [torch.allclose(one, images[0].flip(-1), atol=1e-5) for one in flipped]
    same = [torch.allclose(one, images[0], atol=1e-5) for one in flipped]
    assert sum(mirrored) + sum(same) == 200
    assert 80 < sum(mirrored) < 120


@pytest.mark.parametrize(("name", "limit"), [("rotation", 30.0), ("scale", 0.3), ("shift", 0.2)])
def test_each_augmentation_covers_its_range(name, limit):
    affine = random_affine(500, augmentation(**{name: limit}), torch.Generator().manual_seed(0))
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


def test_images_are_resized_to_one_size_and_kept_exactly_at_that_size():
    exact = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    stacked = stack_images([exact, np.full((40, 30, 1), 7, np.uint8)], 16)
    assert stacked.shape == (2, 16, 16, 1)
    assert np.array_equal(stacked[0], exact)
    assert (stacked[1] == 7).all()


def test_pixel_statistics_equal_those_of_numpy():
    data = bright_or_dark(10)
    pixels = data.images.numpy() / 255
    assert data.pixel_statistics() == pytest.approx((pixels.mean(), pixels.std()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "yolov8n-cls", "resnet18", "efficientnet_b0"])
def test_each_network_gives_one_logit_per_class(name):
    spec = architecture(name, num_classes=5, size=48, channels=1, max_stride=16)
    network = build_network(spec).eval()
    with torch.inference_mode():
        logits = network(torch.zeros(2, spec.channels, spec.size, spec.size))
    assert logits.shape == (2, 5)


def test_building_a_yolo_network_does_not_patch_pillow():
    opener = Image.open
    build_network(architecture("yolov8n-cls", num_classes=2, size=48, channels=1, max_stride=16))
    assert Image.open is opener
    assert opener.__module__ == "PIL.Image"


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (32, 3), (100, 3)])
def test_the_cnn_takes_any_size_and_channels(size, channels):
    network = build_network(architecture("cnn", num_classes=3, size=size, channels=channels, max_stride=16))
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mobilenetv4_conv_small"])
def test_networks_of_timm_are_built_for_the_image_size(name):
    network = build_network(architecture(name, num_classes=3, size=48, channels=1, max_stride=16)).eval()
    assert network(torch.zeros(2, 1, 48, 48)).shape == (2, 3)


def test_an_unknown_network_is_refused_with_the_nearest_known_names():
    with pytest.raises(ModelError, match=r"'resnet81' is neither cnn, nor .*; did you mean resnet18"):
        build_network(architecture("resnet81", num_classes=2, size=48, channels=1, max_stride=16))
    with pytest.raises(ModelError, match=r"^models: 'yolo99-cls' is neither cnn, nor .*; did you mean yolo"):
        build_network(architecture("yolo99-cls", num_classes=2, size=48, channels=1, max_stride=16))


def test_a_loaded_model_predicts_the_same_as_the_saved_one(tmp_path):
    classifier, data = small_cnn(), bright_or_dark(4)
    save_model(tmp_path, TrainedModel(classifier=classifier, classes=("dark", "bright"), training={"epochs": 1}))
    loaded = load_model(tmp_path)
    assert loaded.classes == ("dark", "bright")
    assert torch.equal(loaded.classifier.predict(data.images), classifier.predict(data.images))


def test_a_missing_or_broken_model_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"holds no trained model: run `dvc repro`$"):
        load_model(tmp_path)
    save_model(tmp_path, TrainedModel(classifier=small_cnn(), classes=("a", "b"), training={}))
    (tmp_path / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"^[^\n]*does not hold a model of this version[^\n]*$"):
        load_model(tmp_path)
