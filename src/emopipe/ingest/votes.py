"""One label from the votes of several annotators, or the reason why there is none.

FER+ has ten votes for each image of FER2013: Barsoum et al. 2016, "Training Deep Networks for Facial Expression
Recognition with Crowd-Sourced Label Distribution" (https://arxiv.org/abs/1608.01041). Their program discards labels
with a single vote before it counts; here every vote counts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emopipe.core.names import fold_name

VoteRule = Literal["given", "plurality", "majority"]
"""`given`: the source's own label. `plurality`: the label with the most votes. `majority`: with more than half."""
OutOfClassVotes = Literal["reject", "ignore"]
"""Votes for labels that are no class (contempt, unknown, NF): `reject` the row if they win, or `ignore` them."""
Undecided = Literal["no_majority", "voted_no_class"]


@dataclass(frozen=True)
class VoteReject:
    """Why the votes on a row give no label."""

    reason: Undecided
    detail: str


def class_votes(votes: Mapping[str, int], lookup: Mapping[str, str], classes: Sequence[str]) -> list[int]:
    """Votes per class, in the order of `classes`; out-of-class votes are omitted.

    votes: by the source's labels. lookup: from a folded label to its class (`labels.LabelPlan.names`).
    """
    counts = _counts(votes, lookup)
    return [counts[name] for name in classes]


def resolve_label(
    given: str,
    votes: Mapping[str, int],
    lookup: Mapping[str, str],
    *,
    rule: VoteRule,
    out_of_class_votes: OutOfClassVotes,
) -> str | VoteReject:
    """The label of a row: the source's own label `given` under that rule, else the class by vote.

    votes: by the source's labels, from 0. lookup: from a folded label to its class. Votes for several names of
    one class are summed. Unless out-of-class votes are ignored, each of their labels counts like a class, also in the
    total of which a majority needs more than half.

    Reasons to reject: `no_majority`: no vote at all, a tie for the most votes, or no label with more than half under
    the rule `majority`; `voted_no_class`: labels that are no class win, or no vote is left once they are ignored.
    """
    if rule == "given":
        return given
    counts, known = _counts(votes, lookup), set(lookup.values())
    if out_of_class_votes == "ignore":
        counts = Counter({name: count for name, count in counts.items() if name in known})
    most, total = max(counts.values(), default=0), counts.total()
    if not total:
        return VoteReject("voted_no_class" if sum(votes.values()) else "no_majority", "no vote for a class")
    leaders = [name for name, count in counts.items() if count == most]
    detail = f"{most} of {total} votes for {' and for '.join(leaders)}"
    if rule == "majority" and 2 * most <= total:
        return VoteReject("no_majority", f"{detail}, expected more than half")
    if known.isdisjoint(leaders):
        return VoteReject("voted_no_class", f"{detail}, expected a class")
    return leaders[0] if len(leaders) == 1 else VoteReject("no_majority", f"{detail}, expected one with the most")


def _counts(votes: Mapping[str, int], lookup: Mapping[str, str]) -> Counter[str]:
    """Votes by class, and by label for labels that are no class."""
    counts: Counter[str] = Counter()
    for label, count in votes.items():
        counts[lookup.get(fold_name(label), label)] += count
    return counts
