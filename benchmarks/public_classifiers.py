"""CPU times of public emotion classifiers; `inference.py --public PYTHON` starts this script with that interpreter.

The interpreter needs no emopipe. Each line of input is a name, a batch size and a number of batches; each line of
output the seconds. Grey faces of 48x48 are resized, scaled and classified, without detection.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
SIDE = 48


def fer(use_tflite: bool) -> Callable:
    """The package `fer` (MIT): a small network for the classes of FER2013, with weights."""
    import cv2
    import numpy as np
    from fer.fer import FER

    classifier = FER(use_tflite=use_tflite)

    def run(faces):
        resized = np.array([cv2.resize(face, (64, 64)) for face in faces], dtype="float32")
        return np.asarray(classifier._classify_emotions((resized / 255.0 - 0.5) * 2.0))

    return run


def facex() -> Callable:
    """The package `facex` (MIT): one face at a time, with weights for TensorFlow Lite."""
    import facex
    from facex.core import EmotionClassifier

    classifier = EmotionClassifier(str(Path(facex.__file__).parent / "assets" / "model_optimized.tflite"))
    return lambda faces: [classifier.detect_emotion(face) for face in faces]


LOADERS = {"fer": lambda: fer(True), "fer (keras)": lambda: fer(False), "facex": facex}


def main() -> None:
    """Reply until the input ends; the first line of output lists the available classifiers."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of the packages
    import numpy as np

    runs = {}
    for name, load in LOADERS.items():
        try:
            runs[name] = load()
        except ImportError as error:
            print(f"{name}: {error}", file=sys.stderr)
    print("\t".join(runs), file=replies, flush=True)
    for line in sys.stdin:
        name, batch, repeats = line.rstrip("\n").split("\t")
        faces = np.random.default_rng(0).integers(0, 256, (int(batch), SIDE, SIDE), dtype=np.uint8)
        start = time.process_time()
        for _ in range(int(repeats)):
            runs[name](faces)
        print(time.process_time() - start, file=replies, flush=True)


if __name__ == "__main__":
    main()
