"""The command `emopipe`: what a person does around `dvc repro`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from emopipe.errors import EmopipeError, WorkspaceError

HELP = """Facial-emotion recognition as a reproducible pipeline on DVC and MLflow.

The pipeline itself is run by DVC: `dvc repro` runs what has changed, in the order ingest, validate, balance,
train, evaluate, ensemble (where params.yaml names one), export, register (`dvc dag` draws it). params.yaml says how.
This command does what lies around: bring data in, sum up what came out, let a student learn, open MLflow.
"""

ROOT = Path()
PARAMS = ROOT / "params.yaml"
REPORTS = ROOT / "reports"

app = typer.Typer(
    help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False
)
data = typer.Typer(help="Bring data in.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")


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
    from rich.console import Console

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
        width = None if sys.stdout.isatty() else 120
        Console(width=width, highlight=False).print(summary_text(reports, export, register, validate))


@app.command()
def why(
    stage: Annotated[str | None, typer.Argument(help="A stage, such as train@cnn; all of them by default.")] = None,
) -> None:
    """Say in a line what makes a stage run again: which parameter, module, data or out."""
    from emopipe.tracking.store import project_root
    from emopipe.why import why as reasons

    for line in reasons(project_root(), stage):
        print(line)


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
    ranked = (
        f"{runs}&orderByKey=metrics.%60val%2Fmacro_f1%60&orderByAsc=false"
    )
    print(f"MLflow: {address}\nThe runs side by side: {runs}&compareRunsMode=CHART")
    print(f"The best on validation first: {ranked}", flush=True)
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    store = ["--backend-store-uri", uri, "--default-artifact-root", (root / "mlartifacts").as_uri()]
    server = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1", *store]
    server += ["--uvicorn-opts", "--log-level warning"]
    os.execve(sys.executable, server, environment)


def main() -> None:
    """Run the command; an expected failure ends in one line and status 1."""
    try:
        app()
    except EmopipeError as error:
        sys.exit(f"emopipe: {error}")


if __name__ == "__main__":
    main()
