"""The gate between a source and training: find defects, drop rows by policy, check expectations, report."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from emopipe.core.errors import GateError
from emopipe.core.files import json_bytes
from emopipe.faces.file import FaceFile
from emopipe.faces.table import SPLITS, count_faces
from emopipe.validate.corrections import Corrections
from emopipe.validate.data_docs import data_docs
from emopipe.validate.evidence import collect_evidence
from emopipe.validate.expectations import NUM_EXAMPLES, Counts, Outcome, broken_expectations, check
from emopipe.validate.findings import drop_reasons, example_sources, find_defects, forbidden_defects
from emopipe.validate.findings.base import Evidence, Finding
from emopipe.validate.page import validation_page
from emopipe.validate.params import ValidateParams

CORRECTION = "correction"
"""Reason of rows that corrections.csv drops."""


@dataclass(frozen=True, kw_only=True)
class Validated:
    """A validated table of N faces."""

    kept: np.ndarray
    """Bool (N,), rows that stay."""
    labels: list[str]
    """Corrected labels (N,)."""
    report: dict[str, Any]
    """Counts, findings and expectations, ready for JSON."""
    pages: dict[str, bytes]
    """The validation page and its tables: file contents by path."""
    warnings: list[str]
    """Broken expectations that do not stop the pipeline, a line each."""


def validate(
    file: FaceFile, classes: Sequence[str], params: ValidateParams, corrections: Corrections, *, seed: int
) -> Validated:
    """Drop rows by the policies and check the expectations on the rest.

    Raises `GateError` with the report and the pages where a finding's policy is `fail`, or a critical expectation is
    broken.
    """
    faces = file.frame.assign(label=corrections.relabelled(file.frame["id"], file.frame["label"]))
    evidence = collect_evidence(file, faces, classes, params, seed=seed)
    evidence.labels["suspect"] &= ~corrections.named(faces["id"], "keep")
    findings = find_defects(evidence, params)
    reasons = drop_reasons(findings, len(faces))
    reasons[corrections.named(faces["id"], "drop")] = CORRECTION
    kept = reasons.isna().to_numpy()
    counts = count_faces(faces[kept], classes)
    outcomes, context = check(evidence.where(kept), counts, classes, params)
    problem = forbidden_defects(findings, faces) or broken_expectations(outcomes)
    tables = {
        "findings.csv": finding_table(faces, findings, reasons),
        "suspects.csv": suspect_table(evidence, findings),
    }
    report = validation_report(file.frame, faces, reasons, findings, outcomes, counts)
    pages = {
        "index.html": validation_page(file, faces, reasons, findings, outcomes, counts, problem).encode(),
        **{name: table.to_csv(index=False, lineterminator="\n").encode() for name, table in tables.items()},
        **{f"data_docs/{path}": content for path, content in data_docs(context).items()},
    }
    if problem:
        raise GateError(problem, {**pages, "report.json": json_bytes(report)})
    unknown = corrections.unknown(faces["id"])
    return Validated(
        kept=kept,
        labels=faces["label"].tolist(),
        report=report,
        pages=pages,
        warnings=[
            *(str(outcome) for outcome in outcomes if not outcome.success),
            *([f"{len(unknown)} corrections are for unknown ids ({unknown[0]}, ...)"] if unknown else []),
        ],
    )


def validation_report(
    given: pd.DataFrame,
    faces: pd.DataFrame,
    reasons: pd.Series,
    findings: Sequence[Finding],
    outcomes: Sequence[Outcome],
    counts: Counts,
) -> dict[str, Any]:
    """The report as JSON values; every row is either among `rows_out` or once among `dropped`.

    given: the rows with the labels of the source. faces: the same with corrected labels, which all counts use.
    """
    classes = list(counts["train"])
    kinds = [finding.kind for finding in findings] + [CORRECTION]
    dropped = {kind: count_faces(faces[reasons == kind], classes) for kind in kinds}
    totals = {kind: int((reasons == kind).sum()) for kind in kinds}  # rows of unknown classes as well
    rows_out = int(reasons.isna().sum())
    assert len(faces) == rows_out + sum(totals.values()), "every row is counted once"
    return {
        "rows_in": len(faces),
        "rows_out": rows_out,
        "relabelled": int((given["label"] != faces["label"]).sum()),
        "by_split_in": count_faces(faces, classes),
        "by_split": counts,
        "dropped": totals,
        "dropped_by_split": {kind: by_split for kind, by_split in dropped.items() if totals[kind]},
        "findings": [_finding_entry(faces, finding) for finding in findings],
        "expectations": [asdict(outcome) for outcome in outcomes],
    }


def finding_table(faces: pd.DataFrame, findings: Sequence[Finding], reasons: pd.Series) -> pd.DataFrame:
    """Every row of every finding, with its score; `dropped` is the reason, empty if the row stays."""
    parts = [
        faces.iloc[finding.rows][["source", "id", "split", "label"]].assign(
            kind=finding.kind,
            severity=finding.severity,
            group=finding.groups,
            evidence=finding.scores.round(4),
            dropped=reasons.iloc[finding.rows].fillna(""),
        )
        for finding in findings
    ]
    columns = ["kind", "severity", "group", "source", "id", "split", "label", "evidence", "dropped"]
    return pd.concat(parts)[columns]


def suspect_table(evidence: Evidence, findings: Sequence[Finding]) -> pd.DataFrame:
    """Label errors, the worst first, as lines for corrections.csv with an empty `action`."""
    (suspects,) = (finding for finding in findings if finding.kind == "label_error")
    rows = evidence.faces.iloc[suspects.rows]
    return pd.DataFrame(
        {
            "id": rows["id"],
            "action": "",
            "label": evidence.labels["suggested"].iloc[suspects.rows],
            "given": rows["label"],
            "quality": suspects.scores.round(4),
            "split": rows["split"],
            "source": rows["source"],
        }
    )


def _finding_entry(faces: pd.DataFrame, finding: Finding) -> dict[str, Any]:
    in_split = faces["split"].iloc[finding.rows].value_counts()
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "policy": finding.policy,
        "num_rows": finding.num_rows,
        "num_groups": finding.num_groups,
        "rows_by_split": {split: int(in_split.get(split, 0)) for split in SPLITS},
        "examples": example_sources(faces, finding.rows, NUM_EXAMPLES),
    }
