"""Receiving what a client sends, within limits."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from emopipe.inference.http.limits import Limits

CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "application/octet-stream")
CLOSE = {"Connection": "close"}
"""Where the rest of an upload is not read, the connection cannot be used for another request."""


async def receive(request: Request, limits: Limits) -> bytes:
    """The body of a request. Raises `HTTPException`: 415 wrong type, 413 too large, 408 too slow, 400 empty."""
    _check_type(request.headers.get("content-type"))
    announced = request.headers.get("content-length")
    if announced is not None and int(announced) > limits.max_bytes:  # h11 lets only digits pass
        raise _too_large(announced, limits)
    content = bytearray()
    try:
        async with asyncio.timeout(limits.seconds_to_send):
            async for part in request.stream():
                content += part
                if len(content) > limits.max_bytes:
                    raise _too_large(f"more than {limits.max_bytes}", limits)
    except TimeoutError:
        reason = f"the upload took longer than {limits.seconds_to_send:g} seconds: send it faster, or smaller"
        raise HTTPException(408, reason, CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400, "the upload broke off") from None
    if not content:
        raise HTTPException(400, "the request has no body: expected the bytes of a picture")
    return bytes(content)


def _check_type(given: str | None) -> None:
    kind = (given or "application/octet-stream").split(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        shown = "".join(letter if letter.isprintable() else "?" for letter in kind)[:80]
        raise HTTPException(415, f"expected a picture ({', '.join(CONTENT_TYPES)}), got {shown}", CLOSE)


def _too_large(got: str, limits: Limits) -> HTTPException:
    return HTTPException(413, f"expected at most {limits.max_bytes} bytes, got {got}", CLOSE)
