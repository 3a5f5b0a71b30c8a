"""The deployable bundle: ONNX export, parity, int8, the model card, and the runtime that loads it."""
