"""The report of the stage, ready for JSON; it accounts for every row."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from emopipe.balance.balance import Balanced
from emopipe.balance.params import BalanceParams


def balance_report(balanced: Balanced, classes: Sequence[str], params: BalanceParams) -> dict[str, Any]:
    """Row counts by class, where before = kept + removed and after = kept + added; reasons; quality metrics."""
    labels, before, removed = balanced.training_set.frame["label"], balanced.faces.labels, balanced.plan.removed
    real, repeated, synthetic = (balanced.training_set.of(origin) for origin in ("real", "repeated", "synthetic"))
    counts = {
        "before": _class_counts(before, classes),
        "removed": _class_counts(before[list(removed)], classes),
        "kept": _class_counts(labels[real], classes),
        "added": _class_counts(labels[~real], classes),
        "after": _class_counts(labels, classes),
    }
    for label in classes:
        of = {key: by_class[label] for key, by_class in counts.items()}
        assert of["before"] == of["kept"] + of["removed"] and of["after"] == of["kept"] + of["added"], of
    not_kept = balanced.result.not_kept
    return {
        "strategy": params.strategy,
        "target": params.target,
        "targets": {label: balanced.targets.get(label, 0) for label in classes},
        **counts,
        "short": {label: balanced.num_missing.get(label, 0) - counts["added"][label] for label in classes},
        "removed_for": _sorted(Counter(removed.values())),
        "not_kept": _sorted(sum(not_kept.values(), Counter())),
        "not_kept_by_class": {label: _sorted(not_kept[label]) for label in classes if label in not_kept},
        "num_real": int(real.sum()),
        "num_repeated": int(repeated.sum()),
        "num_synthetic": int(synthetic.sum()),
        "share_synthetic": round(int(synthetic.sum()) / len(labels), 6),
        "quality": {label: balanced.quality[label] for label in classes if label in balanced.quality},
    }


def _class_counts(labels: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    counts = Counter(labels)
    return {label: counts[label] for label in classes}


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
