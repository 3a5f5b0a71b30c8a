"""The command `emopipe`: what a person does around `dvc repro`."""

import os
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emopipe.errors import EmopipeError, WorkspaceError
from emopipe.model_commands import add_model_commands
from emopipe.terminal import console

HELP = """Facial-emotion recognition as a reproducible pipeline on DVC and MLflow.

The pipeline itself is run by DVC: `dvc repro` runs what has changed, in the order ingest, validate, balance,
train, evaluate, ensemble (where params.yaml names one), export, register (`dvc dag` draws it). params.yaml says how.
This command does what lies around: bring data in, sum up what came out, compare settings in experiments, compare and
promote models, let a student learn, open MLflow; and it uses the exported model, on files (predict), live on a camera
(live), in the browser (web) and for programs (serve). `pip install emopipe` is enough for predict, live and web.
"""

ROOT = Path()
PARAMS = ROOT / "params.yaml"
REPORTS = ROOT / "reports"

app = typer.Typer(
    help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False
)
data = typer.Typer(help="Bring data in.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")
add_model_commands(app)


@data.command("use")
def data_use(
    path: Annotated[
        Path,
        typer.Argument(
            help="FER2013's CSV (plain, gz, xz, zst, zip), class folders or a zip of them, or Parquet or Arrow files."
        ),
    ],
    force: Annotated[bool, typer.Option(help="Replace data/ even if DVC does not hold what is in it.")] = False,
) -> None:
    """Bring a source into data/ and track it with DVC."""
    from emopipe.data_use import use_source
    from emopipe.params import load_params

    params = load_params(PARAMS)
    for line in use_source(path, ROOT, base=params.base, ingest=params.ingest, force=force).lines():
        print(line)


@data.command("sample")
def data_sample(
    path: Annotated[Path, typer.Argument(help="File to write, as FER2013's CSV: NAME.csv.xz.", dir_okay=False)],
    num_faces: Annotated[int, typer.Option(help="Faces to draw.")] = 2000,
    size: Annotated[int, typer.Option(help="Side of a picture, in pixels.")] = 48,
    seed: Annotated[int, typer.Option(help="Start of every random draw.")] = 0,
    defects: Annotated[bool, typer.Option(help="Plant the defects that real data have.")] = True,
) -> None:
    """Draw a sample: licence-free faces with seven expressions."""
    from emopipe.sample.table import write_sample

    write_sample(path, num_faces=num_faces, size=size, seed=seed, defects=defects)
    print(f"{path}: {num_faces} faces of {size}x{size} pixels; next: emopipe data use {path}")


@app.command()
def teach(
    out: Annotated[Path, typer.Argument(help="Parquet file to write.", dir_okay=False)],
    models: Annotated[list[str] | None, typer.Option("--model", help="A trained model; several are averaged.")] = None,
) -> None:
    """Write what trained models say of the training faces, for a student to learn from (`train.teacher`)."""
    from emopipe.faces import faces_from_arrow
    from emopipe.files import read_parquet, write_parquet
    from emopipe.params import load_params
    from emopipe.predictions import predictions_to_arrow
    from emopipe.pretrained import digest_of
    from emopipe.teaching import teach as say
    from emopipe.training.checkpoint import load_model

    names = models or list(load_params(PARAMS).train.models)
    trained = [load_model(ROOT / "build" / "models" / name) for name in names]
    predictions = say(trained, faces_from_arrow(read_parquet(ROOT / "build" / "clean.parquet")))
    write_parquet(out, predictions_to_arrow(predictions))
    digest = digest_of(out)
    print(f"{out}: {', '.join(names)} on {len(predictions.frame)} training faces; in params.yaml, under train:")
    print(f"  teacher: {{file: {out}, sha256: {digest}, weight: 0.7}}")


