"""The page about the data for people: counts, findings with their pictures, expectations; one file, no network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emopipe.faces.file import FaceFile
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render
from emopipe.validate.expectations import Counts, Outcome
from emopipe.validate.findings.base import Finding

NUM_GROUPS = 12
"""Groups pictured for each kind of finding."""
NUM_PICTURES = 6
"""Pictures shown of a group."""

EXPLANATIONS = {
    "constant_image": "All pixels equal, or nearly: there is no face to learn from.",
    "likely_non_face": "Few grey levels, which drawings, signs and text have, and nearly black faces too. "
    "Evidence: entropy in bits.",
    "split_leak": "The same pixels in two splits: a model would be tested on what it was trained on.",
    "near_split_leak": "Nearly the same picture in two splits: re-encoded, brightened, shifted, stamped or mirrored. "
    "Evidence: correlation of details.",
    "label_conflict": "The same pixels under different labels: at least one of them is wrong.",
    "exact_duplicate": "The same pixels and label more than once in one split: such a face would count double.",
    "near_duplicate": "Nearly the same picture more than once in one split. Evidence: correlation of details.",
    "label_error": "Labels that models which had not seen them would not give; all are in suspects.csv, as lines for "
    "corrections.csv. Evidence: quality of the label, 0 to 1.",
    "saturated_image": "Mostly black and white pixels. Evidence: their share.",
    "blurred_image": "No fine detail. Evidence: sharpness.",
    "brightness_outlier": "Much darker or brighter than the others. Evidence: standard deviations from the median.",
    "size_outlier": "Much smaller or larger than the others. Evidence: standard deviations from the median.",
}


@dataclass(frozen=True, kw_only=True)
class _Picture:
    uri: str
    label: str
    split: str
    source: str
    dropped: bool
    evidence: float


@dataclass(frozen=True, kw_only=True)
class _Group:
    pictures: list[_Picture]
    num_more: int


def validation_page(
    file: FaceFile,
    faces: pd.DataFrame,
    reasons: pd.Series,
    findings: Sequence[Finding],
    outcomes: Sequence[Outcome],
    counts: Counts,
) -> str:
    """The page as HTML.

    faces: the facts of the table as it came, labels corrected. reasons: for each of its rows the kind of finding that
    dropped it, or None. outcomes, counts: of the cleaned table.
    """
    ranked = sorted(outcomes, key=lambda outcome: outcome.success)
    shown = [_first(rows, reasons) for finding in findings for rows in finding.first_groups(NUM_GROUPS)]
    pngs = file.pngs(np.concatenate([np.zeros(0, dtype=np.int64), *shown]))
    return render(
        "validate/page.html.j2",
        rows_in=len(faces),
        rows_out=int(reasons.isna().sum()),
        dropped=reasons.value_counts().to_dict(),
        findings=findings,
        groups={finding.kind: _groups(pngs, faces, reasons, finding) for finding in findings},
        explanations=EXPLANATIONS,
        outcomes=ranked,
        num_held=sum(outcome.success for outcome in outcomes),
        counts=counts,
    )


def _groups(pngs: dict[int, bytes], faces: pd.DataFrame, reasons: pd.Series, finding: Finding) -> list[_Group]:
    evidence = dict(zip(finding.rows.tolist(), finding.evidence.tolist(), strict=True))
    return [
        _Group(
            pictures=[
                _Picture(
                    uri=data_uri(pngs[row]),
                    label=faces["label"][row],
                    split=faces["split"][row],
                    source=faces["source"][row],
                    dropped=reasons[row] is not None,
                    evidence=evidence[row],
                )
                for row in _first(rows, reasons).tolist()
            ],
            num_more=max(len(rows) - NUM_PICTURES, 0),
        )
        for rows in finding.first_groups(NUM_GROUPS)
    ]


def _first(rows: np.ndarray, reasons: pd.Series) -> np.ndarray:
    """The rows of a group that are pictured: those that stay come first."""
    goes = reasons.iloc[rows].notna().to_numpy()
    return rows[np.argsort(goes, kind="stable")][:NUM_PICTURES]
