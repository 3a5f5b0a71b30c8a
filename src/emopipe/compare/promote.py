"""Promotion: the alias `champion` in MLflow's registry, with the verdict kept as tags of the version."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.compare.model_ref import of_version
from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import Verdict, evaluate_rule
from emopipe.compare.promotion_text import verdict_record
from emopipe.core.errors import EmopipeError, ParamsError, WorkspaceError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import Comparison, compare
from emopipe.tracking.champions import champion_history, move_champion
from emopipe.tracking.evidence import evidence_of
from emopipe.tracking.git_registry import make_tags, missing_tags
from emopipe.tracking.registry_backup import save_registry
from emopipe.tracking.store import connect
from emopipe.tracking.versions import (
    CHALLENGER,
    ROLLED_BACK_TAG,
    find_champion,
    find_version,
    mlflow_faults,
    tag_version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

VERDICT_TAG, RECORD_TAG = "emopipe.verdict", "emopipe.verdict_record"
FORCED_TAG = "emopipe.forced"
UNMOVED = "so the champion is unchanged"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The verdict on a challenger, and whether it became champion."""

    challenger: str
    """Version."""
    champion: str | None
    """The version that was champion before, if any."""
    moved: bool
    git_tags: tuple[str, ...] = ()
    """Tags that were made in git."""
    verdict: Verdict | None = None
    comparison: Comparison | None = None


def promote(
    root: Path, params: Params, version: str = CHALLENGER, *, forced: str | None = None, tag: bool = False
) -> Promotion:
    """Evaluate the rule on a version as challenger, keep the verdict with it, and make it champion if it passes.

    forced: the reason for promoting it whatever the verdict. tag: whether the champion is also tagged in git. Raises
    `DataError` where the two were evaluated on different test faces, and `WorkspaceError` without a champion or a
    version, if it cannot be tagged, or if MLflow fails; the alias then does not move.
    """
    if forced is not None and not forced.strip():
        raise ParamsError('--force needs a reason, which is kept with the version: add --reason "..."')
    with mlflow_faults(UNMOVED):
        client, _ = connect(root)
        challenger, champion = find_version(client, version), find_champion(client)
        before = None if champion is None else str(champion.version)
        new_tags = missing_tags(root, challenger) if tag else []
        if before == str(challenger.version):
            made = make_tags(root, challenger, new_tags)
            return Promotion(challenger=before, champion=before, moved=False, git_tags=made)
        verdict, comparison, reason = None, None, None
        try:
            verdict, comparison = _evaluate(client, champion, challenger, params.promote, params.base.seed)
        except EmopipeError as error:
            if forced is None:
                raise
            reason = str(error)
        record = {
            "champion": before,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "rule": asdict(params.promote),
            **(verdict_record(verdict, comparison, params.promote) if verdict and comparison else {}),
            "unjudged": reason,
        }
        tags = {VERDICT_TAG: verdict.decision if verdict else "not judged", RECORD_TAG: json.dumps(record)}
        tag_version(client, challenger, tags | ({} if forced is None else {FORCED_TAG: forced}))
        moved = forced is not None or (verdict is not None and verdict.decision == "promote")
        if moved:
            move_champion(client, challenger, champion)
        save_registry(root, client)
        made = make_tags(root, challenger, new_tags) if moved else ()
        number = str(challenger.version)
        return Promotion(
            challenger=number, champion=before, moved=moved, git_tags=made, verdict=verdict, comparison=comparison
        )


def roll_back(root: Path, reason: str | None = None, *, tag: bool = False) -> Promotion:
    """Make the champion before the present one champion again, and tag it in git if `tag`.

    Raises `WorkspaceError` if there is none, or it cannot be tagged; the alias then does not move.
    """
    with mlflow_faults(UNMOVED):
        client, _ = connect(root)
        champion = find_champion(client)
        if champion is None:
            raise WorkspaceError("there is no champion to roll back from: see `emopipe promote --help`")
        history = champion_history(client)
        if len(history) == 1:
            raise WorkspaceError(
                f"version {champion.version} is the first champion in the registry, so there is nothing to roll back to"
            )
        target = find_version(client, history[-2])
        new_tags = missing_tags(root, target) if tag else []
        tag_version(client, champion, {ROLLED_BACK_TAG: reason or "no reason given"})
        move_champion(client, target, champion, rollback=True)
        save_registry(root, client)
        made = make_tags(root, target, new_tags)
        return Promotion(challenger=str(target.version), champion=str(champion.version), moved=True, git_tags=made)


def _evaluate(
    client: "MlflowClient",
    champion: "ModelVersion | None",
    challenger: "ModelVersion",
    rule: PromoteParams,
    seed: int,
) -> tuple[Verdict, Comparison]:
    if champion is None:
        raise WorkspaceError(
            f'there is no champion to compare with: `emopipe promote {challenger.version} --force --reason "..."` '
            "makes this version the first"
        )
    evidence = evidence_of(challenger)
    first, second = of_version(client, champion), of_version(client, challenger)
    comparison = compare(first, second, confidence=rule.confidence, resamples=rule.resamples, seed=seed)
    return evaluate_rule(comparison, rule, **vars(evidence)), comparison
