"""What is wrong with the pictures of a table: duplicates, leaks, conflicts, blanks; and which rows that costs.

Shapes: N faces, K rows of one finding.

All kinds are found in the table as it came, so the rows that go are the same in whatever order the kinds are taken.
Only the bookkeeping needs an order: a row that several kinds drop counts under the first of `KINDS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emopipe.errors import GateError
from emopipe.faces import SPLITS, Faces
from emopipe.images import decode_png
from emopipe.params import Policy, ValidateParams

SEVERITY = {
    "constant_image": "warning",
    "split_leak": "critical",
    "label_conflict": "warning",
    "exact_duplicate": "info",
}
"""How much a kind harms when its rows stay: a leak makes every later figure wrong, a duplicate only weighs double."""

KINDS = tuple(SEVERITY)
"""In the order in which dropped rows are accounted: what is no face first, then what harms the figures most."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of defect and the rows that have it.

    rows: int64 (K,) row numbers, group by group. groups: int64 (K,) each row's group, from 0 in order of appearance.
    drops: bool (N,) the rows that this finding's policy drops, whatever other findings say.
    """

    kind: str
    policy: Policy
    rows: np.ndarray
    groups: np.ndarray
    drops: np.ndarray

    @property
    def severity(self) -> str:
        """`info`, `warning` or `critical`."""
        return SEVERITY[self.kind]

    @property
    def num_rows(self) -> int:
        """All rows that share the defect, the ones that stay included."""
        return len(self.rows)

    @property
    def num_groups(self) -> int:
        """Sets of identical pictures; for `constant_image`, different blank pictures."""
        return int(self.groups[-1]) + 1 if len(self.groups) else 0

    def first_groups(self, limit: int) -> list[np.ndarray]:
        """The row numbers of the first groups, at most `limit` groups."""
        return [self.rows[self.groups == group] for group in range(min(limit, self.num_groups))]


def pixel_extremes(faces: Faces) -> np.ndarray:
    """Darkest and brightest value of each face over all its pixels and channels: uint8 (N, 2)."""
    pictures = (decode_png(png) for png in faces.frame["png"])
    extremes = [(pixels.min(), pixels.max()) for pixels in pictures]
    return np.array(extremes, dtype=np.uint8).reshape(len(faces), 2)


def find_all(faces: Faces, extremes: np.ndarray, params: ValidateParams) -> tuple[Finding, ...]:
    """One finding of each of `KINDS`, in that order; those of which there is nothing have no rows.

    extremes: uint8 (N, 2), as `pixel_extremes` gives them.
    """
    found = {
        "constant_image": _constant_images(faces, extremes, params.constant_range),
        "split_leak": _split_leaks(faces),
        "label_conflict": _label_conflicts(faces),
        "exact_duplicate": _exact_duplicates(faces),
    }
    return tuple(_finding(faces, kind, getattr(params.policy, kind), *found[kind]) for kind in KINDS)


def enforce_policies(findings: Sequence[Finding], faces: Faces) -> None:
    """Raise `GateError` for the findings that must not be there."""
    broken = [finding for finding in findings if finding.policy == "fail" and finding.num_rows]
    if not broken:
        return
    problems = "; ".join(
        f"{finding.kind}: expected none (validate.policy.{finding.kind} is fail), got {finding.num_rows} rows "
        f"in {finding.num_groups} groups ({', '.join(example_sources(faces, finding.rows, 3))})"
        for finding in broken
    )
    raise GateError(f"{problems}. Correct the source, or set the policy to drop or keep")


def drop_reasons(findings: Sequence[Finding], num_faces: int) -> pd.Series:
    """Why each row goes: its kind, the first that applies, or None where the row stays. Object (N,)."""
    reasons = pd.Series([None] * num_faces, dtype=object)
    for finding in findings:
        reasons[finding.drops & reasons.isna().to_numpy()] = finding.kind
    return reasons


def example_sources(faces: Faces, rows: np.ndarray, limit: int) -> list[str]:
    """Where the first of some rows came from."""
    return [str(source) for source in faces.frame["source"].iloc[rows[:limit]]]


_Found = tuple[pd.Series, pd.Series, list[str]]  # rows that have the defect, rows to drop, columns that make a group


def _constant_images(faces: Faces, extremes: np.ndarray, constant_range: int) -> _Found:
    """Pictures without a face. In test they stay: a figure on test counts what the source put there."""
    spread = extremes[:, 1].astype(np.int64) - extremes[:, 0]  # (N,)
    constant = pd.Series(spread <= constant_range)
    return constant, constant & ~_in_test(faces), ["id"]


def _split_leaks(faces: Faces) -> _Found:
    """Pictures in two splits. They stay in the one that is furthest from training: test before val before train."""
    rank = faces.frame["split"].map({name: rank for rank, name in enumerate(SPLITS)}).astype(np.int64)
    ranks = rank.groupby(faces.frame["id"])
    highest = ranks.transform("max")
    return highest != ranks.transform("min"), rank < highest, ["id"]


def _label_conflicts(faces: Faces) -> _Found:
    """Pictures with two labels. Which is right is not known, so none of them teaches or selects a model."""
    conflict = faces.frame.groupby("id")["label"].transform("nunique") > 1
    return conflict, conflict & ~_in_test(faces), ["id"]


def _exact_duplicates(faces: Faces) -> _Found:
    """Pictures that are twice in one split with one label. The first stays."""
    group = ["id", "label", "split"]
    return faces.frame.duplicated(group, keep=False), faces.frame.duplicated(group) & ~_in_test(faces), group


def _in_test(faces: Faces) -> pd.Series:
    return faces.frame["split"] == "test"


def _finding(faces: Faces, kind: str, policy: Policy, has_it: pd.Series, to_drop: pd.Series, by: list[str]) -> Finding:
    groups = faces.frame.loc[has_it, by].groupby(by, sort=False).ngroup().sort_values(kind="stable")
    drops = to_drop.to_numpy(dtype=bool) if policy == "drop" else np.zeros(len(faces), dtype=bool)
    rows = groups.index.to_numpy(dtype=np.int64)
    return Finding(kind=kind, policy=policy, rows=rows, groups=groups.to_numpy(dtype=np.int64), drops=drops)
