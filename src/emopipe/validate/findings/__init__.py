"""What is wrong with the pictures of a table: copies, leaks, conflicts, unfit pictures, doubtful labels.

All kinds are found in the table as it came, so the rows that go are the same in whatever order the kinds are taken.
Only the bookkeeping needs an order: a row that several kinds drop counts under the first of `KINDS`.
Shapes: N faces.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emopipe.core.errors import GateError
from emopipe.validate.findings import copies, pictures
from emopipe.validate.findings.base import DefectMask, Evidence, Finding, Severity, as_finding
from emopipe.validate.params import ValidateParams

SEVERITY: dict[str, Severity] = {
    "constant_image": "warning",
    "likely_non_face": "warning",
    "split_leak": "critical",
    "near_split_leak": "critical",
    "label_conflict": "warning",
    "exact_duplicate": "info",
    "near_duplicate": "info",
    "label_error": "warning",
    "saturated_image": "info",
    "blurred_image": "info",
    "brightness_outlier": "info",
    "size_outlier": "info",
}
"""How much a kind harms when its rows stay: a leak makes every later figure wrong, a duplicate only weighs double."""

KINDS = tuple(SEVERITY)
"""In the order in which dropped rows are accounted: what is no face first, then what harms the figures most."""


def find_all(seen: Evidence, params: ValidateParams) -> tuple[Finding, ...]:
    """One finding of each of `KINDS`, in that order; those of which there is nothing have no rows."""
    found: dict[str, DefectMask] = {
        "constant_image": pictures.constant_images(seen, params),
        "likely_non_face": pictures.likely_non_faces(seen, params),
        "split_leak": copies.split_leaks(seen),
        "near_split_leak": copies.near_split_leaks(seen),
        "label_conflict": copies.label_conflicts(seen),
        "exact_duplicate": copies.exact_duplicates(seen),
        "near_duplicate": copies.near_duplicates(seen),
        "label_error": pictures.label_errors(seen),
        "saturated_image": pictures.saturated_images(seen, params),
        "blurred_image": pictures.blurred_images(seen, params),
        "brightness_outlier": pictures.brightness_outliers(seen, params),
        "size_outlier": pictures.size_outliers(seen, params),
    }
    return tuple(as_finding(kind, SEVERITY[kind], getattr(params.policy, kind), found[kind]) for kind in KINDS)


def enforce_policies(findings: Sequence[Finding], faces: pd.DataFrame) -> None:
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


def example_sources(faces: pd.DataFrame, rows: np.ndarray, limit: int) -> list[str]:
    """Where the first of some rows came from."""
    return [str(source) for source in faces["source"].iloc[rows[:limit]]]
