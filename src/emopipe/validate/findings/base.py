"""Evidence, and the findings derived from it. Shapes: N faces, K rows of one finding."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from emopipe.validate.params import Policy
from emopipe.vision.near_duplicates import Pairs

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that findings and expectations need about N faces; the rows of each table are numbered from 0.

    faces: the columns `METADATA_COLUMNS`. measures: the columns `image_stats.COLUMNS`. near: pairs of rows with nearly,
    but not exactly, the same image; the first of identical images represents them all. labels: the result of
    `find_label_errors`, NaN quality for rows that are not scored.
    """

    faces: pd.DataFrame
    measures: pd.DataFrame
    near: Pairs
    labels: pd.DataFrame

    def where(self, kept: np.ndarray) -> "Evidence":
        """Evidence about the rows selected by `kept`, bool (N,), renumbered from 0."""
        faces = self.faces[kept].reset_index(drop=True)
        first = pd.Series(faces.index, index=faces["id"]).groupby(level=0).min()
        pairs = np.column_stack([self.faces["id"].iloc[side].map(first) for side in self.near.pairs.T]).astype(float)
        complete = ~np.isnan(pairs).any(axis=1)
        return Evidence(
            faces=faces,
            measures=self.measures[kept].reset_index(drop=True),
            near=replace(self.near.where(complete), pairs=pairs[complete].astype(np.int64)),
            labels=self.labels[kept].reset_index(drop=True),
        )

    @property
    def outside_test(self) -> pd.Series:
        """Rows that a policy may drop, bool (N,)."""
        return self.faces["split"] != "test"


@dataclass(frozen=True, kw_only=True)
class DefectMask:
    """Rows with a defect, among N.

    defective: bool (N,). dropped: bool (N,), rows that the policy `drop` removes. groups: (N,), equal
    for rows found together. score: float (N,), the measure of the defect. worst: which scores are worse.
    """

    defective: pd.Series
    dropped: pd.Series
    groups: pd.Series
    score: pd.Series
    worst: Literal["lowest", "highest"] = "highest"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of defect and the rows that have it.

    rows: int64 (K,) row numbers, group by group, the worst group first. groups: int64 (K,) each row's group, from 0.
    scores: float (K,), the measure of the defect. drops: bool (N,), the rows that this finding's policy drops.
    """

    kind: str
    severity: Severity
    policy: Policy
    rows: np.ndarray
    groups: np.ndarray
    scores: np.ndarray
    drops: np.ndarray

    @property
    def num_rows(self) -> int:
        """All rows with the defect, including those that stay."""
        return len(self.rows)

    @property
    def num_groups(self) -> int:
        """Groups of rows found together; for defects of single images, distinct images."""
        return int(self.groups[-1]) + 1 if len(self.groups) else 0

    def first_groups(self, limit: int) -> list[np.ndarray]:
        """The row numbers of the worst groups, at most `limit` groups."""
        return [self.rows[self.groups == group] for group in range(min(limit, self.num_groups))]


def as_finding(kind: str, severity: Severity, policy: Policy, defect: DefectMask) -> Finding:
    """Rank the groups of a defect, the worst first."""
    badness = defect.score if defect.worst == "highest" else -defect.score
    table = pd.DataFrame({"group": defect.groups, "badness": badness, "score": defect.score})[defect.defective]
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
        scores=table["score"].to_numpy(dtype=float),
        drops=defect.dropped.to_numpy(dtype=bool) & (policy == "drop"),
    )
