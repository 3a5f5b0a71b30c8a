"""How often the rule of promotion and `emopipe check` err: two models of known worth, drawn and judged by the rule.

`python benchmarks/promotion.py [DRAWS]`; 2,000 draws take some minutes of one core. A model is the chance of each
answer for each true class: first those of the network in results/fer2013, on a test split with FER2013's class counts.
Of what the rule asks, calibration, latency and parity are taken as passed: they could only lower the share promoted.

Shapes: K classes, P patterns (true class, A's answer, B's answer).
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import optimize, stats
from tqdm import trange

from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import class_checks, decide, for_losses, gain_check, loss_check
from emopipe.core.files import read_json
from emopipe.core.params import load_params
from emopipe.evaluate.paired import Difference, class_figures, difference, pattern_features, resampled_sums

ROOT = Path(__file__).parents[1]
AGREEMENTS = (0.65, 0.75, 0.85)
"""Share of faces with the same answer of both: few for different networks, many for one network trained twice."""
TRADED = 0.10
"""Recall that the model of another kind has more on the rarest class."""
GAIN = 0.02
SMALL = 300
"""Faces of a small test split, with the same shares of classes."""
KEYS = ("promote", "reject", "insufficient evidence", "gain shown", "check fails")


def main(draws: int) -> None:
    """Print a line for each pair of models."""
    report = read_json(ROOT / "results" / "fer2013" / "cnn.json")
    params = load_params(ROOT / "params.yaml").promote
    counts = np.array(report["test"]["confusion"])
    support, first = counts.sum(1), counts / counts.sum(1, keepdims=True)
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
            told = simulate(first, second, faces, agreement, params, draws)
            low, high = stats.binomtest(told["promote"], draws).proportion_ci(method="exact")
            shares = [told[key] / draws for key in KEYS]
            print(
                f"{name:32} {faces.sum():5,}   {agreement:.2f}   {shares[0]:7.2%}  ({low:6.2%} to {high:6.2%})"
                f"  {shares[1]:8.2%}      {shares[2]:8.2%}     {shares[3]:7.2%}      {shares[4]:7.2%}",
                flush=True,
            )


def simulate(
    first: np.ndarray, second: np.ndarray, support: np.ndarray, agreement: float, params: PromoteParams, draws: int
) -> Counter[str]:
    """Decisions over test splits of fixed class counts (K,); how often the gain alone was shown, and a loss of any."""
    joint = coupled(first, second, support, agreement)
    num_classes = len(support)
    patterns = np.indices(joint.shape).reshape(3, -1)
    rng, told = np.random.default_rng(0), Counter[str]()
    for seed in trange(draws, leave=False, disable=None):
        drawn = np.stack([rng.multinomial(n, cells.ravel()) for n, cells in zip(support, joint, strict=True)]).ravel()
        met = drawn > 0
        found, resampled = resample(*patterns[:, met], drawn[met], num_classes, params, seed)
        told.update(decisions(found, resampled, int(support.sum()), params))
    return told


def decisions(
    found: dict[str, np.ndarray], resampled: dict[str, np.ndarray], num_faces: int, params: PromoteParams
) -> Iterator[str]:
    """What is decided for one pair of models."""
    macro_f1, classes = judged(found, resampled, params)
    gain = gain_check(macro_f1, num_faces, params)
    yield decide([gain, *class_checks(classes, num_faces, params)]).decision
    if gain.outcome == "passed":
        yield "gain shown"
    strict = for_losses(params, len(classes))
    macro_f1, classes = judged(found, resampled, strict)
    if (
        decide([loss_check(macro_f1, num_faces, strict), *class_checks(classes, num_faces, strict)]).decision
        == "reject"
    ):
        yield "check fails"


def resample(
    truth: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    counts: np.ndarray,
    num_classes: int,
    params: PromoteParams,
    seed: int,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The figures of both models, and the same in bootstrap samples."""
    features = pattern_features(truth, a, b, num_classes)
    drawn = resampled_sums(features, counts, resamples=params.resamples, seed=seed)
    return class_figures(counts @ features), class_figures(drawn)


def judged(
    found: dict[str, np.ndarray], drawn: dict[str, np.ndarray], params: PromoteParams
) -> tuple[Difference, dict[str, Difference]]:
    """The difference of macro-F1, and of each class's F1."""
    classes = range(found["f1"].shape[-1])
    f1 = {str(k): difference(found["f1"][:, k], drawn["f1"][:, :, k], params.confidence) for k in classes}
    return difference(found["macro_f1"], drawn["macro_f1"], params.confidence), f1


def coupled(first: np.ndarray, second: np.ndarray, support: np.ndarray, agreement: float) -> np.ndarray:
    """Joint chances (K, K, K) of both answers for each true class, of two models (K, K) that agree this often.

    A mixture of independent answers and of those that agree as often as the two can (a maximal coupling): each model
    keeps its own chances, and their errors go together.
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
    """Of the expected confusion matrix of a model (K, K)."""
    expected = model * support[:, None]
    return float((2 * np.diagonal(expected) / (expected.sum(0) + expected.sum(1))).mean())


def better(model: np.ndarray, support: np.ndarray, gain: float) -> np.ndarray:
    """A model that makes fewer of each error, in the same proportion, so that macro-F1 is higher by `gain`."""
    target = macro_f1(model, support) + gain
    share = optimize.brentq(lambda x: macro_f1(_mended(model, x), support) - target, -0.5, 0.9)
    return _mended(model, share)


def traded(model: np.ndarray, support: np.ndarray) -> np.ndarray:
    """A model that knows the rarest class better and the others worse, with the same macro-F1."""
    rarest, other = int(support.argmin()), model.copy()
    share = TRADED / (1 - model[rarest, rarest])
    other[rarest] = _mended(model, share)[rarest]
    worse = better(other, support, macro_f1(model, support) - macro_f1(other, support))
    worse[rarest] = other[rarest]
    return better(worse, support, macro_f1(model, support) - macro_f1(worse, support))


def _mended(model: np.ndarray, share: float) -> np.ndarray:
    """With this share of each error made right; negative makes errors of right answers."""
    mended: np.ndarray = (1 - share) * model + share * np.eye(len(model))
    return mended


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
