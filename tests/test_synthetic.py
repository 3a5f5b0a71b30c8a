"""Synthetic faces: interpolation, morphing, autoencoder, flow matching, quality classifier and filter."""

import cv2
import numpy as np
import pytest
import torch
from imblearn.over_sampling import SMOTE

from balance_tables import CLASSES, balance_params, drawn_faces, make
from emopipe.balance.autoencoder import Autoencoder, permute_within_classes, ssim, train_autoencoder
from emopipe.balance.feature_spaces import pca_space, pixel_space
from emopipe.balance.flow_matching import sdedit, train_flow_matching
from emopipe.balance.morph import MIN_AGREEMENT, blend
from emopipe.balance.optimizer import warmup_cosine
from emopipe.balance.page import balance_page
from emopipe.balance.params import SyntheticFilterParams
from emopipe.balance.quality_classifier import train_quality_classifier
from emopipe.balance.quality_metrics import diversity, frechet_distance
from emopipe.balance.report import balance_report
from emopipe.balance.smote import find_parents, interpolate
from emopipe.balance.strategy import Sample, TrainFaces
from emopipe.balance.synthetic_filter import fit_synthetic_filter
from emopipe.vision.hog import NUM_FEATURES, describe

STRICT = SyntheticFilterParams(drop=True, max_similarity=0.95, range_quantile=0.02, class_quantile=0.1, rounds=2)


def train_faces() -> TrainFaces:
    frame = drawn_faces().split("train").frame
    return TrainFaces(frame["label"].to_numpy(dtype=str), frame["png"].tolist(), 16)


# Interpolation


def test_samples_lie_between_their_parents():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 8)).astype(np.float32), np.array(["a"] * 40 + ["b"] * 20)
    samples, parents, shares = interpolate(features, labels, "b", 30, "smote", seed=1)
    assert len(samples) == 30
    assert (labels[parents] == "b").all()
    between = (1 - shares[:, None]) * features[parents[:, 0]] + shares[:, None] * features[parents[:, 1]]
    np.testing.assert_allclose(samples, between, atol=1e-4)


def test_samples_are_those_of_imbalanced_learn():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 8)), np.array(["a"] * 40 + ["b"] * 20)
    expected, _ = SMOTE(sampling_strategy={"b": 50}, k_neighbors=5, random_state=1).fit_resample(features, labels)
    samples, _, _ = interpolate(features, labels, "b", 30, "smote", seed=1)
    np.testing.assert_allclose(samples, expected[60:], rtol=1e-6)


def test_parents_are_nearest_neighbours():
    members = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [9.0, 9.0]])
    pairs, shares = find_parents(np.array([[0.25, 0.0], [0.0, 3.0]]), members, 1)
    assert set(pairs[0]) == {0, 1}
    assert members[pairs[0, 0]] @ [1, 0] + shares[0] * (members[pairs[0, 1]] - members[pairs[0, 0]])[0] == 0.25
    assert 2 in pairs[1]


@pytest.mark.parametrize("space", [pixel_space, lambda faces: pca_space(faces, np.random.default_rng(0))])
def test_a_space_without_loss_reconstructs_the_images(space, monkeypatch):
    monkeypatch.setattr("emopipe.balance.feature_spaces.BATCH", 10)
    faces = train_faces()
    feature_space = space(faces)
    difference = feature_space.decode(feature_space.features).astype(int) - faces.images.astype(int)
    assert np.abs(difference).max() <= 25  # 44 faces span at most 43 of 256 dimensions about their mean
    assert np.abs(difference).mean() < 1


# Morph


def bar(row, side=48):
    """A smooth horizontal bright bar, centred at `row`."""
    profile = 60 + 140 * np.exp(-(((np.arange(side) - row) / 3) ** 2))
    texture = 12 * np.sin(np.arange(side) / 2)
    return (profile[:, None] + texture[None, :]).clip(0, 255).astype(np.uint8)[:, :, None]


def test_a_morph_shows_a_shifted_feature_once_halfway_between_its_positions():
    morphed, agreement = blend(bar(20), bar(26), 0.5)
    profile = morphed[:, :, 0].mean(axis=1)
    assert abs(profile.argmax() - 23) <= 1
    assert agreement > MIN_AGREEMENT
    cross_fade = (bar(20).astype(float) + bar(26)).mean(axis=(1, 2)) / 2
    assert profile.max() > 1.1 * cross_fade.max(), "a cross-fade has two pale bars"


def test_different_faces_agree_less_than_similar_ones():
    checks = (cv2.resize(np.indices((8, 8)).sum(0).astype(np.uint8) % 2 * 255, (48, 48)))[:, :, None]
    assert blend(bar(20), checks, 0.5)[1] < blend(bar(20), bar(26), 0.5)[1]


# Networks


@pytest.mark.slow
def test_the_autoencoder_learns_and_is_deterministic():
    faces = train_faces()
    images = torch.from_numpy(faces.images)

    def trained(steps):
        generator = torch.Generator().manual_seed(0)
        return train_autoencoder(images, faces.labels, steps=steps, generator=generator, device="cpu")

    def error(network):
        scaled = images.permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            return (network.decode(network.encode(scaled)) - scaled).abs().mean().item()

    first, again = trained(30), trained(30)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert error(first) < 0.5 * error(trained(1))


@pytest.mark.parametrize("channels", [1, 3])
def test_codes_are_an_eighth_of_the_side(channels):
    network = Autoencoder(channels).eval()
    images = torch.rand(2, channels, 48, 48)
    codes = network.encode(images)
    assert codes.shape == (2, 16, 6, 6)
    assert network.decode(codes).shape == images.shape


