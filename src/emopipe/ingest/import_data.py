"""Import a source into data/, track it with DVC, and summarise how the pipeline will use it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from emopipe.core.errors import EmopipeError, WorkspaceError
from emopipe.core.params import BaseParams
from emopipe.faces.classes import label_lookup
from emopipe.ingest.params import IngestParams, Split
from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import Source
from emopipe.ingest.splits import plan_splits, split_lookup
from emopipe.ingest.tracked_data import DATA, replace_data, require_recoverable, require_utf8, track_data

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
    sampled: dict[Split, float]
    """Splits that ingest samples from train, and their fractions."""
    notes: tuple[str, ...]
    """What the parameters do not cover, each with a remedy."""

    def lines(self) -> list[str]:
        """The summary as text, with the next step."""
        sampled = ", ".join(f"{split} ({fraction:.0%} of train)" for split, fraction in self.sampled.items())
        return [
            f"recognised: {self.format}, {self.num_rows:,} rows",
            f"splits: {_listed(self.splits) or 'none'}",
            *([f"sampled from train: {sampled}"] if sampled else []),
            f"labels: {_listed(self.labels)}",
            *(f"note: {note}" for note in self.notes),
            "next: dvc repro",
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
    split_names = split_lookup(ingest.split_map)
    source = recognise(path, split_names)
    in_place = data.resolve() in (path.resolve(), path.resolve().parent)
    if in_place:
        source = recognise(data, split_names)
    require_utf8(source)
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


def summarise(source: Source, *, base: BaseParams, ingest: IngestParams) -> SourceSummary:
    """Count the rows of a source, and note what the parameters do not cover."""
    counts = source.counts()
    splits: Counter[str] = Counter()
    labels: Counter[str] = Counter(dict.fromkeys(base.classes, 0))
    for (split, label), num_rows in sorted(counts.items(), key=str):
        splits.update({split: num_rows} if split else {})
        labels[label_lookup(base.classes).get(label.lower(), label)] += num_rows
    sampled, split_notes = _plan(source.name, {split for split, _ in counts}, ingest)
    notes = (*_label_notes(labels, base.classes), *split_notes)
    return SourceSummary(source.format, counts.total(), dict(splits), dict(labels), sampled, notes)


def _plan(source: str, names: Collection[str | None], ingest: IngestParams) -> tuple[dict[Split, float], list[str]]:
    """The splits that are sampled, and notes on all splits."""
    try:
        plan = plan_splits(source, names, ingest)
    except EmopipeError as error:
        return {}, [str(error)]
    unused = [name for name, split in plan.given.items() if split == "val" and "test" in plan.sampled]
    return dict(plan.sampled), [
        f"no row is test, so test is sampled from train; to test on {name} instead, set `{name}: test` under "
        "ingest.split_map in params.yaml (val is sampled then)"
        for name in unused
    ]


def _label_notes(labels: Mapping[str, int], classes: Collection[str]) -> list[str]:
    notes = []
    unknown = {label: num_rows for label, num_rows in labels.items() if label not in classes}
    if unknown:
        notes.append(
            f"{sum(unknown.values()):,} rows have labels that are no class ({_listed(unknown)}) and will be rejected; "
            "to keep them, add the labels to base.classes in params.yaml"
        )
    if absent := [name for name in classes if not labels[name]]:
        notes.append(
            f"no row has the class {', '.join(absent)}: add some, or take it out of base.classes in params.yaml"
        )
    return notes


def _listed(counts: Mapping[str, int]) -> str:
    """`happy 12, sad 3, ...`."""
    shown = [f"{name} {num_rows:,}" for name, num_rows in list(counts.items())[:_NUM_NAMED]]
    return ", ".join(shown + ["..."] * (len(counts) > _NUM_NAMED))
