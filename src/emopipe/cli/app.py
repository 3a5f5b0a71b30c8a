"""The command `emopipe`: its commands, in groups, and how failures end."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emopipe.cli.check import check
from emopipe.cli.data import import_data, sample, show
from emopipe.cli.examples import ExampleCommand
from emopipe.cli.models import compare, promote, reevaluate, register
from emopipe.cli.pipeline import distill, explain, preflight, run, summary, sweep
from emopipe.cli.presets import preset
from emopipe.cli.runs import runs
from emopipe.cli.store import reproduce, sync, ui
from emopipe.cli.use import list_models, live, predict, serve, use_model, web
from emopipe.core.disk import disk_fault
from emopipe.core.errors import EmopipeError
from emopipe.core.interrupt import stopping_in_one_line

HELP = """Facial-emotion recognition as a reproducible pipeline on DVC and MLflow.

DVC runs the pipeline: `dvc repro` runs the stages whose inputs have changed, in the order ingest, validate, balance,
train, evaluate, ensemble (if params.yaml names one), export, report, register; `dvc dag` draws it. params.yaml
configures it. The commands below do the rest. predict, live and web need no extra of the package.
"""
GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Data": (),
    "Pipeline": (run, preset, preflight, summary, explain, sweep, distill),
    "Models": (compare, register, promote, reevaluate, check),
    "MLflow": (runs, sync, reproduce, ui),
    "Inference": (predict, live, web, serve),
}
"""Commands by the title of their group in the help, in the order of use."""
STAGES = ("ingest", "validate", "balance", "train", "evaluate", "ensemble", "export", "report")
"""Stages whose name is no command."""


class Grouped(TyperGroup):
    """Lists the commands under the titles of their groups, and ends at Ctrl-C in one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; those that run until Ctrl-C end by themselves."""
        with stopping_in_one_line("emopipe"):
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command; a stage has none of its own."""
        if args[0] in STAGES:
            stage = args[0] if args[0] not in ("train", "evaluate") else f"{args[0]}@MODEL"
            ctx.fail(f"{args[0]} is a stage: `emopipe run {stage}` or `dvc repro {stage}` runs it with all before it.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        commands = [command for command in self.commands.values() if not command.hidden]
        width = formatter.width - 6 - max(len(command.name or "") for command in commands)
        for group in GROUPS:
            rows = [
                (command.name or "", command.get_short_help_str(width))
                for command in commands
                if getattr(command, "rich_help_panel", None) == group
            ]
            with formatter.section(group):
                formatter.write_dl(rows)


def add_alias(to: typer.Typer, old: str, new: str, command: Callable[..., None]) -> None:
    """Keep the former name of a command for one release, out of the help."""

    @to.command(old.rsplit(maxsplit=1)[-1], hidden=True)
    @wraps(command)
    def renamed(*args: Any, **options: Any) -> None:
        print(f"`emopipe {old}` is called `emopipe {new}` now", file=sys.stderr)
        command(*args, **options)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        print(f"emopipe {version('emopipe')}")
        raise typer.Exit


app = typer.Typer(
    cls=Grouped,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data = typer.Typer(
    help="Import a data set, show it, or draw a synthetic one.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(data, name="data", rich_help_panel="Data")
data.command("import", cls=ExampleCommand)(import_data)
data.command(cls=ExampleCommand)(show)
data.command(cls=ExampleCommand)(sample)
model = typer.Typer(
    help="List the models of this folder, or choose the default.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(model, name="model", rich_help_panel="Inference")
model.command("list", cls=ExampleCommand)(list_models)
model.command("use", cls=ExampleCommand)(use_model)
for title, commands in GROUPS.items():
    for function in commands:
        app.command(cls=ExampleCommand, rich_help_panel=title)(function)
add_alias(data, "data use", "data import", import_data)
add_alias(app, "teach", "distill", distill)
add_alias(app, "why", "explain", explain)
add_alias(app, "experiments", "sweep", sweep)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command; an expected failure ends in one line and status 1."""
    try:
        app(prog_name="emopipe")
    except EmopipeError as error:
        sys.exit(f"emopipe: {error}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "emopipe":
            raise
        remedy = "run `make setup`, or `pip install '.[pipeline]'`"
        sys.exit(f"emopipe: this is part of the pipeline and needs {error.name}: {remedy}")
    except Exception as error:
        if fault := disk_fault(error):
            sys.exit(f"emopipe: {fault}")
        raise
