"""Stage `validate`: the gate; what is unusable goes by policy, and what must hold of the rest is checked."""

from pathlib import Path

from emopipe.corrections import read_corrections
from emopipe.face_file import FaceFile
from emopipe.files import write_folder, write_json
from emopipe.params import Params
from emopipe.stage import run_stage
from emopipe.validate import validate


def main(params: Params, *, faces: Path, corrections: Path, clean: Path, report: Path, pages: Path) -> None:
    """Validate the table of faces, and keep what is fit to be used."""
    file, classes = FaceFile(faces), params.base.classes
    decided = read_corrections(corrections, classes)
    result = validate(file, classes, params.validate, decided, seed=params.base.seed)
    file.copy(clean, result.kept, label=result.labels)
    write_json(report, result.report)
    write_folder(pages, result.pages)
    for warning in result.warnings:
        print(f"warning: {warning}")
    print(f"{result.report['rows_in']} faces in, {result.report['rows_out']} out; see {pages / 'index.html'}")


if __name__ == "__main__":
    run_stage(main)
