"""Versions of the model in MLflow's registry."""

import hashlib
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from emopipe.errors import ModelError
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import CHALLENGER, CHAMPION, find_version, tag_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST_TAG = "emopipe.bundle"
ABOUT = (
    "Facial emotion from a picture of one face. In: the column `image` with encoded pictures, as bytes. Out: the label "
    "and a probability per class. `champion` is the version in use, `challenger` the one registered last. Each "
    "version's model card is among its artifacts: `artifacts/exports/MODEL_CARD.md`."
)
SERVING = ("__init__.py", "decode.py", "errors.py", "serving/__init__.py", "serving/bundle.py")
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


def register(bundle: Path, run: ModelRun, example: bytes, tags: dict[str, str], about: str = "") -> str:
    """Make sure that the bundle is a version of the registered model, and return that version's number.

    A bundle that has a version already gets no second one, only the tags that it lacks. The version becomes
    `challenger`, and also `champion` where there is none. `example` is one encoded picture, `about` says where the
    model is from.
    """
    client, run_id = run.connection()
    digest = bundle_digest(bundle)
    tags = tags | {DIGEST_TAG: digest}
    found = _version_of(client, digest)
    if found is None:
        found = _new_version(client, run_id, bundle, example, tags, about)
    else:
        version = find_version(client, found)
        tag_version(client, version, {name: value for name, value in tags.items() if name not in version.tags})
    client.set_registered_model_alias(NAME, CHALLENGER, found)
    if CHAMPION not in client.get_registered_model(NAME).aliases:
        client.set_registered_model_alias(NAME, CHAMPION, found)
    return found


def _version_of(client: "MlflowClient", digest: str) -> str | None:
    versions = client.search_model_versions(f"name = '{NAME}' and tags.`{DIGEST_TAG}` = '{digest}'")
    return str(versions[0].version) if versions else None


def _new_version(
    client: "MlflowClient", run_id: str, bundle: Path, example: bytes, tags: dict[str, str], about: str
) -> str:
    import mlflow
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(client.tracking_uri)
    from emopipe.serving.bundle import Bundle

    opened = Bundle(bundle)
    probabilities = opened.predict_encoded([example])
    output = pd.DataFrame(probabilities, columns=list(opened.classes))
    output.insert(0, "label", [opened.classes[int(probabilities[0].argmax())]])
    table = pd.DataFrame({"image": [example]})
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id):
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).parents[1] / "serving" / "pyfunc.py"),
            artifacts={"bundle": str(bundle)},
            code_paths=[str(_serving_code(Path(folder)))],
            signature=infer_signature(table, output),
            input_example=table,
            pip_requirements=[f"mlflow=={version('mlflow')}", *(f"{name}=={version(name)}" for name in REQUIREMENTS)],
        )
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description=ABOUT)
    created = client.create_model_version(
        NAME, logged.model_uri, run_id, tags=tags, description=about, model_id=logged.model_id
    )
    return str(created.version)


def _serving_code(folder: Path) -> Path:
    """The few modules that the model needs when it is loaded elsewhere, as a package of their own."""
    package = folder / "emopipe"
    for name in SERVING:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(__file__).parents[1] / name, package / name)
    return package
