"""Stage `ingest`: from the source in data/ to the canonical table; every row is kept or rejected with a reason."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("ingest")

from pathlib import Path

from emopipe.core.files import write_csv, write_json
from emopipe.core.params import BaseParams, ImageParams
from emopipe.core.stage import Out, run_stage
from emopipe.ingest.ingest import ingest
from emopipe.ingest.params import IngestParams


def main(
    base: BaseParams, image: ImageParams, params: IngestParams, *, data: Path, faces: Out, rejects: Out, report: Out
) -> None:
    """Read a source into one table of faces."""
    result = ingest(data, faces, base=base, image=image, ingest=params)
    write_csv(rejects, result.rejects)
    write_json(report, result.report)
    if result.numbers:
        print(f"numbers as labels: {result.numbers}")
    for line in result.warnings:
        print(f"warning: {line}")
    rows_in, rows_out = result.report["rows_in"], result.report["rows_out"]
    print(f"{rows_in} rows in, {rows_out} faces out, {rows_in - rows_out} rejected; see {rejects}")


if __name__ == "__main__":
    run_stage(main)
