"""Running the service until SIGINT or SIGTERM."""

import logging
import signal
import socket
import warnings
from ipaddress import ip_address

import uvicorn
from PIL import Image
from prometheus_client import disable_created_metrics

from emopipe.core.errors import WorkspaceError
from emopipe.inference.http.app import make_app
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.protocol import with_header_timeout
from emopipe.inference.recogniser import Recogniser

LOOPBACK = ["127.0.0.1", "localhost"]
SECONDS_TO_STOP = 35
"""Longer than any response may take."""


def run_server(recogniser: Recogniser, limits: Limits, *, host: str, port: int) -> None:
    """Serve on `host` and `port` (0: a free one) until SIGINT or SIGTERM.

    On a loopback address, only requests to 127.0.0.1 or localhost are accepted, which prevents DNS rebinding by web
    pages. Raises `WorkspaceError` if the address is not available.
    """
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # such images are refused, in one line
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # no warning per malformed request
    disable_created_metrics()  # they double the number of series
    listener = _listen(host, port)
    address = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        make_app(recogniser, limits, hosts=[*LOOPBACK, address] if _is_loopback(host) else ["*"]),
        http=with_header_timeout(limits.upload_timeout),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.max_connections,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn stops on them, and raises them again afterwards
        signal.signal(number, lambda *_: None)
    url = f"http://{address}:{listener.getsockname()[1]}"
    print(f"serving at {url}; {url}/docs describes it", flush=True)
    uvicorn.Server(config).run([listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio sets TCP_NODELAY only on sockets that name TCP; otherwise responses wait 40 ms for an acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkspaceError(f"cannot listen on {host}:{port} ({reason}): change --host or --port") from error
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
