"""Stage `evaluate@MODEL`: predictions, metrics and figures of one model on validation and test."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("evaluate")

from pathlib import Path

import pandas as pd

from emopipe.core.errors import ModelError
from emopipe.core.files import read_parquet, write_csv, write_folder, write_json, write_parquet
from emopipe.core.params import BaseParams
from emopipe.core.stage import Out, run_stage
from emopipe.evaluate.headline import headline_metrics
from emopipe.evaluate.metrics import report_text
from emopipe.evaluate.params import EvaluateParams
from emopipe.evaluate.report import build_report, draw_attention, draw_figures, draw_training, plot_tables
from emopipe.faces.predictions import predictions_of, predictions_to_arrow
from emopipe.faces.table import HELD_OUT, faces_from_arrow
from emopipe.training.checkpoint import load_model
from emopipe.training.predict import best_device, predict_faces


def main(
    base: BaseParams,
    params: EvaluateParams,
    *,
    model: str,
    clean: Path,
    weights: Path,
    predictions: Out,
    report: Out,
    metrics: Out,
    plots: Out,
    figures: Out,
) -> None:
    """Evaluate one model."""
    faces = faces_from_arrow(read_parquet(clean))
    faces = faces.where(faces.frame["split"].isin(HELD_OUT))
    trained = load_model(weights)
    predicted = predictions_of(faces, predict_faces(trained, faces, device=best_device()), trained.classes)
    result = build_report(model, predicted, faces, params, base.seed, about=trained.about)
    test = predicted.split("test")
    print(f"{model} on test\n{report_text(test.probabilities, test.labels, test.classes)}")
    history, best = pd.read_csv(weights / "history.csv"), trained.training["best_epoch"]
    drawn = draw_figures(result, predicted, faces, params.num_mistakes)
    sheets = [*drawn, draw_training(model, history, best)]
    try:
        sheets.append(draw_attention(model, trained.classifier, predicted, faces, params.num_mistakes))
    except ModelError as error:
        print(f"warning: no Grad-CAM of {model}: {error}")
    write_folder(figures, dict(sheets))
    for name, table in plot_tables(predicted, history).items():
        write_csv(plots / f"{name}.csv", table)
    write_parquet(predictions, predictions_to_arrow(predicted))
    write_json(metrics, headline_metrics(result))
    write_json(report, result)
    print(f"test accuracy {result['test']['accuracy']:.3f}, macro-F1 {result['test']['macro_f1']:.3f}")


if __name__ == "__main__":
    run_stage(main, observed=True)
