"""Counts and times of the service, in the text format of Prometheus (version 0.0.4)."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


class Histogram:
    """How often values fell below each bound."""

    def __init__(self, name: str, about: str, bounds: tuple[float, ...]) -> None:
        """Upper bounds, rising; one without a bound is added."""
        self._name, self._about, self._bounds = name, about, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it: each bucket holds those below it too."""
        yield from _head(self._name, self._about, "histogram")
        below = 0
        for bound, count in zip((*map("{:g}".format, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            yield f'{self._name}_bucket{{le="{bound}"}} {below}'
        yield f"{self._name}_sum {self._sum:.6f}"
        yield f"{self._name}_count {below}"


class Metrics:
    """What the service counts; used from the event loop alone."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.requests: Counter[tuple[str, int]] = Counter()
        """By route and status."""
        self.faces = 0
        self.in_work = 0
        self.seconds = Histogram("emopipe_request_seconds", "Time from the head of a request to its answer.", SECONDS)
        self.batches = Histogram("emopipe_batch_size", "Pictures that were worked on together.", SIZES)

    def text(self) -> str:
        """All of it."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _head("emopipe_requests_total", "Requests by route and status.", "counter")
        for (route, status), count in sorted(self.requests.items()):
            yield f'emopipe_requests_total{{route="{route}",status="{status}"}} {count}'
        yield from _head("emopipe_faces_total", "Faces in the answers.", "counter")
        yield f"emopipe_faces_total {self.faces}"
        yield from _head("emopipe_requests_in_work", "Uploads and pictures in work now.", "gauge")
        yield f"emopipe_requests_in_work {self.in_work}"
        yield from self.seconds.lines()
        yield from self.batches.lines()


def _head(name: str, about: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
