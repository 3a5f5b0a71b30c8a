"""The loop of `emopipe predict`: files in, predictions and annotated copies out."""

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
from emopipe.inference.recogniser import Recogniser
from emopipe.inference.results import classify_files, recognise_files


@dataclass(kw_only=True)
class Counts:
    """Totals of a run."""

    num_images: int = 0
    """Images, and frames of videos."""
    num_faces: int = 0
    num_unreadable: int = 0
    """Files."""
    num_others: int = 0
    """Files in folders that have the suffix of neither an image nor a video."""

    def line(self) -> str:
        """The totals in a line."""
        return (
            f"{self.num_images} images, {self.num_faces} faces, {self.num_unreadable} unreadable files, "
            f"{self.num_others} other files skipped"
        )


def predict_files(
    names: Sequence[str], recogniser: Recogniser, *, form: str, crops: bool, annotate: Path | None
) -> Counts:
    """Print the predictions for the files of `names`, each at once, in the format `FORMATS[form]`.

    Unreadable files are reported on standard error, which shows a progress bar if it is a terminal. `crops`: each image
    is one face. `annotate`: a folder for annotated copies. Raises `DataError` if there is no image and no video.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names are bytes, and are printed unchanged
    classes, counts = recogniser.classes, Counts()
    header, lines = FORMATS[form]
    inputs = _skip_others(find_inputs(names, exclude=annotate), counts)
    results = (classify_files if crops else recognise_files)(inputs, recogniser)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module="PIL")  # of damaged metadata, and of sizes above our own limit
        annotator = stack.enter_context(Annotator(annotate, classes)) if annotate is not None else None
        bar = stack.enter_context(_progress_bar(names, annotate))
        for line in header(classes):
            print(line)
        for result in results:
            for line in lines(result, classes):
                tqdm.write(line, file=sys.stdout)
            if result.error is not None:
                counts.num_unreadable += 1
                tqdm.write(f"emopipe: {printable(str(result.path))}: {result.error}", file=sys.stderr)
            else:
                counts.num_images += 1
                counts.num_faces += len(result.faces)
            if annotator is not None:
                annotator.add(result)
            bar.update(not result.frame)  # a video counts once
    if not counts.num_images and not counts.num_unreadable:
        raise DataError(f"no image and no video in {', '.join(names)} ({counts.num_others} other files)")
    return counts


def _skip_others(inputs: Iterable[Input], counts: Counts) -> Iterator[Input]:
    for item in inputs:
        if item.kind == "other":
            counts.num_others += 1
        else:
            yield item


def _progress_bar(names: Sequence[str], annotate: Path | None) -> "tqdm[Any]":
    """Disabled if results go to a terminal, or errors do not; files are counted only for a visible bar."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        return tqdm(disable=True)
    total = sum(item.kind != "other" for item in find_inputs(names, exclude=annotate))
    return tqdm(total=total, unit=" files", desc="predict")
