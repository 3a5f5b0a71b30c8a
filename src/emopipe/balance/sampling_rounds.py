"""Rejection sampling in rounds: generate, filter, and generate again for what the filter rejects."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emopipe.balance.params import SyntheticFilterParams
from emopipe.balance.strategy import Sample, Sampler, SkippedSample
from emopipe.balance.synthetic_filter import COPY, SyntheticFilter


@dataclass(frozen=True, kw_only=True)
class SamplingResult:
    """Samples of all rounds."""

    kept: list[Sample] = field(default_factory=list)
    generated: list[Sample] = field(default_factory=list)
    """All synthetic samples, kept or not."""
    flagged: list[tuple[Sample, str]] = field(default_factory=list)
    """Synthetic samples with the reason why they failed the filter; `drop: false` keeps all but the copies."""
    not_kept: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Number of rows that were skipped or dropped, by class and reason."""


def sample_in_rounds(
    sample: Sampler,
    num_missing: Mapping[str, int],
    fit_filter: Callable[[], SyntheticFilter],
    params: SyntheticFilterParams,
) -> SamplingResult:
    """Add rows to each class in at most `params.rounds`; the filter is fitted only where there are synthetic images."""
    result = SamplingResult()
    for _ in range(params.rounds):
        kept = Counter(row.label for row in result.kept)
        remaining = {label: num - kept[label] for label, num in num_missing.items() if num > kept[label]}
        samples = []
        for row in sample(remaining) if remaining else ():
            if isinstance(row, SkippedSample):
                result.not_kept[row.label][row.reason] += row.num_rows
            else:
                samples.append(row)
        if not samples:
            break
        synthetic = [row for row in samples if row.pixels is not None]
        result.kept.extend(row for row in samples if row.pixels is None)
        result.generated.extend(synthetic)
        for row, reason in zip(synthetic, fit_filter().reject(synthetic) if synthetic else (), strict=True):
            if reason is not None:
                result.flagged.append((row, reason))
            if reason is None or not (params.drop or reason == COPY):
                result.kept.append(row)
            else:
                result.not_kept[row.label][reason] += 1
    return result
