"""The loop of `emopipe predict`: files in, lines and annotated copies out."""

import io
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from emopipe.core.errors import DataError
from emopipe.inference.annotated import Annotator
from emopipe.inference.formats import FORMATS, printable
from emopipe.inference.inputs import Input, find_inputs
from emopipe.inference.reading import read_crops, read_inputs
from emopipe.inference.recogniser import Recogniser


@dataclass(kw_only=True)
class Counts:
    """What became of all files."""

    num_pictures: int = 0
    """Images, and frames of videos."""
    num_faces: int = 0
    num_unreadable: int = 0
    """Files."""
    num_others: int = 0
    """Files in folders that are named neither like images nor like videos."""

    def line(self) -> str:
        """For a person."""
        return (
            f"{self.num_pictures} pictures, {self.num_faces} faces, {self.num_unreadable} files not readable, "
            f"{self.num_others} other files passed over"
        )


def predict_files(
    names: Sequence[str], recogniser: Recogniser, *, form: str, crops: bool, annotate: Path | None
) -> Counts:
    """Print what the files that `names` mean show, in the form `FORMATS[form]`, each as soon as it is known.

    Files that are not readable are named on standard error. Where that is a terminal, it shows the progress. `crops`:
    the images are faces already. `annotate`: a folder for copies with the faces drawn in. Raises `DataError` when
    nothing was found.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files are bytes, and come out as they went in
    written, counts = FORMATS[form](recogniser), Counts()
    inputs = _without_others(find_inputs(names, without=annotate), counts)
    readings = (read_crops if crops else read_inputs)(inputs, recogniser)
    with ExitStack() as opened:
        opened.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module="PIL")  # of broken notes, and of sizes that are refused in one line
        annotator = opened.enter_context(Annotator(annotate, recogniser)) if annotate is not None else None
        bar = opened.enter_context(_bar(names, annotate))
        for line in written.head:
            print(line)
        for reading in readings:
            for line in written.lines(reading):
                tqdm.write(line, file=sys.stdout)
            if reading.error is not None:
                counts.num_unreadable += 1
                tqdm.write(f"emopipe: {printable(str(reading.path))}: {reading.error}", file=sys.stderr)
            else:
                counts.num_pictures += 1
                counts.num_faces += len(reading.faces)
            if annotator is not None:
                annotator.add(reading)
            bar.update(not reading.frame)  # a video counts once
    if not counts.num_pictures and not counts.num_unreadable:
        raise DataError(f"no image and no video in {', '.join(names)} ({counts.num_others} other files)")
    return counts


def _without_others(inputs: Iterable[Input], counts: Counts) -> Iterator[Input]:
    for item in inputs:
        if item.kind == "other":
            counts.num_others += 1
        else:
            yield item


def _bar(names: Sequence[str], annotate: Path | None) -> "tqdm[Any]":
    """With the number of files to come, which are counted where the bar is seen; results on a terminal are enough."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        return tqdm(disable=True)
    total = sum(item.kind != "other" for item in find_inputs(names, without=annotate))
    return tqdm(total=total, unit=" files", desc="predict")
