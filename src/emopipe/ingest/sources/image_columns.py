"""The columns of a table of images, by their names, their types and the metadata of the `datasets` library."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from emopipe.core.errors import DataError
from emopipe.core.names import fold_name
from emopipe.ingest.sources.base import column_index

IMAGES = ("image", "img", "picture")
LABELS = ("label", "labels", "emotion", "expression")
SPLITS = ("split", "usage")
"""Names of the columns, in any case, in order of preference."""

_METADATA = "huggingface"
_NUM_QUOTED = 60
_NUM_NAMED = 8


@dataclass(frozen=True)
class Layout:
    """The role of each column of a file."""

    image: str
    label: str
    split: str | None
    group: str | None
    """The column of `ingest.group_by`."""
    class_names: Mapping[str, Sequence[str]]
    """By column: the names of its integers (ClassLabel)."""

    @property
    def text_columns(self) -> list[str]:
        """The columns other than the image."""
        columns = (self.label, self.split, self.group)
        return list(dict.fromkeys(column for column in columns if column is not None))

    def text(self, column: str | None, row: Mapping[str, Any]) -> str | None:
        """A cell as text on one line, an integer by its name if it has one; None for no value or an unknown integer."""
        value = None if column is None else row[column].as_py()
        names = self.class_names.get(column or "")
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        if isinstance(value, int | float) and names:
            value = names[int(value)] if value in range(len(names)) else None
        return None if value is None else " ".join(str(value).split()) or None


def has_columns(schema: pa.Schema) -> bool:
    """Whether there are an image and a label, of any type."""
    return all(_first_of(group, schema.names) is not None for group in (IMAGES, LABELS))


def column_names(schema: pa.Schema) -> str:
    """The first columns, listed."""
    names = [" ".join(name.split()) for name in schema.names[:_NUM_NAMED]]
    return ", ".join(names + ["..."] * (len(schema.names) > _NUM_NAMED)) or "none"


def layout_of(path: Path, schema: pa.Schema, group_column: str | None = None) -> Layout:
    """The layout of the file at `path`.

    Raises `DataError` when a column is missing, duplicate, or of an unsuitable type, or when the metadata are damaged.
    """
    image, label, split = (_first_of(group, schema.names) for group in (IMAGES, LABELS, SPLITS))
    if image is None or label is None:
        raise DataError(
            f"{path} has the columns {column_names(schema)}; expected one of {', '.join(IMAGES)} and one of "
            f"{', '.join(LABELS)}: rename them, or take the file away"
        )
    group = column_index(path, schema.names, group_column)
    names = _class_names(path, schema)
    layout = Layout(image, label, split, None if group is None else schema.names[group], names)
    _require(path, schema, image, _is_image, "bytes or a struct with bytes")
    for name in layout.text_columns:
        _require(path, schema, name, _is_text, "text or numbers")
    return layout


def _first_of(group: Sequence[str], names: Sequence[str]) -> str | None:
    """The first of the names `group` among the columns, spelt as they spell it; one spelt alike goes before others."""
    folded = {fold_name(name): name for name in reversed(names)} | {name: name for name in names}
    return next((folded[name] for name in group if name in folded), None)


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
    return (
        kind in (pa.string(), pa.large_string(), pa.string_view(), pa.null())
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
    )


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
