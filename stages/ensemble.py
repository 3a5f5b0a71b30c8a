"""Stage `ensemble@NAME`: several models, their probabilities averaged, as one more model."""

from pathlib import Path

from emopipe.evaluation import build_report, draw_figures
from emopipe.faces import HELD_OUT, faces_from_arrow
from emopipe.files import read_json, read_parquet, write_folder, write_json, write_parquet
from emopipe.params import Params
from emopipe.predictions import average, predictions_from_arrow, predictions_to_arrow
from emopipe.stage import run_stage
from emopipe.tracking.report import Evaluation, log_against_champion, log_evaluation
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import stage_state
from emopipe.tracking.store import project_root
from emopipe.training.checkpoint import DESCRIPTION


def main(
    params: Params, *, name: str, clean: Path, predictions: Path, models: Path, out: Path, report: Path, figures: Path
) -> None:
    """Evaluate one ensemble."""
    members = params.evaluate.ensembles[name]
    averaged = average([predictions_from_arrow(read_parquet(predictions / f"{member}.parquet")) for member in members])
    costs = [read_json(models / member / DESCRIPTION) for member in members]
    total = {figure: sum(cost[figure] for cost in costs) for figure in ("num_parameters", "num_macs")}
    result = build_report(name, averaged, params.evaluate, params.base.seed, about={"members": list(members)} | total)
    faces = faces_from_arrow(read_parquet(clean))
    faces = faces.where(faces.frame["split"].isin(HELD_OUT))
    write_folder(figures, dict(draw_figures(result, averaged, faces, params.evaluate.num_mistakes)))
    write_parquet(out, predictions_to_arrow(averaged))
    write_json(report, result)
    stage = f"ensemble@{name}"
    done = Evaluation.here(stage, report=result, predictions=averaged, figures=figures, data=str(clean))
    trained = stage_state(f"train@{members[0]}", Path.cwd())  # all members are of one state
    with ModelRun(project_root(), name, stage_state(stage, Path.cwd()), params, parent=trained).resume() as run:
        if run.is_new:
            run.complete()
        log_evaluation(run, done)
        log_against_champion(run, done, params)
    print(f"{name}, of {', '.join(members)}: test accuracy {result['test']['accuracy']:.3f}")


if __name__ == "__main__":
    run_stage(main)
