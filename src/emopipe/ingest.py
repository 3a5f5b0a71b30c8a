"""From a source as it lies in data/ to the canonical table; every row is kept, or rejected with a reason."""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from emopipe.decode import decode_image
from emopipe.errors import DataError, TooManyPixels
from emopipe.faces import COLUMNS, SPLITS, Faces
from emopipe.images import encode_png, pixel_digest
from emopipe.labels import label_lookup
from emopipe.params import BaseParams, ImageParams, IngestParams, Split
from emopipe.sources import recognise
from emopipe.sources.base import RawRow, Reject, Source, Tally
from emopipe.splits import SplitPlan, carve, plan_splits, split_lookup

_NUM_NAMED = 5
_NUM_QUOTED = 40

_Face = dict[str, Any]  # one row of the table, by the names of COLUMNS


@dataclass(frozen=True)
class IngestResult:
    """What came of a source."""

    faces: Faces
    rejects: pd.DataFrame
    """Columns source, reason, detail; in the order of reading."""
    report: dict[str, Any]
    """source, rows_in, rows_out, rejected, carved, by_split; rows_in is rows_out and all of rejected together."""


@dataclass(frozen=True)
class _Rules:
    """What a row is understood by."""

    classes: Sequence[str]
    labels: Mapping[str, str]
    splits: Mapping[str | None, Split]
    channels: int
    max_pixels: int


def ingest(data: Path, *, base: BaseParams, image: ImageParams, ingest: IngestParams) -> IngestResult:
    """Read the one source in `data` into faces of `image.channels` channels, in their own sizes.

    Raises `DataError` when the source is not usable as a whole: not recognised, damaged, with splits that cannot be
    settled, or with a class or a split that has no picture.
    """
    source = recognise(data, split_lookup(ingest.split_map))
    tally = source.tally()
    _require_known_label(source.name, tally, base.classes)
    plan = plan_splits(source.name, {split for split, _ in tally}, ingest)
    rules = _Rules(base.classes, label_lookup(base.classes), plan.given, image.channels, ingest.max_pixels)
    faces, rejects = _read(source, rules, total=tally.total())
    table = _carve_missing(pd.DataFrame(faces, columns=list(COLUMNS)), plan, seed=base.seed)
    _require_pictures(source.name, table, rejects, base.classes)
    report = _report(source, table, rejects, base.classes, carved=plan.carved)
    return IngestResult(Faces(table), _reject_table(rejects), report)


def _require_known_label(name: str, tally: Tally, classes: Sequence[str]) -> None:
    """Raise `DataError` when no label of the source `name` is one of `classes`, by any of its names."""
    lookup = label_lookup(classes)
    labels = sorted({label for _, label in tally})
    if not labels:
        raise DataError(
            f"{name} has no labelled face: expected one per row, or pictures in folders named by their class"
        )
    if not any(label.lower() in lookup for label in labels):
        more = ", ..." if len(labels) > _NUM_NAMED else ""
        raise DataError(
            f"{name} has no label that is a class ({', '.join(labels[:_NUM_NAMED])}{more}), expected "
            f"{', '.join(classes)}: rename its labels, or set base.classes in params.yaml"
        )


def _read(source: Source, rules: _Rules, *, total: int) -> tuple[list[_Face], list[Reject]]:
    faces: list[_Face] = []
    rejects: list[Reject] = []
    num_rows = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # of broken notes beside the pixels
        for row in tqdm(source.read(), total=total, desc="ingest", unit=" rows", disable=None):
            num_rows += 1
            item = row if isinstance(row, Reject) else _understand(row, rules)
            if isinstance(item, Reject):
                rejects.append(item)
            else:
                faces.append(item)
    assert num_rows == len(faces) + len(rejects), "every row is a face or a reject"
    return faces, rejects


def _understand(row: RawRow, rules: _Rules) -> _Face | Reject:
    label = rules.labels.get(row.label.lower())
    if label is None:
        detail = f"label {row.label[:_NUM_QUOTED]!r}, expected one of {', '.join(rules.classes)}"
        return Reject(row.source, "unknown_label", detail)
    if row.split not in rules.splits:
        return Reject(row.source, "no_split", "the source names splits, but none for this row")
    try:
        pixels = _pixels(row.picture, rules.channels, rules.max_pixels)
    except TooManyPixels as error:
        return Reject(row.source, "too_many_pixels", str(error))
    except DataError as error:
        return Reject(row.source, "undecodable_image", str(error))
    digest = pixel_digest(pixels)
    height, width = pixels.shape[:2]
    values = (digest, encode_png(pixels), f"{digest}.png", label, rules.splits[row.split], row.source, width, height)
    return dict(zip(COLUMNS, values, strict=True))


def _pixels(picture: np.ndarray | bytes, channels: int, max_pixels: int) -> np.ndarray:
    """Uint8 (H, W, channels), from encoded bytes or from grey pixels (H, W, 1)."""
    if isinstance(picture, bytes):
        return decode_image(picture, channels=channels, max_pixels=max_pixels)
    if picture.size > max_pixels:
        height, width, _ = picture.shape
        raise TooManyPixels(f"{width}x{height} pixels are more than the limit of {max_pixels}")
    return np.repeat(picture, channels, axis=2)


def _carve_missing(table: pd.DataFrame, plan: SplitPlan, *, seed: int) -> pd.DataFrame:
    """Carve from train what the plan asks for; faces with the same pixels stay together."""
    train = table[table["split"] == "train"]
    if plan.carved and len(train):
        carved = carve(train["id"], train["label"], plan.carved, seed=seed)
        return table.assign(split=carved.reindex(table.index).fillna(table["split"]))
    return table


def _require_pictures(name: str, table: pd.DataFrame, rejects: Sequence[Reject], classes: Sequence[str]) -> None:
    if table.empty:
        first = f"; the first, {rejects[0].source}: {rejects[0].detail}" if rejects else ""
        raise DataError(f"{name} has no usable row among {len(rejects)}{first}")
    if absent := [label for label in classes if label not in set(table["label"])]:
        raise DataError(
            f"{name} has no usable picture of the class {', '.join(absent)}: "
            "add some, or take the class out of base.classes in params.yaml"
        )
    if absent := [split for split in SPLITS if split not in set(table["split"])]:
        raise DataError(f"{name} has no usable picture in {', '.join(absent)}: add some, or map the split elsewhere")


def _reject_table(rejects: Sequence[Reject]) -> pd.DataFrame:
    columns = [field.name for field in fields(Reject)]
    return pd.DataFrame([astuple(reject) for reject in rejects], columns=columns, dtype="str")


def _report(
    source: Source, table: pd.DataFrame, rejects: Sequence[Reject], classes: Sequence[str], *, carved: Iterable[Split]
) -> dict[str, Any]:
    counts = Counter(zip(table["split"], table["label"], strict=True))
    by_split = {split: {label: counts[split, label] for label in classes} for split in SPLITS}
    return {
        "source": {"form": source.form, "files": sorted({name.split("/")[0] for name in source.files})},
        "rows_in": len(table) + len(rejects),
        "rows_out": len(table),
        "rejected": dict(sorted(Counter(reject.reason for reject in rejects).items())),
        "carved": {split: sum(by_split[split].values()) for split in carved},
        "by_split": by_split,
    }
