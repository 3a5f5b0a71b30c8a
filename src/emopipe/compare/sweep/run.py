"""A sweep from its design to its tables and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from emopipe.compare.sweep.design import Design, Trial, trials
from emopipe.compare.sweep.experiments import Experiments
from emopipe.compare.sweep.figure import SPLIT_NAMES, sweep_figure
from emopipe.compare.sweep.statistics import Effects, effects
from emopipe.core.errors import WorkspaceError
from emopipe.core.params import Params
from emopipe.evaluate.figures import png_bytes
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import HELD_OUT
from emopipe.reports.templates import render

Results = Mapping[Trial, Predictions]
Summary = dict[tuple[str, str], tuple[Sequence[str], Effects]]
"""By model and split: the settings, the baseline first, and their effects."""


def run_sweep(design: Design, params: Params, root: Path, *, run: bool) -> tuple[dict[str, bytes], list[str]]:
    """Run the trials without a result, if `run`, and summarise: file contents by name, and trials without a result.

    Raises `WorkspaceError` where no two settings can be compared.
    """
    planned = trials(design, params.models)
    experiments = Experiments(root)
    for number, trial in enumerate(planned if run else (), start=1):
        print(f"[{number}/{len(planned)}] ", end="")
        if not experiments.run(trial):
            print(f"{trial.setting}, {trial.model}, seed {trial.seed}: failed, see above; continuing", flush=True)
    predictions = {trial: experiments.predictions(trial) for trial in planned}
    results = {trial: found for trial, found in predictions.items() if found is not None}
    summary = summarise(design, planned, results)
    if not summary:
        raise WorkspaceError(f"{len(results)} of {len(planned)} experiments are done: too few to compare two settings")
    missing = [f"{trial.setting} ({trial.model}, seed {trial.seed})" for trial in planned if trial not in results]
    files = {"sweep.md": sweep_markdown(design, summary, missing).encode()}
    for model in dict.fromkeys(model for model, _ in summary):
        by_split = {split: part for (name, split), part in summary.items() if name == model}
        files[f"{model}.png"] = png_bytes(sweep_figure(model, by_split))
    return files, missing


def sweep_markdown(design: Design, summary: Summary, missing: Sequence[str]) -> str:
    """The tables; `missing` names trials without a result."""
    values = {"design": design, "summary": summary, "missing": missing, "split_names": SPLIT_NAMES}
    return render("compare/sweep/report.md.j2", **values)


def summarise(design: Design, planned: Sequence[Trial], results: Results) -> Summary:
    """Effects by model and split, of the settings with all seeds done; empty without the baseline."""
    summary: Summary = {}
    for model in design.models:
        by_setting: dict[str, list[Trial]] = {}
        for trial in planned:
            if trial.model == model:
                by_setting.setdefault(trial.setting, []).append(trial)
        done = [name for name, seeds in by_setting.items() if all(trial in results for trial in seeds)]
        if len(done) < 2 or done[0] != design.baseline:
            continue
        for split in HELD_OUT:
            table = [[results[trial].split(split) for trial in by_setting[name]] for name in done]
            summary[model, split] = done, effects(table, seed=0)
    return summary
