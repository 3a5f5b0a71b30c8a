"""Stage `report`: the results of the run on one page, reports/index.html."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("report")

from pathlib import Path

from emopipe.core.files import read_json, write_bytes
from emopipe.core.stage import Out, run_stage
from emopipe.overview.page import overview_page


def main(models: tuple[str, ...], ensembles: dict[str, tuple[str, ...]], *, reports: Path, page: Out) -> None:
    """Write the report page, from the reports and figures of all stages in the folder `reports`."""
    names = [*models, *ensembles]
    html = overview_page(
        [read_json(reports / "evaluate" / f"{name}.json") for name in names],
        figures={name: [path.stem for path in (reports / "figures" / name).glob("*.png")] for name in names},
        **{stage: read_json(reports / f"{stage}.json") for stage in ("ingest", "validate", "balance", "export")},
    )
    write_bytes(page, html.encode())
    print(f"{page}: {len(names)} models")


if __name__ == "__main__":
    run_stage(main)
