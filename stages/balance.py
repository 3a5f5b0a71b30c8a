"""Stage `balance`: build the training set from the train faces; validation and test faces are unused."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("balance")

from pathlib import Path

from emopipe.balance.balance import balance
from emopipe.balance.page import balance_page
from emopipe.balance.params import BalanceParams
from emopipe.balance.report import balance_report
from emopipe.core.files import read_parquet, write_folder, write_json, write_parquet
from emopipe.core.params import BaseParams, ImageParams
from emopipe.core.stage import Out, run_stage
from emopipe.faces.table import faces_from_arrow
from emopipe.faces.training_set import training_set_to_arrow


def main(
    base: BaseParams,
    image: ImageParams,
    params: BalanceParams,
    *,
    clean: Path,
    training_set: Out,
    report: Out,
    pages: Out,
) -> None:
    """Balance the classes of train; write the training set, the report and the page."""
    faces = faces_from_arrow(read_parquet(clean))
    balanced = balance(faces, params, size=image.size, seed=base.seed)
    counts = balance_report(balanced, base.classes, params)
    write_parquet(training_set, training_set_to_arrow(balanced.training_set))
    write_json(report, counts)
    write_folder(pages, {"index.html": balance_page(balanced, counts).encode()})
    short = {name: number for name, number in counts["short"].items() if number}
    if short:
        print(f"warning: short of the target: {', '.join(f'{name} by {number}' for name, number in short.items())}")
    print(f"{counts['num_real']} faces, {counts['num_repeated']} repeated, {counts['num_synthetic']} synthetic")


if __name__ == "__main__":
    run_stage(main)
