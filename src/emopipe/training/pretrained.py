"""Files that a training starts from: weights, from a hub or from a file, and a teacher's predictions."""

import hashlib
from pathlib import Path

from emopipe.core.errors import ModelError
from emopipe.core.files import read_parquet
from emopipe.faces.predictions import Predictions, predictions_from_arrow
from emopipe.training.params import FileParams, TrainParams

HUB_FILE = "model.safetensors"
HUB_SECONDS = 10.0  # without a network, the hub's client would wait much longer


def starting_weights(model: str, params: TrainParams, root: Path) -> Path | None:
    """The safetensors file that `model` starts from; None where it starts from scratch. `root` is the project's.

    Raises `ModelError` where a file is missing or of other content, or the hub cannot be reached.
    """
    wanted = params.pretrained.get(model)
    if wanted == "hub":
        return _from_hub(model)
    return None if wanted is None else checked_file(wanted, f"train.pretrained.{model}", root)


def teacher_predictions(params: TrainParams, root: Path) -> Predictions | None:
    """The predictions that `train.teacher` names, of the training faces; None where there is no teacher."""
    if params.teacher is None:
        return None
    return predictions_from_arrow(read_parquet(checked_file(params.teacher, "train.teacher", root)))


def checked_file(wanted: FileParams, name: str, root: Path) -> Path:
    """The path of the file that the parameter `name` asks for; raises `ModelError` unless its content is as wanted."""
    path = root / wanted.file
    try:
        digest = digest_of(path)
    except OSError as error:
        raise ModelError(f"{name}: {wanted.file} cannot be read ({error.strerror})") from error
    if digest != wanted.sha256:
        raise ModelError(
            f"{name}: {wanted.file} has sha256 {digest}, expected {wanted.sha256}: correct the one or the other"
        )
    return path


def digest_of(path: Path) -> str:
    """The sha256 of a file, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_hub(model: str) -> Path:
    import timm
    from huggingface_hub import hf_hub_download

    repository = timm.is_model(model) and timm.get_pretrained_cfg_value(model, "hf_hub_id")
    if not repository:
        raise ModelError(f"train.pretrained.{model}: the hub has no weights of it; name a file, or train from scratch")
    try:
        return Path(hf_hub_download(repository, HUB_FILE, etag_timeout=HUB_SECONDS))
    except Exception as error:
        raise ModelError(
            f"train.pretrained.{model}: {repository} cannot be had from the hub ({_first_line(error)}); connect to the "
            "network once, or download its model.safetensors elsewhere and name it as a file"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
