"""What a source's labels mean: names of classes, FER2013's codes in its own CSV, and `ingest.label_map`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emopipe.core.errors import DataError, ParamsError
from emopipe.core.names import fold_name, is_number
from emopipe.faces.classes import label_lookup
from emopipe.ingest.params import REJECT
from emopipe.ingest.sources.base import Reject, RowCounts, Source

_NUM_NAMED = 12
_MAX_STRAY = 0.01
"""Share of rows with a number that is no code of their format, up to which they are damaged rows, to be rejected."""


@dataclass(frozen=True)
class LabelPlan:
    """How labels become classes."""

    names: Mapping[str, str]
    """The class of each known label, by its folded name."""
    numbers: Mapping[str, str | None]
    """The class of each number among the labels, None for one whose rows are rejected; in order."""

    rejected: frozenset[str]
    """Folded labels of which `ingest.label_map` rejects the rows."""

    def class_of(self, label: str) -> str | None:
        """The class of a label as the source spells it; None if its rows are rejected."""
        return self.names.get(fold_name(label))

    @property
    def numbers_text(self) -> str:
        """`0 = angry, 7 = rejected`; empty if no label is a number."""
        return ", ".join(f"{number} = {name or 'rejected'}" for number, name in self.numbers.items())


def known_labels(classes: Sequence[str], label_map: Mapping[str, str | None]) -> dict[str, str | None]:
    """The class of each label that params.yaml knows, by its folded name; None for one that is rejected.

    Raises `ParamsError` for a label that is mapped to something else than a class.
    """
    lookup = label_lookup(classes)
    known: dict[str, str | None] = dict(lookup)
    unknown = []
    for label, name in label_map.items():
        folded = REJECT if name is None else fold_name(name)
        if folded not in (REJECT, *lookup):
            unknown.append(f"{label} to {name}")
        known[fold_name(label)] = lookup.get(folded)
    if unknown:
        raise ParamsError(
            f"ingest.label_map maps {_listed(unknown)}, expected one of {', '.join(classes)}, or null to reject: "
            "correct it, or add the class to base.classes in params.yaml"
        )
    return known


def plan_labels(
    source: Source, counts: RowCounts, classes: Sequence[str], label_map: Mapping[str, str | None]
) -> LabelPlan:
    """The plan for a source with these rows.

    Raises `DataError` when there is no label, when nothing says what a number stands for, or when no label is a class.
    """
    folded: Counter[str] = Counter()
    for (_, label), num_rows in counts.items():
        folded[fold_name(label)] += num_rows
    if not folded:
        _require_clear_paths(source)
        raise DataError(
            f"{source.name} has no labelled face: expected one per row, or pictures in folders named by their class"
        )
    known = known_labels(classes, label_map)
    known = {code: known.get(emotion) for code, emotion in source.label_codes.items()} | known
    numbers = sorted(filter(is_number, folded), key=int)
    unknown = {number: folded[number] for number in numbers if number not in known}
    if not source.label_codes or sum(unknown.values()) > _MAX_STRAY * folded.total():
        _require_meaning(source, unknown)
    names = {label: name for label, name in known.items() if name is not None}
    rejected = frozenset(map(fold_name, label_map)) - names.keys()
    if names.keys().isdisjoint(folded):
        raise DataError(
            f"{source.name} has no label that is a class ({_listed(sorted({label for _, label in counts}))}), expected "
            f"{', '.join(classes)}: map its labels under ingest.label_map in params.yaml, or set base.classes, "
            "as `emopipe data import --set-params` does"
        )
    return LabelPlan(names, {number: names.get(number) for number in numbers}, rejected)


def _require_clear_paths(source: Source) -> None:
    """Raise `DataError` with the fault of the first path that can be read in several ways."""
    if any(reason == "ambiguous_path" for _, reason in source.unusable()):
        rejects = (row for row in source.read() if isinstance(row, Reject) and row.reason == "ambiguous_path")
        fault = next(rejects)
        raise DataError(
            f"{source.name} has paths that can be read in several ways, as {fault.source}: {fault.detail}; "
            "rename the folders that name neither a split nor a class"
        )


def _require_meaning(source: Source, unknown: Mapping[str, int]) -> None:
    """Raise `DataError` if there are numbers of which nothing says what they stand for."""
    if not unknown:
        return
    rows = _listed(f"{number}: {num_rows:,} rows" for number, num_rows in unknown.items())
    draft = ", ".join(f"{number}: CLASS" for number in unknown)
    fault, also = "whose order differs between data sets", ""
    if codes := source.label_codes:
        fault = f"which are no codes of FER2013 ({', '.join(f'{code} = {name}' for code, name in codes.items())})"
        also = "; map the others too, if they are not FER2013's"
    raise DataError(
        f"{source.name} has numbers as labels ({rows}), {fault}: write `label_map: {{{draft}}}` under ingest in "
        f"params.yaml, each with one of base.classes, or null to reject its rows{also}"
    )


def _listed(names: Iterable[str]) -> str:
    items = list(names)
    return ", ".join(items[:_NUM_NAMED] + ["..."] * (len(items) > _NUM_NAMED))
