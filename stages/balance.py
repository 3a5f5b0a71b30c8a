"""Stage `balance`: decide what the training set is made of; validation and test rows never pass through here."""

from pathlib import Path

from emopipe.balance import balance, balance_report
from emopipe.faces import faces_from_arrow
from emopipe.files import read_parquet, write_json, write_parquet
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.training_set import training_set_to_arrow


def main(params: Params, *, clean: Path, train: Path, report: Path) -> None:
    """Make the training set out of the train faces."""
    faces = faces_from_arrow(read_parquet(clean))
    training_set = balance(faces, params.balance, seed=params.base.seed)
    write_parquet(train, training_set_to_arrow(training_set))
    counts = balance_report(training_set, params.base.classes, params.balance)
    write_json(report, counts)
    print(f"{counts['num_real']} faces, {counts['num_repeated']} repeated, {counts['num_synthetic']} synthetic")


if __name__ == "__main__":
    run_stage(main)
