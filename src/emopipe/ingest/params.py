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
    """What is made of annotators' votes, where a source has them."""

    label: VoteRule
    """Which label a face gets: the `given` one, that of the `plurality`, or that of the `majority` of votes."""
    out_of_class_votes: OutOfClassVotes
    """Votes for what is no class: `reject` the row where they win, or `ignore` them."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class IngestParams:
    """How a source becomes the canonical table."""

    split_map: dict[str, Split]
    """The source's own names of splits (FER2013's Usage), and which split each is."""
    val_fraction: Fraction
    """Share of train that is carved off as val, where the source has no val."""
    test_fraction: Fraction
    """Share of train that is carved off as test, where the source has no test."""
    max_pixels: Annotated[int, Field(gt=0)]
    """Larger pictures are rejected before they are decoded."""
    crop_faces: bool
    """Whether pictures are photographs, of which the largest face is cut out; else they are taken as faces already."""
    min_similarity: Annotated[float, Field(gt=0, lt=1)]
    """Pictures whose details correlate by at least this stay together where a split is sampled from train."""
    votes: VoteParams
    """What is made of annotators' votes."""
