"""Moving the alias `champion` in MLflow's registry, with the evidence kept beside it."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emopipe.compare.find_model import of_version
from emopipe.compare.promotion_rule import Verdict, evaluate_rule
from emopipe.compare.promotion_text import verdict_record
from emopipe.core.errors import EmopipeError, ParamsError, WorkspaceError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import Comparison, compare
from emopipe.tracking.evidence import evidence_of
from emopipe.tracking.registry_backup import save_registry
from emopipe.tracking.store import connect
from emopipe.tracking.versions import (
    CHALLENGER,
    REPLACED_TAG,
    find_champion,
    find_version,
    mlflow_faults,
    move_champion,
    tag_version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

VERDICT_TAG, RECORD_TAG = "emopipe.verdict", "emopipe.verdict_record"
FORCED_TAG, ROLLED_BACK_TAG = "emopipe.forced", "emopipe.rolled_back"
UNMOVED = "so the champion stays what it was"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What was found, and what became of the alias."""

    challenger: str
    """Version."""
    champion: str | None
    """The version that was champion before; None where there was none."""
    moved: bool
    verdict: Verdict | None = None
    figures: Comparison | None = None


def promote(root: Path, params: Params, wanted: str = CHALLENGER, *, forced: str | None = None) -> Promotion:
    """Judge a version as challenger of the champion, keep the verdict with it, and make it champion if it deserves it.

    forced: the reason for which it becomes champion whatever the verdict. Raises `DataError` where the two were
    measured on different test faces, and `WorkspaceError` where there is none to compare with, or MLflow fails; the
    alias then stays where it was.
    """
    if forced is not None and not forced.strip():
        raise ParamsError('--force needs a reason, which is kept with the version: add --reason "..."')
    with mlflow_faults(UNMOVED):
        client, _ = connect(root)
        challenger, champion = find_version(client, wanted), find_champion(client)
        if champion is not None and champion.version == challenger.version:
            return Promotion(challenger=str(challenger.version), champion=str(champion.version), moved=False)
        verdict, figures, unjudged = _judge(client, champion, challenger, params, required=forced is None)
        record = _record(champion, verdict, figures, params) | {"unjudged": unjudged}
        tags = {VERDICT_TAG: verdict.decision if verdict else "not judged", RECORD_TAG: json.dumps(record)}
        tag_version(client, challenger, tags | ({} if forced is None else {FORCED_TAG: forced}))
        moved = forced is not None or (verdict is not None and verdict.decision == "promote")
        if moved:
            move_champion(client, challenger, champion)
        save_registry(root, client)
        return Promotion(
            challenger=str(challenger.version),
            champion=None if champion is None else str(champion.version),
            moved=moved,
            verdict=verdict,
            figures=figures,
        )


def roll_back(root: Path, reason: str | None = None) -> Promotion:
    """Make the version champion that the champion replaced; raises `WorkspaceError` where it replaced none."""
    with mlflow_faults(UNMOVED):
        client, _ = connect(root)
        champion = find_champion(client)
        if champion is None:
            raise WorkspaceError("there is no champion to roll back from: see `emopipe promote --help`")
        before = champion.tags.get(REPLACED_TAG)
        if before is None:
            raise WorkspaceError(f"version {champion.version} replaced no other, so there is nothing to roll back to")
        target = find_version(client, before)
        tag_version(client, champion, {ROLLED_BACK_TAG: reason or "no reason given"})
        move_champion(client, target, champion)
        save_registry(root, client)
        return Promotion(challenger=str(target.version), champion=str(champion.version), moved=True)


def _judge(
    client: "MlflowClient",
    champion: "ModelVersion | None",
    challenger: "ModelVersion",
    params: Params,
    *,
    required: bool,
) -> tuple[Verdict | None, Comparison | None, str | None]:
    """The verdict and its figures, or why there is none; that is an error where a verdict is required."""
    try:
        if champion is None:
            raise WorkspaceError(
                f'there is no champion to compare with: `emopipe promote {challenger.version} --force --reason "..."` '
                "makes this version the first"
            )
        rule, evidence = params.promote, evidence_of(challenger)
        figures = compare(
            of_version(client, champion).measured,
            of_version(client, challenger).measured,
            confidence=rule.confidence,
            resamples=rule.resamples,
            seed=params.base.seed,
        )
    except EmopipeError as error:
        if required:
            raise
        return None, None, str(error)
    verdict = evaluate_rule(figures, rule, latency_ms=evidence.latency_ms, parity_passed=evidence.parity_passed)
    return verdict, figures, None


def _record(
    champion: "ModelVersion | None", verdict: Verdict | None, figures: Comparison | None, params: Params
) -> dict[str, Any]:
    judged = {} if verdict is None or figures is None else verdict_record(verdict, figures, params.promote)
    return {
        "champion": None if champion is None else str(champion.version),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rule": asdict(params.promote),
        **judged,
    }
