"""The command that lists the runs of a state."""

from collections.abc import Mapping
from typing import Annotated

import typer


def runs(
    revision: Annotated[str | None, typer.Argument(help="Git revision or DVC experiment, else the workspace.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the runs of a state, with metrics and versions."""
    import json
    from dataclasses import asdict

    from rich import box
    from rich.table import Table

    from emopipe.cli.terminal import console
    from emopipe.core.state import project_root
    from emopipe.tracking.run_list import list_runs

    found = list_runs(project_root(), revision)
    if as_json:
        print(json.dumps([asdict(run) for run in found], indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("model", "run", *(f"{metric:^11}\n  val  test" for metric in ("accuracy", "macro-F1")), "version"):
        table.add_column(name, no_wrap=True)
    table.add_column("commit")
    for run in found:
        metrics = [_values(run.metrics, name) for name in ("accuracy", "macro_f1")]
        versions = "\n".join(" ".join([number, *aliases]) for number, aliases in run.versions.items())
        commit = run.commit[:7] or (f"after {run.source_commit[:7]}" if run.source_commit else "")
        table.add_row(run.model, run.run_id or "none", *metrics, versions, commit)
    console().print(table)
    lacking = [run.model for run in found if not run.run_id]
    if lacking:
        print(f"MLflow has no run of {', '.join(lacking)}: `{' '.join(['emopipe sync', revision or '']).strip()}`")


def _values(metrics: Mapping[str, float | None], name: str) -> str:
    values = [metrics[f"{split}/{name}"] for split in ("val", "test")]
    return " ".join(" " * 5 if value is None else f"{value:.3f}" for value in values)
