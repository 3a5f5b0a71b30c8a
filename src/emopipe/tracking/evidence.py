"""Evidence of a version beside its predictions, as tags: parity of the export with the network, and latency."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emopipe.core.errors import WorkspaceError
from emopipe.export.params import ExportParams

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

PARITY_TAG, LATENCY_TAG = "emopipe.parity_passed", "emopipe.latency_ms"
CHANCE_TAG = "emopipe.better_than_chance"
"""On validation; versions of earlier releases lack it."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Of one version."""

    parity_passed: bool
    latency_ms: float
    """Of one face on one thread."""
    better_than_chance: bool


def evidence_tags(exported: Mapping[str, Any], limits: ExportParams, latency_ms: float) -> dict[str, str]:
    """Tags from reports/export.json, and the latency of one face on one thread."""
    parity = exported["parity"]
    agreement, difference = worst_parity(parity)
    int8 = parity["int8"]
    return {
        PARITY_TAG: str(has_parity(parity, limits)).lower(),
        "emopipe.parity_agreement": f"{agreement:.4f}",
        "emopipe.parity_max_difference": f"{difference:.2g}",
        "emopipe.int8_kept": str(int8["kept"]).lower(),
        "emopipe.int8_agreement": f"{int8['agreement']:.4f}",
        "emopipe.int8_max_difference": f"{int8['max_probability_difference']:.2g}",
        "emopipe.int8_f1_loss": f"{int8['macro_f1_loss']:.4f}",
        LATENCY_TAG: f"{latency_ms:.3f}",
        CHANCE_TAG: str(exported.get("better_than_chance", True)).lower(),
    }


def has_parity(parity: Mapping[str, Any], limits: ExportParams) -> bool:
    """Whether the exported graph predicts as the network does, by the section `parity` of reports/export.json."""
    agreement, difference = worst_parity(parity)
    return agreement == 1 and difference <= limits.max_probability_difference


def worst_parity(parity: Mapping[str, Any]) -> tuple[float, float]:
    """Share of faces with the same label, and the largest difference of a probability; batched or one by one."""
    graphs = [parity["onnx"], parity["onnx_one_by_one"]]
    agreement = min(graph["agreement"] for graph in graphs)
    return agreement, max(graph["max_probability_difference"] for graph in graphs)


def evidence_of(version: "ModelVersion") -> Evidence:
    """Read the tags; raises `WorkspaceError` if the version has none."""
    missing = [tag for tag in (PARITY_TAG, LATENCY_TAG) if tag not in version.tags]
    if missing:
        raise WorkspaceError(
            f"version {version.version} has no {' and no '.join(missing)}: in its state of the project, run "
            "`dvc repro --force --single-item register`"
        )
    return Evidence(
        parity_passed=version.tags[PARITY_TAG] == "true",
        latency_ms=float(version.tags[LATENCY_TAG]),
        better_than_chance=is_better_than_chance(version.tags),
    )


def is_better_than_chance(tags: Mapping[str, str]) -> bool:
    """Whether a version with these tags is better than chance on validation, as far as is known."""
    return tags.get(CHANCE_TAG) != "false"
