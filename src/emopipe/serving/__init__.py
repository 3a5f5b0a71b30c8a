"""Using an exported model: numpy, onnxruntime and Pillow, without torch, MLflow or DVC."""
