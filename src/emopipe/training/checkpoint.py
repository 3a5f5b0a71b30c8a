"""A trained model on disk: weights as safetensors, metadata as readable JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from emopipe.core.boundary import reading
from emopipe.core.errors import ModelError
from emopipe.training.classifier import Classifier
from emopipe.training.networks import Architecture, num_macs

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A classifier with its metadata.

    classes: names in the order of the outputs. training: parameters and results of the training, as JSON values.
    """

    classifier: Classifier
    classes: tuple[str, ...]
    training: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        """Size, compute cost and settings of prediction."""
        classifier = self.classifier
        architecture = classifier.architecture
        return {
            "num_parameters": sum(p.numel() for p in classifier.parameters()),
            "num_macs": num_macs(classifier.network, architecture.channels, architecture.size),
            "test_time_augmentation": classifier.views,
            "temperature": classifier.temperature,
        }


def save_model(folder: Path, model: TrainedModel) -> None:
    """Write weights and description to an existing `folder`."""
    classifier = model.classifier
    spec = classifier.preprocess.spec
    description = {
        "architecture": asdict(classifier.architecture),
        "classes": list(model.classes),
        "normalisation": {"mean": spec.mean, "std": spec.std},
        **model.about,
        "training": model.training,
    }
    weights = {name: value.cpu().contiguous() for name, value in classifier.network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def load_model(folder: Path) -> TrainedModel:
    """Read a folder of `save_model`; raises `ModelError` if it is missing, broken, or of another version."""
    if not (folder / DESCRIPTION).is_file():
        raise ModelError(f"{folder} holds no trained model: run `dvc repro`")
    with reading(f"{folder} does not hold a model of this version", "run `dvc repro`", ModelError):
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        classifier = Classifier(
            Architecture(**description["architecture"]),
            **description["normalisation"],
            temperature=description["temperature"],
            views=description["test_time_augmentation"],
        )
        weights = load_file(folder / WEIGHTS)
        classifier.network.load_state_dict({name: value.contiguous() for name, value in weights.items()})
    classifier.network.to(memory_format=torch.channels_last)
    return TrainedModel(classifier=classifier, classes=tuple(description["classes"]), training=description["training"])
