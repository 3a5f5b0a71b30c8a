"""Stage `export`: the model that is best on validation becomes the bundle, with the proof that it computes the same."""

from pathlib import Path

from emopipe.atomic import atomic_path
from emopipe.exporting.bundle import int8_warning, make_bundle
from emopipe.exporting.card import model_card
from emopipe.exporting.selection import best_model
from emopipe.faces import faces_from_arrow
from emopipe.files import read_json, read_parquet, write_json
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.training.checkpoint import load_model


def main(
    params: Params,
    *,
    clean: Path,
    models: Path,
    reports: Path,
    ingest: Path,
    validate: Path,
    balance: Path,
    out: Path,
    report: Path,
) -> None:
    """Export the best model."""
    select_by, channels = params.export.select_by, params.image.channels
    found = {name: read_json(reports / f"{name}.json") for name in params.train.models}
    model = best_model(found, params.train.models, select_by)
    earlier = {"ingest": read_json(ingest), "validate": read_json(validate), "balance": read_json(balance)}
    with atomic_path(out) as folder:
        folder.mkdir()
        faces = faces_from_arrow(read_parquet(clean))
        proof = make_bundle(folder, load_model(models / model), faces, params.export, channels)
        candidates = {name: values["val"][select_by] for name, values in found.items()}
        result = {"model": model, "select_by": select_by, "candidates": candidates, **proof}
        card = model_card(found[model], result, **earlier, channels=channels)
        (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    write_json(report, result)
    for line in int8_warning(proof["parity"], params.export):
        print(line)


if __name__ == "__main__":
    run_stage(main)
