"""Stage `train@MODEL`: train one network on the training set; the epoch with the best validation accuracy is kept."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("train")

from pathlib import Path

from emopipe.core.atomic import atomic_path
from emopipe.core.files import read_parquet, write_csv
from emopipe.core.params import BaseParams, ImageParams
from emopipe.core.stage import Out, StageRun, run_stage
from emopipe.faces.table import faces_from_arrow
from emopipe.faces.training_set import training_set_from_arrow
from emopipe.training.checkpoint import save_model
from emopipe.training.params import TrainParams
from emopipe.training.pretrained import initial_weights, load_teacher
from emopipe.training.train_model import train_model

CHECKPOINTS = ".checkpoints"
"""Folder of the states of interrupted trainings, named by the key of the stage."""


def main(
    base: BaseParams,
    image: ImageParams,
    params: TrainParams,
    run: StageRun,
    *,
    model: str,
    clean: Path,
    training_set: Path,
    out: Out,
) -> None:
    """Train one network."""
    recipe = params.for_model(model)
    state_file = run.root / CHECKPOINTS / f"{run.state.key}.safetensors"
    state_file.parent.mkdir(exist_ok=True)
    trained, history = train_model(
        model,
        faces_from_arrow(read_parquet(clean)),
        training_set_from_arrow(read_parquet(training_set)),
        base=base,
        image=image,
        params=recipe,
        log_metrics=run.observer.log_metrics,
        initial_weights=initial_weights(model, recipe, run.root),
        teacher=load_teacher(recipe, run.root),
        state_file=state_file,
    )
    with atomic_path(out) as folder:
        folder.mkdir()
        save_model(folder, trained)
        write_csv(folder / "history.csv", history)
    state_file.unlink(missing_ok=True)
    best = history.set_index("epoch").loc[trained.training["best_epoch"]]
    print(f"epoch {best.name} of {len(history)} is the best: val accuracy {best['val_accuracy']:.3f}")


if __name__ == "__main__":
    run_stage(main, observed=True)
