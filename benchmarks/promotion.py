"""Error rates of the promotion rule and of `emopipe check`, by simulation of two models of known quality.

`python benchmarks/promotion.py [DRAWS]`; 2,000 draws take some minutes of one core. A model is the probability of
each prediction for each true class: those of the network in results/fer2013, on a test split with FER2013's class
counts. Calibration, latency and parity are taken as passed: they could only lower the share promoted.

Shapes: K classes, P patterns (true class, A's prediction, B's prediction).
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import optimize, stats
from tqdm import trange

from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import class_checks, decide, gain_check, loss_check, loss_params
from emopipe.core.files import read_json
from emopipe.core.params import load_params
from emopipe.evaluate.bootstrap import resampled_sums
from emopipe.evaluate.comparison import by_class
from emopipe.evaluate.metrics import ClassMetrics
from emopipe.evaluate.paired import Difference, difference, pair_features, pair_metrics

ROOT = Path(__file__).parents[1]
AGREEMENTS = (0.65, 0.75, 0.85)
"""Share of faces with equal predictions: low for different networks, high for one network trained twice."""
TRADED = 0.10
"""Gain in recall of the model of another kind on the rarest class."""
GAIN = 0.02
SMALL = 300
"""Faces of a small test split, with the same shares of classes."""
KEYS = ("promote", "reject", "insufficient evidence", "gain shown", "check fails")


def main(draws: int) -> None:
    """Print a line for each pair of models."""
    report = read_json(ROOT / "results" / "fer2013" / "cnn.json")
    params = load_params(ROOT / "params.yaml").promote
    confusion = np.array(report["test"]["confusion"])
    support, first = confusion.sum(1), confusion / confusion.sum(1, keepdims=True)
    few = np.maximum(np.round(support * SMALL / support.sum()), 1).astype(int)
    pairs = {
        "equally good, alike": (first, support),
        "equally good, unlike": (traded(first, support), support),
        "equally good, alike, few faces": (first, few),
        f"{GAIN:.0%} better in macro-F1": (better(first, support, GAIN), support),
    }
    print(f"{draws:,} draws; {params}")
    print(f"{'':32} faces  agree  promoted  (95 % interval)  rejected  insufficient  gain shown  check fails")
    for name, (second, faces) in pairs.items():
        for agreement in AGREEMENTS:
            counts = simulate(first, second, faces, agreement, params, draws)
            low, high = stats.binomtest(counts["promote"], draws).proportion_ci(method="exact")
            shares = [counts[key] / draws for key in KEYS]
            print(
                f"{name:32} {faces.sum():5,}   {agreement:.2f}   {shares[0]:7.2%}  ({low:6.2%} to {high:6.2%})"
                f"  {shares[1]:8.2%}      {shares[2]:8.2%}     {shares[3]:7.2%}      {shares[4]:7.2%}",
                flush=True,
            )


def simulate(
    first: np.ndarray, second: np.ndarray, support: np.ndarray, agreement: float, params: PromoteParams, draws: int
) -> Counter[str]:
    """Counts of decisions, significant gains and failed checks, over test splits of fixed class counts (K,)."""
    joint = coupled(first, second, support, agreement)
    num_classes = len(support)
    patterns = np.indices(joint.shape).reshape(3, -1)
    rng, outcomes = np.random.default_rng(0), Counter[str]()
    for seed in trange(draws, leave=False, disable=None):
        drawn = np.stack([rng.multinomial(n, cells.ravel()) for n, cells in zip(support, joint, strict=True)]).ravel()
        present = drawn > 0
        features = pair_features(*patterns[:, present], num_classes)
        sums = resampled_sums(features, drawn[present], resamples=params.resamples, seed=seed)
        metrics, resampled = pair_metrics(drawn[present] @ features), pair_metrics(sums)
        outcomes.update(decisions(metrics, resampled, int(support.sum()), params))
    return outcomes


def decisions(metrics: ClassMetrics, resampled: ClassMetrics, num_faces: int, params: PromoteParams) -> Iterator[str]:
    """The outcomes for one pair of models."""
    macro_f1, classes = differences(metrics, resampled, params)
    gain = gain_check(macro_f1, num_faces, params)
    yield decide([gain, *class_checks(classes, num_faces, params)]).decision
    if gain.outcome == "passed":
        yield "gain shown"
    strict = loss_params(params, len(classes))
    macro_f1, classes = differences(metrics, resampled, strict)
    if (
        decide([loss_check(macro_f1, num_faces, strict), *class_checks(classes, num_faces, strict)]).decision
        == "reject"
    ):
        yield "check fails"


def differences(
    metrics: ClassMetrics, resampled: ClassMetrics, params: PromoteParams
) -> tuple[Difference, dict[str, Difference]]:
    """The difference of macro-F1, and of each class's F1."""
    f1 = by_class(metrics.f1, resampled.f1, params.confidence)
    return difference(metrics.macro_f1, resampled.macro_f1, params.confidence), {
        str(k): value for k, value in enumerate(f1)
    }


def coupled(first: np.ndarray, second: np.ndarray, support: np.ndarray, agreement: float) -> np.ndarray:
    """Joint probabilities (K, K, K) of both predictions for each true class, of two models (K, K) with this agreement.

    A mixture of independent predictions and a maximal coupling: the marginals are kept, the errors are correlated.
    """
    independent = first[:, :, None] * second[:, None, :]
    same = np.minimum(first, second)
    left = 1 - same.sum(1)
    rest = (first - same)[:, :, None] * (second - same)[:, None, :] / np.maximum(left, 1e-12)[:, None, None]
    together = rest + same[:, :, None] * np.eye(len(support))

    def agree(joint: np.ndarray) -> float:
        return float(np.einsum("tkk,t->", joint, support) / support.sum())

    share = (agreement - agree(independent)) / (agree(together) - agree(independent))
    assert 0 <= share <= 1, f"these models agree on {agree(independent):.2f} to {agree(together):.2f}"
    joint: np.ndarray = share * together + (1 - share) * independent
    return joint


def macro_f1(model: np.ndarray, support: np.ndarray) -> float:
    """Macro-F1 of the expected confusion matrix of a model (K, K)."""
    expected = model * support[:, None]
    return float((2 * np.diagonal(expected) / (expected.sum(0) + expected.sum(1))).mean())


def better(model: np.ndarray, support: np.ndarray, gain: float) -> np.ndarray:
    """A model with all errors reduced in proportion, so that macro-F1 is higher by `gain`."""
    target = macro_f1(model, support) + gain
    share = optimize.brentq(lambda x: macro_f1(_corrected(model, x), support) - target, -0.5, 0.9)
    return _corrected(model, share)


def traded(model: np.ndarray, support: np.ndarray) -> np.ndarray:
    """A model with more recall on the rarest class and less on the others, with the same macro-F1."""
    rarest, other = int(support.argmin()), model.copy()
    share = TRADED / (1 - model[rarest, rarest])
    other[rarest] = _corrected(model, share)[rarest]
    worse = better(other, support, macro_f1(model, support) - macro_f1(other, support))
    worse[rarest] = other[rarest]
    return better(worse, support, macro_f1(model, support) - macro_f1(worse, support))


def _corrected(model: np.ndarray, share: float) -> np.ndarray:
    """With this share of each error corrected; a negative share adds errors."""
    corrected: np.ndarray = (1 - share) * model + share * np.eye(len(model))
    return corrected


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
