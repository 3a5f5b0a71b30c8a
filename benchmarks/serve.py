"""Throughput and latency of `emopipe serve` on loopback, with clients that send one request at a time.

`python benchmarks/serve.py` after `dvc repro`. The clients share one process, and on a small machine the cores of
the service. The last load is ten times the limit of concurrent requests: all statuses must be 200 or 503, and /health
must stay fast.
"""

import argparse
import http.client
import io
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from PIL import Image

from emopipe.ingest.sample.generate import draw_faces

CLIENTS, OVERLOAD, MAX_REQUESTS = 32, 10, 32
PHOTO, FACE = "photo, 640x480, two faces", "face, 48x48"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="exports")
    parser.add_argument("--seconds", type=float, default=10, help="Per line of the table.")
    options = parser.parse_args()
    with serving(options.model) as port:
        for name, (path, image) in images().items():
            load(port, path, image, clients=1, seconds=1)  # warm-up
            for clients in (1, CLIENTS, OVERLOAD * MAX_REQUESTS):
                print(f"{name:26s}  {clients:3d} clients  {load(port, path, image, clients, options.seconds)}")


def images() -> dict[str, tuple[str, bytes]]:
    """Requests by name: path and body."""
    faces = draw_faces(["angry", "disgust", "fear", "happy", "sad"], size=96, seed=0)[[1, 4], :, :, 0]
    photo = np.full((480, 640), 127, np.uint8)
    for number, face in enumerate(faces):
        photo[120:216, 60 + 280 * number : 156 + 280 * number] = face
    small = draw_faces(["happy"], size=48, seed=0)[0, :, :, 0]
    return {
        PHOTO: ("/predict", encoded(photo, "JPEG")),
        FACE: ("/predict?crops=true", encoded(small, "PNG")),
    }


def encoded(pixels: np.ndarray, form: str) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@contextmanager
def serving(model: str) -> Iterator[int]:
    """The port of a service with `model`."""
    command = [sys.executable, "-m", "emopipe", "serve", "--model", model, "--port", "0"]
    process = subprocess.Popen([*command, "--max-requests", str(MAX_REQUESTS)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        if not found:
            sys.exit("the service does not start")
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()


def load(port: int, path: str, image: bytes, clients: int, seconds: float) -> str:
    """Run `clients` for some seconds; the metrics in a line."""
    end = time.perf_counter() + seconds
    begin = threading.Barrier(clients + 1)

    def ask(method: str, target: str, body: bytes | None, pause: float) -> list[tuple[int, float]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        begin.wait()
        responses = []
        while (start := time.perf_counter()) < end:
            connection.request(method, target, body, {"Content-Type": "application/octet-stream"})
            response = connection.getresponse()
            response.read()
            responses.append((response.status, time.perf_counter() - start))
            time.sleep(pause if response.status == 200 else 0.1)  # a client with 503 retries later
        connection.close()
        return responses

    with ThreadPoolExecutor(clients + 1) as pool:
        health = pool.submit(ask, "GET", "/health", None, 0.02)
        posts = [pool.submit(ask, "POST", path, image, 0.0) for _ in range(clients)]
        responses = [response for post in posts for response in post.result()]
        health_times = [taken for _, taken in health.result()]
    times = [taken for status, taken in responses if status == 200]
    statuses = Counter(status for status, _ in responses)
    return (
        f"{len(times) / seconds:7.1f} responses/s  p50 {1000 * statistics.median(times):7.1f} ms  "
        f"p99 {1000 * p99(times):7.1f} ms  statuses {dict(statuses)}  health p99 {1000 * p99(health_times):6.1f} ms"
    )


def p99(times: list[float]) -> float:
    """The 99th percentile."""
    return sorted(times)[min(len(times) - 1, int(0.99 * len(times)))]


if __name__ == "__main__":
    main()
