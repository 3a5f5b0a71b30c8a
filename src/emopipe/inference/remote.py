"""Fetching an exported model from a server of ours: `emopipe serve` hands out the one that it answers with."""

from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from emopipe.core.errors import ModelError
from emopipe.export.runtime import DESCRIPTION, GRAPH

SCHEMES = ("http://", "https://")
MODEL_PATH = "/model/"
"""Under this address of the server, the files of the model by their names."""
MAX_BYTES = 2_000_000_000
"""Of a file: what ONNX can hold without further files."""
SECONDS = 30.0
"""For each answer to begin, and for each pause in it."""


def fetch_bundle(address: str, folder: Path) -> None:
    """Copy the model of the server at `address` into `folder`; raises `ModelError` when it does not hand one out."""
    for name in (DESCRIPTION, GRAPH):
        url = address.rstrip("/") + MODEL_PATH + name
        try:
            with urlopen(url, timeout=SECONDS) as answer:
                content = answer.read(MAX_BYTES + 1)
        except HTTPError as error:
            raise ModelError(f"{url} answers {error.code}: expected the address of an `emopipe serve`") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise ModelError(f"{url} cannot be fetched ({reason}): is `emopipe serve` running there?") from error
        if len(content) > MAX_BYTES:
            raise ModelError(f"{url} has more than {MAX_BYTES} bytes: expected the address of an `emopipe serve`")
        (folder / name).write_bytes(content)
