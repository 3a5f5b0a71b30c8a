"""The commands about MLflow's store: fill it, make a model of it again, open its pages."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

PARAMS = Path("params.yaml")


def sync(
    revision: Annotated[
        str | None, typer.Argument(help="A git revision or a DVC experiment; the workspace by default.")
    ] = None,
    all_experiments: Annotated[bool, typer.Option("--all-experiments", help="All DVC experiments too.")] = False,
    from_local: Annotated[bool, typer.Option("--from-local", hidden=True)] = False,  # no effect any more
    check: Annotated[bool, typer.Option("--check", help="Change nothing; status 1 if anything is to be done.")] = False,
) -> None:
    """Rebuild in MLflow what it lacks, from what DVC and git keep: runs, figures, versions, aliases."""
    from emopipe.core.state import project_root
    from emopipe.tracking.sync import sync as synchronise

    report = synchronise(project_root(), revision, experiments=all_experiments, check_only=check)
    print("\n".join(report.lines()))
    raise typer.Exit(1 if report.problems else 0)


def reproduce(
    target: Annotated[
        str, typer.Argument(help="models:/emopipe@champion, models:/emopipe/3, or a run's id.", show_default=False)
    ],
    stage: Annotated[
        list[str] | None, typer.Option(help="Only this stage, from the inputs that it had; may be given again.")
    ] = None,
) -> None:
    """Make a version or a run again from its commit and data, and say whether it is the same; status 1 if not."""
    from emopipe.compare.reproduce import reproduce as make_again
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root

    tolerance = load_params(PARAMS).export.max_probability_difference
    agreement = make_again(project_root(), target, stages=stage or (), tolerance=tolerance)
    print("\n".join(agreement.lines()))
    raise typer.Exit(1 if agreement.verdict == "different" else 0)


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; others than loopback let others in.")] = "127.0.0.1",
) -> None:
    """Open MLflow's pages: compare runs, look at registered models. Ctrl-C stops it."""
    from emopipe.core.state import project_root
    from emopipe.tracking.error_text import without_password
    from emopipe.tracking.store import connect, is_server, tracking_uri
    from emopipe.tracking.ui import share_view

    root = project_root()
    uri = tracking_uri(root)
    if is_server(uri):
        print(f"MLflow runs already, at MLFLOW_TRACKING_URI: {without_password(uri)}")
        return
    client, experiment = connect(root)
    address = f"http://{host}:{port}"
    runs = f"{address}/{share_view(client, experiment)}"
    print(f"MLflow: {address}\nThe models, best on validation first: {runs}")
    print(f"Their curves side by side: {runs}&compareRunsMode=CHART", flush=True)
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    store = ["--backend-store-uri", uri, "--default-artifact-root", (root / "mlartifacts").as_uri()]
    server = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1", *store]
    server += ["--uvicorn-opts", "--log-level warning"]
    os.execve(sys.executable, server, environment)


def add_store_commands(app: typer.Typer) -> None:
    """Make them commands of `app`."""
    for command in (sync, reproduce, ui):
        app.command()(command)
