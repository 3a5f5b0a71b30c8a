"""From a source as it lies in data/ to the canonical table; every row is kept, or rejected with a reason.

Rows pass through in batches, so that what is in memory does not grow with the pictures. Shapes: N faces.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import DataError, NoFace, TooManyPixels
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.classes import label_lookup
from emopipe.faces.decode import decode_image
from emopipe.faces.file import BATCH, FaceFile, face_writer
from emopipe.faces.png import encode_png, pixel_digest
from emopipe.faces.table import SCHEMA, SPLITS
from emopipe.ingest.params import IngestParams, Split
from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import RawRow, Reason, Reject, Source, Tally
from emopipe.ingest.splits import SplitPlan, plan_splits, split_from_train, split_lookup
from emopipe.ingest.votes import VoteReject, class_votes, resolve_label
from emopipe.vision.crops import crop_faces
from emopipe.vision.detector import Detector
from emopipe.vision.image_stats import grey, measure
from emopipe.vision.near_duplicates import connected_groups, near_pairs

UNKNOWN = "unknown"
"""Where a rejected row's split or class is not known."""
_NUM_NAMED = 5
_NUM_QUOTED = 40
_REASONS: dict[type[DataError], Reason] = {TooManyPixels: "too_many_pixels", NoFace: "no_face"}
_LONGEST = 640  # side of a photograph in which faces are looked for, in pixels

_Face = dict[str, Any]  # one row of the table, by the names of SCHEMA


@dataclass(frozen=True)
class IngestResult:
    """What came of a source, beside the table of faces."""

    rejects: pd.DataFrame
    """Columns source, reason, detail, split, label; in the order of reading."""
    report: dict[str, Any]
    """source, rows_in, rows_out, rejected, rejected_by_split, carved, by_split; rows_in is rows_out and all of rejected
    together, in all and for each split and class."""


@dataclass(frozen=True)
class _Rules:
    """What a row is understood by."""

    classes: Sequence[str]
    labels: Mapping[str, str]
    splits: Mapping[str | None, Split]
    channels: int
    params: IngestParams
    detector: Detector | None
    """What finds the face, where pictures are photographs."""


def ingest(data: Path, table: Path, *, base: BaseParams, image: ImageParams, ingest: IngestParams) -> IngestResult:
    """Read the one source in `data` into the file `table`: faces of `image.channels` channels, in their own sizes.

    Raises `DataError`, and writes nothing, when the source is not usable as a whole: not recognised, damaged, with
    splits that cannot be settled, or with a class or a split that has no picture.
    """
    source = recognise(data, split_lookup(ingest.split_map))
    tally = source.tally()
    _require_known_label(source.name, tally, base.classes)
    plan = plan_splits(source.name, {split for split, _ in tally}, ingest)
    rules = _Rules(base.classes, label_lookup(base.classes), plan.given, image.channels, ingest, _detector(ingest))
    with atomic_path(table) as read:
        rejects = _read(source, rules, read, total=tally.total())
        file = FaceFile(read)
        splits = _splits(file, plan, ingest.min_similarity, seed=base.seed)
        _require_pictures(source.name, file.frame.assign(split=splits), rejects, base.classes)
        if plan.carved:
            file.copy(read, np.ones(len(file), dtype=bool), split=splits.tolist())
    report = _report(source, file.frame.assign(split=splits), rejects, rules, carved=plan.carved)
    return IngestResult(_reject_table(rejects), report)


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


def _read(source: Source, rules: _Rules, table: Path, *, total: int) -> list[Reject]:
    """Write all faces to the file `table`; returns what is rejected."""
    rejects: list[Reject] = []
    faces: list[_Face] = []
    num_rows = num_faces = 0
    with warnings.catch_warnings(), face_writer(table) as writer:
        warnings.filterwarnings("ignore", module="PIL")  # of broken notes beside the pixels
        for row in tqdm(source.read(), total=total, desc="ingest", unit=" rows", disable=None):
            num_rows += 1
            item = row if isinstance(row, Reject) else _understand(row, rules)
            if isinstance(item, Reject):
                rejects.append(item)
                continue
            num_faces += 1
            faces.append(item)
            if len(faces) == BATCH:
                writer.write_table(_table(faces))
                faces = []
        writer.write_table(_table(faces))
    assert num_rows == num_faces + len(rejects), "every row is a face or a reject"
    return rejects


def _table(faces: list[_Face]) -> pa.Table:
    columns = {name: [face[name] for face in faces] for name in SCHEMA.names}
    return pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names})


def _understand(row: RawRow, rules: _Rules) -> _Face | Reject:
    given = (row.split, row.label)
    chosen = _chosen_label(row, rules)
    if isinstance(chosen, VoteReject):
        return Reject(row.source, chosen.reason, chosen.detail, *given)
    label = rules.labels.get(chosen.lower())
    if label is None:
        detail = f"label {chosen[:_NUM_QUOTED]!r}, expected one of {', '.join(rules.classes)}"
        return Reject(row.source, "unknown_label", detail, *given)
    if row.split not in rules.splits:
        return Reject(row.source, "no_split", "the source names splits, but none for this row", *given)
    try:
        pixels = _face(row.picture, rules)
    except DataError as error:
        return Reject(row.source, _REASONS.get(type(error), "undecodable_image"), str(error), *given)
    digest = pixel_digest(pixels)
    height, width = pixels.shape[:2]
    votes = None if row.votes is None else class_votes(row.votes, rules.labels, rules.classes)
    split = rules.splits[row.split]
    image = {"bytes": encode_png(pixels), "path": f"{digest}.png"}
    values = (digest, image, label, split, row.source, width, height, votes)
    return dict(zip(SCHEMA.names, values, strict=True))


