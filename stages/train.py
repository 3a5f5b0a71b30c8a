"""Stage `train@MODEL`: train one network on the training set, and keep the epoch that is best on validation."""

from pathlib import Path

from emopipe.atomic import atomic_path
from emopipe.faces import faces_from_arrow
from emopipe.files import read_parquet, write_csv
from emopipe.fit import fit
from emopipe.params import Params
from emopipe.predictions import predictions_from_arrow
from emopipe.pretrained import checked_file, starting_weights
from emopipe.stage import run_stage
from emopipe.tracking.class_balance import class_balance
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import stage_state
from emopipe.tracking.store import project_root
from emopipe.training.checkpoint import save_model
from emopipe.training_set import training_set_from_arrow

CHECKPOINTS = ".checkpoints"
"""Of trainings that were interrupted, by the state that they belong to."""


def main(params: Params, *, model: str, clean: Path, train: Path, out: Path) -> None:
    """Train one network."""
    faces = faces_from_arrow(read_parquet(clean))
    training_set = training_set_from_arrow(read_parquet(train))
    start, teacher = starting_weights(model, params.train, project_root()), None
    if params.train.teacher is not None:
        teacher = predictions_from_arrow(
            read_parquet(checked_file(params.train.teacher, "train.teacher", project_root()))
        )
    state = stage_state(f"train@{model}", Path.cwd())
    interrupted = project_root() / CHECKPOINTS / f"{state.key}.safetensors"
    interrupted.parent.mkdir(exist_ok=True)
    with ModelRun(project_root(), model, state, params).start() as run:
        run.log_balance(class_balance(training_set.frame))
        trained, history = fit(
            model, faces, training_set, params=params, run=run, start=start, teacher=teacher, interrupted=interrupted
        )
        run.complete()
    with atomic_path(out) as folder:
        folder.mkdir()
        save_model(folder, trained)
        write_csv(folder / "history.csv", history)
    interrupted.unlink(missing_ok=True)


if __name__ == "__main__":
    run_stage(main)
