"""Running the service until it is told to stop."""

import logging
import signal
import socket
import warnings
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn
from PIL import Image
from prometheus_client import disable_created_metrics

from emopipe.core.errors import WorkspaceError
from emopipe.inference.http.app import make_app
from emopipe.inference.http.engine import Engine
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.protocol import with_header_timeout
from emopipe.inference.recogniser import Recogniser

LOOPBACK = ["127.0.0.1", "localhost"]
SECONDS_TO_STOP = 35
"""What is in work is finished first; longer than any answer may take."""


def run_server(recogniser: Recogniser, limits: Limits, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve on `host` and `port` (0: a free one) until SIGINT or SIGTERM; `ready` is told the address.

    On a loopback address only requests to 127.0.0.1 or localhost are answered, so that no page of the web reaches the
    service by a name of its own (DNS rebinding). Raises `WorkspaceError` where it cannot listen.
    """
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # such pictures are refused, in one line
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of each request that is no HTTP
    disable_created_metrics()  # they double the number of series
    listening = _listen(host, port)
    named = f"[{host}]" if ":" in host else host
    app = make_app(Engine(recogniser, limits), limits, hosts=[*LOOPBACK, named] if _is_loopback(host) else ["*"])
    config = uvicorn.Config(
        app,
        http=with_header_timeout(limits.seconds_to_send),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.max_connections,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn stops on them, and then raises them once more
        signal.signal(number, lambda *_: None)
    ready(f"http://{named}:{listening.getsockname()[1]}")
    uvicorn.Server(config).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio sends an answer at once only on a socket that says TCP; else it waits 40 ms for an acknowledgement.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkspaceError(
            f"{host}:{port} cannot be listened on ({reason}): name another with --host or --port"
        ) from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
