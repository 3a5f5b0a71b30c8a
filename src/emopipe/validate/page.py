"""The validation page: counts, findings with their images, expectations; one file without remote resources."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emopipe.faces.file import FaceFile
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render
from emopipe.validate.expectations import Counts, Outcome
from emopipe.validate.findings.base import Finding

NUM_GROUPS = 12
"""Groups shown for each kind of finding."""
NUM_IMAGES = 6
"""Images shown of a group."""


def validation_page(
    file: FaceFile,
    faces: pd.DataFrame,
    reasons: pd.Series,
    findings: Sequence[Finding],
    outcomes: Sequence[Outcome],
    counts: Counts,
    problem: str = "",
) -> str:
    """The page as HTML.

    faces: `file.frame`, with corrected labels. reasons: the kind of finding that dropped each of its rows, or None.
    outcomes, counts: of the cleaned table. problem: why the gate stops the pipeline; empty if it does not.
    """
    shown = [_first(rows, reasons) for finding in findings for rows in finding.first_groups(NUM_GROUPS)]
    pngs = file.pngs(np.concatenate([np.zeros(0, dtype=np.int64), *shown]))
    return render(
        "validate/page.html.j2",
        rows_in=len(faces),
        rows_out=int(reasons.isna().sum()),
        dropped=reasons.value_counts().to_dict(),
        findings=findings,
        groups={finding.kind: _groups(pngs, faces, reasons, finding) for finding in findings},
        outcomes=sorted(outcomes, key=lambda outcome: outcome.success),
        num_held=sum(outcome.success for outcome in outcomes),
        counts=counts,
        problem=problem,
    )


def _groups(pngs: dict[int, bytes], faces: pd.DataFrame, reasons: pd.Series, finding: Finding) -> list[dict[str, Any]]:
    """The first groups of a finding: `images`, and `num_more` that are not shown."""
    scores = dict(zip(finding.rows.tolist(), finding.scores.tolist(), strict=True))

    def image(row: int) -> dict[str, Any]:
        facts = {name: faces[name][row] for name in ("label", "split", "source")}
        return {"uri": data_uri(pngs[row]), "dropped": reasons[row] is not None, "evidence": scores[row], **facts}

    return [
        {"images": list(map(image, _first(rows, reasons).tolist())), "num_more": max(len(rows) - NUM_IMAGES, 0)}
        for rows in finding.first_groups(NUM_GROUPS)
    ]


def _first(rows: np.ndarray, reasons: pd.Series) -> np.ndarray:
    """The rows of a group that are shown, kept rows first."""
    dropped = reasons.iloc[rows].notna().to_numpy()
    return rows[np.argsort(dropped, kind="stable")][:NUM_IMAGES]
