"""The commands that compare models and move the champion."""

from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.terminal import console
from emopipe.core.errors import ParamsError

PARAMS = Path("params.yaml")
CLEAN = Path("build/clean.parquet")
COMPARISON = Path("reports/compare")

COMPARE_HELP = """Compare two models on the same test faces: is B better than A, where, and is it noise?

A and B are each one of

\b
  workspace:MODEL                a model as the workspace has it
  REVISION[:MODEL]               a git revision or a DVC experiment; by default the model that it exported
  3, models:/emopipe@champion    a version of the registered model, by number or alias
  RUN                            a run of MLflow, by its id of 32 hex digits
"""


def compare(
    a: Annotated[str, typer.Argument(help="The model to compare with.")],
    b: Annotated[str, typer.Argument(help="The model that may be better.")],
    out: Annotated[Path, typer.Option(help="Folder for index.html and comparison.md.", file_okay=False)] = COMPARISON,
) -> None:
    from emopipe.compare.compare_models import compare_models
    from emopipe.compare.model_ref import find_model
    from emopipe.core.files import write_bytes
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root
    from emopipe.tracking.comparison_tables import rich_text

    root = project_root()
    params = load_params(PARAMS)
    shown, files = compare_models(root, find_model(root, a), find_model(root, b), params)
    for name, content in files.items():
        write_bytes(out / name, content)
    console().print(rich_text(shown))
    print(f"\nfaces that flipped, with their pictures: {out / 'index.html'}")


PROMOTE_HELP = """Judge a version of the registered model against the champion, and make it champion if it deserves it.

The rule is the section promote of params.yaml. Verdict, figures and rule are kept with the version, as tags.

\b
Exit status:
  0  promote: the version is champion now (or was already, or was forced, or rolled back to)
  1  an error: nothing was moved
  3  reject
  4  insufficient evidence: the number of test faces that would probably be enough is named
"""
EXIT_STATUS = {"promote": 0, "reject": 3, "insufficient evidence": 4}


def promote(
    version: Annotated[str, typer.Argument(help="Number or alias of the version.")] = "challenger",
    force: Annotated[bool, typer.Option("--force", help="Make it champion whatever the verdict.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the champion before this one.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the version. --force needs it.")] = "",
) -> None:
    from emopipe.compare.promote import promote as judge_and_promote
    from emopipe.compare.promote import roll_back
    from emopipe.compare.promotion_text import outcome_line, verdict_section
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root
    from emopipe.tracking.comparison_tables import rich_text

    if force and rollback:
        raise ParamsError("--force and --rollback exclude each other: name one")
    if rollback:
        done = roll_back(project_root(), reason)
    else:
        params = load_params(PARAMS)
        done = judge_and_promote(project_root(), params, version, forced=reason if force else None)
        if done.verdict:
            console().print(rich_text([verdict_section(done.verdict, params.promote.confidence)]))
    print(outcome_line(done.challenger, done.champion, moved=done.moved, verdict=done.verdict))
    if done.verdict and not done.moved:
        raise typer.Exit(EXIT_STATUS[done.verdict.decision])


def reevaluate(
    version: Annotated[str, typer.Argument(help="Number or alias of a version of the registered model.")],
) -> None:
    """Run a registered version on the validation and test faces of now, so that it can be compared with later ones."""
    from emopipe.compare.reevaluate import reevaluate as evaluate_again
    from emopipe.core.state import project_root
    from emopipe.evaluate.metrics import classification_metrics
    from emopipe.evaluate.pairing import digest_of_test_faces

    number, predictions = evaluate_again(project_root(), version, CLEAN)
    test = predictions.split("test")
    share = float(classification_metrics(test.probabilities, test.labels).accuracy)
    print(
        f"version {number} on {len(test.frame):,} test faces ({digest_of_test_faces(predictions)[:8]}): "
        f"accuracy {share:.3f}"
    )


def add_model_commands(app: typer.Typer) -> None:
    """Make them commands of `app`."""
    app.command(help=COMPARE_HELP)(compare)
    app.command(help=PROMOTE_HELP)(promote)
    app.command()(reevaluate)
