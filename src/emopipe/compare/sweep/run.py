"""The comparison from its design to its tables and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from emopipe.compare.sweep.design import Cell, Design, cells
from emopipe.compare.sweep.dvc_runs import Experiments, Results
from emopipe.compare.sweep.figure import experiments_figure
from emopipe.compare.sweep.report import experiments_markdown
from emopipe.compare.sweep.statistics import Effects, effects
from emopipe.core.errors import WorkspaceError
from emopipe.core.params import Params
from emopipe.evaluate.figures import png_bytes
from emopipe.faces.table import HELD_OUT

Found = dict[tuple[str, str], tuple[Sequence[str], Effects]]
"""By model and split: the settings, the baseline first, and their effects."""


def compare(design: Design, params: Params, root: Path, *, run: bool) -> tuple[dict[str, bytes], list[str]]:
    """Run what is not done (where `run` says so), and sum up: file contents by name, and the cells without a result.

    Raises `WorkspaceError` where there is nothing to compare.
    """
    wanted = cells(design, params.models)
    experiments = Experiments(root)
    if run:
        for number, cell in enumerate(wanted, start=1):
            print(f"[{number}/{len(wanted)}] ", end="")
            if not experiments.run(cell, say):
                say(f"{cell.setting}, {cell.model}, seed {cell.seed}: failed, see above; going on")
    results = experiments.results(wanted)
    found = summarise(design, wanted, results)
    if not found:
        raise WorkspaceError(f"{len(results)} of {len(wanted)} experiments are done: too few to compare two settings")
    missing = [f"{cell.setting} ({cell.model}, seed {cell.seed})" for cell in wanted if cell not in results]
    files = {"experiments.md": experiments_markdown(design, found, missing).encode()}
    for model in dict.fromkeys(model for model, _ in found):
        of_model: Mapping[str, tuple[Sequence[str], Effects]] = {
            split: part for (name, split), part in found.items() if name == model
        }
        files[f"{model}.png"] = png_bytes(experiments_figure(model, of_model))
    return files, missing


def summarise(design: Design, wanted: Sequence[Cell], results: Results) -> Found:
    """Effects by model and split, of the settings of which all seeds are done; without the baseline, none."""
    found: Found = {}
    for model in design.models:
        by_setting = {
            name: [cell for cell in wanted if (cell.setting, cell.model) == (name, model)] for name in _names(design)
        }
        whole = [name for name, of in by_setting.items() if all(cell in results for cell in of)]
        if len(whole) < 2 or whole[0] != design.baseline:
            continue
        for split in HELD_OUT:
            table = [[results[cell].split(split) for cell in by_setting[name]] for name in whole]
            found[model, split] = whole, effects(table, seed=0)
    return found


def say(line: str) -> None:
    """Print at once, so that lines stand before what DVC writes."""
    print(line, flush=True)


def _names(design: Design) -> list[str]:
    return [design.baseline, *(name for name in design.settings if name != design.baseline)]
