"""The gate: Great Expectations over a table with one row per face, the counts by split and class, and drift.

Great Expectations validates tables, not images, so the tables hold what was measured. A broken expectation of severity
`critical` stops the pipeline, one of severity `warning` is reported. Rows that a policy keeps, and defects of the test
split, are never critical.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from emopipe.faces.table import SPLITS
from emopipe.validate.data_docs import RUN_TIME
from emopipe.validate.findings.base import Evidence
from emopipe.validate.findings.duplicates import near_split_leaks
from emopipe.validate.findings.quality import aspect, sides
from emopipe.validate.params import Policy, ValidateParams

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # versions that send usage events read this when they are imported
import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.row_conditions import Column
from scipy.stats import ks_2samp

NUM_EXAMPLES = 5
"""Sources in the report for each expectation and finding."""
DRIFTING = ("brightness", "contrast", "sharpness")
"""Measures whose distribution is compared between splits."""
RESULT_FORMAT = {"result_format": "SUMMARY", "unexpected_index_column_names": ["source"]}
ID = "^[0-9a-f]{32}$"

Counts = dict[str, dict[str, int]]
"""Faces by split and class, zeros included."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of one expectation."""

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


def check(
    evidence: Evidence, counts: Counts, classes: Sequence[str], params: ValidateParams
) -> tuple[list[Outcome], Any]:
    """Check all expectations; returns the outcomes, and the Great Expectations context for `data_docs`."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    outcomes = [
        *_run(context, "faces", face_table(evidence), _face_expectations(classes, params)),
        *_run(context, "counts", count_table(counts), _count_expectations(params)),
        *_run(context, "drift", drift_table(evidence), _drift_expectations(params)),
    ]
    return outcomes, context


def broken_expectations(outcomes: Sequence[Outcome]) -> str:
    """All broken critical expectations in one line; empty without any."""
    broken = [str(outcome) for outcome in outcomes if not outcome.success and outcome.severity == "critical"]
    return f"{'; '.join(broken)}. Correct the source, or the section validate of params.yaml" if broken else ""


def face_table(evidence: Evidence) -> pd.DataFrame:
    """The measures of each face that expectations refer to, one row per face.

    `num_splits` and `num_labels` count the splits and labels of its image, `near_leak` is 1 if a near-duplicate is in
    another split; `aspect` is the longer side over the shorter.
    """
    faces, measures = evidence.faces, evidence.measures
    by_image = faces.groupby("id", dropna=False)
    return faces[["id", "label", "split", "source"]].assign(
        side=sides(faces).min(axis=1),
        aspect=aspect(faces),
        spread=measures["brightest"] - measures["darkest"],
        num_splits=by_image["split"].transform("nunique"),
        near_leak=near_split_leaks(evidence).defective.astype(np.int64),
        num_labels=by_image["label"].transform("nunique"),
    )


def drift_table(evidence: Evidence) -> pd.DataFrame:
    """Distance between train and another split in the distribution of each measure, 0 to 1.

    The Kolmogorov-Smirnov statistic; for labels the total variation distance of their shares. `source` is the text for
    messages.
    """
    split, labels = evidence.faces["split"], evidence.faces["label"]
    rows = []
    for other in SPLITS[1:]:
        masks = (split == "train").to_numpy(), (split == other).to_numpy()
        if not all(mask.any() for mask in masks):
            continue
        train, held_out = (labels[mask].value_counts(normalize=True) for mask in masks)
        distances = {"labels": float(train.sub(held_out, fill_value=0).abs().sum() / 2)}
        for name in DRIFTING:
            distances[name] = float(ks_2samp(*(evidence.measures[name][mask] for mask in masks)).statistic)
        rows += [(other, name, value, f"{name} in {other} {value:.3f}") for name, value in distances.items()]
    return pd.DataFrame(rows, columns=["split", "measure", "distance", "source"])


def count_table(counts: Counts) -> pd.DataFrame:
    """The counts as rows; `source` is the text for messages."""
    rows = [
        (split, label, number, f"{split}/{label} has {number}")
        for split, by_class in counts.items()
        for label, number in by_class.items()
    ]
    return pd.DataFrame(rows, columns=["split", "label", "num_faces", "source"])


def _face_expectations(classes: Sequence[str], params: ValidateParams) -> list[Any]:
    policy = params.policy
    one_of = {"label": classes, "split": SPLITS}
    near_leak = "no picture is nearly the same as one in another split"
    return [
        *(
            _expect("ColumnValuesToNotBeNull", f"no face lacks its {name}", "critical", column=name)
            for name in ("id", "label", "split", "source")
        ),
        _expect("ColumnValuesToMatchRegex", "every id is 32 hex digits", "critical", column="id", regex=ID),
        *(
            _expect(
                "ColumnValuesToBeInSet",
                f"every {name} is one of {', '.join(values)}",
                "critical",
                column=name,
                value_set=list(values),
            )
            for name, values in one_of.items()
        ),
        _between("no picture is in two splits", _severity(policy.split_leak), "num_splits", max_value=1),
        _between(near_leak, _severity(policy.near_split_leak), "near_leak", max_value=0),
        *(expectation for split in SPLITS for expectation in _split_expectations(split, params)),
    ]


def _split_expectations(split: str, params: ValidateParams) -> list[Any]:
    policy, least, ratio, spread = params.policy, params.min_size, params.max_aspect, params.constant_range
    twice, copies = f"no picture is in {split} twice with one label", _severity(policy.exact_duplicate, split)
    labels = f"no picture in {split} has two labels"
    size = f"every side in {split} has at least {least} pixels (validate.min_size)"
    shape = f"no side in {split} is over {ratio:g} times the other (validate.max_aspect)"
    blank = f"no picture in {split} is blank (validate.constant_range is {spread})"
    return [
        _expect("CompoundColumnsToBeUnique", twice, copies, split, column_list=["id", "label"]),
        _between(labels, _severity(policy.label_conflict, split), "num_labels", split, max_value=1),
        _between(size, _severity(policy.small_image, split), "side", split, min_value=least),
        _between(shape, _severity(policy.elongated_image, split), "aspect", split, max_value=ratio),
        _between(blank, _severity(policy.constant_image, split), "spread", split, min_value=spread + 1),
    ]


def _count_expectations(params: ValidateParams) -> list[Any]:
    fewest = {"train": params.min_train_faces, "val": 1, "test": 1}
    names = {"train": "train (validate.min_train_faces)"}
    return [
        _between(
            f"every class has {least} or more faces in {names.get(split, split)}",
            "critical",
            "num_faces",
            split,
            min_value=least,
        )
        for split, least in fewest.items()
    ]


def _drift_expectations(params: ValidateParams) -> list[Any]:
    limit = params.max_ks_distance
    text = f"measures and labels are distributed in {{}} as in train, to {limit:g} (validate.max_ks_distance)"
    return [_between(text.format(split), "warning", "distance", split, max_value=limit) for split in SPLITS[1:]]


def _between(text: str, severity: str, column: str, split: str | None = None, **limits: float) -> Any:
    return _expect("ColumnValuesToBeBetween", text, severity, split, column=column, **limits)


def _expect(kind: str, text: str, severity: str, split: str | None = None, **arguments: Any) -> Any:
    """An expectation of Great Expectations, for the rows of one split or for all."""
    if split:
        arguments["row_condition"] = Column("split") == split
    return getattr(gx.expectations, f"Expect{kind}")(notes=text, severity=severity, **arguments)


def _severity(policy: Policy, split: str = "train") -> str:
    """Rows that the user keeps, and test rows, which are never dropped, do not stop the pipeline."""
    return "warning" if policy == "keep" or split == "test" else "critical"


def _run(context: Any, name: str, table: pd.DataFrame, expectations: list[Any]) -> list[Outcome]:
    """Validate one table with one checkpoint, called `name` in Data Docs."""
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
