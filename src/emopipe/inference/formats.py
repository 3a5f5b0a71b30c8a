"""Readings as lines of text: a table for people, JSON Lines or CSV for programs."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from emopipe.inference.reading import Reading
from emopipe.inference.recogniser import Face, Recogniser

PATH_WIDTH = 48


class Form(Protocol):
    """How readings are written; `head` comes first."""

    head: Sequence[str]

    def lines(self, reading: Reading) -> Iterator[str]:
        """What there is to write of one reading."""


class Table:
    """A line per face, with its most probable class; a line for an image without one. Errors are not in it."""

    def __init__(self, recogniser: Recogniser) -> None:
        """For faces that `recogniser` found."""
        self._recogniser = recogniser
        self.head: Sequence[str] = (
            f"{'file':<{PATH_WIDTH}}  {'time':>8}  {'face':>4}  {'label':<10}  {'prob.':>5}  box",
        )

    def lines(self, reading: Reading) -> Iterator[str]:
        """A line per face."""
        time = "" if reading.seconds is None else f"{reading.seconds:.2f}s"
        start = f"{printable(str(reading.path)):<{PATH_WIDTH}}  {time:>8}  "
        if not reading.faces and reading.error is None:
            yield f"{start}{'-':>4}  no face"
        for number, face in enumerate(reading.faces, start=1):
            label, box = self._recogniser.label(face), " ".join(f"{edge:.0f}" for edge in face.box)
            yield f"{start}{face.id or number:>4}  {label:<10}  {face.probabilities.max():>5.0%}  {box}"


class JsonLines:
    """An object per image or frame, or per file that is not readable, which has `error`."""

    def __init__(self, recogniser: Recogniser) -> None:
        """For faces that `recogniser` found."""
        self._recogniser = recogniser
        self.head: Sequence[str] = ()

    def lines(self, reading: Reading) -> Iterator[str]:
        """One line."""
        line: dict[str, object] = {"path": str(reading.path)}
        if reading.seconds is not None:
            line |= {"frame": reading.frame, "seconds": round(reading.seconds, 3)}
        if reading.error is not None:
            line["error"] = reading.error
        else:
            line["faces"] = [face_values(face, self._recogniser) for face in reading.faces]
        yield json.dumps(line)


def face_values(face: Face, recogniser: Recogniser) -> dict[str, object]:
    """A face as plain JSON values."""
    identity = {} if face.id is None else {"id": face.id}
    shown = {name: round(float(p), 6) for name, p in zip(recogniser.classes, face.probabilities, strict=True)}
    box = [round(edge, 1) for edge in face.box]
    return identity | {
        "box": box,
        "score": round(face.score, 4),
        "label": recogniser.label(face),
        "probabilities": shown,
    }


class Csv:
    """A row per face; an image or frame without one has a row with empty cells, so has a file with an `error`."""

    def __init__(self, recogniser: Recogniser) -> None:
        """For faces that `recogniser` found."""
        self._recogniser = recogniser
        names = ("path", "frame", "seconds", "face", "left", "top", "right", "bottom", "score", "label")
        self.head: Sequence[str] = (_csv_line([*names, *recogniser.classes, "error"]),)

    def lines(self, reading: Reading) -> Iterator[str]:
        """The rows of one reading."""
        seconds = "" if reading.seconds is None else f"{reading.seconds:.3f}"
        start = [str(reading.path), "" if reading.frame is None else reading.frame, seconds]
        for number, face in enumerate(reading.faces, start=1):
            place = [face.id or number, *(f"{edge:.1f}" for edge in face.box), f"{face.score:.4f}"]
            shown = [f"{p:.6f}" for p in face.probabilities]
            yield _csv_line([*start, *place, self._recogniser.label(face), *shown, ""])
        if not reading.faces:
            yield _csv_line([*start, *[""] * (7 + len(self._recogniser.classes)), reading.error or ""])


FORMATS: Mapping[str, Callable[[Recogniser], Form]] = {"table": Table, "jsonl": JsonLines, "csv": Csv}


def printable(text: str) -> str:
    """`text` without what would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _csv_line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
