"""Damaged copies of images and requests, by a seed."""

import io
import os
from collections.abc import Iterator

import numpy as np
from PIL import Image

MUTATIONS = int(os.environ.get("EMOPIPE_MUTATIONS", "400"))
"""Damaged inputs of one test; `make fuzz` sets 10,000."""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
REQUEST = (
    b"POST /predict?crops=true HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%s"
)


def pictures() -> list[bytes]:
    """Small ones, one of each format and mode."""
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    found = []
    for form in FORMATS:
        for mode in ("L", "RGB"):
            file = io.BytesIO()
            Image.fromarray(smooth).convert(mode).save(file, form)
            found.append(file.getvalue())
    return found


def damaged(rng: np.random.Generator, content: bytes) -> bytes:
    """Some bytes changed, cut out, doubled, or made extreme; near the start most often, where the headers are."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        if not data:
            break
        reach = len(data) if rng.random() < 0.5 else min(len(data), 64)
        place, length = int(rng.integers(reach)), int(rng.integers(1, 9))
        match int(rng.integers(5)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place : place + length] = rng.bytes(length)
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[place : place + length * 8]
            case _:
                data[place : place + length] = bytes([int(rng.choice([0, 255, 127, 128]))]) * length
    return bytes(data if rng.random() < 0.9 else data[: int(rng.integers(len(data) + 1))])


def damaged_pictures(seed: int, number: int) -> Iterator[bytes]:
    """`number` of them."""
    rng, whole = np.random.default_rng(seed), pictures()
    for index in range(number):
        yield damaged(rng, whole[index % len(whole)])


def damaged_requests(seed: int, number: int) -> Iterator[bytes]:
    """`number` of them, as they go over the wire."""
    rng, whole = np.random.default_rng(seed), pictures()
    for index in range(number):
        picture = whole[index % len(whole)]
        yield damaged(rng, REQUEST % (len(picture), picture))
