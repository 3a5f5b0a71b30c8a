"""Stage `ingest`: read whatever is in data/ into the canonical table; every row is kept or rejected with a reason."""

from pathlib import Path

from emopipe.files import write_csv, write_json
from emopipe.ingest import ingest
from emopipe.params import Params
from emopipe.stage import run_stage


def main(params: Params, *, data: Path, faces: Path, rejects: Path, report: Path) -> None:
    """Read a source into one table of faces."""
    result = ingest(
        data,
        faces,
        base=params.base,
        image=params.image,
        ingest=params.ingest,
        min_similarity=params.validate.min_similarity,
    )
    write_csv(rejects, result.rejects)
    write_json(report, result.report)
    rows_in, rows_out = result.report["rows_in"], result.report["rows_out"]
    print(f"{rows_in} rows in, {rows_out} faces out, {rows_in - rows_out} rejected; see {rejects}")


if __name__ == "__main__":
    run_stage(main)
