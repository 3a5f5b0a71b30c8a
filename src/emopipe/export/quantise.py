"""Static int8 quantisation of the exported graph."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

QUANTISED = ["Conv", "Gemm", "MatMul"]  # preprocessing and softmax stay in floating point


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: Sequence[np.ndarray]) -> None:
        self._batches: Iterator[np.ndarray] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch}


def quantise(source: Path, target: Path, batches: Sequence[np.ndarray]) -> None:
    """Quantise the graph `source`, with activation ranges from `batches` of training faces, uint8 (N, H, W, C).

    Weights have 7 bits (`reduce_range`): without VNNI instructions, sums of 8-bit products overflow. The first two
    layers and the last stay in floating point: they are small and cause much of the error. Ranges are averaged over
    the batches, so that an outlier does not widen them.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        logging.disable(logging.WARNING)  # the library recommends the preprocessing done here
        stack.callback(logging.disable, logging.NOTSET)
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        layers = [node.name for node in onnx.load(str(prepared)).graph.node if node.op_type in QUANTISED]
        quantize_static(
            str(prepared),
            str(target),
            _Batches(batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            nodes_to_exclude=[*layers[:2], layers[-1]],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            extra_options={"CalibMovingAverage": True},
        )
