"""Output formats of predictions: a table for people, JSON Lines or CSV for programs."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from emopipe.inference.recogniser import Face
from emopipe.inference.results import Result

Classes = Sequence[str]
PATH_WIDTH = 48
CSV_COLUMNS = ("path", "frame", "seconds", "face", "left", "top", "right", "bottom", "score", "label")


def _table_lines(result: Result, _: Classes) -> Iterator[str]:
    """A line per face, with its label; one for an image without a face; none for an error."""
    time = "" if result.seconds is None else f"{result.seconds:.2f}s"
    start = f"{printable(str(result.path)):<{PATH_WIDTH}}  {time:>8}  "
    if not result.faces and result.error is None:
        yield f"{start}{'-':>4}  no face"
    for number, face in enumerate(result.faces, start=1):
        box = " ".join(f"{edge:.0f}" for edge in face.box)
        yield f"{start}{face.id or number:>4}  {face.label:<10}  {face.probabilities.max():>5.0%}  {box}"


def _json_lines(result: Result, classes: Classes) -> Iterator[str]:
    """An object per image or frame; a file that is not readable has `error`."""
    line: dict[str, object] = {"path": str(result.path)}
    if result.seconds is not None:
        line |= {"frame": result.frame, "seconds": round(result.seconds, 3)}
    if result.error is not None:
        line["error"] = result.error
    else:
        line["faces"] = [face_values(face, classes) for face in result.faces]
    yield json.dumps(line)


def face_values(face: Face, classes: Classes) -> dict[str, Any]:
    """A face as plain JSON values."""
    track = {} if face.id is None else {"id": face.id}
    return track | {
        "box": [round(edge, 1) for edge in face.box],
        "score": round(face.score, 4),
        "label": face.label,
        "probabilities": {name: round(float(p), 6) for name, p in zip(classes, face.probabilities, strict=True)},
    }


def csv_header(classes: Classes) -> list[str]:
    """The names of the columns, in one line."""
    return [_csv_line([*CSV_COLUMNS, *classes, "error"])]


def csv_lines(result: Result, classes: Classes) -> Iterator[str]:
    """A row per face; one with empty cells for an image or frame without a face, or an `error`."""
    seconds = "" if result.seconds is None else f"{result.seconds:.3f}"
    start = [str(result.path), "" if result.frame is None else result.frame, seconds]
    for number, face in enumerate(result.faces, start=1):
        place = [face.id or number, *(f"{edge:.1f}" for edge in face.box), f"{face.score:.4f}"]
        yield _csv_line([*start, *place, face.label, *(f"{p:.6f}" for p in face.probabilities), ""])
    if not result.faces:
        yield _csv_line([*start, *[""] * (7 + len(classes)), result.error or ""])


TABLE_HEADER = f"{'file':<{PATH_WIDTH}}  {'time':>8}  {'face':>4}  {'label':<10}  {'prob.':>5}  box"
FORMATS: dict[str, tuple[Callable[[Classes], list[str]], Callable[[Result, Classes], Iterator[str]]]] = {
    "table": (lambda _: [TABLE_HEADER], _table_lines),
    "jsonl": (lambda _: [], _json_lines),
    "csv": (csv_header, csv_lines),
}
"""Functions for the header and for the lines of a result, given the names of the classes."""


def printable(text: str) -> str:
    """`text` without control characters, which could move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _csv_line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