def _chosen_label(row: RawRow, rules: _Rules) -> str | VoteReject:
    """The label by `ingest.votes`, where the row has votes."""
    if row.votes is None:
        return row.label
    wanted = rules.params.votes
    return resolve_label(
        row.label, row.votes, rules.labels, rule=wanted.label, out_of_class_votes=wanted.out_of_class_votes
    )


def _detector(params: IngestParams) -> Detector | None:
    if not params.crop_faces:
        return None
    from emopipe.vision.centerface import CenterFace

    return CenterFace(longest=_LONGEST)


def _face(picture: np.ndarray | bytes, rules: _Rules) -> np.ndarray:
    """Uint8 (H, W, channels): the picture, or the largest face of a photograph; raises `NoFace` where none is found."""
    if rules.detector is None:
        return _pixels(picture, rules.channels, rules.params.max_pixels)
    crops = crop_faces(_pixels(picture, 3, rules.params.max_pixels), rules.detector)
    if not crops:
        raise NoFace("no face was found in the photograph")
    largest = max((crop.pixels for crop in crops), key=len)
    return grey(largest)[:, :, None] if rules.channels == 1 else largest


def _pixels(picture: np.ndarray | bytes, channels: int, max_pixels: int) -> np.ndarray:
    """Uint8 (H, W, channels), from encoded bytes or from grey pixels (H, W, 1)."""
    if isinstance(picture, bytes):
        return decode_image(picture, channels=channels, max_pixels=max_pixels)
    if picture.size > max_pixels:
        height, width, _ = picture.shape
        raise TooManyPixels(f"{width}x{height} pixels are more than the limit of {max_pixels}")
    return picture if channels == 1 else np.repeat(picture, channels, axis=2)


def _splits(file: FaceFile, plan: SplitPlan, min_similarity: float, *, seed: int) -> pd.Series:
    """The split of each row, (N,): those that the plan asks for are carved from train.

    Pictures that are the same, or nearly, stay together.
    """
    faces = file.frame
    train = faces["split"] == "train"
    if not plan.carved or not train.any():
        return faces["split"]
    groups = connected_groups(faces["id"], near_pairs(file, measure(file.images()).descriptors, min_similarity))
    carved = split_from_train(groups[train], faces["label"][train], plan.carved, seed=seed)
    return carved.reindex(faces.index).fillna(faces["split"])


def _require_pictures(name: str, table: pd.DataFrame, rejects: Sequence[Reject], classes: Sequence[str]) -> None:
    if table.empty:
        first = f"; the first, {rejects[0].source}: {rejects[0].detail}" if rejects else ""
        raise DataError(f"{name} has no usable row among {len(rejects)}{first}")
    there = {column: set(table[column].unique()) for column in ("label", "split")}
    if absent := [label for label in classes if label not in there["label"]]:
        raise DataError(
            f"{name} has no usable picture of the class {', '.join(absent)}: "
            "add some, or take the class out of base.classes in params.yaml"
        )
    if absent := [split for split in SPLITS if split not in there["split"]]:
        raise DataError(f"{name} has no usable picture in {', '.join(absent)}: add some, or map the split elsewhere")


def _reject_table(rejects: Sequence[Reject]) -> pd.DataFrame:
    columns = [field.name for field in fields(Reject)]
    return pd.DataFrame([astuple(reject) for reject in rejects], columns=columns, dtype="str")


def _report(
    source: Source, table: pd.DataFrame, rejects: Sequence[Reject], rules: _Rules, *, carved: Iterable[Split]
) -> dict[str, Any]:
    counts = table.groupby(["split", "label"]).size()
    by_split = {split: {label: int(counts.get((split, label), 0)) for label in rules.classes} for split in SPLITS}
    return {
        "source": {"form": source.form, "files": sorted({name.split("/")[0] for name in source.files})},
        "rows_in": len(table) + len(rejects),
        "rows_out": len(table),
        "rejected": dict(sorted(Counter(reject.reason for reject in rejects).items())),
        "rejected_by_split": _by_split(rejects, rules),
        "carved": {split: sum(by_split[split].values()) for split in carved},
        "by_split": by_split,
    }


def _by_split(rejects: Sequence[Reject], rules: _Rules) -> dict[str, dict[str, dict[str, int]]]:
    """Rejects by reason, split and class, `UNKNOWN` where the row has none that is known; zeros left out."""
    counts: Counter[tuple[str, str, str]] = Counter(
        (
            reject.reason,
            rules.splits.get(reject.split, UNKNOWN),
            rules.labels.get((reject.label or "").lower(), UNKNOWN),
        )
        for reject in rejects
    )
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for (reason, split, label), number in sorted(counts.items()):
        nested.setdefault(reason, {}).setdefault(split, {})[label] = number
    return nested
