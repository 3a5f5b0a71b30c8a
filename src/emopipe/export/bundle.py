"""Making the bundle: the graph, its int8 form if that is good enough, and the gate that both must pass."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emopipe.core.errors import ModelError
from emopipe.export.graph import OPSET, ExportGraph, export_onnx
from emopipe.export.params import ExportParams
from emopipe.export.parity import SHAPES, Parity, compare, in_batches, one_by_one, shapes_difference
from emopipe.export.quantise import quantise
from emopipe.export.runtime import DESCRIPTION, GRAPH, INT8_GRAPH, Bundle
from emopipe.export.yolo import save_yolo
from emopipe.faces.predictions import Predictions, predictions_of
from emopipe.faces.table import Faces
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.predict import predict_faces
from emopipe.training.tensors import same_size_batches

YOLO = "model.pt"
CALIBRATION_FACES, CALIBRATION_BATCH = 512, 32


def make_bundle(folder: Path, model: TrainedModel, faces: Faces, params: ExportParams, channels: int) -> dict[str, Any]:
    """Write graphs and description into `folder`; return `parity`, how each graph compares with torch, and `yolo`.

    `faces` are the cleaned ones; pictures of train give the int8 ranges, those of validation are compared, in batches
    and one by one. Raises `ModelError` when the graph differs from torch by more than `params` allows.
    """
    validation = faces.split("val")
    expected = predictions_of(validation, predict_faces(model, validation, device="cpu"), model.classes)
    (folder / DESCRIPTION).write_text(json.dumps(_description(model, channels), indent=2) + "\n", encoding="utf-8")
    export_onnx(model.classifier, channels, folder / GRAPH)
    proof = _prove(folder, ExportGraph(model.classifier, channels), expected, validation, params)
    quantise(folder / GRAPH, folder / INT8_GRAPH, _calibration(faces.split("train")))
    proof |= _judge_int8(folder, expected, validation, params)
    return {"parity": proof, "yolo": save_yolo(model, folder / YOLO)}


def int8_warning(parity: dict[str, Any], params: ExportParams) -> list[str]:
    """What to tell where int8 is left out: the figures against their limits, in one line."""
    if parity["int8"]["kept"]:
        return []
    both = (parity["int8"], parity["int8_one_by_one"])
    agreement, loss = min(one["agreement"] for one in both), max(one["macro_f1_loss"] for one in both)
    return [
        f"warning: int8 is left out: it agrees with torch on {agreement:.2%} of {parity['int8']['num_faces']} "
        f"validation faces (export.min_int8_agreement={params.min_int8_agreement:g}) and loses {loss:.4f} of macro-F1 "
        f"(export.max_int8_f1_loss={params.max_int8_f1_loss:g})"
    ]


def _description(model: TrainedModel, channels: int) -> dict[str, Any]:
    """What one must know to use the graph, and how its answers come about."""
    return {
        "architecture": asdict(model.classifier.architecture),
        "classes": list(model.classes),
        "image_channels": channels,
        "input": "images: uint8 (N, H, W, C), any N, H and W; C is 1 (grey), 3 (RGB) or 4 (RGBA, alpha is ignored)",
        "output": "probabilities: float32 (N, K), calibrated; K as in classes",
        "opset": OPSET,
        **model.about,
    }


def _prove(
    folder: Path, graph: ExportGraph, expected: Predictions, validation: Faces, params: ExportParams
) -> dict[str, Any]:
    bundle = Bundle(folder)
    whole, single = compare(expected, in_batches(bundle, validation)), compare(expected, one_by_one(bundle, validation))
    for parity in (whole, single):
        _require(parity, params)
    difference = shapes_difference(graph.eval(), bundle.predict)
    if difference > params.max_probability_difference:
        raise ModelError(
            f"the ONNX graph does not compute what torch does for pictures of other sizes and colours: probabilities "
            f"differ by up to {difference:.2g} (export.max_probability_difference="
            f"{params.max_probability_difference:g}); nothing is exported"
        )
    shapes = {"num_shapes": len(SHAPES), "max_probability_difference": difference}
    return {"onnx": asdict(whole), "onnx_one_by_one": asdict(single), "onnx_other_shapes": shapes}


def _require(parity: Parity, params: ExportParams) -> None:
    difference, limit = parity.max_probability_difference, params.max_probability_difference
    if parity.agreement < params.min_agreement or difference > limit:
        raise ModelError(
            f"the ONNX graph does not compute what torch does: it agrees on {parity.agreement:.2%} of "
            f"{parity.num_faces} validation faces (export.min_agreement={params.min_agreement:g}), and probabilities "
            f"differ by up to {difference:.2g} (export.max_probability_difference={limit:g}); nothing is exported"
        )


def _judge_int8(folder: Path, expected: Predictions, validation: Faces, params: ExportParams) -> dict[str, Any]:
    bundle = Bundle(folder, graph=INT8_GRAPH)
    whole, single = compare(expected, in_batches(bundle, validation)), compare(expected, one_by_one(bundle, validation))
    kept = all(
        parity.agreement >= params.min_int8_agreement and parity.macro_f1_loss <= params.max_int8_f1_loss
        for parity in (whole, single)
    )
    if not kept:
        (folder / INT8_GRAPH).unlink()
    return {"int8": asdict(whole) | {"kept": kept}, "int8_one_by_one": asdict(single)}


def _calibration(training: Faces) -> list[np.ndarray]:
    """Pictures of training faces, spread evenly over the table, in batches of one size each."""
    rows = np.unique(np.linspace(0, len(training) - 1, CALIBRATION_FACES).round().astype(int))
    spread = training.where(training.frame.index.to_series().isin(rows))
    return [images.numpy() for _, images in same_size_batches(spread, CALIBRATION_BATCH)]
