"""Making the bundle: the ONNX graph, its int8 form, and the parity checks of both."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emopipe.core.errors import GateError
from emopipe.export.graph import OPSET, ExportGraph, export_onnx
from emopipe.export.params import ExportParams
from emopipe.export.parity import SHAPES, Parity, compare, in_batches, one_by_one, shapes_difference
from emopipe.export.parity_page import parity_evidence
from emopipe.export.quantise import quantise
from emopipe.export.runtime import DESCRIPTION, GRAPH, INT8_GRAPH, Bundle
from emopipe.export.uncertainty import uncertainty_threshold
from emopipe.export.yolo import save_yolo
from emopipe.faces.predictions import predictions_of
from emopipe.faces.table import Faces
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.predict import predict_faces
from emopipe.training.tensors import same_size_batches

YOLO = "model.pt"
CALIBRATION_FACES, CALIBRATION_BATCH = 512, 32


def make_bundle(
    folder: Path, model: TrainedModel, faces: Faces, params: ExportParams, channels: int, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """Write graphs and description into `folder`; returns `parity`, the comparisons with torch, and `yolo`.

    Faces of train calibrate int8; those of validation are compared, in batches and one by one. `origin` is added to the
    description: JSON values by name. Raises `GateError` with a report and a page if the graph differs from torch by
    more than `params` allows; int8 is left out instead.
    """
    validation = faces.split("val")
    expected = predictions_of(validation, predict_faces(model, validation, device="cpu"), model.classes)
    threshold = uncertainty_threshold(expected.probabilities, expected.labels, params.max_uncertain_accuracy)
    description = _description(model, channels) | {"uncertain_below": threshold, **origin}
    _write(folder / DESCRIPTION, description)
    export_onnx(model.classifier, channels, folder / GRAPH)
    bundle = Bundle(folder)
    actual = in_batches(bundle, validation), one_by_one(bundle, validation)
    onnx = [compare(expected, probabilities) for probabilities in actual]
    shapes = {
        "num_shapes": len(SHAPES),
        "max_probability_difference": shapes_difference(ExportGraph(model.classifier, channels).eval(), bundle.predict),
    }
    graph = {"onnx": asdict(onnx[0]), "onnx_one_by_one": asdict(onnx[1]), "onnx_other_shapes": shapes}
    if problem := _problem(onnx, shapes["max_probability_difference"], params):
        name = model.classifier.architecture.name
        raise GateError(problem, parity_evidence(name, problem, graph, validation, expected, actual, params))
    quantise(folder / GRAPH, folder / INT8_GRAPH, _calibration(faces.split("train")))
    quantised = Bundle(folder, graph=INT8_GRAPH)
    int8 = [compare(expected, predict(quantised, validation)) for predict in (in_batches, one_by_one)]
    kept = all(
        parity.agreement >= params.min_int8_agreement and parity.macro_f1_loss <= params.max_int8_f1_loss
        for parity in int8
    )
    if not kept:
        (folder / INT8_GRAPH).unlink()
    graphs = [path for path in (folder / GRAPH, folder / INT8_GRAPH) if path.exists()]
    sha256 = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in graphs}
    _write(folder / DESCRIPTION, description | {"sha256": sha256})
    parities = {
        **graph,
        "int8": asdict(int8[0]) | {"kept": kept},
        "int8_one_by_one": asdict(int8[1]),
    }
    return {"parity": parities, "yolo": save_yolo(model, folder / YOLO)}


def int8_warning(parity: dict[str, Any], params: ExportParams) -> str | None:
    """The metrics of int8 and their limits, in one line; None if int8 is kept."""
    if parity["int8"]["kept"]:
        return None
    both = (parity["int8"], parity["int8_one_by_one"])
    agreement, loss = min(each["agreement"] for each in both), max(each["macro_f1_loss"] for each in both)
    return (
        f"warning: int8 is left out: it agrees with torch on {agreement:.2%} of {parity['int8']['num_faces']} "
        f"validation faces (export.min_int8_agreement={params.min_int8_agreement:g}) and loses {loss:.4f} of macro-F1 "
        f"(export.max_int8_f1_loss={params.max_int8_f1_loss:g})"
    )


def _write(path: Path, description: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _description(model: TrainedModel, channels: int) -> dict[str, Any]:
    """Input, output and settings of the graph, for model.json."""
    return {
        "architecture": asdict(model.classifier.architecture),
        "classes": list(model.classes),
        "image_channels": channels,
        "input": "images: uint8 (N, H, W, C), any N, H and W; C is 1 (grey), 3 (RGB) or 4 (RGBA, alpha is ignored)",
        "output": "probabilities: float32 (N, K), calibrated; K as in classes",
        "opset": OPSET,
        **model.about,
    }


def _problem(parities: Sequence[Parity], shapes: float, params: ExportParams) -> str:
    """The first difference from torch that `params` does not allow; empty without any.

    shapes: the largest difference of a probability for images of other sizes and channels.
    """
    limit = params.max_probability_difference
    for parity in parities:
        difference = parity.max_probability_difference
        if parity.agreement < params.min_agreement or difference > limit:
            return (
                f"the ONNX graph does not compute what torch does: it agrees on {parity.agreement:.2%} of "
                f"{parity.num_faces} validation faces (export.min_agreement={params.min_agreement:g}), and "
                f"probabilities differ by up to {difference:.2g} (export.max_probability_difference={limit:g}); "
                "nothing is exported"
            )
    if shapes > limit:
        return (
            "the ONNX graph does not compute what torch does for images of other sizes and channels: probabilities "
            f"differ by up to {shapes:.2g} (export.max_probability_difference={limit:g}); nothing is exported"
        )
    return ""


def _calibration(training: Faces) -> list[np.ndarray]:
    """Batches of training faces, spread evenly over the table; each batch has one image size."""
    rows = np.unique(np.linspace(0, len(training) - 1, CALIBRATION_FACES).round().astype(int))
    spread = training.where(training.frame.index.to_series().isin(rows))
    return [images for _, images in same_size_batches(spread, CALIBRATION_BATCH)]
