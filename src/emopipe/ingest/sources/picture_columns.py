"""What the columns of a table of pictures mean, by their names, their types and the notes of the `datasets` library."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from emopipe.core.errors import DataError

IMAGE = "image"
LABELS = ("label", "labels", "emotion")
"""The first that is there counts."""
SPLIT = "split"

_NOTE = "huggingface"
_NUM_QUOTED = 60
_NUM_NAMED = 8


@dataclass(frozen=True)
class Layout:
    """Which column of a file is what."""

    label: str
    has_split: bool
    names: Mapping[str, Sequence[str]]
    """By column: what its integers stand for (ClassLabel)."""

    @property
    def words(self) -> list[str]:
        """The columns apart from the picture."""
        return [self.label, *([SPLIT] if self.has_split else [])]

    def word(self, column: str, value: str | int | None) -> str | None:
        """The text of a cell on one line, or the name or number of its integer; None where it stands for nothing."""
        names = self.names.get(column)
        if isinstance(value, int) and names:
            value = names[value] if 0 <= value < len(names) else None
        return None if value is None else " ".join(str(value).split()) or None


def has_columns(schema: pa.Schema) -> bool:
    """Whether there are a picture and a label, of whatever type."""
    return IMAGE in schema.names and not set(LABELS).isdisjoint(schema.names)


def layout_of(path: Path, schema: pa.Schema) -> Layout:
    """Understand the columns of the file at `path`.

    Raises `DataError` when one is missing, there twice, or of a type that does not fit, or when the note is damaged.
    """
    if not has_columns(schema):
        names = [" ".join(name.split()) for name in schema.names[:_NUM_NAMED]]
        found = ", ".join(names + ["..."] * (len(schema.names) > _NUM_NAMED)) or "none"
        raise DataError(
            f"{path} has the columns {found}; expected image and one of {', '.join(LABELS)}: "
            "rename them, or take the file away"
        )
    label = next(name for name in LABELS if name in schema.names)
    layout = Layout(label, SPLIT in schema.names, _class_names(path, schema))
    _require(path, schema, IMAGE, _is_image, "bytes or a struct with bytes")
    for name in layout.words:
        _require(path, schema, name, _is_word, "text or integers")
    return layout


def _require(path: Path, schema: pa.Schema, name: str, fits: Callable[[pa.DataType], bool], expected: str) -> None:
    if (number := schema.names.count(name)) > 1:
        raise DataError(f"{path} has {number} columns {name}, expected one: rename the others")
    if not fits(kind := schema.field(name).type):
        raise DataError(f"{path} has a column {name} of {str(kind)[:_NUM_QUOTED]}, expected {expected}: convert it")


def _is_image(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return _is_bytes(kind)
    place = kind.get_field_index("bytes")
    return place >= 0 and _is_bytes(kind.field(place).type)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _is_word(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return bool(is_text or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _class_names(path: Path, schema: pa.Schema) -> dict[str, Sequence[str]]:
    """By column, the names of ClassLabel, of which the schema has a note such as `faces.table.IMAGE_METADATA`."""
    try:
        note: Any = json.loads((schema.metadata or {}).get(_NOTE.encode(), b"{}"))
    except ValueError as error:
        raise DataError(f"{path} has a note {_NOTE} in its schema that is no JSON: write the file again") from error
    for key in ("info", "features"):
        note = note.get(key) if isinstance(note, dict) else None
    features = note if isinstance(note, dict) else {}
    names = {column: feature.get("names") for column, feature in features.items() if isinstance(feature, dict)}
    return {column: [str(name) for name in known] for column, known in names.items() if isinstance(known, list)}
