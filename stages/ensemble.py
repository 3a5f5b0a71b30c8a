"""Stage `ensemble@NAME`: the mean probabilities of several models, evaluated as one more model."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("ensemble")

from pathlib import Path

from emopipe.core.files import read_json, read_parquet, write_folder, write_json, write_parquet
from emopipe.core.leftovers import check_folder, remove_leftovers
from emopipe.core.params import BaseParams
from emopipe.core.stage import Out, run_stage
from emopipe.evaluate.headline import headline_metrics
from emopipe.evaluate.params import EvaluateParams
from emopipe.evaluate.report import build_report, draw_figures
from emopipe.faces.predictions import average, predictions_from_arrow, predictions_to_arrow
from emopipe.faces.table import HELD_OUT, faces_from_arrow
from emopipe.training.checkpoint import DESCRIPTION


def main(
    base: BaseParams,
    params: EvaluateParams,
    models: tuple[str, ...],
    ensembles: dict[str, tuple[str, ...]],
    *,
    model: str,
    clean: Path,
    predictions: Path,
    weights: Path,
    out: Out,
    report: Out,
    metrics: Out,
    figures: Out,
) -> None:
    """Evaluate one ensemble, by its name `model`."""
    remove_leftovers(Path.cwd())
    for folder in (predictions, weights):
        check_folder(folder, models)
    members = ensembles[model]
    averaged = average([predictions_from_arrow(read_parquet(predictions / f"{member}.parquet")) for member in members])
    costs = [read_json(weights / member / DESCRIPTION) for member in members]
    total = {name: sum(cost[name] for cost in costs) for name in ("num_parameters", "num_macs")}
    faces = faces_from_arrow(read_parquet(clean))
    faces = faces.where(faces.frame["split"].isin(HELD_OUT))
    result = build_report(model, averaged, faces, params, base.seed, about={"members": list(members)} | total)
    write_folder(figures, dict(draw_figures(result, averaged, faces, params.num_mistakes)))
    write_parquet(out, predictions_to_arrow(averaged))
    write_json(metrics, headline_metrics(result))
    write_json(report, result)
    test = result["test"]
    print(f"of {', '.join(members)}: test accuracy {test['accuracy']:.3f}, macro-F1 {test['macro_f1']:.3f}")


if __name__ == "__main__":
    run_stage(main, observed=True)
