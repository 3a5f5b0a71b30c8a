"""Pictures with drawn faces in known places, and a made-up model that tells them apart by their brightness."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from emopipe.sample.generate import draw_faces

SIDE = 96
CLASSES = ("dark", "medium", "bright")
FOUND = (1, 4, 11, 14)
"""Of the first faces that `draw_faces` draws with seed 0, some that the detector is sure of."""
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral") * 3


def drawn_faces() -> np.ndarray:
    """uint8 RGB (4, SIDE, SIDE, 3)."""
    return np.repeat(draw_faces(LABELS, size=SIDE, seed=0)[list(FOUND)], 3, axis=3)


def scene(*corners: tuple[int, int], width: int = 640, height: int = 480) -> np.ndarray:
    """A grey picture with a drawn face at each (left, top), always the same ones in the same order."""
    picture = np.full((height, width, 3), 127, np.uint8)
    for face, (left, top) in zip(drawn_faces(), corners, strict=False):
        picture[top : top + SIDE, left : left + SIDE] = face
    return picture


def write_bundle(folder: Path, *, channels: int = 1, classes: Sequence[str] = CLASSES) -> Path:
    """A bundle with the contract of exported ones: the softmax over classes of how near the mean grey is to theirs.

    The grey levels of the classes are spread evenly over 0 to 255; the nearer they are, the more probable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    levels = np.linspace(0, 255, len(classes)).astype(np.float32)
    constants = {"levels": levels, "sharpness": np.float32(-0.05), "axes": np.array([1, 2, 3])}
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Sub", ["column", "levels"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Mul", ["distance", "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    constants["last"] = np.array([1])
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", "H", "W", channels])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(classes)])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    (folder / "model.json").write_text(json.dumps({"classes": list(classes), "image_channels": channels}))
    return folder
