"""Train, val and test: how a source names them, and how a missing one is sampled from train."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from emopipe.core.errors import DataError, ParamsError
from emopipe.core.names import fold_name
from emopipe.ingest.params import IngestParams, Split
from emopipe.ingest.sources.base import RowCounts, Source

_VAL_NAMES: dict[str, Split] = dict.fromkeys(("val", "valid", "validation"), "val")
FOLDER_SPLITS: Mapping[str, Split] = {"train": "train", **_VAL_NAMES, "test": "test"}
"""Names that need no entry in `ingest.split_map`."""
OTHERS = "*"
"""In `ingest.split_map`: every other name, such as those of persons whose folders lie above the classes."""
_NUM_NAMED = 12


@dataclass(frozen=True)
class SplitPlan:
    """How rows are assigned to splits."""

    given: Mapping[str | None, Split]
    """The split of each name in the source; None, for a row without one, is train if no row has a name."""
    sampled: Mapping[Split, float]
    """Splits that are sampled from train, and their fractions."""


def split_lookup(split_map: Mapping[str, Split]) -> dict[str, Split]:
    """Map every known name of a split (`fold_name`) to its split; `split_map` takes precedence."""
    own = {fold_name(name): split for name, split in split_map.items() if name != OTHERS}
    return {**FOLDER_SPLITS, **own}


def named_splits(source: Source, counts: RowCounts) -> set[str | None]:
    """The splits that the rows of `counts` name, None for rows without one, and those of paths with other faults."""
    ambiguous = {split for split, reason in source.unusable() if reason == "ambiguous_path" and split is not None}
    return {split for split, _ in counts} | ambiguous


def plan_splits(source: str, names: Collection[str | None], params: IngestParams) -> SplitPlan:
    """The plan for a source whose rows have these split names, None for rows without one.

    Raises `DataError` when a name is unknown, when nothing is train, or when a missing split may not be sampled.
    """
    given = _map_names(source, names, params)
    if "train" not in given.values():
        raise DataError(
            f"{source} has only the splits {', '.join(sorted(set(given.values())))}, expected train: "
            "add rows, or map one of its names to train in ingest.split_map"
        )
    fractions: dict[Split, float] = {"val": params.val_fraction, "test": params.test_fraction}
    sampled = {split: fraction for split, fraction in fractions.items() if split not in given.values()}
    for split, fraction in sampled.items():
        if fraction == 0:
            raise DataError(
                f"{source} has no {split}, and ingest.{split}_fraction is 0: raise it, "
                f"or map one of its names ({_listed(names)}) to {split} in ingest.split_map"
            )
    if sum(sampled.values()) >= 1:
        raise ParamsError("ingest.val_fraction and ingest.test_fraction leave nothing to train on: lower them")
    return SplitPlan(given, sampled)


def _map_names(source: str, names: Collection[str | None], params: IngestParams) -> dict[str | None, Split]:
    lookup = split_lookup(params.split_map)
    given = {name for name in names if name is not None}
    unknown = {name for name in given if fold_name(name) not in lookup}
    others = params.split_map.get(OTHERS)
    if unknown and not others:
        many = f", or {OTHERS!r} for all others" if len(unknown) > _NUM_NAMED else ""
        raise DataError(
            f"{source} names the splits {_listed(unknown)}, which ingest.split_map in params.yaml does not know: "
            f"add each there, as train, val or test{many}"
        )
    return {name: lookup.get(fold_name(name), others or "train") for name in given} or {None: "train"}


def _listed(names: Iterable[str | None]) -> str:
    items = sorted(name for name in names if name is not None)
    return ", ".join(items[:_NUM_NAMED] + ["..."] * (len(items) > _NUM_NAMED)) or "none"


def split_from_train(
    groups: pd.Series, labels: pd.Series, fractions: Mapping[Split, float], *, seed: int, by_rarest: bool = False
) -> pd.Series:
    """Sample splits from the rows of train, stratified by label and seeded; groups stay together.

    groups: one name per row; rows of one group go to one split. labels: one per row, on the same index. fractions: the
    share of each new split, of all rows. Returns one split per row on the same index; the remainder is train.

    Within each label, groups are ordered by a hash of `seed` and their name and fill one split after the other, at
    least one group each; the last group stays train. So the order of rows does not matter, and adding or removing rows
    moves few others. The stratum of a group with several labels is the first of them in the alphabet, or, if
    `by_rarest`, the one of the fewest groups: so that each split gets groups with rare labels.
    """
    rows = pd.DataFrame({"group": groups, "label": labels})
    if by_rarest:
        num_groups = rows.groupby("label")["group"].nunique()
        names = sorted(num_groups.index, key=lambda label: (num_groups[label], label))
        rows["label"] = rows["label"].map({label: rank for rank, label in enumerate(names)})
    strata = rows.groupby("group")["label"].agg(["min", "size"])
    strata["hash"] = [hashlib.blake2b(f"{seed} {name}".encode()).hexdigest() for name in strata.index]
    assigned: dict[str, Split] = {}
    for _, stratum in strata.sort_values("hash").groupby("min"):
        total = int(stratum["size"].sum())
        targets = {split: max(1, round(fraction * total)) for split, fraction in fractions.items()}
        assigned.update(zip(stratum.index, _assign(stratum["size"].tolist(), targets), strict=True))
    return groups.map(assigned)


def _assign(sizes: list[int], targets: Mapping[Split, int]) -> list[Split]:
    """Assign groups of these sizes, in order, to each split until its target is reached; the rest is train."""
    splits: list[Split] = []
    for split, target in targets.items():
        num_rows = 0
        while num_rows < target and len(splits) < len(sizes) - 1:
            num_rows += sizes[len(splits)]
            splits.append(split)
    train: Split = "train"
    return splits + [train] * (len(sizes) - len(splits))
