"""Receiving uploads, within limits."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from emopipe.inference.formats import printable
from emopipe.inference.http.limits import Limits

CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "application/octet-stream")
CLOSE = {"Connection": "close"}
"""For responses before the end of an upload: the connection cannot take another request."""


async def receive(request: Request, limits: Limits) -> bytes:
    """The body of a request. Raises `HTTPException`: 415 wrong type, 413 too large, 408 too slow, 400 empty."""
    kind = request.headers.get("content-type", CONTENT_TYPES[-1]).split(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise HTTPException(415, f"expected an image ({', '.join(CONTENT_TYPES)}), got {printable(kind)[:80]}", CLOSE)
    declared = request.headers.get("content-length")
    if declared is not None and int(declared) > limits.max_bytes:  # h11 accepts digits only
        raise _too_large(declared, limits)
    content = bytearray()
    try:
        async with asyncio.timeout(limits.upload_timeout):
            async for part in request.stream():
                content += part
                if len(content) > limits.max_bytes:
                    raise _too_large(f"more than {limits.max_bytes}", limits)
    except TimeoutError:
        reason = f"the upload took longer than {limits.upload_timeout:g} seconds: send it faster, or smaller"
        raise HTTPException(408, reason, CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400, "the upload is incomplete") from None
    if not content:
        raise HTTPException(400, "the request has no body: expected the bytes of an image")
    return bytes(content)


def _too_large(got: str, limits: Limits) -> HTTPException:
    return HTTPException(413, f"expected at most {limits.max_bytes} bytes, got {got}", CLOSE)
