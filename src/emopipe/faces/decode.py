"""Decode images from untrusted sources.

Shapes: H height, W width, C channels (1 grey, 3 RGB).
"""

import io
import struct
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from emopipe.core.errors import DataError, TooManyPixels

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
"""Pillow's other decoders stay off: more code on untrusted bytes (EPS even starts a program)."""
FILE_FORMATS = (*FORMATS, "TIFF", "GIF")
"""Also those of files that the user has, as opposed to uploads of strangers."""
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
"""Suffixes of their files."""
_ANIMATED = (b"GIF8", b"RIFF", b"\x89PNG", b"II*\x00", b"MM\x00*")
"""First bytes of files that can hold several images."""
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, ArithmeticError, struct.error)
"""What Pillow raises for damaged files."""


def is_image_name(name: str) -> bool:
    """Whether a path has such a suffix and is visible."""
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def decode_image(data: bytes, *, channels: int, max_pixels: int, formats: tuple[str, ...] = FORMATS) -> np.ndarray:
    """Decode an image of `formats` to uint8 (H, W, C), rotated by the EXIF orientation; of an animated one the first.

    Raises `DataError` when the bytes are no image, `TooManyPixels` above `max_pixels`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            if image.width * image.height > max_pixels:
                raise TooManyPixels(f"{image.width}x{image.height} pixels are more than the limit of {max_pixels}")
            return pixels_of(image, channels=channels)
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"more pixels than the limit of {max_pixels}") from error
    except _DECODE_ERRORS as error:
        raise DataError("the bytes do not decode as an image") from error


def pixels_of(image: Image.Image, *, channels: int) -> np.ndarray:
    """The pixels of an image of Pillow, uint8 (H, W, C), rotated by its EXIF orientation.

    Raises `DataError` when its file is damaged, or its pixels are floating-point numbers.
    """
    try:
        converted = _to_eight_bit(_upright(image)).convert("L" if channels == 1 else "RGB")
    except _DECODE_ERRORS as error:
        raise DataError("the bytes do not decode as an image") from error
    return np.asarray(converted, dtype=np.uint8).reshape(converted.height, converted.width, channels)


def is_animated(data: bytes) -> bool:
    """Whether the bytes hold several images: an animation, or the pages of a TIFF."""
    if not data.startswith(_ANIMATED):
        return False
    try:
        with Image.open(io.BytesIO(data), formats=FILE_FORMATS) as image:
            return bool(getattr(image, "is_animated", False))
    except (Image.DecompressionBombError, *_DECODE_ERRORS):
        return False


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF is ignored."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except (struct.error, TypeError, ValueError, SyntaxError, OSError):
        return image


def _to_eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits: Pillow's own conversion would clip it."""
    if image.mode == "F":
        raise DataError("its pixels are floating-point numbers, expected 8 or 16 bits: convert it")
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    return image
