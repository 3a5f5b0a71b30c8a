"""The models that benchmarks/promotion.py draws are what it says of them."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from emopipe.core.params import load_params
from projects import ROOT

SPEC = importlib.util.spec_from_file_location("promotion_benchmark", ROOT / "benchmarks" / "promotion.py")
benchmark = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(benchmark)

SUPPORT = np.array([50, 500, 300])
MODEL = np.array([[0.5, 0.3, 0.2], [0.05, 0.8, 0.15], [0.1, 0.2, 0.7]])
PARAMS = replace(load_params(ROOT / "params.yaml").promote, resamples=300)


@pytest.mark.parametrize("agreement", [0.65, 0.8])
def test_models_that_err_together_keep_their_own_chances(agreement):
    other = benchmark.better(MODEL, SUPPORT, 0.02)
    joint = benchmark.coupled(MODEL, other, SUPPORT, agreement)
    np.testing.assert_allclose(joint.sum(2), MODEL)
    np.testing.assert_allclose(joint.sum(1), other)
    assert np.einsum("tkk,t->", joint, SUPPORT) / SUPPORT.sum() == pytest.approx(agreement)


def test_a_better_model_is_better_by_the_gain():
    gained = benchmark.macro_f1(benchmark.better(MODEL, SUPPORT, 0.02), SUPPORT)
    assert gained - benchmark.macro_f1(MODEL, SUPPORT) == pytest.approx(0.02)


def test_a_model_of_another_kind_is_as_good_and_knows_the_rarest_class_better():
    other = benchmark.traded(MODEL, SUPPORT)
    np.testing.assert_allclose(other.sum(1), 1)
    assert (other >= 0).all()
    assert benchmark.macro_f1(other, SUPPORT) == pytest.approx(benchmark.macro_f1(MODEL, SUPPORT))
    assert other[0, 0] > MODEL[0, 0] + 0.05
    assert (np.diagonal(other)[1:] < np.diagonal(MODEL)[1:]).all()


@pytest.mark.slow
def test_equally_good_models_are_rarely_promoted_and_much_better_ones_nearly_always():
    much_better = benchmark.better(MODEL, SUPPORT, 0.12)
    equal, better = (
        benchmark.simulate(MODEL, other, SUPPORT, 0.7, PARAMS, draws=60)["promote"] for other in (MODEL, much_better)
    )
    assert equal <= 6
    assert better >= 54
