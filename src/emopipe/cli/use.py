"""Commands that use an exported model; `pip install emopipe` is enough, but for serve, which needs its extra."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from emopipe.inference.recogniser import Recogniser

MODEL_HELP = "An exported folder, a registered model (models:/emopipe@champion), or a server (http://...)."
Model = Annotated[str, typer.Option("--model", help=MODEL_HELP)]
YuNetFile = Annotated[Path | None, typer.Option(help="ONNX file of YuNet, a faster face detector.", dir_okay=False)]
Uncertain = Annotated[float, typer.Option(min=0, max=1, help="Faces with a lower top probability are `uncertain`.")]
Threads = Annotated[int, typer.Option(min=0, help="Number of threads; 0 uses all cores.")]
Longest = Annotated[int, typer.Option(min=32, help="Longer side of the image that the face detector gets, in pixels.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]


def predict(
    paths: Annotated[list[str], typer.Argument(help="Images, videos, folders, or patterns such as 'a/**/*.jpg'.")],
    model: Model = "exports",
    form: Annotated[Literal["table", "jsonl", "csv"], typer.Option("--format", help="On standard output.")] = "table",
    annotate: Annotated[Path | None, typer.Option(help="Folder for annotated copies.")] = None,
    crops: Annotated[bool, typer.Option("--crops", help="Each image is one face: run no detector.")] = False,
    yunet: YuNetFile = None,
    longest: Longest = 640,
    uncertain_below: Uncertain = 0.5,
    threads: Threads = 0,
) -> None:
    """Classify the faces in images and videos. Status 3: some files were not readable."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.predict import predict_files

    counts = predict_files(paths, recogniser, form=form, crops=crops, annotate=annotate)
    print(f"emopipe: {counts.line()}", file=sys.stderr)
    if counts.num_unreadable:
        raise typer.Exit(3)


def live(
    camera: Annotated[int, typer.Option(min=0, help="Number of the camera.")] = 0,
    source: Annotated[Path | None, typer.Option(help="A video file instead of a camera.")] = None,
    model: Model = "exports",
    headless: Annotated[bool, typer.Option("--headless", help="Run without a window, until Ctrl-C.")] = False,
    log: Annotated[Path | None, typer.Option(help="CSV file for every face of every frame, with times.")] = None,
    yunet: YuNetFile = None,
    longest: Longest = 320,
    uncertain_below: Uncertain = 0.5,
    threads: Threads = 0,
) -> None:
    """Classify the faces of a camera or video in a window. q quits, space pauses, r records."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.live import run_live

    print(run_live(camera, source, recogniser, headless=headless, log=log).line())


def web(model: Model = "exports", port: Port = 8000, longest: Longest = 320, uncertain_below: Uncertain = 0.5) -> None:
    """Serve a page that classifies faces in the browser. Only this machine can open it; Ctrl-C stops it."""
    from emopipe.inference.model import bundle_folder
    from emopipe.inference.web.server import PageServer
    from emopipe.inference.web.site import build_site

    with bundle_folder(model) as folder:
        site = build_site(folder, longest=longest, uncertain_below=uncertain_below)
    server = PageServer(site, port=port)
    print(f"Open {server.address} in a browser; Ctrl-C ends it.", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def serve(
    port: Port = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; all but loopback admit others.")] = "127.0.0.1",
    model: Model = "exports",
    yunet: YuNetFile = None,
    longest: Longest = 640,
    uncertain_below: Uncertain = 0.5,
    threads: Threads = 0,
    max_requests: Annotated[int, typer.Option(min=1, help="Concurrent requests; further ones get 503.")] = 64,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Largest upload, in megabytes.")] = 10,
) -> None:
    """Serve the model over HTTP. POST an image to /predict; /docs describes the API. Ctrl-C stops it."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.http.limits import Limits
    from emopipe.inference.http.server import run_server

    limits = Limits(max_requests=max_requests, max_bytes=round(max_megabytes * 1_000_000))
    run_server(recogniser, limits, host=host, port=port)


def _recogniser(model: str, yunet: Path | None, longest: int, uncertain_below: float, threads: int) -> "Recogniser":
    """Open the model and its detector. Silences OpenCV's own messages, before any module imports OpenCV."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
    from emopipe.inference.model import open_recogniser

    return open_recogniser(model, yunet=yunet, longest=longest, uncertain_below=uncertain_below, num_threads=threads)
