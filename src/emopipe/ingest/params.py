"""The section `ingest` of params.yaml: how a source becomes the canonical table."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED
from emopipe.ingest.votes import OutOfClassVotes, VoteRule

Split = Literal["train", "val", "test"]
Fraction = Annotated[float, Field(ge=0, lt=1)]


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
    """The split of each name in the source (FER2013's Usage)."""
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
    votes: VoteParams
    """Use of annotators' votes."""
