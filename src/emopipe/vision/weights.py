"""Reading the weights of a detector, and making sure that they are those that were meant."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from emopipe.core.errors import ModelError


def read_weights(path: Path, digests: Collection[str]) -> bytes:
    """The content of `path`; raises `ModelError` unless its sha256 is one of `digests` (64 hex digits each)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} is not readable ({error.strerror}): name the detector's ONNX file") from error
    found = hashlib.sha256(content).hexdigest()
    if found not in digests:
        raise ModelError(f"{path} has sha256 {found}, expected {' or '.join(digests)}: fetch the file again")
    return content
