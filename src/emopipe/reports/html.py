"""Images embedded in HTML pages."""

import base64

import cv2

from emopipe.faces.png import decode_png, encode_png

THUMBNAIL_SIDE = 128
"""Larger images are reduced to this many pixels."""


def data_uri(png: bytes) -> str:
    """A data URI of an image, reduced to a thumbnail."""
    pixels = decode_png(png)
    height, width, channels = pixels.shape
    scale = THUMBNAIL_SIDE / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        reduced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        png = encode_png(reduced.reshape(size[1], size[0], channels))
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
