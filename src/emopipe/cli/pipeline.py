"""Commands around `dvc repro`: a whole run, its summary, what would run again, sweeps, teachers for distillation."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.paths import CLEAN, MODELS, PARAMS, REPORTS, ROOT
from emopipe.core.errors import WorkspaceError

SAMPLE = "sample"
"""DVC's remote in the repository that holds the sample."""


def run(
    stages: Annotated[list[str] | None, typer.Argument(help="Stages to end with, such as train@cnn.")] = None,
    set_param: Annotated[
        list[str] | None, typer.Option("--set-param", "-S", help="Run as a DVC experiment: -S train.epochs=20.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all output of DVC and the stages.")] = False,
) -> None:
    """Run the pipeline, with a line per stage, and show the summary.

    It is what `make repro` does: without data/ it fetches the sample, and it runs the stages whose inputs have changed.
    """
    preflight()
    if not (ROOT / "data").exists():
        _dvc("pull", "--remote", SAMPLE, "data.dvc")
    targets = stages or []
    if set_param:
        changes = chain.from_iterable(("--set-param", change) for change in set_param)
        _dvc("exp", "run", *changes, *targets, verbose=verbose)
    else:
        _dvc("repro", *targets, verbose=verbose)
    if not targets:
        summary(markdown=False)


def _dvc(*arguments: str, verbose: bool | None = None) -> None:
    """Run DVC, with stages in this environment; its failure, whose reason has been shown, is the end.

    verbose: whether the output of stages is shown whole; None for a command that runs none.
    """
    sys.stdout.flush()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    command, env = [sys.executable, "-m", "dvc", *arguments], os.environ | {"PATH": path}
    if verbose is None:
        status = subprocess.run(command, env=env, check=False).returncode
    else:
        from emopipe.cli.dvc_output import run_dvc

        status = run_dvc(command, env, verbose=verbose)
    if status:
        raise typer.Exit(status)


def summary(markdown: Annotated[bool, typer.Option(help="As Markdown, with the confusion matrix.")] = False) -> None:
    """Show the metrics of all models, and which one was exported."""
    from emopipe.cli.summary import summary_markdown, summary_text
    from emopipe.cli.terminal import console
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


def preflight() -> None:
    """Check params.yaml and dvc.lock; let DVC work without git.

    It also removes a file of DVC's that Ctrl-C cut off. `make repro` runs it before `dvc repro`.
    """
    from emopipe.core.dvc_lock import check_lock
    from emopipe.core.dvc_project import configure_git, remove_torn_rwlock
    from emopipe.core.params import load_params

    load_params(PARAMS, trainable=True)
    check_lock(ROOT)
    for line in (configure_git(ROOT), remove_torn_rwlock(ROOT)):
        if line:
            print(line)


def explain(
    stage: Annotated[str | None, typer.Argument(help="A stage, such as train@cnn; by default all.")] = None,
) -> None:
    """List the changes that make stages run again."""
    from emopipe.core.state import project_root
    from emopipe.tracking.explain import explain as explain_stages

    print(*explain_stages(project_root(), stage), sep="\n")


def sweep(
    file: Annotated[Path, typer.Argument(help="The design, see docs/balance.md.", dir_okay=False)] = Path("sweep.yaml"),
    setting: Annotated[
        list[str] | None,
        typer.Option(help='A further setting: "sampled balance.strategy=none train.imbalance.resample_exponent=1".'),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Instead of the models of the file.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Instead of the seeds of the file.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Budget: train.epochs of all trials.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Budget: train.max_minutes of all trials.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables and figures.")] = REPORTS / "sweep",
    run: Annotated[bool, typer.Option(help="Run the trials without a result; else only summarise.")] = True,
) -> None:
    """Compare settings over models and seeds, as DVC experiments."""
    from emopipe.compare.sweep.design import changed, read_design
    from emopipe.compare.sweep.run import run_sweep
    from emopipe.core.files import write_folder
    from emopipe.core.params import load_params

    budget = {"train.epochs": epochs, "train.max_minutes": max_minutes}
    given = {name: value for name, value in budget.items() if value is not None}
    design = changed(read_design(file), models=model or (), seeds=seed or (), params=given, settings=setting or ())
    files, missing = run_sweep(design, load_params(PARAMS), ROOT.resolve(), run=run)
    write_folder(out, files)
    print(f"{out / 'sweep.md'}: {len(design.settings)} settings, {len(missing)} experiments without a result")
    if missing and run:
        raise WorkspaceError(f"failed: {', '.join(missing)}; run the command again to retry them")


def distill(
    out: Annotated[Path, typer.Argument(help="Parquet file to write.", dir_okay=False)],
    models: Annotated[list[str] | None, typer.Option("--model", help="Models to average; all by default.")] = None,
) -> None:
    """Write a teacher's predictions on the training faces. `train.teacher` in params.yaml takes the file."""
    from emopipe.core.files import read_parquet, write_parquet
    from emopipe.core.params import load_params
    from emopipe.faces.predictions import predictions_to_arrow
    from emopipe.faces.table import faces_from_arrow
    from emopipe.training.checkpoint import load_model
    from emopipe.training.distillation import teacher_predictions
    from emopipe.training.pretrained import digest_of

    names = models or list(load_params(PARAMS).models)
    predictions = teacher_predictions(
        [load_model(MODELS / name) for name in names], faces_from_arrow(read_parquet(CLEAN))
    )
    write_parquet(out, predictions_to_arrow(predictions))
    print(f"{out}: {', '.join(names)} on {len(predictions.frame)} training faces; in params.yaml, under train:")
    print(f"  teacher: {{file: {out}, sha256: {digest_of(out)}, weight: 0.7}}")
