"""The command `emopipe`: what a person does around `dvc repro`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.check import add_check_command
from emopipe.cli.models import add_model_commands
from emopipe.cli.store import add_store_commands
from emopipe.cli.terminal import console
from emopipe.cli.use import add_use_commands
from emopipe.core.errors import EmopipeError, WorkspaceError

HELP = """Facial-emotion recognition as a reproducible pipeline on DVC and MLflow.

The pipeline itself is run by DVC: `dvc repro` runs what has changed, in the order ingest, validate, balance,
train, evaluate, ensemble (where params.yaml names one), export, register (`dvc dag` draws it). params.yaml says how.
This command does what lies around: bring data in, sum up what came out, compare settings in experiments, compare and
promote models, check a change before it is merged, let a student learn, open MLflow; and it uses the exported model,
on files (predict), live on a camera (live), in the browser (web) and for programs (serve). `pip install emopipe` is
enough for predict, live and web.
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
    from emopipe.core.params import load_params
    from emopipe.ingest.import_data import use_source

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
    from emopipe.ingest.sample.table import write_sample

    write_sample(path, num_faces=num_faces, size=size, seed=seed, defects=defects)
    print(f"{path}: {num_faces} faces of {size}x{size} pixels; next: emopipe data use {path}")


@app.command()
def teach(
    out: Annotated[Path, typer.Argument(help="Parquet file to write.", dir_okay=False)],
    models: Annotated[list[str] | None, typer.Option("--model", help="A trained model; several are averaged.")] = None,
) -> None:
    """Write what trained models say of the training faces, for a student to learn from (`train.teacher`)."""
    from emopipe.core.files import read_parquet, write_parquet
    from emopipe.core.params import load_params
    from emopipe.faces.predictions import predictions_to_arrow
    from emopipe.faces.table import faces_from_arrow
    from emopipe.training.checkpoint import load_model
    from emopipe.training.distillation import teach as say
    from emopipe.training.pretrained import digest_of

    names = models or list(load_params(PARAMS).models)
    trained = [load_model(ROOT / "build" / "models" / name) for name in names]
    predictions = say(trained, faces_from_arrow(read_parquet(ROOT / "build" / "clean.parquet")))
    write_parquet(out, predictions_to_arrow(predictions))
    digest = digest_of(out)
    print(f"{out}: {', '.join(names)} on {len(predictions.frame)} training faces; in params.yaml, under train:")
    print(f"  teacher: {{file: {out}, sha256: {digest}, weight: 0.7}}")


@app.command()
def summary(markdown: Annotated[bool, typer.Option(help="Markdown, with the confusion matrix.")] = False) -> None:
    """Show what the last run gave: a table of the models, and which one was exported."""
    from emopipe.cli.summary import summary_markdown, summary_text
    from emopipe.core.files import read_json
    from emopipe.core.params import load_params

    params = load_params(PARAMS)
    models = params.models
    reports = [read_json(REPORTS / "evaluate" / f"{name}.json") for name in (*models, *params.ensembles)]
    export, register, validate = (read_json(REPORTS / f"{name}.json") for name in ("export", "register", "validate"))
    if export["model"] not in models:
        raise WorkspaceError(f"reports/export.json is of {export['model']}, not in models: run `dvc repro`")
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
        typer.Option(help='One more: "sampled balance.strategy=none train.imbalance.resample_exponent=1".'),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Instead of the models of the file.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Instead of the seeds of the file.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Budget: train.epochs of all.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Budget: train.max_minutes of all.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables and figures.")] = REPORTS / "experiments",
    run: Annotated[bool, typer.Option(help="Run what is not done; else sum up what is.")] = True,
) -> None:
    """Run settings x models x seeds as DVC experiments, and tell which differences are signal."""
    from emopipe.compare.sweep.design import changed, read_design
    from emopipe.compare.sweep.run import compare as compare_settings
    from emopipe.core.files import write_folder
    from emopipe.core.params import load_params

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
    from emopipe.core.state import project_root
    from emopipe.tracking.explain import explain as reasons

    for line in reasons(project_root(), stage):
        print(line)


for add in (add_model_commands, add_check_command, add_store_commands, add_use_commands):
    add(app)


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
