"""Stage `export`: the model with the best validation metric becomes the bundle; curves of all models."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("export")

from pathlib import Path

from emopipe.core.atomic import atomic_path
from emopipe.core.files import read_json, read_parquet, write_csv, write_json
from emopipe.core.leftovers import check_folder, remove_leftovers
from emopipe.core.params import ImageParams
from emopipe.core.stage import Out, run_stage
from emopipe.evaluate.curves import model_curves
from emopipe.export.bundle import int8_warning, make_bundle
from emopipe.export.card import bundle_origin, model_card
from emopipe.export.params import ExportParams
from emopipe.faces.predictions import average, predictions_from_arrow
from emopipe.faces.table import faces_from_arrow
from emopipe.training.checkpoint import load_model


def main(
    image: ImageParams,
    params: ExportParams,
    models: tuple[str, ...],
    ensembles: dict[str, tuple[str, ...]],
    *,
    clean: Path,
    weights: Path,
    predictions: Path,
    reports: Path,
    ingest: Path,
    validate: Path,
    balance: Path,
    out: Out,
    report: Out,
    curves: Out,
) -> None:
    """Export the best model, and compare all by their curves."""
    for path in remove_leftovers(Path.cwd()):
        print(f"removed {path}, of a stage that dvc.yaml no longer has")
    evaluations = {name: read_json(reports / f"{name}.json") for name in models}
    for folder in (predictions, weights):
        check_folder(folder, models)
    check_folder(reports, [*models, *ensembles])
    candidates = {name: evaluation["val"][params.select_by] for name, evaluation in evaluations.items()}
    model = max(candidates, key=candidates.__getitem__)  # of equals, the first in params.yaml
    data = {"ingest": read_json(ingest), "validate": read_json(validate), "balance": read_json(balance)}
    with atomic_path(out) as folder:
        folder.mkdir()
        faces = faces_from_arrow(read_parquet(clean))
        origin = bundle_origin(data["ingest"], evaluations[model], num_training_faces=len(faces.split("train")))
        checks = make_bundle(folder, load_model(weights / model), faces, params, image.channels, origin)
        better = evaluations[model]["val"]["better_than_chance"]
        result = {"model": model, "select_by": params.select_by, "candidates": candidates, "better_than_chance": better}
        result |= checks
        card = model_card(evaluations[model], result, **data, channels=image.channels)
        (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    predicted = {name: predictions_from_arrow(read_parquet(predictions / f"{name}.parquet")) for name in models}
    predicted |= {name: average([predicted[member] for member in members]) for name, members in ensembles.items()}
    for name, table in model_curves(predicted).items():
        write_csv(curves / f"{name}.csv", table)
    write_json(report, result)
    if warning := int8_warning(result["parity"], params):
        print(warning)
    int8 = "with int8" if checks["parity"]["int8"]["kept"] else "without int8"
    print(f"{model} is the best on validation ({params.select_by} {candidates[model]:.3f}); it is in {out}/, {int8}")


if __name__ == "__main__":
    run_stage(main)
