"""Import a source into data/, track it with DVC, and summarise how the pipeline will use it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from emopipe.core.errors import DataError, WorkspaceError
from emopipe.core.names import fold_name, is_number
from emopipe.core.params import BaseParams
from emopipe.ingest.labels import LabelPlan, known_labels, plan_labels
from emopipe.ingest.params import IngestParams, Split, group_column
from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import Reason, Source
from emopipe.ingest.splits import SplitPlan, named_splits, plan_splits, split_lookup
from emopipe.ingest.tracked_data import DATA, replace_data, require_recoverable, track_data

_NUM_NAMED = 12


@dataclass(frozen=True)
class SourceSummary:
    """Summary of a source, without decoding an image."""

    format: str
    num_rows: int
    splits: dict[str, int]
    """Rows by the source's own names of splits; empty if it has none."""
    labels: dict[str, int]
    """Rows by class, then by labels that are no class, as the source spells them."""
    numbers: str
    """The class of each number among the labels; empty if there is none."""
    rejected: Mapping[str, int]
    """Rows that ingest will reject, by the reason, as far as that needs no image."""
    sampled: Mapping[Split, float]
    """Splits that ingest samples from train, and their fractions."""
    notes: tuple[str, ...]
    """What the parameters do not cover, each with a remedy."""

    def lines(self) -> list[str]:
        """The summary as text."""
        sampled = ", ".join(f"{split} ({fraction:.0%} of train)" for split, fraction in self.sampled.items())
        num_rejected = sum(self.rejected.values())
        rejected = (
            f"at least {num_rejected:,} of {self.num_rows:,} rows ({_listed(self.rejected)})" if num_rejected else ""
        )
        optional = {"sampled from train": sampled, "numbers as labels": self.numbers, "will be rejected": rejected}
        sampled_line, *other_lines = ([f"{name}: {text}"] if text else [] for name, text in optional.items())
        return [
            f"recognised: {self.format}, {self.num_rows:,} rows",
            f"splits: {_listed(self.splits) or 'none'}",
            *sampled_line,
            f"labels: {_listed(self.labels)}",
            *chain.from_iterable(other_lines),
            *(f"note: {note}" for note in self.notes),
        ]


def import_source(
    path: Path, root: Path, *, base: BaseParams, ingest: IngestParams, force: bool = False
) -> SourceSummary:
    """Replace the content of `root`/data with a copy of the source at `path`, and `dvc add` it.

    `path` is a file, or a folder whose content is copied. A source inside data/ is added in place. Raises `DataError`
    when `path` is no source, and `WorkspaceError` when `root` is no DVC project, or data/ holds files that DVC could
    not restore (unless `force`), or DVC fails; data/ and data.dvc are as they were then.
    """
    data = root / DATA
    names = split_lookup(ingest.split_map), known_labels(base.classes, ingest.label_map), group_column(ingest.group_by)
    source = recognise(path, *names)
    in_place = data.resolve() in (path.resolve(), path.resolve().parent)
    if in_place:
        source = recognise(data, *names)
    summary = summarise(source, base=base, ingest=ingest)
    if not (root / ".dvc").is_dir():
        raise WorkspaceError(f"{root.resolve()} is no DVC project: run from the root of the project")
    if in_place:
        track_data(root)
    else:
        if not force:
            require_recoverable(root)
        replace_data(root, source)
    return summary


