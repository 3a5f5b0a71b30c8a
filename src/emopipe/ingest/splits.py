"""Train, val and test: what a source calls them, and how one that it lacks is carved from train."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from emopipe.core.errors import DataError, ParamsError
from emopipe.ingest.params import IngestParams, Split

FOLDER_SPLITS: Mapping[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""Names that need no entry in `ingest.split_map`."""


@dataclass(frozen=True)
class SplitPlan:
    """How the rows of a source come to their splits."""

    given: Mapping[str | None, Split]
    """The source's words and what each is; None stands for no word, and is train where no row has one."""
    carved: Mapping[Split, float]
    """What is carved from train, and its share."""


def split_lookup(split_map: Mapping[str, Split]) -> dict[str, Split]:
    """Map every known name of a split (lower case) to its split; `split_map` goes before the usual names."""
    return {**FOLDER_SPLITS, **{name.strip().lower(): split for name, split in split_map.items()}}


def plan_splits(name: str, words: Collection[str | None], params: IngestParams) -> SplitPlan:
    """Settle the splits of the source `name` whose rows carry `words`, one each, None where a row has none.

    Raises `DataError` when a word is unknown, when nothing is train, or when a missing split may not be carved.
    """
    given = _map_words(name, words, params)
    if "train" not in given.values():
        raise DataError(
            f"{name} has only the splits {', '.join(sorted(set(given.values())))}, expected train: "
            "add rows, or map one of its names to train in ingest.split_map"
        )
    fractions: dict[Split, float] = {"val": params.val_fraction, "test": params.test_fraction}
    carved = {split: fraction for split, fraction in fractions.items() if split not in given.values()}
    for split, fraction in carved.items():
        if fraction == 0:
            raise DataError(
                f"{name} has no {split}, and ingest.{split}_fraction is 0: raise it, "
                f"or map one of its names ({_listed(words)}) to {split} in ingest.split_map"
            )
    if sum(carved.values()) >= 1:
        raise ParamsError("ingest.val_fraction and ingest.test_fraction leave nothing to train on: lower them")
    return SplitPlan(given, carved)


def _map_words(name: str, words: Collection[str | None], params: IngestParams) -> dict[str | None, Split]:
    lookup = split_lookup(params.split_map)
    named = {word for word in words if word is not None}
    if unknown := {word for word in named if word.lower() not in lookup}:
        raise DataError(
            f"{name} names the splits {_listed(unknown)}, which ingest.split_map in params.yaml does not know: "
            "add each there, as train, val or test"
        )
    return {word: lookup[word.lower()] for word in named} or {None: "train"}


def _listed(words: Iterable[str | None]) -> str:
    return ", ".join(sorted(str(word) for word in words if word is not None)) or "none"


def split_from_train(groups: pd.Series, labels: pd.Series, fractions: Mapping[Split, float], *, seed: int) -> pd.Series:
    """Deal rows of train out to splits, stratified by label and without parting a group.

    groups: one name per row; rows of one group go to one split. labels: one per row, on the same index. fractions: the
    share of each new split, of all rows. Returns one split per row on the same index; what no split takes stays train.

    Each label's groups are dealt in the order of a digest of `seed` and their name until the split has its share, at
    least one group; the last group stays train. So the order of rows does not matter, and a few rows more or less move
    few others. A group with several labels counts as the first of them in the alphabet.
    """
    strata = pd.DataFrame({"group": groups, "label": labels}).groupby("group")["label"].agg(["min", "size"])
    strata["draw"] = [hashlib.blake2b(f"{seed} {name}".encode()).hexdigest() for name in strata.index]
    owner: dict[str, Split] = {}
    for _, stratum in strata.sort_values("draw").groupby("min"):
        total = int(stratum["size"].sum())
        targets = {split: max(1, round(fraction * total)) for split, fraction in fractions.items()}
        owner.update(zip(stratum.index, _deal(stratum["size"].tolist(), targets), strict=True))
    return groups.map(owner)


def _deal(sizes: list[int], targets: Mapping[Split, int]) -> list[Split]:
    """Give groups of these sizes, in their order, to each split until it has its target; the rest is train."""
    owners: list[Split] = []
    for split, target in targets.items():
        taken = 0
        while taken < target and len(owners) < len(sizes) - 1:
            taken += sizes[len(owners)]
            owners.append(split)
    train: Split = "train"
    return owners + [train] * (len(sizes) - len(owners))
