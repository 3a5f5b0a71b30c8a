"""Pixels in the lossless form that the tables keep, and the digest that names a picture.

Shapes: H height, W width, C channels (1 grey, 3 RGB). Pictures are uint8 arrays (H, W, C), row by row from the top.
"""

import hashlib

import cv2
import numpy as np


def encode_png(pixels: np.ndarray) -> bytes:
    """Encode uint8 (H, W, C) as PNG, without loss."""
    ordered = pixels if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".png", ordered)
    assert done, f"OpenCV could not encode an array of shape {pixels.shape}"
    return encoded.tobytes()


def decode_png(data: bytes) -> np.ndarray:
    """Decode what `encode_png` wrote, to uint8 (H, W, C)."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, "a picture of our own table does not decode"
    return pixels[:, :, None] if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def pixel_digest(pixels: np.ndarray) -> str:
    """Name a picture by its content: 32 hex digits over its shape and its pixels."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()
