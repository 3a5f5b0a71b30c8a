"""The gate: Great Expectations over a table with one row per face, and over the counts by split and class.

Great Expectations knows tables, not pictures, so what it judges is measured first. A broken expectation of severity
`critical` stops the pipeline, one of severity `warning` is reported. What the user keeps by policy, and what the test
split is free to hold, is never critical.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from emopipe.core.errors import GateError
from emopipe.faces.table import SPLITS
from emopipe.validate.data_docs import RUN_TIME
from emopipe.validate.findings.base import Evidence
from emopipe.validate.findings.copies import near_split_leaks
from emopipe.validate.params import Policy, ValidateParams

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # versions that send usage events read this when they are imported
import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.row_conditions import Column
from scipy.stats import ks_2samp

gxe: Any = gx.expectations  # typed, but so that no expectation can be named

NUM_EXAMPLES = 5
DRIFTING = ("brightness", "contrast", "sharpness")
"""Measures that are compared between splits."""
RESULT_FORMAT = {"result_format": "SUMMARY", "unexpected_index_column_names": ["source"]}
ID = "^[0-9a-f]{32}$"

Counts = dict[str, dict[str, int]]
"""Faces by split and class, zeros included."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one expectation came to."""

    text: str
    """The expectation, as a statement."""
    severity: str
    """`critical`, `warning` or `info`."""
    success: bool
    num_rows: int
    """Rows to which it applies."""
    num_unexpected: int
    """Rows that break it."""
    examples: tuple[str, ...]
    """Sources of the first rows that break it."""

    def __str__(self) -> str:
        return f"{self.text}: broken by {self.num_unexpected} of {self.num_rows} rows ({', '.join(self.examples[:3])})"


