"""HTTP connections that cut off clients who are slow to say what they want."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def with_header_timeout(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, which closes a connection that is `seconds` late with the head of a request.

    uvicorn itself limits how long a connection may be silent between requests, but not how long the head of one takes.
    """

    class Impatient(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """The clock runs while a request is awaited, however much of it has come; not while one is answered."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._cancel()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(seconds, self._close)

        def _close(self) -> None:
            self._deadline = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

        def _cancel(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Impatient
