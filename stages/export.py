"""Stage `export`: the model that is best on validation becomes the bundle, with the proof that it computes the same."""

from pathlib import Path

from emopipe.atomic import atomic_path
from emopipe.exporting.bundle import make_bundle
from emopipe.exporting.card import model_card
from emopipe.exporting.selection import best_model
from emopipe.faces import faces_from_arrow
from emopipe.files import read_json, read_parquet, write_json
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.training.checkpoint import load_model


def main(
    params: Params, *, clean: Path, models: Path, reports: Path, validate: Path, balance: Path, out: Path, report: Path
) -> None:
    """Export the best model."""
    found = {name: read_json(reports / f"{name}.json") for name in params.train.models}
    model = best_model(found, params.train.models, params.export.select_by)
    channels = params.image.channels
    figures = {name: values["val"][params.export.select_by] for name, values in found.items()}
    with atomic_path(out) as folder:
        folder.mkdir()
        faces = faces_from_arrow(read_parquet(clean))
        proof = make_bundle(folder, load_model(models / model), faces, params.export, channels)
        result = {"model": model, "select_by": params.export.select_by, "candidates": figures, "parity": proof}
        card = model_card(found[model], result, read_json(validate), read_json(balance), channels)
        (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    write_json(report, result)
    if not proof["int8"]["kept"]:
        print(f"int8 is left out: it agrees with torch on {proof['int8']['agreement']:.1%} of the validation faces")


if __name__ == "__main__":
    run_stage(main)
