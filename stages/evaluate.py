"""Stage `evaluate@MODEL`: predictions, figures and pictures of one model on validation and test."""

from pathlib import Path

import pandas as pd

from emopipe.evaluation import build_report, draw_figures, draw_training, plot_tables
from emopipe.faces import HELD_OUT, faces_from_arrow
from emopipe.files import read_parquet, write_csv, write_folder, write_json, write_parquet
from emopipe.metrics import report_text
from emopipe.params import Params
from emopipe.predict import best_device, predict_faces
from emopipe.predictions import predictions_of, predictions_to_arrow
from emopipe.stage import run_stage
from emopipe.tracking.report import Evaluation, log_against_champion, log_evaluation, log_history
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import stage_state
from emopipe.tracking.store import project_root
from emopipe.training.checkpoint import load_model


def main(
    params: Params,
    *,
    model: str,
    clean: Path,
    weights: Path,
    predictions: Path,
    report: Path,
    plots: Path,
    figures: Path,
) -> None:
    """Evaluate one model."""
    faces = faces_from_arrow(read_parquet(clean))
    faces = faces.where(faces.frame["split"].isin(HELD_OUT))
    trained = load_model(weights)
    predicted = predictions_of(faces, predict_faces(trained, faces, device=best_device()), trained.classes)
    result = build_report(model, predicted, params.evaluate, params.base.seed, about=trained.about)
    test = predicted.split("test")
    print(f"{model} on test\n{report_text(test.probabilities, test.labels, test.classes)}")
    history = pd.read_csv(weights / "history.csv")
    pictures = draw_figures(result, predicted, faces, params.evaluate.num_mistakes)
    write_folder(figures, dict([*pictures, draw_training(model, history, trained.training["best_epoch"])]))
    for name, table in plot_tables(predicted, history).items():
        write_csv(plots / f"{name}.csv", table)
    write_parquet(predictions, predictions_to_arrow(predicted))
    write_json(report, result)
    done = Evaluation.here(f"evaluate@{model}", report=result, predictions=predicted, figures=figures, data=str(clean))
    with ModelRun(project_root(), model, stage_state(f"train@{model}", Path.cwd()), params).resume() as run:
        if run.is_new:
            log_history(run, history)
        log_evaluation(run, done)
        log_against_champion(run, done, params)


if __name__ == "__main__":
    run_stage(main)
