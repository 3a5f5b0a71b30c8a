"""The command that decides, locally and in CI, whether a change may be merged."""

from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.paths import PARAMS

BASE_HELP = "A git revision, a DVC experiment, or another checkout; by default the commit where this branch left main."


def check(
    base: Annotated[str | None, typer.Option(help=BASE_HELP)] = None,
    markdown: Annotated[Path | None, typer.Option(help="File for a report with all tables.", dir_okay=False)] = None,
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
) -> None:
    """Check a change against a base: outputs, gates and metrics.

    The report names the stages that ran again and why. Checked are: that dvc.lock matches the code, parameters and
    data; the gate of validate; the parity of the export; and, by the section promote of params.yaml, that the exported
    model is not worse in macro-F1, the F1 of any class, or calibration. A check that is not measured, or has too few
    test faces to decide, is open; it passes unless promote.on_open is fail.

    \b
    Exit status:
      0  passed
      1  a check failed, or is open where promote.on_open is fail; or an error, in one line on standard error
    """
    from emopipe.cli.terminal import console
    from emopipe.compare.check.check import check as run_checks
    from emopipe.compare.check.text import check_markdown, check_text
    from emopipe.core.files import write_bytes
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root

    report = run_checks(project_root(), load_params(PARAMS), base, title)
    console().print(check_text(report))
    if markdown is not None:
        write_bytes(markdown, check_markdown(report).encode())
    raise typer.Exit(0 if report.passed else 1)
