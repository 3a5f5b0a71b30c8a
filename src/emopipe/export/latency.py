"""Latency of an exported model."""

import statistics
import timeit
from pathlib import Path

from emopipe.export.runtime import MAX_PIXELS, Bundle
from emopipe.faces.decode import decode_image

WARM_UP, ROUNDS, CALLS = 10, 5, 20


def latency_ms(bundle: Path, picture: bytes) -> float:
    """Milliseconds for one decoded face on one thread: the lowest of the medians of `ROUNDS` rounds."""
    model = Bundle(bundle, num_threads=1)
    image = decode_image(picture, channels=model.channels, max_pixels=MAX_PIXELS)[None]
    for _ in range(WARM_UP):
        model.predict(image)
    rounds = [timeit.repeat(lambda: model.predict(image), number=1, repeat=CALLS) for _ in range(ROUNDS)]
    return 1000 * min(map(statistics.median, rounds))
