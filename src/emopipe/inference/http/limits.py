"""What the service accepts, so that no client can take all of it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of sizes, times and numbers."""

    max_bytes: int = 10_000_000
    """Of an upload; a larger one is refused unread."""
    max_pixels: int = 25_000_000
    """Of a picture; a larger one is refused from its header, undecoded."""
    max_scans: int = 100
    """Of a progressive JPEG: a small file can claim thousands, and each costs a pass over all pixels."""
    seconds_to_send: float = 10.0
    """For the head of a request, and again for its body; a slower sender is cut off."""
    seconds_to_answer: float = 30.0
    """From the whole upload to the answer; after that the client is asked to come back."""
    max_requests: int = 64
    """Uploads and pictures in work at once; further ones are asked to come back."""
    max_batch: int = 16
    """Pictures that are worked on together."""
    max_connections: int = 1024
    """Open at once."""
