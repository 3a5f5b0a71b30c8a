"""Making the bundle: the graph, its int8 form if that is good enough, and the gate that both must pass."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emopipe.errors import ModelError
from emopipe.exporting.graph import OPSET, export_onnx
from emopipe.exporting.parity import Parity, bundle_probabilities, compare
from emopipe.exporting.quantise import quantise
from emopipe.faces import Faces
from emopipe.params import ExportParams
from emopipe.predict import predict_faces
from emopipe.predictions import Predictions, predictions_of
from emopipe.serving.bundle import DESCRIPTION, GRAPH, INT8_GRAPH, Bundle
from emopipe.tensors import same_size_batches
from emopipe.training.checkpoint import TrainedModel

CALIBRATION_FACES, CALIBRATION_BATCH = 512, 32


def make_bundle(folder: Path, model: TrainedModel, faces: Faces, params: ExportParams, channels: int) -> dict[str, Any]:
    """Write graphs and description into `folder`, and return the proof: how each graph compares with torch.

    `faces` are the cleaned ones; pictures of train give the int8 ranges, those of validation are compared. Raises
    `ModelError` when the graph differs from torch by more than `params` allows.
    """
    validation = faces.split("val")
    expected = predictions_of(validation, predict_faces(model, validation, device="cpu"), model.classes)
    description = {
        "architecture": asdict(model.classifier.architecture),
        "classes": list(model.classes),
        "image_channels": channels,
        "input": "images: uint8 (N, H, W, C), any N, H and W",
        "output": "probabilities: float32 (N, K)",
        "opset": OPSET,
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    export_onnx(model.classifier, channels, folder / GRAPH)
    proof = _prove(folder, expected, validation, params)
    quantise(folder / GRAPH, folder / INT8_GRAPH, _calibration(faces.split("train")))
    return proof | {"int8": _judge_int8(folder, expected, validation, params)}


def _prove(folder: Path, expected: Predictions, validation: Faces, params: ExportParams) -> dict[str, Any]:
    bundle = Bundle(folder)
    whole = compare(expected, bundle_probabilities(bundle, validation))
    single = compare(expected, bundle_probabilities(bundle, validation, batch=1))
    for parity in (whole, single):
        _require(parity, params)
    return {"onnx": asdict(whole), "onnx_one_by_one": asdict(single)}


def _require(parity: Parity, params: ExportParams) -> None:
    difference, limit = parity.max_probability_difference, params.max_probability_difference
    if parity.agreement < 1 or difference > limit:
        raise ModelError(
            f"the ONNX graph does not compute what torch does: it agrees on {parity.agreement:.2%} of "
            f"{parity.num_faces} validation faces (100 % wanted), and probabilities differ by up to {difference:.2g} "
            f"(export.max_probability_difference={limit:g})"
        )


def _judge_int8(folder: Path, expected: Predictions, validation: Faces, params: ExportParams) -> dict[str, Any]:
    parity = compare(expected, bundle_probabilities(Bundle(folder, graph=INT8_GRAPH), validation))
    kept = parity.agreement >= params.min_int8_agreement and parity.macro_f1_loss <= params.max_int8_f1_loss
    if not kept:
        (folder / INT8_GRAPH).unlink()
    return asdict(parity) | {"kept": kept}


def _calibration(training: Faces) -> list[np.ndarray]:
    """Pictures of training faces, spread evenly over the table, in batches of one size each."""
    rows = np.unique(np.linspace(0, len(training) - 1, CALIBRATION_FACES).round().astype(int))
    spread = training.where(training.frame.index.to_series().isin(rows))
    return [images.numpy() for _, images in same_size_batches(spread, CALIBRATION_BATCH)]