@app.command()
def summary(markdown: Annotated[bool, typer.Option(help="Markdown, with the confusion matrix.")] = False) -> None:
    """Show what the last run gave: a table of the models, and which one was exported."""
    from emopipe.files import read_json
    from emopipe.params import load_params
    from emopipe.summary import summary_markdown, summary_text

    params = load_params(PARAMS)
    models = params.train.models
    reports = [read_json(REPORTS / "evaluate" / f"{name}.json") for name in (*models, *params.evaluate.ensembles)]
    export, register, validate = (read_json(REPORTS / f"{name}.json") for name in ("export", "register", "validate"))
    if export["model"] not in models:
        raise WorkspaceError(f"reports/export.json is of {export['model']}, not in train.models: run `dvc repro`")
    if markdown:
        print(summary_markdown(reports, export, register, validate))
    else:
        console().print(summary_text(reports, export, register, validate))


@app.command()
def experiments(
    file: Annotated[Path, typer.Argument(help="The settings, as docs/balance.md explains.", dir_okay=False)] = Path(
        "experiments.yaml"
    ),
    setting: Annotated[
        list[str] | None,
        typer.Option(help='One more: "sampled balance.strategy=none train.imbalance.sampling=1".'),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Instead of the models of the file.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Instead of the seeds of the file.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Budget: train.epochs of all.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Budget: train.max_minutes of all.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables and figures.")] = REPORTS / "experiments",
    run: Annotated[bool, typer.Option(help="Run what is not done; else sum up what is.")] = True,
) -> None:
    """Run settings x models x seeds as DVC experiments, and tell which differences are signal."""
    from emopipe.experiments.design import changed, read_design
    from emopipe.experiments.run import compare as compare_settings
    from emopipe.files import write_folder
    from emopipe.params import load_params

    budget = {"train.epochs": epochs, "train.max_minutes": max_minutes}
    given = {name: value for name, value in budget.items() if value is not None}
    design = changed(read_design(file), models=model or (), seeds=seed or (), params=given, settings=setting or ())
    files, missing = compare_settings(design, load_params(PARAMS), ROOT.resolve(), run=run)
    write_folder(out, files)
    print(f"{out / 'experiments.md'}: {len(design.settings)} settings, {len(missing)} experiments without a result")
    if missing and run:
        raise WorkspaceError(f"failed: {', '.join(missing)}; run the command again, it goes on with these")


@app.command()
def why(
    stage: Annotated[str | None, typer.Argument(help="A stage, such as train@cnn; all of them by default.")] = None,
) -> None:
    """Say in a line what makes a stage run again: which parameter, module, data or out."""
    from emopipe.tracking.store import project_root
    from emopipe.why import why as reasons

    for line in reasons(project_root(), stage):
        print(line)


Model = Annotated[
    str, typer.Option("--model", help="A folder that export wrote, or a registered model: models:/emopipe@champion.")
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


@app.command()
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
    _silence_libraries()
    from emopipe.recognition.model import open_recogniser
    from emopipe.recognition.predicting import predict_files

    recogniser = open_recogniser(
        model, yunet=yunet, longest=longest, uncertain_below=uncertain_below, num_threads=threads
    )
    counts = predict_files(paths, recogniser, form=form.value, crops=crops, annotate=annotate)
    print(f"emopipe: {counts.line()}", file=sys.stderr)
    if counts.num_unreadable:
        raise typer.Exit(3)


@app.command()
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
    _silence_libraries()
    from emopipe.recognition.live import run_live
    from emopipe.recognition.model import open_recogniser

    recogniser = open_recogniser(
        model, yunet=yunet, longest=longest, uncertain_below=uncertain_below, num_threads=threads
    )
    print(run_live(camera, source, recogniser, headless=headless, log=log).line())


@app.command()
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
    _silence_libraries()
    from emopipe.api.limits import Limits
    from emopipe.api.server import run_server
    from emopipe.recognition.model import open_recogniser

    recogniser = open_recogniser(
        model, yunet=yunet, longest=longest, uncertain_below=uncertain_below, num_threads=threads
    )
    limits = Limits(max_requests=max_requests, max_bytes=round(max_megabytes * 1_000_000))
    run_server(
        recogniser,
        limits,
        host=host,
        port=port,
        ready=lambda address: print(f"emopipe serves at {address}; {address}/docs describes it", flush=True),
    )


def _silence_libraries() -> None:
    """What they say about a missing camera or a damaged file is said in one line here; before OpenCV is imported."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")


@app.command()
def sync(
    revision: Annotated[
        str | None, typer.Argument(help="A git revision or a DVC experiment; the workspace by default.")
    ] = None,
    all_experiments: Annotated[bool, typer.Option("--all-experiments", help="All DVC experiments too.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; status 1 if anything is to be done.")] = False,
) -> None:
    """Rebuild in MLflow what it lacks, from what DVC and git keep: runs, figures, versions, aliases."""
    from emopipe.tracking import sync as syncing
    from emopipe.tracking.store import project_root

    compare = syncing.check if check else syncing.sync
    found = compare(project_root(), revision, experiments=all_experiments)
    print("\n".join(found.lines()))
    raise typer.Exit(0 if found.is_whole else 1)


@app.command()
def reproduce(
    target: Annotated[
        str, typer.Argument(help="models:/emopipe@champion, models:/emopipe/3, or a run's id.", show_default=False)
    ],
    stage: Annotated[
        list[str] | None, typer.Option(help="Only this stage, from the inputs that it had; may be given again.")
    ] = None,
) -> None:
    """Make a version or a run again from its commit and data, and say whether it is the same; status 1 if not."""
    from emopipe.params import load_params
    from emopipe.reproduce import reproduce as make_again
    from emopipe.tracking.store import project_root

    tolerance = load_params(PARAMS).export.max_probability_difference
    agreement = make_again(project_root(), target, stages=stage or (), tolerance=tolerance)
    print("\n".join(agreement.lines()))
    raise typer.Exit(1 if agreement.verdict == "different" else 0)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback let others in.")] = "127.0.0.1",
) -> None:
    """Open MLflow's pages: compare runs, look at registered models. Ctrl-C stops it."""
    from emopipe.tracking.store import connect, is_server, project_root, tracking_uri

    root = project_root()
    uri = tracking_uri(root)
    if is_server(uri):
        print(f"MLflow runs already, at MLFLOW_TRACKING_URI: {uri}")
        return
    _, experiment = connect(root)
    address = f"http://{host}:{port}"
    runs = f"{address}/#/experiments/{experiment}/runs?workflowType=machine_learning"
    ranked = f"{runs}&orderByKey=metrics.%60val%2Fmacro_f1%60&orderByAsc=false"
    print(f"MLflow: {address}\nThe runs side by side: {runs}&compareRunsMode=CHART")
    print(f"The best on validation first: {ranked}", flush=True)
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    store = ["--backend-store-uri", uri, "--default-artifact-root", (root / "mlartifacts").as_uri()]
    server = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1", *store]
    server += ["--uvicorn-opts", "--log-level warning"]
    os.execve(sys.executable, server, environment)


@app.command()
def web(
    model: Model = "exports",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8000,
    longest: Longest = 320,
    uncertain_below: Uncertain = 0.5,
) -> None:
    """Serve a page that recognises emotions in the browser, for this machine alone. No frame leaves it; Ctrl-C ends."""
    from emopipe.recognition.model import bundle_folder
    from emopipe.web.server import PageServer
    from emopipe.web.site import build_site

    with bundle_folder(model) as folder:
        site = build_site(folder, longest=longest, uncertain_below=uncertain_below)
    server = PageServer(site, port=port)
    print(f"Open {server.address} in a browser; Ctrl-C ends it.", flush=True)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def main() -> None:
    """Run the command; an expected failure ends in one line and status 1."""
    try:
        app()
    except EmopipeError as error:
        sys.exit(f"emopipe: {error}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "emopipe":
            raise
        sys.exit(f"emopipe: this is part of the pipeline and needs {error.name}: pip install 'emopipe[pipeline]'")


if __name__ == "__main__":
    main()
