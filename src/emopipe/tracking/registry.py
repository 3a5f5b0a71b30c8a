"""Versions of the model in MLflow's registry."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from emopipe.core.errors import ModelError
from emopipe.core.files import write_folder
from emopipe.export.params import ExportParams
from emopipe.tracking.evidence import evidence_tags
from emopipe.tracking.logged_models import MODEL_TYPE, model_for_bundle
from emopipe.tracking.naming import MODEL_TAG
from emopipe.tracking.origin import Origin
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import DIGEST_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models.model import ModelInfo

ABOUT = (
    "Facial emotion of an image of one face. Input: the column `image`, encoded images as bytes. Output: the label "
    "and a probability per class, or with the parameter `output` = `label` the label alone. `champion` is the version "
    "in use, `challenger` a candidate to replace it. The model card of a version is among its artifacts: "
    "`artifacts/exports/MODEL_CARD.md`."
)
SERVING = (
    "__init__.py",
    "core/__init__.py",
    "core/boundary.py",
    "core/errors.py",
    "export/__init__.py",
    "export/runtime.py",
    "faces/__init__.py",
    "faces/decode.py",
)
REQUIREMENTS = ("numpy", "onnxruntime", "pandas", "pillow")


def bundle_digest(bundle: Path) -> str:
    """32 hex digits over the names and bytes of the bundle's files; raises `ModelError` if it is no folder."""
    if not bundle.is_dir():
        raise ModelError(f"{bundle} holds no exported model: run `dvc repro export`")
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(bundle.iterdir()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def example_face() -> bytes:
    """The input example of every version: a drawn face, as PNG, since those of a data set belong to people."""
    return (Path(__file__).parent / "example.png").read_bytes()


def version_details(exported: Mapping[str, Any], limits: ExportParams, latency_ms: float) -> tuple[dict[str, str], str]:
    """Tags and description of a version, from reports/export.json and the latency of one face."""
    model, metric = exported["model"], exported["select_by"]
    tags = {MODEL_TAG: model, f"val/{metric}": f"{exported['candidates'][model]:.4f}"}
    tags |= evidence_tags(exported, limits, latency_ms)
    return tags, f"{model}: the best of {', '.join(exported['candidates'])} by {metric} on validation"


def add_version(
    client: "MlflowClient",
    run_id: str | None,
    bundle: Path,
    example: bytes,
    tags: dict[str, str],
    description: str,
    origin: Origin | None,
) -> str:
    """Log the bundle as a new version of the registered model, which is created if it is missing; its number."""
    digest = bundle_digest(bundle)
    entry = model_for_bundle(client, run_id, digest) if run_id else None
    model = log_bundle(client, bundle, example, origin, model_id=entry)
    client.set_logged_model_tags(model.model_id, {DIGEST_TAG: digest})
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description=ABOUT)
    created = client.create_model_version(
        NAME, model.model_uri, run_id, tags=tags, description=description, model_id=model.model_id
    )
    return str(created.version)


def log_bundle(
    client: "MlflowClient",
    bundle: Path,
    example: bytes,
    origin: Origin | None,
    *,
    model_id: str | None = None,
) -> "ModelInfo":
    """Log the bundle as a model that MLflow can load and serve, with its origin beside it.

    model_id: of the entry that takes the files, by default a new one without a run.
    """
    import mlflow

    from emopipe.export.runtime import Bundle

    mlflow.set_tracking_uri(client.tracking_uri)
    mlflow.set_experiment(NAME)
    opened = Bundle(bundle)
    probabilities = opened.predict_encoded([example])
    output = pd.DataFrame(probabilities, columns=list(opened.classes))
    output.insert(0, "label", [opened.classes[int(probabilities[0].argmax())]])
    table = pd.DataFrame({"image": [example]})
    with tempfile.TemporaryDirectory() as temporary:
        folder, artifacts = Path(temporary), {"bundle": str(bundle)}
        if origin is not None:
            artifacts["origin"] = str(folder / "origin")
            write_folder(folder / "origin", origin.files())
        logged: ModelInfo = mlflow.pyfunc.log_model(
            **({"name": "model", "model_type": MODEL_TYPE} if model_id is None else {"model_id": model_id}),
            python_model=str(Path(__file__).parents[1] / "export" / "pyfunc.py"),
            artifacts=artifacts,
            code_paths=[str(_serving_code(folder))],
            signature=mlflow.models.infer_signature(table, output, {"output": "configured"}),
            model_config={"output": "table"},  # what `configured` means, unless a caller sets another when it loads
            input_example=table,
            pip_requirements=[f"mlflow=={version('mlflow')}", *(f"{name}=={version(name)}" for name in REQUIREMENTS)],
        )
    return logged


def _serving_code(folder: Path) -> Path:
    """The modules that a loaded model needs, as a package."""
    package = folder / "emopipe"
    for name in SERVING:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(__file__).parents[1] / name, package / name)
    return package
