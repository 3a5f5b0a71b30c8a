"""Commands that use an exported model; no extra is needed, but for serve."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emopipe.cli.paths import ROOT

if TYPE_CHECKING:
    from emopipe.inference.recogniser import Recogniser

MODEL_HELP = (
    "`released`, an exported folder, a registered model (models:/emopipe@champion), or a server (http://...); "
    "by default the one that `emopipe model list` marks."
)
Model = Annotated[str | None, typer.Option("--model", help=MODEL_HELP, show_default=False)]
YuNetFile = Annotated[Path | None, typer.Option(help="ONNX file of YuNet, a faster face detector.", dir_okay=False)]
Uncertain = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Faces with a lower top probability are `uncertain`; by default the model's own."),
]
Threads = Annotated[int, typer.Option(min=0, help="Number of threads; 0 uses all cores.")]
Longest = Annotated[int, typer.Option(min=32, help="Longer side of the image that the face detector gets, in pixels.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]


def predict(
    paths: Annotated[list[str], typer.Argument(help="Images, videos, folders, or patterns such as 'a/**/*.jpg'.")],
    model: Model = None,
    form: Annotated[Literal["table", "jsonl", "csv"], typer.Option("--format", help="On standard output.")] = "table",
    annotate: Annotated[Path | None, typer.Option(help="Folder for annotated copies.")] = None,
    crops: Annotated[bool, typer.Option("--crops", help="Each image is one face: run no detector.")] = False,
    yunet: YuNetFile = None,
    longest: Longest = 640,
    uncertain_below: Uncertain = None,
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
    model: Model = None,
    headless: Annotated[bool, typer.Option("--headless", help="Run without a window, until Ctrl-C.")] = False,
    log: Annotated[Path | None, typer.Option(help="CSV file for every face of every frame, with times.")] = None,
    yunet: YuNetFile = None,
    longest: Longest = 320,
    uncertain_below: Uncertain = None,
    threads: Threads = 0,
) -> None:
    """Classify the faces of a camera or video in a window. q quits, space pauses, r records."""
    recogniser = _recogniser(model, yunet, longest, uncertain_below, threads)
    from emopipe.inference.live import run_live

    print(run_live(camera, source, recogniser, headless=headless, log=log).line())


def web(model: Model = None, port: Port = 8000, longest: Longest = 320, uncertain_below: Uncertain = None) -> None:
    """Serve a page that classifies faces in the browser. Only this machine can open it; Ctrl-C stops it."""
    from emopipe.inference.model import bundle_folder
    from emopipe.inference.web.server import PageServer
    from emopipe.inference.web.site import build_site

    with bundle_folder(_named(model)) as folder:
        site = build_site(folder, longest=longest, uncertain_below=uncertain_below)
    server = PageServer(site, port=port)
    print(f"Open {server.address} in a browser; Ctrl-C ends it.", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def serve(
    port: Port = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; all but loopback admit others.")] = "127.0.0.1",
    model: Model = None,
    yunet: YuNetFile = None,
    longest: Longest = 640,
    uncertain_below: Uncertain = None,
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


def list_models() -> None:
    """List the models of this folder; `*` marks the default of predict, live, web and serve.

    Versions in MLflow's registry have names such as models:/emopipe@champion and are on the page of `emopipe ui`.
    """
    from emopipe.inference.choice import default_model, describe, local_models

    default, models = default_model(ROOT), local_models(ROOT)
    if default.name not in models:
        print(f"* {default.name}")
    for name, about in models.items():
        print(f"{'*' if name == default.name else ' '} {name:<9} {describe(about)}")
    if default.reason:
        print(default.reason)


def use_model(
    name: Annotated[str | None, typer.Argument(help="As for --model; without it, the choice is taken back.")] = None,
) -> None:
    """Choose the default model of predict, live, web and serve in this folder."""
    from emopipe.inference.choice import CHOICE, default_model
    from emopipe.inference.choice import use_model as choose
    from emopipe.inference.model import open_model

    if name is not None:
        open_model(name)
    choose(ROOT, name)
    default = default_model(ROOT).name
    print(f"default model: {default}" + (f" (in {CHOICE})" if name is not None else ""))


def _recogniser(
    model: str | None, yunet: Path | None, longest: int, uncertain_below: float | None, threads: int
) -> "Recogniser":
    """Open the model and its detector. Silences OpenCV's own messages, before any module imports OpenCV."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
    from emopipe.inference.model import open_recogniser

    return open_recogniser(
        _named(model), yunet=yunet, longest=longest, uncertain_below=uncertain_below, num_threads=threads
    )


def _named(model: str | None) -> str:
    """The model of `--model` or the default, which is named on standard error."""
    from emopipe.inference.choice import default_model, describe, local_models

    if model:
        return model
    choice = default_model(ROOT)
    about = local_models(ROOT).get(choice.name)
    name = f"{choice.name} ({describe(about)})" if about else choice.name
    print(f"emopipe: model {name}{f'; {choice.reason}' if choice.reason else ''}", file=sys.stderr)
    return choice.name
