"""Pixels: decoding what others wrote, the lossless form we keep, and the digest that names a picture.

Shapes: H height, W width, C channels (1 grey, 3 RGB). Pictures are uint8 arrays (H, W, C), row by row from the top.
"""

import hashlib
import io

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from emopipe.errors import DataError

Image.MAX_IMAGE_PIXELS = None  # the limit is ours: `max_pixels` below, checked before any pixel is decoded


def decode_image(data: bytes, *, channels: int, max_pixels: int) -> np.ndarray:
    """Decode an encoded picture (PNG, JPEG, BMP, WebP, ...) to uint8 (H, W, C), upright by its EXIF orientation.

    Raises `DataError` when the bytes are no picture, or when it has more than `max_pixels` pixels.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > max_pixels:
                raise DataError(f"{picture.width}x{picture.height} pixels are more than ingest.max_pixels={max_pixels}")
            upright = ImageOps.exif_transpose(picture)
            converted = _to_eight_bit(upright).convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError("the bytes do not decode as an image") from error
    return np.asarray(converted, dtype=np.uint8).reshape(converted.height, converted.width, channels)


def _to_eight_bit(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits: Pillow's own conversion would clip it."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    return picture


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