def test_codes_are_permuted_within_their_class_without_fixed_points():
    classes = torch.tensor([0, 1, 0, 2, 1, 0])
    order = permute_within_classes(classes, torch.Generator().manual_seed(0))
    assert order.sort().values.tolist() == list(range(6))
    assert torch.equal(classes[order], classes)
    assert [int(order[k]) != k for k in range(6)] == [True, True, True, False, True, True]


def test_ssim_is_one_for_equal_images_and_less_for_others():
    images = torch.rand(2, 1, 16, 16)
    assert ssim(images, images).mean().item() == pytest.approx(1)
    assert ssim(images, 1 - images).mean() < 0


def test_the_learning_rate_warms_up_to_its_peak_and_decays_to_nearly_zero():
    for steps in (1, 2, 10, 100):
        factors = [warmup_cosine(steps)(step) for step in range(steps)]
        assert max(factors) == pytest.approx(1, abs=0.05) or steps == 2
        assert min(factors) > 0
    assert warmup_cosine(100)(99) < 0.01


@pytest.mark.slow
def test_flow_matching_learns_where_the_classes_lie():
    rng = np.random.default_rng(0)
    classes = torch.from_numpy(np.repeat([0, 1], 200))
    features = torch.from_numpy(rng.normal(0, 0.3, (400, 4)).astype(np.float32)) + 2.0 * (2 * classes[:, None] - 1)
    generator = torch.Generator().manual_seed(0)
    network = train_flow_matching(features, classes, 2, steps=150, generator=generator, device="cpu")
    noise = torch.randn(64, 4, generator=generator)
    for label, sign in ((0, -1), (1, 1)):
        edited = sdedit(network, features[:64], torch.full((64,), label), noise, strength=1.0)
        assert (sign * edited.mean(dim=1) > 0.5).float().mean() > 0.9


# Quality classifier and filter


def test_hog_features_differ_by_direction():
    across, down = describe([bar(24), np.ascontiguousarray(bar(24).transpose(1, 0, 2))])
    assert across.shape == (NUM_FEATURES,)
    assert across @ down < 0.5 * (across @ across)


def test_the_quality_classifier_learns_the_classes_and_holds_out_a_fifth_of_each():
    faces = train_faces()
    classifier = train_quality_classifier(faces.images, faces.labels, seed=0)
    assert classifier.classes == tuple(sorted(CLASSES))
    assert {label: len(rows) for label, rows in classifier.held_out.items()} == {"fear": 2, "happy": 4, "sad": 2}
    predicted = classifier.probabilities(faces.images).argmax(1)
    assert (predicted == np.unique(faces.labels, return_inverse=True)[1]).mean() > 0.8


def sample(pixels, label="happy"):
    return Sample(parents=(0,), label=label, op="test", seed=1, pixels=pixels.astype(np.uint8))


def test_the_filter_rejects_copies_blur_noise_and_the_wrong_class():
    faces = train_faces()
    synthetic_filter = fit_synthetic_filter(faces, STRICT, seed=0)
    rng = np.random.default_rng(0)
    happy, fear = faces.images[faces.rows_of("happy")[0]], faces.images[faces.rows_of("fear")[0]]
    brighter = happy.clip(0, 245) + 10
    blurred = cv2.GaussianBlur(happy, (0, 0), 4)[:, :, None]
    images = [brighter, brighter[:, ::-1], blurred, rng.integers(0, 255, (16, 16, 1))]
    reasons = synthetic_filter.reject([sample(image) for image in images])
    assert reasons[:2] == ["copy", "copy"]
    assert reasons[2] in ("blurred", "far", "copy")
    assert reasons[3] in ("far", "noisy")
    assert synthetic_filter.reject([sample(fear, "fear")]) == ["copy"]


def test_rejected_samples_are_counted_and_replaced_and_the_shortfall_is_reported():
    balanced = make("augment", drawn_faces(), target={"sad": 30}, synthetic_filter=STRICT)
    report = balance_report(balanced, CLASSES, balance_params("augment", synthetic_filter=STRICT))
    made = report["quality"]["sad"]["num_made"]
    assert made > 20, "rejected samples are replaced"
    assert made == report["added"]["sad"] + sum(report["not_kept"].values())
    assert report["added"]["sad"] + report["short"]["sad"] == 20
    assert set(report["not_kept"]) <= {"copy", "far", "blurred", "noisy", "other_class"}


def test_the_page_shows_real_and_synthetic_faces_of_each_class():
    balanced = make("augment", drawn_faces(), target={"sad": 30})
    page = balance_page(balanced, balance_report(balanced, CLASSES, balance_params("augment")))
    assert "Real (10)" in page
    assert f"Synthetic ({balanced.quality['sad']['num_kept']})" in page
    assert page.count("<img") >= 20
    assert "http" not in page


def test_the_frechet_distance_is_that_of_normal_distributions():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (20_000, 3)), rng.normal([2, 0, 0], [1, 2, 1], (20_000, 3))
    assert frechet_distance(first, second) == pytest.approx(4 + 1, rel=0.05)  # squared shift + (2 - 1)^2
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(first, second[:1]) is None


def test_diversity_is_the_mean_pairwise_distance():
    unit = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert diversity(unit) == pytest.approx((1 + 0 + 1) / 3, abs=1e-4)
    assert diversity(unit[:1]) is None
