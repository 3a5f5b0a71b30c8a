"""Pictures inside an HTML page."""

import base64

import cv2
import numpy as np

from emopipe.faces.png import decode_png, encode_png

THUMBNAIL_SIDE = 128
"""Larger pictures are shown reduced to this many pixels."""


def data_uri(png: bytes) -> str:
    """A picture as it can stand in a page."""
    pixels = decode_png(png)
    scale = THUMBNAIL_SIDE / max(pixels.shape[:2])
    if scale < 1:
        png = encode_png(_shrink(pixels, scale))
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _shrink(pixels: np.ndarray, scale: float) -> np.ndarray:
    height, width, channels = pixels.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels)
