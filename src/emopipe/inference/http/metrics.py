"""Prometheus metrics of the service, and the middleware that records them."""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_SIZES = (1, 2, 4, 8, 16, 32)
ROUTES = frozenset({"/predict", "/health", "/metrics", "/docs", "/openapi.json"})
OTHER = "other"
"""Label of all other paths: one label per path that a client tries would fill the memory."""

log = logging.getLogger("emopipe.inference.http")


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "emopipe_requests", "Requests by route and status.", ("route", "status"), registry=registry
        )
        self.faces = Counter("emopipe_faces", "Faces in the responses.", registry=registry)
        self.in_work = Gauge("emopipe_requests_in_work", "Images in work now.", registry=registry)
        self.seconds = Histogram(
            "emopipe_request_seconds", "Time from request head to response.", buckets=SECONDS, registry=registry
        )
        self.batches = Histogram("emopipe_batch_size", "Images per batch.", buckets=BATCH_SIZES, registry=registry)

    def text(self) -> bytes:
        """Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)


class MetricsMiddleware:
    """Count and time each request by route and status; an unexpected exception becomes a 500 and a line in the log."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, record_status)
        except Exception:
            log.exception("the service failed")
            if status:
                raise
            await JSONResponse({"detail": "the service failed: see its log"}, 500)(scope, receive, record_status)
        finally:
            route = scope["path"] if scope["path"] in ROUTES else OTHER
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.observe(time.perf_counter() - start)
