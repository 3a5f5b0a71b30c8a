"""The report of the stage for programs: every row is accounted for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from emopipe.balance.balance import Balanced
from emopipe.balance.params import BalanceParams
from emopipe.balance.sampling_rounds import Losses


def balance_report(balanced: Balanced, classes: Sequence[str], config: BalanceParams) -> dict[str, Any]:
    """What the strategy made of the train faces, ready for JSON; for each class before = kept + removed, and after =
    kept + added."""
    rows, before, removed = balanced.training_set.frame, balanced.faces.labels, balanced.plan.removed
    by_class = {
        "before": _counts(before, classes),
        "removed": _counts(before[list(removed)], classes),
        "kept": _counts(rows["label"][balanced.training_set.of("real")], classes),
        "added": _counts(rows["label"][~balanced.training_set.of("real")], classes),
        "after": _counts(rows["label"], classes),
    }
    for name in classes:
        of = {key: counts[name] for key, counts in by_class.items()}
        assert of["before"] == of["kept"] + of["removed"] and of["after"] == of["kept"] + of["added"], of
    lost, num_synthetic = balanced.filled.lost, int(balanced.training_set.of("synthetic").sum())
    return {
        "strategy": config.strategy,
        "target": config.target,
        "targets": {name: balanced.targets.get(name, 0) for name in classes},
        **by_class,
        "short": {name: balanced.missing.get(name, 0) - by_class["added"][name] for name in classes},
        "removed_for": dict(sorted(Counter(removed.values()).items())),
        "not_kept": _totals(lost),
        "not_kept_by_class": {
            name: {reason: num for (label, reason), num in sorted(lost.items()) if label == name}
            for name in classes
            if any(label == name for label, _ in lost)
        },
        "num_real": int(balanced.training_set.of("real").sum()),
        "num_repeated": int(balanced.training_set.of("repeated").sum()),
        "num_synthetic": num_synthetic,
        "share_synthetic": round(num_synthetic / len(rows), 6),
        "quality": {name: balanced.quality[name] for name in classes if name in balanced.quality},
    }


def _totals(lost: Losses) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for (_, reason), num in lost.items():
        totals[reason] += num
    return dict(sorted(totals.items()))


def _counts(labels: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    counted = Counter(labels)
    return {name: counted[name] for name in classes}
