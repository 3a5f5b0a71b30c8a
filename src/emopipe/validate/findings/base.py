"""What a finding is, and what findings are made from. Shapes: N faces, K rows of one finding."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from emopipe.validate.params import Policy
from emopipe.vision.near_duplicates import Pairs

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen of N faces; every table has a row for each, numbered from 0.

    faces: the columns `METADATA_COLUMNS`. measures: the columns `image_stats.COLUMNS`. near: pairs of rows whose
    pictures are nearly the same but not the same; of identical pictures the first row stands for all. labels: the
    columns of `label_errors.COLUMNS`.
    """

    faces: pd.DataFrame
    measures: pd.DataFrame
    near: Pairs
    labels: pd.DataFrame

    def where(self, kept: np.ndarray) -> "Evidence":
        """What was seen of the rows for which `kept`, bool (N,), holds, numbered anew."""
        faces = self.faces[kept].reset_index(drop=True)
        first = pd.Series(faces.index, index=faces["id"]).groupby(level=0).min()
        pairs = np.column_stack([self.faces["id"].iloc[side].map(first) for side in self.near.pairs.T]).astype(float)
        near = self.near.where(~np.isnan(pairs).any(axis=1))
        return Evidence(
            faces=faces,
            measures=self.measures[kept].reset_index(drop=True),
            near=Pairs(
                pairs=pairs[~np.isnan(pairs).any(axis=1)].astype(np.int64),
                mirrored=near.mirrored,
                similarity=near.similarity,
            ),
            labels=self.labels[kept].reset_index(drop=True),
        )


@dataclass(frozen=True, kw_only=True)
class DefectMask:
    """What a finder says of N rows.

    found: bool (N,), rows that have the defect. dropped: bool (N,), those that the policy `drop` takes. groups: (N,) a
    name that is the same for rows found together. evidence: float (N,), the figure that speaks for it. worst: whether
    the lowest or the highest figure is the worst.
    """

    found: pd.Series
    dropped: pd.Series
    groups: pd.Series
    evidence: pd.Series
    worst: Literal["lowest", "highest"] = "highest"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of defect and the rows that have it.

    rows: int64 (K,) row numbers, group by group, the worst group first. groups: int64 (K,) each row's group, from 0.
    evidence: float (K,), the figure that speaks for each row. drops: bool (N,) the rows that this finding's policy
    drops, whatever other findings say.
    """

    kind: str
    severity: Severity
    policy: Policy
    rows: np.ndarray
    groups: np.ndarray
    evidence: np.ndarray
    drops: np.ndarray

    @property
    def num_rows(self) -> int:
        """All rows that share the defect, the ones that stay included."""
        return len(self.rows)

    @property
    def num_groups(self) -> int:
        """Sets of rows that are found together; where pictures are found one by one, different pictures."""
        return int(self.groups[-1]) + 1 if len(self.groups) else 0

    def first_groups(self, limit: int) -> list[np.ndarray]:
        """The row numbers of the first groups, at most `limit` groups."""
        return [self.rows[self.groups == group] for group in range(min(limit, self.num_groups))]


def as_finding(kind: str, severity: Severity, policy: Policy, seen: DefectMask) -> Finding:
    """Put in order what a finder says."""
    badness = seen.evidence if seen.worst == "highest" else -seen.evidence
    table = pd.DataFrame({"group": seen.groups, "badness": badness, "evidence": seen.evidence})[seen.found]
    worst = table.groupby("group", sort=False)["badness"].transform("max")
    ranked = table["group"].loc[worst.sort_values(ascending=False, kind="stable").index].unique()
    table["group"] = table["group"].map({name: number for number, name in enumerate(ranked)})
    table = table.sort_values("group", kind="stable")
    return Finding(
        kind=kind,
        severity=severity,
        policy=policy,
        rows=table.index.to_numpy(dtype=np.int64),
        groups=table["group"].to_numpy(dtype=np.int64),
        evidence=table["evidence"].to_numpy(dtype=float),
        drops=seen.dropped.to_numpy(dtype=bool) & (policy == "drop"),
    )


def in_test(faces: pd.DataFrame) -> pd.Series:
    """Bool (N,)."""
    return faces["split"] == "test"
