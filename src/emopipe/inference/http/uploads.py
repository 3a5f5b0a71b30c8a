"""Receiving uploads, within limits."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from emopipe.inference.formats import printable
from emopipe.inference.http.limits import Limits

FORM = "multipart/form-data"
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "application/octet-stream")
CLOSE = {"Connection": "close"}
"""For responses before the end of an upload: the connection cannot take another request."""
MAX_FIELDS, MAX_FIELD_BYTES = 8, 1024
"""Of a form, beside its file; their values are not used."""


async def receive(request: Request, limits: Limits) -> bytes:
    """The image in the body of a request: all of it, or the one file of a form.

    Raises `HTTPException`: 415 wrong type, 413 too large, 408 too slow, 400 empty, or a form without one file.
    """
    kind = request.headers.get("content-type", "application/octet-stream").split(";")[0].strip().lower()
    if kind not in (*IMAGE_TYPES, FORM):
        expected = f"an image ({', '.join(IMAGE_TYPES)}) or a form ({FORM})"
        raise HTTPException(415, f"expected {expected}, got {printable(kind)[:80]}", CLOSE)
    declared = request.headers.get("content-length")
    if declared is not None and int(declared) > limits.max_bytes:  # h11 accepts digits only
        raise _too_large(declared, limits)
    try:
        async with asyncio.timeout(limits.upload_timeout):
            content = await (_form_file if kind == FORM else _body)(request, limits)
    except TimeoutError:
        reason = f"the upload took longer than {limits.upload_timeout:g} seconds: send it faster, or smaller"
        raise HTTPException(408, reason, CLOSE) from None
    except ClientDisconnect:
        raise HTTPException(400, "the upload is incomplete") from None
    if not content:
        source = "the file in the form is empty" if kind == FORM else "the request has no body"
        raise HTTPException(400, f"{source}: expected the bytes of an image")
    return content


async def _body(request: Request, limits: Limits) -> bytes:
    content = bytearray()
    async for part in _parts(request, limits):
        content += part
    return bytes(content)


async def _form_file(request: Request, limits: Limits) -> bytes:
    """The one file of a form, by any name."""
    parser = MultiPartParser(
        request.headers,
        _parts(request, limits),
        max_files=1,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    parser.spool_max_size = limits.max_bytes  # in memory: images are not stored
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, f"the form cannot be read ({printable(error.message).rstrip('.')})", CLOSE) from None
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise HTTPException(400, "the form has no file: expected one, as `curl -F image=@face.jpg` sends it")
    content = await files[0].read()
    await form.close()
    return content


async def _parts(request: Request, limits: Limits) -> AsyncGenerator[bytes]:
    """The body of a request in parts; raises 413 once they are too large together."""
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limits.max_bytes:
            raise _too_large(f"more than {limits.max_bytes}", limits)
        yield part


def _too_large(got: str, limits: Limits) -> HTTPException:
    return HTTPException(413, f"expected at most {limits.max_bytes} bytes, got {got}", CLOSE)