def check(seen: Evidence, counts: Counts, classes: Sequence[str], params: ValidateParams) -> tuple[list[Outcome], Any]:
    """Hold the table against everything that is expected of it.

    Returns the outcomes, and the Great Expectations context from which Data Docs can be rendered.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    outcomes = [
        *_run(context, "faces", face_table(seen), _face_expectations(classes, params)),
        *_run(context, "counts", count_table(counts), _count_expectations(params)),
        *_run(context, "drift", drift_table(seen), _drift_expectations(params)),
    ]
    return outcomes, context


def enforce(outcomes: Sequence[Outcome]) -> None:
    """Raise `GateError` with all broken critical expectations in one line."""
    broken = [str(outcome) for outcome in outcomes if not outcome.success and outcome.severity == "critical"]
    if broken:
        raise GateError(f"{'; '.join(broken)}. Correct the source, or the section validate of params.yaml")


def face_table(seen: Evidence) -> pd.DataFrame:
    """What there is to judge about each face, one row per face.

    `num_splits` and `num_labels` count the splits and labels under which its picture occurs, `near_leak` is 1 where
    nearly the same picture is in another split; `aspect` is the longer side over the shorter.
    """
    frame = seen.faces
    sides = frame[["width", "height"]].astype(np.int64)
    same_picture = frame.groupby("id", dropna=False)
    measured = {
        "side": sides.min(axis=1),
        "aspect": sides.max(axis=1) / sides.min(axis=1),
        "spread": seen.measures["brightest"] - seen.measures["darkest"],
        "num_splits": same_picture["split"].transform("nunique"),
        "near_leak": near_split_leaks(seen).found.astype(np.int64),
        "num_labels": same_picture["label"].transform("nunique"),
    }
    return frame[["id", "label", "split", "source"]].assign(**measured)


def drift_table(seen: Evidence) -> pd.DataFrame:
    """How far the distribution of each measure in another split is from that in train, 0 to 1.

    The Kolmogorov-Smirnov statistic; for the labels the total variation distance of their shares. `source` spells each
    out for messages.
    """
    split = seen.faces["split"]
    rows = []
    for other in SPLITS[1:]:
        ours, theirs = (split == "train").to_numpy(), (split == other).to_numpy()
        if not ours.any() or not theirs.any():
            continue
        shares = [seen.faces["label"][rows].value_counts(normalize=True) for rows in (ours, theirs)]
        distances = {"labels": float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)}
        for name in DRIFTING:
            measured = seen.measures[name]
            distances[name] = float(ks_2samp(measured[ours], measured[theirs]).statistic)
        rows += [(other, name, value, f"{name} in {other} {value:.3f}") for name, value in distances.items()]
    return pd.DataFrame(rows, columns=["split", "measure", "distance", "source"])


def count_table(counts: Counts) -> pd.DataFrame:
    """The counts as rows; `source` spells each out for messages."""
    rows = [
        (split, label, number, f"{split}/{label} has {number}")
        for split, by_class in counts.items()
        for label, number in by_class.items()
    ]
    return pd.DataFrame(rows, columns=["split", "label", "num_faces", "source"])


def _face_expectations(classes: Sequence[str], params: ValidateParams) -> list[Any]:
    critical = {"severity": "critical"}
    known = [
        gxe.ExpectColumnValuesToNotBeNull(column=name, notes=f"no face lacks its {name}", **critical)
        for name in ("id", "label", "split", "source")
    ]
    known += [
        gxe.ExpectColumnValuesToMatchRegex(column="id", regex=ID, notes="every id is 32 hex digits", **critical),
        gxe.ExpectColumnValuesToBeInSet(
            column="label", value_set=list(classes), notes=f"every label is one of {', '.join(classes)}", **critical
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="split", value_set=list(SPLITS), notes=f"every split is one of {', '.join(SPLITS)}", **critical
        ),
    ]
    leaks = gxe.ExpectColumnValuesToBeBetween(
        column="num_splits",
        max_value=1,
        notes="no picture is in two splits",
        severity=_severity(params.policy.split_leak),
    )
    near_leaks = gxe.ExpectColumnValuesToBeBetween(
        column="near_leak",
        max_value=0,
        notes="no picture is nearly the same as one in another split",
        severity=_severity(params.policy.near_split_leak),
    )
    return [*known, leaks, near_leaks, *(rule for split in SPLITS for rule in _picture_expectations(split, params))]


def _picture_expectations(split: str, params: ValidateParams) -> list[Any]:
    policy, least, aspect = params.policy, params.min_size, params.max_aspect
    twice = gxe.ExpectCompoundColumnsToBeUnique(
        column_list=["id", "label"],
        row_condition=Column("split") == split,
        notes=f"no picture is in {split} twice with one label",
        severity=_severity(policy.exact_duplicate, split),
    )
    labels = f"no picture in {split} has two labels"
    size = f"every side in {split} has at least {least} pixels (validate.min_size)"
    shape = f"no side in {split} is over {aspect:g} times the other (validate.max_aspect)"
    blank = f"no picture in {split} is blank (validate.constant_range is {params.constant_range})"
    return [
        twice,
        _between(labels, "num_labels", split, _severity(policy.label_conflict, split), max_value=1),
        _between(size, "side", split, _severity("fail", split), min_value=least),
        _between(shape, "aspect", split, _severity("fail", split), max_value=aspect),
        _between(blank, "spread", split, _severity(policy.constant_image, split), min_value=params.constant_range + 1),
    ]


def _count_expectations(params: ValidateParams) -> list[Any]:
    fewest = {"train": params.min_train_faces, "val": 1, "test": 1}
    return [
        _between(f"every class has {least} or more faces in {split}", "num_faces", split, "critical", min_value=least)
        for split, least in fewest.items()
    ]


def _drift_expectations(params: ValidateParams) -> list[Any]:
    limit = params.max_ks_distance
    notes = f"measures and labels are distributed in {{}} as in train, to {limit:g} (validate.max_ks_distance)"
    return [_between(notes.format(split), "distance", split, "warning", max_value=limit) for split in SPLITS[1:]]


def _between(text: str, column: str, split: str, severity: str, **limits: float) -> Any:
    within = Column("split") == split
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, row_condition=within, severity=severity, notes=text, **limits
    )


def _severity(policy: Policy, split: str = "train") -> str:
    """What a user keeps, and what is in test, which nobody may prune, is no reason to stop."""
    return "warning" if policy == "keep" or split == "test" else "critical"


def _run(context: Any, name: str, table: pd.DataFrame, expectations: list[Any]) -> list[Outcome]:
    """Validate one table with one checkpoint; `name` names it in Data Docs."""
    asset = context.data_sources.add_pandas(f"emopipe_{name}").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=name, validation_definitions=[definition], result_format=RESULT_FORMAT)
    )
    run_id = RunIdentifier(run_name="validate", run_time=RUN_TIME)
    result = checkpoint.run(batch_parameters={"dataframe": table}, run_id=run_id)
    (validation,) = result.run_results.values()
    return [_outcome(item) for item in validation.to_json_dict()["results"]]


def _outcome(item: dict[str, Any]) -> Outcome:
    config, result = item["expectation_config"], item["result"]
    assert not item["exception_info"].get("raised_exception"), item["exception_info"]
    return Outcome(
        text=config["notes"],
        severity=config["severity"],
        success=item["success"],
        num_rows=result["element_count"],
        num_unexpected=result["unexpected_count"],
        examples=tuple(str(row["source"]) for row in result["partial_unexpected_index_list"][:NUM_EXAMPLES]),
    )
