"""Commands that bring data into the project."""

from pathlib import Path
from typing import Annotated

import typer

from emopipe.cli.paths import CLEAN, PARAMS, REPORTS, ROOT

SOURCES = "FER2013's CSV (plain, gz, xz, zst, zip), class folders or a zip of them, Parquet or Arrow files."


def import_data(
    path: Annotated[Path, typer.Argument(help=SOURCES)],
    force: Annotated[bool, typer.Option(help="Replace data/ even if DVC has no copy of its content.")] = False,
    set_params: Annotated[
        bool, typer.Option("--set-params", help="Make the labels of the data set the classes in params.yaml.")
    ] = False,
) -> None:
    """Copy a data set into data/ and track it with DVC."""
    from emopipe.cli.params_file import changed_params, write_changes
    from emopipe.core.params import load_params
    from emopipe.ingest.import_data import import_source, labels_of

    params, changes = load_params(PARAMS, trainable=True), []
    if set_params:
        changes = [("base.classes", list(params.base.classes), labels_of(path, base=params.base, ingest=params.ingest))]
        params = changed_params(PARAMS, changes, name=f"params.yaml with the classes of {path}")
    summary = import_source(path, ROOT, base=params.base, ingest=params.ingest, force=force)
    write_changes(PARAMS, changes)
    for name, _, new in changes:
        print(f"{PARAMS}: {name} is now [{', '.join(new)}]")
    print(*summary.lines(), sep="\n")
    colour = "grey" if params.image.channels == 1 else "RGB"
    print(f"images: {params.image.size}x{params.image.size} pixels, {colour} (image.size, image.channels)")
    print("next: emopipe run")


def show(
    out: Annotated[Path, typer.Argument(help="HTML file to write.", dir_okay=False)] = REPORTS / "data.html",
) -> None:
    """Write a page about the faces: counts, properties, sheets, and what augmentation makes of them.

    It needs `emopipe run validate` before.
    """
    from emopipe.core.files import read_parquet, write_bytes
    from emopipe.core.params import load_params
    from emopipe.faces.table import faces_from_arrow
    from emopipe.overview.data_page import data_page

    params = load_params(PARAMS)
    faces = faces_from_arrow(read_parquet(CLEAN))
    page = data_page(faces, params.base.classes, params.train.augment, size=params.image.size, seed=params.base.seed)
    write_bytes(out, page.encode())
    print(f"{out}: {len(faces)} faces; open it in a browser")


def sample(
    path: Annotated[Path, typer.Argument(help="File to write, in the format of FER2013: NAME.csv.xz.", dir_okay=False)],
    num_faces: Annotated[int, typer.Option(help="Number of faces.")] = 2000,
    size: Annotated[int, typer.Option(help="Width and height of an image, in pixels.")] = 48,
    seed: Annotated[int, typer.Option(help="Seed of all random draws.")] = 0,
    defects: Annotated[bool, typer.Option(help="Include the defects of real data sets.")] = True,
) -> None:
    """Draw a synthetic data set of faces with seven expressions."""
    from emopipe.ingest.sample.table import write_sample

    write_sample(path, num_faces=num_faces, size=size, seed=seed, defects=defects)
    print(f"{path}: {num_faces} faces of {size}x{size} pixels; next: emopipe data import {path}")
