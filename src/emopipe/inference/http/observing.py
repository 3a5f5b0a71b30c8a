"""Counting requests as they pass."""

import logging
import time
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emopipe.inference.http.metrics import Metrics

ROUTES = frozenset({"/predict", "/health", "/metrics", "/docs", "/openapi.json"})
OTHER = "other"
"""Any other path: a label per path that somebody tries would fill the memory."""

log = logging.getLogger("emopipe.inference.http")


class Observing:
    """Middleware that counts each request by route and status, with its time, and answers where the service fails."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Around `app`."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def count(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, count)
        except Exception:  # whatever failed, the client gets an answer, the log the trace, and the service goes on
            log.exception("the service failed")
            if status:
                raise
            broken: dict[str, Any] = {"detail": "the service failed: its log says why"}
            await JSONResponse(broken, 500)(scope, receive, count)
        finally:
            route = scope["path"] if scope["path"] in ROUTES else OTHER
            self._metrics.requests[route, status] += 1
            self._metrics.seconds.observe(time.perf_counter() - start)
