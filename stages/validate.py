"""Stage `validate`: drop rows by policy, and check expectations on the rest."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("validate")

from pathlib import Path

from emopipe.core.files import write_folder, write_json
from emopipe.core.params import BaseParams
from emopipe.core.stage import Out, run_stage
from emopipe.faces.file import FaceFile
from emopipe.validate.corrections import read_corrections
from emopipe.validate.params import ValidateParams
from emopipe.validate.validate import validate


def main(
    base: BaseParams, params: ValidateParams, *, faces: Path, corrections: Path, clean: Out, report: Out, pages: Out
) -> None:
    """Validate the table of faces, and keep the usable rows."""
    file = FaceFile(faces)
    result = validate(file, base.classes, params, read_corrections(corrections, base.classes), seed=base.seed)
    file.copy(clean, result.kept, label=result.labels)
    write_json(report, result.report)
    write_folder(pages, result.pages)
    for warning in result.warnings:
        print(f"warning: {warning}")
    print(f"{result.report['rows_in']} faces in, {result.report['rows_out']} out; see {pages / 'index.html'}")


if __name__ == "__main__":
    run_stage(main)
