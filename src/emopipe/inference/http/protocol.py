"""HTTP connections with a timeout for the head of a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def with_header_timeout(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, which also closes a connection whose request head takes longer than `seconds`.

    uvicorn itself only limits how long a connection may be idle between requests.
    """

    class HeaderTimeoutProtocol(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._update_timer()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._update_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel()
            super().connection_lost(exc)

        def _update_timer(self) -> None:
            """Run while a request is awaited, even if part of its head has arrived; stop during the response."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._cancel()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.close)

        def _cancel(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return HeaderTimeoutProtocol
