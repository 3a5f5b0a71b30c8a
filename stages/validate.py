"""Stage `validate`: the gate; what is unusable goes by policy, and what must hold of the rest is checked."""

from pathlib import Path

from emopipe.faces import faces_from_arrow, faces_to_arrow
from emopipe.files import read_parquet, write_folder, write_json, write_parquet
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.validate import validate


def main(params: Params, *, faces: Path, clean: Path, report: Path, pages: Path) -> None:
    """Validate the table of faces, and keep what is fit to be used."""
    result = validate(faces_from_arrow(read_parquet(faces)), params.base.classes, params.validate)
    write_parquet(clean, faces_to_arrow(result.faces))
    write_json(report, result.report)
    write_folder(pages, result.pages)
    for warning in result.warnings:
        print(f"warning: {warning}")
    print(f"{result.report['rows_in']} faces in, {result.report['rows_out']} out; see {pages / 'index.html'}")


if __name__ == "__main__":
    run_stage(main)
