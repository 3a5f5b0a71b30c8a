"""Files that a training starts from: initial weights, and the predictions of a teacher."""

import hashlib
from pathlib import Path

from emopipe.core.errors import ModelError
from emopipe.core.files import read_parquet
from emopipe.faces.predictions import Predictions, predictions_from_arrow
from emopipe.training.imagenet import imagenet_weights
from emopipe.training.networks.initial_weights import InitialWeights, read_weights
from emopipe.training.params import FileParams, TrainParams
from emopipe.training.released import released_weights

HUB_FILE = "model.safetensors"
HUB_SECONDS = 10.0  # without a network, the default timeout is much longer


def initial_weights(model: str, params: TrainParams, root: Path) -> InitialWeights | None:
    """The weights that `model` starts from, or None for random ones; `root` is that of the project.

    Raises `ModelError` if a file or a package is missing, unreadable or another, or the hub cannot be reached.
    """
    source = params.pretrained.get(model)
    if source is None:
        return None
    if source == "imagenet":
        return imagenet_weights(model)
    if source == "released":
        return released_weights(model)
    path = _from_hub(model) if source == "hub" else verified_file(source, f"train.pretrained.{model}", root)
    return InitialWeights(tensors=read_weights(path), source=str(path), sha256=digest_of(path))


def load_teacher(params: TrainParams, root: Path) -> Predictions | None:
    """The predictions of `train.teacher`, or None without a teacher."""
    if params.teacher is None:
        return None
    return predictions_from_arrow(read_parquet(verified_file(params.teacher, "train.teacher", root)))


def verified_file(file: FileParams, param: str, root: Path) -> Path:
    """The path of a file named by the parameter `param`; raises `ModelError` if it is missing or has another hash."""
    path = root / file.file
    try:
        digest = digest_of(path)
    except OSError as error:
        raise ModelError(f"{param}: {file.file} cannot be read ({error.strerror})") from error
    if digest != file.sha256:
        raise ModelError(f"{param}: {file.file} has sha256 {digest}, expected {file.sha256}: correct either of them")
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
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:120]
        raise ModelError(
            f"train.pretrained.{model}: {repository} cannot be downloaded from the hub ({reason}); connect to the "
            "network once, or download its model.safetensors elsewhere and name it as a file"
        ) from error
