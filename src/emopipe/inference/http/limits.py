"""Limits that keep a client from exhausting the service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of sizes, times and counts."""

    max_bytes: int = 10_000_000
    """Of an upload; a larger one is refused unread."""
    max_pixels: int = 25_000_000
    """Of an image; a larger one is refused by its header, undecoded."""
    max_side: int = 8192
    """Pixels on a side of an image that is a face: what the exported graphs allow for."""
    max_scans: int = 100
    """Of a progressive JPEG: a small file can declare thousands, each of which costs a pass over all pixels."""
    upload_timeout: float = 10.0
    """Seconds for the head of a request, and again for its body."""
    response_timeout: float = 30.0
    """Seconds from the end of an upload to its response; then the client gets 503."""
    max_requests: int = 64
    """Concurrent uploads; further ones get 503."""
    max_batch: int = 16
    """Images per batch."""
    max_connections: int = 1024
    """Open connections."""
