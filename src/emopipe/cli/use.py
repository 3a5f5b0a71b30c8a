"""The commands that use an exported model; they need what `pip install emopipe` brings, and serve its extra."""

import os
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emopipe.inference.recogniser import Recogniser

Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="A folder that export wrote, a registered model (models:/emopipe@champion), or a server (http://...).",
    ),
]
YuNetFile = Annotated[
    Path | None, typer.Option("--yunet", help="ONNX file of YuNet, a faster detector.", dir_okay=False)
]
Uncertain = Annotated[float, typer.Option(min=0, max=1, help="Call a face uncertain whose best class has less.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads to compute with; 0 takes all cores.")]
Longest = Annotated[int, typer.Option(min=32, help="Look for faces in pictures shrunk to this many pixels a side.")]


class Form(StrEnum):
    """How results are written."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


def predict(
    paths: Annotated[list[str], typer.Argument(help="Images, videos, folders, or patterns such as 'a/**/*.jpg'.")],
    model: Model = "exports",
    form: Annotated[
        Form, typer.Option("--format", help="A table, JSON Lines or CSV, on standard output.")
    ] = Form.table,
    annotate: Annotated[Path | None, typer.Option(help="Folder for copies with the faces drawn in.")] = None,
    crops: Annotated[bool, typer.Option("--crops", help="The images are faces already: look for none.")] = False,
    yunet: YuNetFile = None,
    longest: Longest = 640,
    uncertain_below: Uncertain = 0.5,
    threads: Threads = 0,
) -> None:
    """Find faces in images and videos, and say what they show. Status 3: some files were not readable."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.predict import predict_files

    counts = predict_files(paths, recogniser, form=form.value, crops=crops, annotate=annotate)
    print(f"emopipe: {counts.line()}", file=sys.stderr)
    if counts.num_unreadable:
        raise typer.Exit(3)


def live(
    camera: Annotated[int, typer.Option(min=0, help="Number of the camera.")] = 0,
    source: Annotated[Path | None, typer.Option(help="A video in place of a camera.")] = None,
    model: Model = "exports",
    headless: Annotated[bool, typer.Option("--headless", help="Without a window; Ctrl-C ends it.")] = False,
    log: Annotated[Path | None, typer.Option(help="CSV file to write: each face of each frame, with times.")] = None,
    yunet: YuNetFile = None,
    longest: Longest = 320,
    uncertain_below: Uncertain = 0.5,
    threads: Threads = 0,
) -> None:
    """Watch the faces of a camera or a video in a window: q quits, space pauses, r records. Nothing is sent."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.live import run_live

    print(run_live(camera, source, recogniser, headless=headless, log=log).line())


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback let others in.")] = "127.0.0.1",
    model: Model = "exports",
    yunet: YuNetFile = None,
    longest: Longest = 640,
    uncertain_below: Uncertain = 0.5,
    threads: Threads = 0,
    max_requests: Annotated[int, typer.Option(min=1, help="Requests in work at once; further ones get 503.")] = 64,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Largest upload.")] = 10,
) -> None:
    """Answer programs over HTTP: POST a picture to /predict. /docs describes it. Ctrl-C stops it."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.http.limits import Limits
    from emopipe.inference.http.server import run_server

    limits = Limits(max_requests=max_requests, max_bytes=round(max_megabytes * 1_000_000))
    run_server(
        recogniser,
        limits,
        host=host,
        port=port,
        ready=lambda address: print(f"serving at {address}; {address}/docs describes it", flush=True),
    )


def _recogniser(model: str, yunet: Path | None, longest: int, uncertain_below: float, threads: int) -> "Recogniser":
    """The model with its detector. Comes before all that imports OpenCV, whose own messages would double ours."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
    from emopipe.inference.model import open_recogniser

    return open_recogniser(model, yunet=yunet, longest=longest, uncertain_below=uncertain_below, num_threads=threads)


def web(
    model: Model = "exports",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8000,
    longest: Longest = 320,
    uncertain_below: Uncertain = 0.5,
) -> None:
    """Serve a page that recognises emotions in the browser, for this machine alone. No frame leaves it; Ctrl-C ends."""
    from emopipe.inference.model import bundle_folder
    from emopipe.inference.web.server import PageServer
    from emopipe.inference.web.site import build_site

    with bundle_folder(model) as folder:
        site = build_site(folder, longest=longest, uncertain_below=uncertain_below)
    server = PageServer(site, port=port)
    print(f"Open {server.address} in a browser; Ctrl-C ends it.", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def add_use_commands(app: typer.Typer) -> None:
    """Make them commands of `app`."""
    for command in (predict, live, web, serve):
        app.command()(command)
