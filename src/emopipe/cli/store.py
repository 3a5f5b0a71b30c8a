"""Commands around MLflow: restore its store, reproduce a version, open its UI."""

import gc
import os
import sys
from typing import Annotated

import typer

from emopipe.cli.paths import PARAMS


def sync(
    revision: Annotated[str | None, typer.Argument(help="Git revision or DVC experiment, else the workspace.")] = None,
    all_experiments: Annotated[bool, typer.Option("--all-experiments", help="Include all DVC experiments.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; status 1 if anything is missing.")] = False,
    commits: Annotated[bool, typer.Option("--commits", help="Only tag runs and versions with their commit.")] = False,
    hook: Annotated[bool, typer.Option("--install-hook", help="Run --commits after each git commit.")] = False,
) -> None:
    """Rebuild runs, versions and aliases in MLflow from DVC and git."""
    gc.set_threshold(100_000)  # importing MLflow makes objects that stay: looking for garbage among them takes 0.5 s
    from emopipe.core.state import project_root
    from emopipe.tracking.hook import install_hook
    from emopipe.tracking.sync import sync as synchronise
    from emopipe.tracking.sync import tag_commits

    if hook or commits:
        print("\n".join([install_hook(project_root())] if hook else tag_commits(project_root())))
        return
    report = synchronise(project_root(), revision, experiments=all_experiments, check_only=check)
    print("\n".join(report.lines()))
    raise typer.Exit(1 if report.problems else 0)


def reproduce(
    target: Annotated[str, typer.Argument(help="models:/emopipe@champion, models:/emopipe/3, or the id of a run.")],
    stage: Annotated[list[str] | None, typer.Option(help="Only these stages, from their recorded inputs.")] = None,
) -> None:
    """Reproduce a version or run, and compare the results. Status 1: they differ."""
    from emopipe.compare.reproduce import reproduce as rebuild
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root

    tolerance = load_params(PARAMS).export.max_probability_difference
    agreement = rebuild(project_root(), target, stages=stage or (), tolerance=tolerance)
    print(*agreement.lines(), sep="\n")
    raise typer.Exit(1 if agreement.verdict == "different" else 0)


def ui(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; all but loopback admit others.")] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the table of models.")] = True,
) -> None:
    """Open MLflow's UI: compare runs and registered models. Ctrl-C stops it."""
    from emopipe.core.state import project_root
    from emopipe.tracking.error_text import without_password
    from emopipe.tracking.open_page import open_when_ready
    from emopipe.tracking.store import connect, is_server, tracking_uri
    from emopipe.tracking.ui import require_free_port, share_view

    root = project_root()
    uri = tracking_uri(root)
    if is_server(uri):
        print(f"MLflow runs already, at MLFLOW_TRACKING_URI: {without_password(uri)}")
        return
    require_free_port(host, port)
    client, experiment = connect(root)
    address = f"http://{host}:{port}"
    runs = f"{address}/{share_view(client, experiment)}"
    print(f"The models, best on validation first: {runs}")
    print(f"Their charts: {runs}&compareRunsMode=CHART\nMLflow: {address}", flush=True)
    if open_browser:
        open_when_ready(runs, host, port)
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    store = ["--backend-store-uri", uri, "--default-artifact-root", (root / "mlartifacts").as_uri()]
    server = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1", *store]
    server += ["--uvicorn-opts", "--log-level warning"]
    os.execve(sys.executable, server, environment)
