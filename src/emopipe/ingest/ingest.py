"""From the source in data/ to the canonical table; every row is kept, or rejected with a reason.

Rows are processed in batches: memory does not grow with the images. Shapes: N faces.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import DataError, NoFace, TooManyPixels
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.decode import FILE_FORMATS, decode_image, is_animated
from emopipe.faces.file import BATCH, FaceFile, face_writer
from emopipe.faces.png import encode_png, pixel_digest
from emopipe.faces.table import SCHEMA, SPLITS, count_faces
from emopipe.ingest.labels import LabelPlan, known_labels, plan_labels
from emopipe.ingest.params import IngestParams, Split, group_column
from emopipe.ingest.sampling import group_of, sample_splits
from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import RawRow, Reason, Reject, Source
from emopipe.ingest.splits import named_splits, plan_splits, split_lookup
from emopipe.ingest.votes import VoteReject, class_votes, resolve_label
from emopipe.vision.centerface import CenterFace
from emopipe.vision.crops import crop_faces
from emopipe.vision.detector import Detector
from emopipe.vision.image_stats import grey

UNKNOWN = "unknown"
"""Split or class of a rejected row that has no known one."""
_NUM_QUOTED = 40
_REASONS: dict[type[DataError], Reason] = {TooManyPixels: "too_many_pixels", NoFace: "no_face"}
_LONGEST = 640  # side to which photographs are reduced for face detection, in pixels

_Face = dict[str, Any]  # one row of the table, by the names of SCHEMA


@dataclass(frozen=True)
class IngestResult:
    """Rejects and report; the faces are in the file."""

    rejects: pd.DataFrame
    """Columns source, reason, detail, split, label; in the order of reading."""
    report: dict[str, Any]
    """source, rows_in, rows_out, rejected, rejected_by_split, carved, by_split; rows_in is the sum of rows_out and
    rejected, in total and for each split and class."""
    numbers: str
    """The class of each number among the labels, as one line; empty if there is none."""
    warnings: list[str]
    """What differs from the parameters, a line each."""


@dataclass(frozen=True)
class _Rules:
    """How rows become faces."""

    classes: Sequence[str]
    labels: LabelPlan
    splits: Mapping[str | None, Split]
    channels: int
    params: IngestParams
    detector: Detector | None
    """Set if the images are photographs."""


@dataclass
class _Rows:
    """What is known of the rows, beside the faces."""

    rejects: list[Reject] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    """Of each face."""
    num_animated: int = 0

    @property
    def warnings(self) -> list[str]:
        animated = f"{self.num_animated} pictures are animated or have several pages: the first is taken of each"
        return [animated] if self.num_animated else []


def ingest(data: Path, table: Path, *, base: BaseParams, image: ImageParams, ingest: IngestParams) -> IngestResult:
    """Read the one source in `data` into the file `table`: faces of `image.channels` channels, in their own sizes.

    Raises `DataError`, and writes nothing, when the source as a whole is unusable: not recognised, damaged, with
    unknown splits, or with a class or a split that has no image.
    """
    names = split_lookup(ingest.split_map), known_labels(base.classes, ingest.label_map)
    source = recognise(data, *names, group_column(ingest.group_by))
    counts = source.counts()
    labels = plan_labels(source, counts, base.classes, ingest.label_map)
    plan = plan_splits(source.name, named_splits(source, counts), ingest)
    detector = CenterFace(longest=_LONGEST) if ingest.crop_faces else None
    rules = _Rules(base.classes, labels, plan.given, image.channels, ingest, detector)
    with atomic_path(table) as partial:
        read = _read(source, rules, partial, total=counts.total() + source.unusable().total())
        file = FaceFile(partial)
        splits, warnings_ = sample_splits(file, read.groups, plan.sampled, ingest, seed=base.seed)
        faces = file.frame.assign(split=splits)
        _require_all(source.name, faces, read.rejects, base.classes)
        if plan.sampled:
            file.copy(partial, np.ones(len(file), dtype=bool), split=splits.tolist())
    columns = [column.name for column in fields(Reject)]
    report = _report(source, faces, read.rejects, rules, sampled=plan.sampled)
    rejects = pd.DataFrame(read.rejects, columns=columns, dtype="str")
    return IngestResult(rejects, report, labels.numbers_text, [*read.warnings, *warnings_])


def _read(source: Source, rules: _Rules, table: Path, *, total: int) -> _Rows:
    """Write all faces to the file `table`."""
    read = _Rows()
    faces: list[_Face] = []
    with warnings.catch_warnings(), face_writer(table) as writer:
        warnings.filterwarnings("ignore", module="PIL")  # about damaged metadata of images
        for row in tqdm(source.read(), total=total, desc="ingest", unit=" rows", disable=None):
            face = row if isinstance(row, Reject) else _to_face(row, rules)
            if isinstance(face, Reject):
                read.rejects.append(face)
                continue
            assert isinstance(row, RawRow)
            faces.append(face)
            read.num_animated += isinstance(row.image, bytes) and is_animated(row.image)
            read.groups.append(group_of(row.source, row.group, rules.params.group_by))
            if len(faces) == BATCH:
                writer.write_table(pa.Table.from_pylist(faces, SCHEMA))
                faces = []
        writer.write_table(pa.Table.from_pylist(faces, SCHEMA))
    return read


def _to_face(row: RawRow, rules: _Rules) -> _Face | Reject:
    keys = (row.split, row.label)
    votes, rule = row.votes, rules.params.votes
    given: str | VoteReject = row.label
    if votes is not None:
        given = resolve_label(
            row.label, votes, rules.labels.names, rule=rule.label, out_of_class_votes=rule.out_of_class_votes
        )
    if isinstance(given, VoteReject):
        return Reject(row.source, given.reason, given.detail, *keys)
    label = rules.labels.class_of(given)
    if label is None:
        detail = f"label {given[:_NUM_QUOTED]!r}, expected one of {', '.join(rules.classes)}"
        return Reject(row.source, "unknown_label", detail, *keys)
    if row.split not in rules.splits:
        return Reject(row.source, "no_split", "the source names splits, but none for this row", *keys)
    try:
        pixels = _face_pixels(row.image, rules)
    except DataError as error:
        return Reject(row.source, _REASONS.get(type(error), "undecodable_image"), str(error), *keys)
    digest = pixel_digest(pixels)
    return {
        "id": digest,
        "image": {"bytes": encode_png(pixels), "path": f"{digest}.png"},
        "label": label,
        "split": rules.splits[row.split],
        "source": row.source,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "votes": None if votes is None else class_votes(votes, rules.labels.names, rules.classes),
    }


def _face_pixels(image: np.ndarray | bytes, rules: _Rules) -> np.ndarray:
    """Uint8 (H, W, channels): the image, or the largest face of a photograph; raises `NoFace` if none is detected."""
    if rules.detector is None:
        return _pixels(image, rules.channels, rules.params.max_pixels)
    crops = crop_faces(_pixels(image, 3, rules.params.max_pixels), rules.detector)
    if not crops:
        raise NoFace("no face was found in the photograph")
    largest = max((crop.pixels for crop in crops), key=len)
    return grey(largest)[:, :, None] if rules.channels == 1 else largest


def _pixels(image: np.ndarray | bytes, channels: int, max_pixels: int) -> np.ndarray:
    """Uint8 (H, W, channels), from encoded bytes or from grey pixels (H, W, 1)."""
    if isinstance(image, bytes):
        return decode_image(image, channels=channels, max_pixels=max_pixels, formats=FILE_FORMATS)
    if image.size > max_pixels:
        height, width, _ = image.shape
        raise TooManyPixels(f"{width}x{height} pixels are more than the limit of {max_pixels}")
    return image if channels == 1 else np.repeat(image, channels, axis=2)


def _require_all(name: str, faces: pd.DataFrame, rejects: Sequence[Reject], classes: Sequence[str]) -> None:
    """Raise `DataError` when a class or a split has no face."""
    if faces.empty:
        first = f"; the first, {rejects[0].source}: {rejects[0].detail}" if rejects else ""
        raise DataError(f"{name} has no usable row among {len(rejects)}{first}")
    if absent := [label for label in classes if label not in set(faces["label"])]:
        raise DataError(
            f"{name} has no usable picture of the class {', '.join(absent)}: "
            "add some, or take the class out of base.classes in params.yaml"
        )
    if absent := [split for split in SPLITS if split not in set(faces["split"])]:
        raise DataError(f"{name} has no usable picture in {', '.join(absent)}: add some, or map the split elsewhere")


def _report(
    source: Source, faces: pd.DataFrame, rejects: Sequence[Reject], rules: _Rules, *, sampled: Iterable[Split]
) -> dict[str, Any]:
    by_split = count_faces(faces, rules.classes)
    return {
        "source": {
            "form": source.format,
            "files": sorted({name.split("/")[0] for name in source.files}),
            "drawn": source.is_drawn,
        },
        "rows_in": len(faces) + len(rejects),
        "rows_out": len(faces),
        "rejected": dict(sorted(Counter(reject.reason for reject in rejects).items())),
        "rejected_by_split": _count_rejects(rejects, rules),
        "carved": {split: sum(by_split[split].values()) for split in sampled},
        "by_split": by_split,
    }


def _count_rejects(rejects: Sequence[Reject], rules: _Rules) -> dict[str, dict[str, dict[str, int]]]:
    """Rejects by reason, split and class, `UNKNOWN` for a row without a known one; zeros omitted."""
    counts: Counter[tuple[str, str, str]] = Counter(
        (
            reject.reason,
            rules.splits.get(reject.split, UNKNOWN),
            rules.labels.class_of(reject.label or "") or UNKNOWN,
        )
        for reject in rejects
    )
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for (reason, split, label), number in sorted(counts.items()):
        nested.setdefault(reason, {}).setdefault(split, {})[label] = number
    return nested
