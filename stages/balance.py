"""Stage `balance`: decide what the training set is made of; validation and test rows never pass through here."""

from pathlib import Path

from emopipe.balance import balance
from emopipe.balance.page import balance_page
from emopipe.balance.report import balance_report
from emopipe.faces import faces_from_arrow
from emopipe.files import read_parquet, write_folder, write_json, write_parquet
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.training_set import training_set_to_arrow


def main(params: Params, *, clean: Path, train: Path, report: Path, pages: Path) -> None:
    """Make the training set out of the train faces."""
    faces = faces_from_arrow(read_parquet(clean))
    balanced = balance(faces, params.balance, size=params.image.size, seed=params.base.seed)
    counts = balance_report(balanced, params.base.classes, params.balance)
    write_parquet(train, training_set_to_arrow(balanced.training_set))
    write_json(report, counts)
    write_folder(pages, {"index.html": balance_page(balanced, counts).encode()})
    short = {name: number for name, number in counts["short"].items() if number}
    if short:
        print(f"warning: short of the target: {', '.join(f'{name} by {number}' for name, number in short.items())}")
    print(f"{counts['num_real']} faces, {counts['num_repeated']} repeated, {counts['num_synthetic']} synthetic")


if __name__ == "__main__":
    run_stage(main)
