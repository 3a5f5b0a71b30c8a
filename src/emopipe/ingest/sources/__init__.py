"""Sources of faces: one reader per format, chosen by content."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from emopipe.core.errors import DataError
from emopipe.ingest.params import Split
from emopipe.ingest.sources.base import KnownNames, Source
from emopipe.ingest.sources.class_folders import ClassFolders
from emopipe.ingest.sources.fer_csv import FerCsv
from emopipe.ingest.sources.image_tables import ImageTables, describe_tables
from emopipe.ingest.sources.image_tree import suffixes
from emopipe.ingest.sources.lines import read_lines
from emopipe.ingest.sources.listing import all_files, require_utf8, visible_files
from emopipe.ingest.sources.path_tables import PathTables
from emopipe.ingest.sources.zip_folders import ZipFolders

READERS: tuple[type[Source], ...] = (FerCsv, ClassFolders, ZipFolders, ImageTables, PathTables)
"""Every supported format."""

NO_LABELS: Mapping[str, str | None] = MappingProxyType({})
_NUM_NAMED = 5
_NUM_QUOTED = 60


def recognise(
    path: Path,
    splits: Mapping[str, Split],
    labels: Mapping[str, str | None] = NO_LABELS,
    group_column: str | None = None,
) -> Source:
    """The one source at `path`, a file or a folder that holds it.

    splits, labels: what folded names stand for (`splits.split_lookup`, `labels.known_labels`).

    group_column: that of `ingest.group_by`.

    Raises `DataError` if nothing is there, if no reader recognises it, or if it holds several sources.
    """
    require_utf8(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: name a CSV file or a folder of pictures")
    path = _single_file(path) or path
    sources = [source for reader in READERS for source in reader.find(path, frozenset(splits))]
    if any(isinstance(source, PathTables) and source.lists_most for source in sources):
        sources = [source for source in sources if not isinstance(source, ClassFolders)]
    if len(sources) == 1:
        return sources[0].with_names(KnownNames(splits, labels, group_column))
    if sources:
        names = ", ".join(f"{source.format} {source.name}" for source in sources)
        raise DataError(f"{path} holds {len(sources)} sources ({names}), expected one: remove or name one of them")
    *accepted, last = (reader.accepts for reader in READERS)
    raise DataError(f"{path} holds {_describe(path)}, expected {', '.join(accepted)}, or {last}")


def _single_file(path: Path) -> Path | None:
    """The file of a folder that holds nothing else."""
    if path.is_dir() and len(files := visible_files(path)) == 1 and not any(item.is_dir() for item in path.iterdir()):
        return path / files[0]
    return None


def _describe(path: Path) -> str:
    if path.is_file():
        first = next(read_lines(path), "").strip()
        return f"the first line {first[:_NUM_QUOTED]!r}" if first and first.isprintable() else "no text"
    if tables := describe_tables(path):
        return tables
    names = sorted(item.name for item in path.iterdir())
    listed = ", ".join(names[:_NUM_NAMED] + ["..."] * (len(names) > _NUM_NAMED)) or "nothing"
    below = suffixes(name for name in all_files(path) if "/" in name)
    counts = ", ".join(f"{number} {suffix}" for suffix, number in list(below.items())[:_NUM_NAMED])
    return f"{listed} (files: {counts})" if counts else listed