def labels_of(path: Path, *, base: BaseParams, ingest: IngestParams) -> list[str]:
    """The classes of a source, sorted: its labels, or what `ingest.label_map` makes of them.

    Of several spellings the first counts, or that of `base.classes`. Raises `DataError` when `path` is no source, or
    has numbers as labels of which nothing says what they stand for.
    """
    known = known_labels(base.classes, ingest.label_map)
    source = recognise(path, split_lookup(ingest.split_map), known, group_column(ingest.group_by))
    meanings = {code: known.get(emotion, emotion) for code, emotion in source.label_codes.items()} | known
    names = {fold_name(label): label for label in sorted({label for _, label in source.counts()}, reverse=True)}
    found = {meanings.get(folded, label) for folded, label in names.items()}
    if numbers := sorted(name for name in found if name is not None and is_number(fold_name(name))):
        raise DataError(
            f"{source.name} has numbers as labels ({', '.join(numbers)}), which name no class: set base.classes and "
            "ingest.label_map in params.yaml"
        )
    return sorted(name for name in found if name is not None)


def summarise(source: Source, *, base: BaseParams, ingest: IngestParams) -> SourceSummary:
    """Count the rows of a source, and note what the parameters do not cover.

    Raises what `ingest` would raise before it decodes an image: for labels without a meaning, or of which none is a
    class, and for splits that are unknown or missing.
    """
    counts = source.counts()
    plan = plan_labels(source, counts, base.classes, ingest.label_map)
    split_plan = plan_splits(source.name, named_splits(source, counts), ingest)
    splits: Counter[str] = Counter()
    labels: Counter[str] = Counter(dict.fromkeys(base.classes, 0))
    rejected: Counter[Reason] = Counter()
    for (_, reason), num_same in source.unusable().items():
        rejected[reason] += num_same
    num_rows = counts.total() + rejected.total()
    for (split, label), num_same in sorted(counts.items(), key=str):
        splits.update({split: num_same} if split else {})
        labels[plan.class_of(label) or label] += num_same
        if plan.class_of(label) is None:
            rejected["unknown_label"] += num_same
        elif split not in split_plan.given:
            rejected["no_split"] += num_same
    by_reason = {reason.replace("_", " "): number for reason, number in sorted(rejected.items())}
    if rejected.total() == num_rows:
        raise DataError(f"{source.name}: all {num_rows:,} rows would be rejected ({_listed(by_reason)})")
    return SourceSummary(
        format=source.format,
        num_rows=num_rows,
        splits=dict(splits),
        labels=dict(labels),
        numbers=plan.numbers_text,
        rejected=by_reason,
        sampled=split_plan.sampled,
        notes=(
            *_label_notes(labels, base.classes, plan),
            *_split_notes(split_plan),
            *_suffix_notes(source.unread_suffixes()),
        ),
    )


def _split_notes(plan: SplitPlan) -> list[str]:
    unused = [name for name, split in plan.given.items() if split == "val" and "test" in plan.sampled]
    return [
        f"no row is test, so test is sampled from train; to test on {name} instead, set `{name}: test` under "
        "ingest.split_map in params.yaml (val is sampled then)"
        for name in unused
    ]


def _label_notes(labels: Mapping[str, int], classes: Collection[str], plan: LabelPlan) -> list[str]:
    notes = []
    unknown = {
        label: num_rows
        for label, num_rows in labels.items()
        if label not in classes and fold_name(label) not in plan.rejected
    }
    if unknown:
        notes.append(
            f"{sum(unknown.values()):,} rows have labels that are no class ({_listed(unknown)}); "
            "to keep them, map each to a class under ingest.label_map in params.yaml, or add it to base.classes"
        )
    if absent := [name for name in classes if not labels[name]]:
        notes.append(
            f"no row has the class {', '.join(absent)}: add some, or take it out of base.classes in params.yaml"
        )
    return notes


def _suffix_notes(suffixes: Mapping[str, int]) -> list[str]:
    return [f"not read, by suffix: {_listed(suffixes)}; convert those that are pictures to png"] if suffixes else []


def _listed(counts: Mapping[str, int]) -> str:
    """`happy 12, sad 3, ...`."""
    shown = [f"{name} {num_rows:,}" for name, num_rows in list(counts.items())[:_NUM_NAMED]]
    return ", ".join(shown + ["..."] * (len(counts) > _NUM_NAMED))
