"""Decoding pictures that others wrote.

Shapes: H height, W width, C channels (1 grey, 3 RGB).
"""

import io
import struct

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from emopipe.core.errors import DataError, TooManyPixels

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
"""Each further one that Pillow knows is more code that runs on what strangers wrote; EPS even starts a program."""
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
"""How their files are named."""


def decode_image(data: bytes, *, channels: int, max_pixels: int) -> np.ndarray:
    """Decode an encoded picture (PNG, JPEG, BMP, WebP) to uint8 (H, W, C), upright by its EXIF orientation.

    Raises `DataError` when the bytes are no picture, `TooManyPixels` when it has more than `max_pixels`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > max_pixels:
                raise TooManyPixels(f"{picture.width}x{picture.height} pixels are more than the limit of {max_pixels}")
            upright = _upright(picture)
            converted = _to_eight_bit(upright).convert("L" if channels == 1 else "RGB")
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"more pixels than the limit of {max_pixels}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError("the bytes do not decode as an image") from error
    return np.asarray(converted, dtype=np.uint8).reshape(converted.height, converted.width, channels)


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF note says; as it is where that note is damaged."""
    picture.load()
    try:
        return ImageOps.exif_transpose(picture)
    except (struct.error, TypeError, ValueError, SyntaxError, OSError):
        return picture


def _to_eight_bit(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits: Pillow's own conversion would clip it."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    return picture
