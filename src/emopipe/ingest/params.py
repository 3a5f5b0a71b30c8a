"""The section `ingest` of params.yaml: how a source becomes the canonical table."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from emopipe.core.names import fold_name
from emopipe.core.params import CLOSED
from emopipe.ingest.votes import OutOfClassVotes, VoteRule

Split = Literal["train", "val", "test"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
REJECT = "reject"
"""In `label_map`, like null: rows with this label are rejected."""


def _check_labels(value: Any) -> Any:
    """Numbers as text; raises `ValueError` for labels that YAML or DVC do not keep as written."""
    if not isinstance(value, Mapping):
        return value
    if strange := [label for label in value if isinstance(label, bool) or not isinstance(label, str | int | float)]:
        raise ValueError(f"YAML reads a label as {strange[0]}: write it in quotes")
    if len({isinstance(label, str) for label in value}) > 1:
        raise ValueError("DVC cannot sort numbers and words together: write all labels in quotes")
    labels = [fold_name(str(label)) for label in value]
    if len(set(labels)) < len(labels):
        raise ValueError("labels must differ in more than case and blanks")
    return {str(label): name for label, name in value.items()}


FOLDER = "folder:"


def folder_level(group_by: str | None) -> int | None:
    """The N of `folder:N`; None for the name of a column."""
    if group_by is None or not group_by.startswith(FOLDER):
        return None
    level = int(group_by.removeprefix(FOLDER))
    if level == 0:
        raise ValueError
    return level


def group_column(group_by: str | None) -> str | None:
    """The name of a column; None for `folder:N`."""
    return group_by if folder_level(group_by) is None else None


def _check_group(value: Any) -> Any:
    try:
        folder_level(value)
    except (AttributeError, ValueError):
        raise ValueError("expected null, the name of a column, or folder:1 (the first), folder:-1 (the last)") from None
    return value


GroupBy = Annotated[str | None, BeforeValidator(_check_group)]
LabelMap = Annotated[dict[str, str | None], BeforeValidator(_check_labels)]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class VoteParams:
    """Use of annotators' votes, if a source has them."""

    label: VoteRule
    """The label of a face: the `given` one, or that of the `plurality` or the `majority` of votes."""
    out_of_class_votes: OutOfClassVotes
    """Votes for labels that are no class: `reject` the row if they win, or `ignore` them."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class IngestParams:
    """How a source becomes the canonical table."""

    split_map: dict[str, Split]
    """The split of each name in the source: FER2013's Usage, folders; `*` is every other name."""
    label_map: LabelMap
    """The class of each label in the source, a word or a number; null or `reject` for one whose rows are rejected."""
    val_fraction: Fraction
    """Fraction of train that is sampled as val, if the source has no val."""
    test_fraction: Fraction
    """Fraction of train that is sampled as test, if the source has no test."""
    max_pixels: Annotated[int, Field(gt=0)]
    """Larger images are rejected before they are decoded."""
    crop_faces: bool
    """Whether images are photographs, to be cropped to the largest face; else they are face crops already."""
    min_similarity: Annotated[float, Field(gt=0, lt=1)]
    """Correlation of details from which images stay together when a split is sampled from train."""
    group_by: GroupBy
    """Which pictures, beside near-duplicates, stay together when a split is sampled from train: those with one value in
    a column of the source (persons, sessions), or in one folder: `folder:1` is the first of a path, `folder:-1` the
    last; null for none."""
    votes: VoteParams
    """Use of annotators' votes."""
