"""Sample missing splits from train: near-duplicates stay together, and so do the pictures of a person or a session.

Shapes: N faces.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from emopipe.core.errors import DataError
from emopipe.faces.file import FaceFile
from emopipe.ingest.params import IngestParams, Split, folder_level
from emopipe.ingest.splits import split_from_train
from emopipe.vision.image_stats import measure
from emopipe.vision.near_duplicates import connected_groups, near_pairs

MAX_DEVIATION = 1 / 3
"""Relative difference between the share of a sampled split and the one asked for, above which a line warns."""


class SampledSplits(NamedTuple):
    """The split of each face."""

    splits: pd.Series
    """(N,)."""
    warnings: list[str]
    """What differs from the parameters, a line each."""


def group_of(source: str, column: str | None, group_by: str | None) -> str | None:
    """The group of a row: its cell `column`, or a folder of its path `source`; None without one."""
    level = folder_level(group_by)
    if level is None:
        return column
    folders = source.split("/")[:-1]
    inside = -len(folders) <= level < 0 or 0 < level <= len(folders)
    return folders[level - 1 if level > 0 else level] if inside else None


def sample_splits(
    file: FaceFile, given: Sequence[str | None], fractions: Mapping[Split, float], params: IngestParams, *, seed: int
) -> SampledSplits:
    """Sample the splits of `fractions` from the rows of train.

    given: (N,), the group of each row by `ingest.group_by`, None for a row that stays with its near-duplicates alone.
    Raises `DataError` when a class of train gets no picture in a split, or when no row has a group to be kept together.
    """
    faces = file.frame
    in_train = faces["split"] == "train"
    if not fractions or not in_train.any():
        return SampledSplits(faces["split"], [])
    near = near_pairs(file, measure(file.images()).descriptors, params.min_similarity)
    alike = connected_groups(faces["id"], near)
    groups = alike if params.group_by is None else _merged(alike, given, params.group_by)
    groups, labels = groups[in_train], faces["label"][in_train]
    sampled = split_from_train(groups, labels, fractions, seed=seed, by_rarest=params.group_by is not None)
    _require_classes(sampled, groups, alike[in_train], labels, fractions)
    return SampledSplits(
        sampled.reindex(faces.index).fillna(faces["split"]),
        [*_share_warnings(sampled, fractions), *_group_warnings(given, params.group_by)],
    )


def _merged(alike: pd.Series, given: Sequence[str | None], group_by: str) -> pd.Series:
    """Groups of rows that are alike, or of one given group, or connected by such rows: named by their lowest id."""
    if all(group is None for group in given):
        raise DataError(
            f"no picture has a group (ingest.group_by is {group_by}): name a column that has values, or a level of "
            "folders that exists, such as folder:1 for the first of each path, folder:-1 for the last"
        )
    codes, names = pd.factorize(alike)
    own, _ = pd.factorize(np.array(given, dtype=object))
    has_group = own >= 0
    size = len(names) + int(own.max()) + 1
    links = coo_array((np.ones(has_group.sum()), (codes[has_group], len(names) + own[has_group])), shape=(size, size))
    components = connected_components(links, directed=False)[1][codes]
    return alike.groupby(components).transform("min")


def _require_classes(
    sampled: pd.Series, groups: pd.Series, alike: pd.Series, labels: pd.Series, fractions: Mapping[Split, float]
) -> None:
    """Raise `DataError` when a class has no picture in a sampled split, with the reason."""
    problems: dict[str, list[str]] = defaultdict(list)
    for label, rows in sampled.groupby(labels):
        absent = [split for split in fractions if split not in set(rows)]
        if not absent:
            continue
        num_rows, num_groups, num_alike = len(rows), groups[rows.index].nunique(), alike[rows.index].nunique()
        if num_alike <= len(fractions):
            why = "which are nearly the same" if num_alike == 1 else f"of which {num_alike} are not nearly the same"
        else:
            why = f"of {num_groups} groups (ingest.group_by)"
        pictures = "1 picture" if num_rows == 1 else f"{num_rows} pictures, {why}"
        problems[f"({pictures}): none is left for {' and '.join(absent)}"].append(str(label))
    listed = [f"{', '.join(names)} {text}" for text, names in problems.items()]
    if listed:
        raise DataError(
            f"{'; '.join(listed)}. Pictures that are nearly the same, or of one group, stay in one split: add other "
            "pictures of the class, give these splits pictures of their own, or raise ingest.min_similarity"
        )


def _share_warnings(sampled: pd.Series, fractions: Mapping[Split, float]) -> list[str]:
    shares = {split: float((sampled == split).mean()) for split in fractions}
    return [
        f"{split} has {shares[split]:.0%} of the pictures of train, ingest.{split}_fraction asks for {fraction:.0%}: "
        "pictures that are nearly the same, or of one group, stay together, and each class has one of them at least"
        for split, fraction in fractions.items()
        if abs(shares[split] - fraction) > MAX_DEVIATION * fraction
    ]


def _group_warnings(given: Sequence[str | None], group_by: str | None) -> list[str]:
    num_without = sum(group is None for group in given) if group_by else 0
    return [f"{num_without} pictures have no group (ingest.group_by is {group_by})"] if num_without else []
