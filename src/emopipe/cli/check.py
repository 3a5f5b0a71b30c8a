"""The command that says whether a change may be merged, at the desk and in CI."""

from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.terminal import console

PARAMS = Path("params.yaml")

CHECK_HELP = """Hold the pipeline as it is here against a base: which stages ran again and why, and is anything worse?

Checked are: dvc.lock, which must be of the code, parameters and data that are here; the gate of validate; the parity of
the export; and that the exported model has lost nothing, by the rule promote in params.yaml: macro-F1, the F1 of each
class, calibration. What cannot be told from the faces at hand is open, and passes.

\b
Exit status:
  0  passed
  1  a check failed; or an error, in one line on standard error
"""


def check(
    base: Annotated[
        str | None,
        typer.Option(
            help="A git revision, a DVC experiment, or the folder of another checkout; by default, where this branch "
            "left main.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Also write it here, with all tables, for a comment.", dir_okay=False)
    ] = None,
    title: Annotated[str | None, typer.Option(help="Instead of what is held against what.")] = None,
) -> None:
    from emopipe.compare.check.check import check as look
    from emopipe.compare.check.text import check_markdown, check_text
    from emopipe.core.files import write_bytes
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root

    report = look(project_root(), load_params(PARAMS), base, title)
    console().print(check_text(report))
    if markdown is not None:
        write_bytes(markdown, check_markdown(report).encode())
    raise typer.Exit(0 if report.passed else 1)


def add_check_command(app: typer.Typer) -> None:
    """Make it a command of `app`."""
    app.command(help=CHECK_HELP)(check)
