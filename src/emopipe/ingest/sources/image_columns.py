"""The columns of a table of images, by their names, their types and the metadata of the `datasets` library."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from emopipe.core.errors import DataError

IMAGE = "image"
LABELS = ("label", "labels", "emotion")
"""In order of preference."""
SPLIT = "split"

_METADATA = "huggingface"
_NUM_QUOTED = 60
_NUM_NAMED = 8


@dataclass(frozen=True)
class Layout:
    """The role of each column of a file."""

    label: str
    has_split: bool
    class_names: Mapping[str, Sequence[str]]
    """By column: the names of its integers (ClassLabel)."""

    @property
    def text_columns(self) -> list[str]:
        """The columns other than the image."""
        return [self.label, *([SPLIT] if self.has_split else [])]

    def text(self, column: str, value: str | int | None) -> str | None:
        """A cell as text on one line, an integer by its name if it has one; None for no value or an unknown integer."""
        names = self.class_names.get(column)
        if isinstance(value, int) and names:
            value = names[value] if 0 <= value < len(names) else None
        return None if value is None else " ".join(str(value).split()) or None


def has_columns(schema: pa.Schema) -> bool:
    """Whether there are an image and a label, of any type."""
    return IMAGE in schema.names and not set(LABELS).isdisjoint(schema.names)


def layout_of(path: Path, schema: pa.Schema) -> Layout:
    """The layout of the file at `path`.

    Raises `DataError` when a column is missing, duplicate, or of an unsuitable type, or when the metadata are damaged.
    """
    if not has_columns(schema):
        names = [" ".join(name.split()) for name in schema.names[:_NUM_NAMED]]
        listed = ", ".join(names + ["..."] * (len(schema.names) > _NUM_NAMED)) or "none"
        raise DataError(
            f"{path} has the columns {listed}; expected image and one of {', '.join(LABELS)}: "
            "rename them, or take the file away"
        )
    label = next(name for name in LABELS if name in schema.names)
    layout = Layout(label, SPLIT in schema.names, _class_names(path, schema))
    _require(path, schema, IMAGE, _is_image, "bytes or a struct with bytes")
    for name in layout.text_columns:
        _require(path, schema, name, _is_text, "text or integers")
    return layout


def _require(path: Path, schema: pa.Schema, name: str, fits: Callable[[pa.DataType], bool], expected: str) -> None:
    if (number := schema.names.count(name)) > 1:
        raise DataError(f"{path} has {number} columns {name}, expected one: rename the others")
    if not fits(kind := schema.field(name).type):
        raise DataError(f"{path} has a column {name} of {str(kind)[:_NUM_QUOTED]}, expected {expected}: convert it")


def _is_image(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return _is_bytes(kind)
    index = kind.get_field_index("bytes")
    return index >= 0 and _is_bytes(kind.field(index).type)


def _is_bytes(kind: pa.DataType) -> bool:
    return kind in (pa.binary(), pa.large_binary(), pa.binary_view())


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind in (pa.string(), pa.large_string(), pa.string_view(), pa.null()) or pa.types.is_integer(kind)


def _class_names(path: Path, schema: pa.Schema) -> dict[str, Sequence[str]]:
    """The names of each ClassLabel column, from metadata such as `faces.table.IMAGE_METADATA`."""
    try:
        metadata: Any = json.loads((schema.metadata or {}).get(_METADATA.encode(), b"{}"))
    except ValueError as error:
        raise DataError(f"{path} has a note {_METADATA} in its schema that is no JSON: write the file again") from error
    for key in ("info", "features"):
        metadata = metadata.get(key) if isinstance(metadata, dict) else None
    features = metadata if isinstance(metadata, dict) else {}
    names = {column: feature.get("names") for column, feature in features.items() if isinstance(feature, dict)}
    return {column: [str(name) for name in known] for column, known in names.items() if isinstance(known, list)}
