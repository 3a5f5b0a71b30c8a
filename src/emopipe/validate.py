"""The gate between a source and everything that learns from it: find, drop, check, and tell."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from emopipe.data_docs import data_docs
from emopipe.expectations import Counts, Outcome, check, enforce
from emopipe.faces import SPLITS, Faces
from emopipe.findings import Finding, drop_reasons, enforce_policies, example_sources, find_all, pixel_extremes
from emopipe.params import ValidateParams
from emopipe.validation_page import validation_page

NUM_EXAMPLES = 5
"""Sources that the report names for each finding."""


@dataclass(frozen=True, kw_only=True)
class Validated:
    """What validation makes of a table."""

    faces: Faces
    """The faces that stay, in their order."""
    report: dict[str, Any]
    """Counts, findings and expectations, ready for JSON."""
    pages: dict[str, bytes]
    """The report for people: file contents by path, `index.html` first to open."""
    warnings: list[str]
    """Broken expectations that do not stop the pipeline, a line each."""


def validate(faces: Faces, classes: Sequence[str], params: ValidateParams) -> Validated:
    """Drop what the policies drop and hold the rest against the expectations.

    Raises `GateError` when a finding's policy is `fail`, or when a critical expectation does not hold.
    """
    extremes = pixel_extremes(faces)
    findings = find_all(faces, extremes, params)
    enforce_policies(findings, faces)
    reasons = drop_reasons(findings, len(faces))
    kept = reasons.isna()
    clean = faces.where(kept)
    counts = count_faces(clean, classes)
    outcomes, context = check(clean, extremes[kept.to_numpy()], counts, classes, params)
    enforce(outcomes)
    page = validation_page(faces, reasons, findings, outcomes, counts)
    docs = {f"data_docs/{path}": content for path, content in data_docs(context).items()}
    return Validated(
        faces=clean,
        report=validation_report(faces, reasons, findings, outcomes, counts),
        pages={"index.html": page.encode(), **docs},
        warnings=[str(outcome) for outcome in outcomes if not outcome.success],
    )


def count_faces(faces: Faces, classes: Sequence[str]) -> Counts:
    """Faces by split and class, zeros included, in the order of the splits and `classes`."""
    counted = faces.frame.groupby(["split", "label"]).size()
    return {split: {name: int(counted.get((split, name), 0)) for name in classes} for split in SPLITS}


def validation_report(
    faces: Faces, reasons: pd.Series, findings: Sequence[Finding], outcomes: Sequence[Outcome], counts: Counts
) -> dict[str, Any]:
    """The report for programs; every row of `faces` is either among `rows_out` or once among `dropped`."""
    dropped = {finding.kind: int((reasons == finding.kind).sum()) for finding in findings}
    by_split = faces.frame["split"][reasons.notna()].value_counts()
    rows_out = int(reasons.isna().sum())
    assert len(faces) == rows_out + sum(dropped.values()), "every row is accounted once"
    return {
        "rows_in": len(faces),
        "rows_out": rows_out,
        "by_split": counts,
        "dropped": dropped,
        "dropped_by_split": {split: int(by_split.get(split, 0)) for split in SPLITS},
        "findings": [_finding_entry(faces, finding) for finding in findings],
        "expectations": [asdict(outcome) for outcome in outcomes],
    }


def _finding_entry(faces: Faces, finding: Finding) -> dict[str, Any]:
    in_split = faces.frame["split"].iloc[finding.rows].value_counts()
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "policy": finding.policy,
        "num_rows": finding.num_rows,
        "num_groups": finding.num_groups,
        "rows_by_split": {split: int(in_split.get(split, 0)) for split in SPLITS},
        "examples": example_sources(faces, finding.rows, NUM_EXAMPLES),
    }
