"""Commands that compare models and move the champion."""

from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.paths import CLEAN, PARAMS, REPORTS
from emopipe.core.errors import ParamsError

EXIT_STATUS = {"promote": 0, "reject": 3, "insufficient evidence": 4}


def compare(
    a: Annotated[str, typer.Argument(help="The baseline.")],
    b: Annotated[str, typer.Argument(help="The model to test against it.")],
    out: Annotated[Path, typer.Option(help="Folder for the report.", file_okay=False)] = REPORTS / "compare",
) -> None:
    """Compare two models on the same test faces.

    A and B are each one of

    \b
      workspace:MODEL                a trained model of the workspace
      REVISION[:MODEL]               a git revision or a DVC experiment; by default the model that it exported
      3, models:/emopipe@champion    a version of the registered model, by number or alias
      RUN                            an MLflow run, by its id of 32 hex digits
    """
    from emopipe.cli.terminal import console
    from emopipe.compare.compare_models import compare_models
    from emopipe.compare.model_ref import find_model
    from emopipe.core.files import write_bytes
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root
    from emopipe.tracking.comparison_tables import rich_text

    root = project_root()
    sections, files = compare_models(root, find_model(root, a), find_model(root, b), load_params(PARAMS))
    for name, content in files.items():
        write_bytes(out / name, content)
    console().print(rich_text(sections))
    print(f"\nfaces that flipped, with their pictures: {out / 'index.html'}")


def register(
    revision: Annotated[str | None, typer.Argument(help="Git revision or DVC experiment, else the workspace.")] = None,
) -> None:
    """Register the exported model of a revision or a DVC experiment.

    It becomes challenger, unless it is worse on validation than the champion.
    """
    from emopipe.core.state import project_root
    from emopipe.tracking.registration import register_revision

    print(register_revision(project_root(), revision))


def promote(
    version: Annotated[str, typer.Argument(help="Number or alias of the version.")] = "challenger",
    force: Annotated[bool, typer.Option("--force", help="Promote whatever the verdict; needs --reason.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Restore the previous champion.")] = False,
    reason: Annotated[str, typer.Option(help="Stored with the version.")] = "",
    tag: Annotated[bool, typer.Option("--tag", help="Also tag the champion in git, as GTO does.")] = False,
) -> None:
    """Test a registered version, and make it champion if it passes.

    The rule is the section promote of params.yaml. Verdict, metrics and rule are stored as tags of the version.

    \b
    Exit status:
      0  promote: the version is champion now (or was already, or was forced, or rolled back to)
      1  an error: nothing was moved
      3  reject
      4  insufficient evidence: reports how many test faces would probably be enough
    """
    from emopipe.cli.terminal import console
    from emopipe.compare.promote import promote as test_and_promote
    from emopipe.compare.promote import roll_back
    from emopipe.compare.promotion_text import outcome_line, verdict_section
    from emopipe.core.params import load_params
    from emopipe.core.state import project_root
    from emopipe.tracking.comparison_tables import rich_text

    if force and rollback:
        raise ParamsError("--force and --rollback exclude each other: name one")
    if rollback:
        done = roll_back(project_root(), reason, tag=tag)
    else:
        params = load_params(PARAMS)
        done = test_and_promote(project_root(), params, version, forced=reason if force else None, tag=tag)
        if done.verdict:
            console().print(rich_text([verdict_section(done.verdict, params.promote.confidence)]))
    print(outcome_line(done.challenger, done.champion, moved=done.moved, verdict=done.verdict))
    if tag and (done.moved or done.challenger == done.champion):
        names = " ".join(done.git_tags)
        print(f"tagged in git: {names}; `git push origin {names}` shares them" if names else "tagged in git already")
    if done.verdict and not done.moved:
        raise typer.Exit(EXIT_STATUS[done.verdict.decision])


def reevaluate(version: Annotated[str, typer.Argument(help="Number or alias of the version.")]) -> None:
    """Evaluate a registered version on the current held-out faces."""
    from emopipe.compare.reevaluate import reevaluate as evaluate
    from emopipe.core.state import project_root
    from emopipe.evaluate.metrics import classification_metrics
    from emopipe.evaluate.pairing import digest_of_test_faces

    number, predictions = evaluate(project_root(), version, CLEAN)
    test = predictions.split("test")
    share = float(classification_metrics(test.probabilities, test.labels).accuracy)
    print(
        f"version {number} on {len(test.frame):,} test faces ({digest_of_test_faces(predictions)[:8]}): "
        f"accuracy {share:.3f}"
    )
