"""Versions of the model in MLflow's registry."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from emopipe.core.errors import ModelError, WorkspaceError
from emopipe.core.files import write_folder
from emopipe.export.params import ExportParams
from emopipe.tracking.error_text import error_text
from emopipe.tracking.evidence import evidence_tags
from emopipe.tracking.origin import Origin
from emopipe.tracking.registry_backup import aliases, note_registry, note_version
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import CHALLENGER, CHAMPION, find_version, tag_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models.model import ModelInfo

DIGEST_TAG, EXPORTS_TAG = "emopipe.bundle", "dvc.exports"
ABOUT = (
    "Facial emotion from a picture of one face. In: the column `image` with encoded pictures, as bytes. Out: the label "
    "and a probability per class. `champion` is the version in use, `challenger` the one registered last. Each "
    "version's model card is among its artifacts: `artifacts/exports/MODEL_CARD.md`."
)
SHOWN_TAGS = ("mlflow.source.git.commit", "emopipe.git.dirty", "dvc.experiment", "dvc.data")
SERVING = (
    "__init__.py",
    "core/__init__.py",
    "core/errors.py",
    "export/__init__.py",
    "export/runtime.py",
    "faces/__init__.py",
    "faces/decode.py",
)
REQUIREMENTS = ("numpy", "onnxruntime", "pandas", "pillow")


def bundle_digest(bundle: Path) -> str:
    """32 hex digits over the names and bytes of the bundle's files; raises `ModelError` where `bundle` is no folder."""
    if not bundle.is_dir():
        raise ModelError(f"{bundle} holds no exported model: run `dvc repro export`")
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(bundle.iterdir()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def version_facts(exported: Mapping[str, Any], limits: ExportParams, latency_ms: float) -> tuple[dict[str, str], str]:
    """Tags and description of a version, from the report of the stage `export` and the latency of one face."""
    model, figure = exported["model"], exported["select_by"]
    tags = {"emopipe.model": model, f"val/{figure}": f"{exported['candidates'][model]:.4f}"}
    tags |= evidence_tags(exported["parity"], limits, latency_ms)
    return tags, f"{model}: the best of {', '.join(exported['candidates'])} by {figure} on validation"


def register(
    bundle: Path,
    run: ModelRun,
    example: bytes,
    tags: dict[str, str],
    about: str = "",
    *,
    origin: Origin | None = None,
) -> str:
    """Make sure that the bundle is a version of the registered model, and return that version's number.

    A bundle that has a version already gets no second one, only the tags that it lacks. The version becomes
    `challenger`, and also `champion` where there is none. `example` is one encoded picture, `about` says where the
    model is from. Raises `WorkspaceError` where MLflow does not take it; no alias has moved then.
    """
    try:
        return _register(bundle, run, example, tags, about, origin)
    except ModelError:
        raise
    except Exception as error:
        raise WorkspaceError(
            "MLflow did not take the model, and the aliases stay where they were: "
            f"run `dvc repro` again ({error_text(error)})"
        ) from error


def _register(
    bundle: Path, run: ModelRun, example: bytes, tags: dict[str, str], about: str, origin: Origin | None
) -> str:
    client, run_id = run.connection()
    digest = bundle_digest(bundle)
    tags = tags | {DIGEST_TAG: digest}
    found = _version_of(client, digest)
    if found is None:
        model = log_bundle(client, run_id, bundle, example, origin)
        tags = tags | (_origin_tags(origin) if origin else {})
        found = new_version(client, model.model_uri, run_id, tags, about, model.model_id)
        note_version(run.root, int(found), run.key, origin)
    else:  # the same bytes, maybe from another commit: the version keeps what it has
        version = find_version(client, found)
        exports = {EXPORTS_TAG: _origin_tags(origin)[EXPORTS_TAG]} if origin else {}
        missing = {name: value for name, value in tags.items() if name not in version.tags}
        tag_version(client, version, missing | exports)
    client.set_registered_model_alias(NAME, CHALLENGER, found)
    if CHAMPION not in aliases(client):
        client.set_registered_model_alias(NAME, CHAMPION, found)
    note_registry(run.root, client)
    return found


def _origin_tags(origin: Origin) -> dict[str, str]:
    """Those of the origin that a version's page should show; `origin/` has all of it."""
    tags = {name: value for name, value in origin.tags().items() if name in SHOWN_TAGS}
    tags[EXPORTS_TAG] = origin.outs.get(origin.stage, {}).get("exports", "")
    return {name: value for name, value in tags.items() if value}


def new_version(
    client: "MlflowClient",
    source: str,
    run_id: str | None,
    tags: dict[str, str],
    about: str,
    model_id: str | None = None,
) -> str:
    """A new version of the registered model, which is made if it is missing; its number."""
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description=ABOUT)
    created = client.create_model_version(NAME, source, run_id, tags=tags, description=about, model_id=model_id)
    return str(created.version)


def log_bundle(
    client: "MlflowClient",
    run_id: str | None,
    bundle: Path,
    example: bytes,
    origin: Origin | None,
    *,
    model_id: str | None = None,
) -> "ModelInfo":
    """Log the bundle as a model that MLflow can load and serve, with its origin beside it.

    With `model_id` the files become those of that model, whose own were lost.
    """
    import mlflow
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(client.tracking_uri)
    mlflow.set_experiment(NAME)
    from emopipe.export.runtime import Bundle

    opened = Bundle(bundle)
    probabilities = opened.predict_encoded([example])
    output = pd.DataFrame(probabilities, columns=list(opened.classes))
    output.insert(0, "label", [opened.classes[int(probabilities[0].argmax())]])
    table = pd.DataFrame({"image": [example]})
    with tempfile.TemporaryDirectory() as temporary, _within(client, run_id):
        folder, artifacts = Path(temporary), {"bundle": str(bundle)}
        if origin is not None:
            artifacts["origin"] = str(folder / "origin")
            write_folder(folder / "origin", origin.files())
        logged: ModelInfo = mlflow.pyfunc.log_model(
            **({"name": "model"} if model_id is None else {"model_id": model_id}),
            python_model=str(Path(__file__).parents[1] / "export" / "pyfunc.py"),
            artifacts=artifacts,
            code_paths=[str(_serving_code(folder))],
            signature=infer_signature(table, output),
            input_example=table,
            pip_requirements=[f"mlflow=={version('mlflow')}", *(f"{name}=={version(name)}" for name in REQUIREMENTS)],
        )
    return logged


@contextmanager
def _within(client: "MlflowClient", run_id: str | None) -> Iterator[None]:
    """What is logged belongs to this run, whose status and duration stay as they are."""
    import mlflow

    if run_id is None:
        yield
        return
    before = client.get_run(run_id).info
    try:
        with mlflow.start_run(run_id=run_id):
            yield
    finally:
        client.set_terminated(run_id, before.status, before.end_time)


def _version_of(client: "MlflowClient", digest: str) -> str | None:
    versions = client.search_model_versions(f"name = '{NAME}' and tags.`{DIGEST_TAG}` = '{digest}'")
    return str(versions[0].version) if versions else None


def _serving_code(folder: Path) -> Path:
    """The few modules that the model needs when it is loaded elsewhere, as a package of their own."""
    package = folder / "emopipe"
    for name in SERVING:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(__file__).parents[1] / name, package / name)
    return package
