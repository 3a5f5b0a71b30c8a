"""Defects of a table of faces: duplicates, leaks, label conflicts, poor images, label errors.

All kinds are found in the table before anything is dropped, so the dropped rows do not depend on the order of kinds.
Only the accounting does: a row that several kinds drop counts under the first of `KINDS`.
Shapes: N faces.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from emopipe.validate.findings import duplicates, quality
from emopipe.validate.findings.base import DefectMask, Evidence, Finding, Severity, as_finding
from emopipe.validate.params import ValidateParams

_DEFECTS: dict[str, tuple[Severity, Callable[[Evidence, ValidateParams], DefectMask]]] = {
    "constant_image": ("warning", lambda evidence, p: quality.constant_images(evidence, p.constant_range)),
    "likely_non_face": ("warning", lambda evidence, p: quality.below(evidence, "entropy", p.min_entropy)),
    "small_image": ("warning", lambda evidence, p: quality.small_images(evidence, p.min_size)),
    "elongated_image": ("warning", lambda evidence, p: quality.elongated_images(evidence, p.max_aspect)),
    "split_leak": ("critical", lambda evidence, _: duplicates.split_leaks(evidence)),
    "near_split_leak": ("critical", lambda evidence, _: duplicates.near_split_leaks(evidence)),
    "label_conflict": ("warning", lambda evidence, _: duplicates.label_conflicts(evidence)),
    "exact_duplicate": ("info", lambda evidence, _: duplicates.exact_duplicates(evidence)),
    "near_duplicate": ("info", lambda evidence, _: duplicates.near_duplicates(evidence)),
    "label_error": ("warning", lambda evidence, _: quality.label_errors(evidence)),
    "saturated_image": ("info", lambda evidence, p: quality.above(evidence, "saturated", p.max_saturated)),
    "blurred_image": ("info", lambda evidence, p: quality.below(evidence, "sharpness", p.min_sharpness)),
    "brightness_outlier": ("info", lambda evidence, p: quality.brightness_outliers(evidence, p.max_robust_z)),
    "size_outlier": ("info", lambda evidence, p: quality.size_outliers(evidence, p.max_robust_z)),
}
"""Severity if the rows stay (a leak biases every metric, a duplicate only counts double), and the detection."""

KINDS = tuple(_DEFECTS)
"""In the order of accounting: non-faces first, then what biases the metrics most."""


def find_defects(evidence: Evidence, params: ValidateParams) -> tuple[Finding, ...]:
    """One finding of each of `KINDS`, in that order; without rows if there is no such defect."""
    return tuple(
        as_finding(kind, severity, getattr(params.policy, kind), detect(evidence, params))
        for kind, (severity, detect) in _DEFECTS.items()
    )


def forbidden_defects(findings: Sequence[Finding], faces: pd.DataFrame) -> str:
    """All findings whose policy is `fail`, in one line; empty without any."""
    problems = [
        f"{finding.kind}: expected none (validate.policy.{finding.kind} is fail), got {finding.num_rows} rows "
        f"in {finding.num_groups} groups ({', '.join(example_sources(faces, finding.rows, 3))})"
        for finding in findings
        if finding.policy == "fail" and finding.num_rows
    ]
    return f"{'; '.join(problems)}. Correct the source, or set the policy to drop or keep" if problems else ""


def drop_reasons(findings: Sequence[Finding], num_faces: int) -> pd.Series:
    """The first kind that drops each row, None for rows that stay. Object (N,)."""
    reasons = pd.Series([None] * num_faces, dtype=object)
    for finding in findings:
        reasons[finding.drops & reasons.isna().to_numpy()] = finding.kind
    return reasons


def example_sources(faces: pd.DataFrame, rows: np.ndarray, limit: int) -> list[str]:
    """Sources of the first of some rows."""
    return [str(source) for source in faces["source"].iloc[rows[:limit]]]
