"""Read and verify the weights of a detector."""

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
    digest = hashlib.sha256(content).hexdigest()
    if digest not in digests:
        raise ModelError(f"{path} has sha256 {digest}, expected {' or '.join(digests)}: fetch the file again")
    return content
