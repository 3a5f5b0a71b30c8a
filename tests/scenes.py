"""Images with drawn faces in known places, and a fake model that classifies by brightness."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from emopipe.ingest.sample.generate import draw_faces

SIDE = 96
CLASSES = ("dark", "medium", "bright")
DETECTED = (1, 4, 11, 14)
"""Faces of `draw_faces` with seed 0 that get a high detector score."""
YUNET_OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral") * 3


def drawn_faces() -> np.ndarray:
    """uint8 RGB (4, SIDE, SIDE, 3)."""
    return np.repeat(draw_faces(LABELS, size=SIDE, seed=0)[list(DETECTED)], 3, axis=3)


def scene(*corners: tuple[int, int], width: int = 640, height: int = 480) -> np.ndarray:
    """A grey image with a drawn face at each (left, top), always the same ones in the same order."""
    picture = np.full((height, width, 3), 127, np.uint8)
    for face, (left, top) in zip(drawn_faces(), corners, strict=False):
        picture[top : top + SIDE, left : left + SIDE] = face
    return picture


def write_bundle(folder: Path, *, channels: int = 1, classes: Sequence[str] = CLASSES) -> Path:
    """An exported model: a softmax over the distances of the mean grey to the levels of the classes.

    The levels are spread evenly over 0 to 255.
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


def yunet_like() -> bytes:
    """A network with YuNet's inputs and outputs that detects white cells as faces, 3 cells wide and 2 high.

    Per stride, one row per cell: `cls` and `obj` the mean brightness of the cell, `bbox` and `kps` always the same.
    """
    box = np.array([[[0.5, 0.5, np.log(3), np.log(2)]]], np.float32)
    constants = {"scale": np.float32(1 / 255), "rows": np.array([1, -1, 1]), "nothing": np.float32(0), "box": box}
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["grey"], axes=[1]),
        helper.make_node("Mul", ["grey", "scale"], ["light"]),
    ]
    for stride in (8, 16, 32):
        cells = f"cells_{stride}"
        sizes = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        nodes += [
            helper.make_node("AveragePool", ["light"], [cells], **sizes),
            helper.make_node("Reshape", [cells, "rows"], [f"cls_{stride}"]),
            helper.make_node("Reshape", [cells, "rows"], [f"obj_{stride}"]),
            helper.make_node("Mul", [f"cls_{stride}", "nothing"], [f"zero_{stride}"]),
            helper.make_node("Concat", [f"zero_{stride}"] * 4, [f"zeros_{stride}"], axis=2),
            helper.make_node("Add", [f"zeros_{stride}", "box"], [f"bbox_{stride}"]),
            helper.make_node("Concat", [f"zero_{stride}"] * 10, [f"kps_{stride}"], axis=2),
        ]
    outputs = {f"{name}_{stride}": n for name, n in YUNET_OUTPUTS.items() for stride in (8, 16, 32)}
    graph = helper.make_graph(
        nodes,
        "white_cells",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "n", n]) for name, n in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def write_clip(path: Path, codec: str = "mp4v") -> Path:
    """18 frames, 10 a second: none for 4, one moving face for 6, three for 6, none for 2."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (640, 480))
    one = [scene((60 + 8 * k, 90)) for k in range(6)]
    three = [scene((108 + 8 * k, 90), (300, 60), (480, 300)) for k in range(6)]
    for frame in [*[scene()] * 4, *one, *three, *[scene()] * 2]:
        writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
    writer.release()
    return path
