"""Stage `train@MODEL`: train one network on the training set, and keep the epoch that is best on validation."""

from pathlib import Path

from emopipe.faces import faces_from_arrow
from emopipe.files import atomic_path, read_parquet, write_csv
from emopipe.fit import fit
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import stage_state
from emopipe.tracking.store import project_root
from emopipe.training.checkpoint import save_model
from emopipe.training_set import training_set_from_arrow


def main(params: Params, *, model: str, clean: Path, train: Path, out: Path) -> None:
    """Train one network."""
    faces = faces_from_arrow(read_parquet(clean))
    training_set = training_set_from_arrow(read_parquet(train))
    state = stage_state(f"train@{model}", Path.cwd())
    with ModelRun(project_root(), model, state, params).start() as run:
        trained, history = fit(
            model, faces, training_set, base=params.base, image=params.image, config=params.train.config, run=run
        )
        run.complete()
    with atomic_path(out) as folder:
        folder.mkdir()
        save_model(folder, trained)
        write_csv(folder / "history.csv", history)


if __name__ == "__main__":
    run_stage(main)
