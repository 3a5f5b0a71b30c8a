"""Which folder of a path names the split and which the class, decided by the whole tree.

Recognised are `.../train/.../happy/...` (a split above the class), `.../happy/.../train/...` (below it) and
`.../happy/...` (none). Folders above and below may be anything, persons called Test or Joy included: where one path can
be read in two ways, the reading counts that all other paths share; without one, the folder is given a fault.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from emopipe.core.names import fold_name, is_number
from emopipe.ingest.sources.base import KnownNames

Folders = tuple[str, ...]
"""The folders of one image, from the root of the tree."""
Form = Literal["split above class", "split below class", "mixed", "unclear", "no split"]


class Place(NamedTuple):
    """The split and the label of the images in one folder, as the tree spells them."""

    split: str | None
    """Also a folder that stands where others name a split, but is not known as one."""
    label: str | None
    fault: str | None = None
    """Why the path has no one meaning."""


class _Path(NamedTuple):
    folders: Folders
    splits: list[int]
    """Positions of folders with the name of a split."""
    labels: list[int]
    """Positions of folders with a known label."""

    @property
    def has_split_above(self) -> bool:
        return self.splits[0] < self.labels[-1]

    @property
    def has_split_below(self) -> bool:
        return self.labels[0] < self.splits[-1]


class _Split(NamedTuple):
    at: int | None
    """Position of the folder that names the split, or stands in its place."""
    fault: str | None = None


def read_layout(folders: Collection[Folders], known: KnownNames) -> dict[Folders, Place]:
    """The place of each of these folders, all of which hold images themselves; none may be empty."""
    return _Layout(tuple(folders), known).places() if folders else {}


@dataclass(frozen=True)
class _Layout:
    folders: tuple[Folders, ...]
    known: KnownNames

    def places(self) -> dict[Folders, Place]:
        if not self._has_labels:
            return {path.folders: self._unlabelled_place(path) for path in self._paths}
        places = self._places_below() if self._form == "split below class" else self._places_above()
        if self._form == "no split" or not any(place.fault for place in places.values()):
            return places
        return {  # else rows without a split might be all that is left
            name: place if place.fault or place.split else place._replace(fault="no split in its path")
            for name, place in places.items()
        }

    def _places_above(self) -> dict[Folders, Place]:
        splits = {path.folders: self._split_above(path) for path in self._paths}
        starts = {name: self._shared if split.at is None else split.at + 1 for name, split in splits.items()}
        labels = self._label_positions({name: range(start, len(name)) for name, start in starts.items()})
        return {path.folders: self._place(path, splits[path.folders], *labels[path.folders]) for path in self._paths}

    def _place(self, path: _Path, split: _Split, label_at: int | None, fault: str | None) -> Place:
        at = split.at
        if at is None and self._form == "no split" and label_at is not None and label_at > self._shared:
            at = self._shared  # a folder of class folders
        name = None if at is None else path.folders[at]
        return Place(name, None if label_at is None else path.folders[label_at], split.fault or fault)

    def _unlabelled_place(self, path: _Path) -> Place:
        """The innermost split and the folder below it; without one, the first folder that not all share."""
        at = path.splits[-1] if path.splits else None
        below = path.folders[self._shared if at is None else at + 1 :]
        return Place(None if at is None else path.folders[at], next(iter(below), None))

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {name: fold_name(name) for name in {name for path in self.folders for name in path}}

    def _is_split(self, name: str) -> bool:
        return self._folded[name] in self.known.splits

    @cached_property
    def _label_names(self) -> frozenset[str]:
        """Known labels among the folders; without any, numbers, which may be labels to be mapped."""
        names = {name for name in self._folded.values() if name not in self.known.splits}
        return frozenset(names & self.known.labels.keys() or filter(is_number, names))

    @property
    def _has_labels(self) -> bool:
        return bool(self._label_names)

    @cached_property
    def _paths(self) -> list[_Path]:
        """All folders; a shared one names no class or split where others below it do."""
        paths = [
            _Path(
                path,
                [i for i, name in enumerate(path) if self._is_split(name)],
                [i for i, name in enumerate(path) if self._folded[name] in self._label_names],
            )
            for path in self.folders
        ]
        if any(at >= self._shared for path in paths for at in path.labels):
            paths = [path._replace(labels=[at for at in path.labels if at >= self._shared]) for path in paths]
        if any(self._shared <= at < path.labels[0] for path in paths if path.labels for at in path.splits):
            return [path._replace(splits=[at for at in path.splits if at >= self._shared]) for path in paths]
        return paths

    @cached_property
    def _shared(self) -> int:
        """Leading folders that all images share, without the innermost folder of an image."""
        first, last = min(self.folders), max(self.folders)
        differing = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
        return min(next(differing, len(first)), *(len(path) - 1 for path in self.folders))

    @cached_property
    def _form(self) -> Form:
        both = [path for path in self._paths if path.splits and path.labels]
        if not both:
            return "split above class" if any(path.splits for path in self._paths) else "no split"
        above, below = all(path.has_split_above for path in both), all(path.has_split_below for path in both)
        if above and below:
            is_outermost = all(path.splits[0] < path.labels[0] for path in both)
            is_shared = all(at < self._shared for path in both for at in path.splits if at < path.labels[0])
            return "split above class" if is_outermost and not is_shared else "unclear"
        if above:
            return "split above class"
        return "split below class" if below else "mixed"

    def _split_above(self, path: _Path) -> _Split:
        """The split above the class, or the folder that stands where other paths have it."""
        if not path.labels or not path.splits:
            return _Split(self._split_without_other(path))
        if self._form == "unclear" or (
            self._form == "mixed" and path.has_split_above and path.labels[0] < path.splits[0]
        ):
            return _Split(None, f"a split below and above names of classes ({'/'.join(path.folders)})")
        if not path.has_split_above:
            return _Split(None)
        candidates = self._splits_above(path)
        if len({self.known.splits[self._folded[path.folders[at]]] for at in candidates}) == 1:
            return _Split(candidates[-1])
        if self._split_level is not None and self._shared + self._split_level in candidates:
            return _Split(self._shared + self._split_level)
        return _Split(None, f"several splits in its path ({', '.join(path.folders[at] for at in candidates)})")

    def _split_without_other(self, path: _Path) -> int | None:
        """For a path without a label or without a split: the folder where other paths have their split."""
        levels = [self._shared + level for level in sorted(self._split_levels)]
        if path.labels:
            return next((at for at in levels if at < path.labels[0]), None)
        return next((at for at in levels if at in path.splits), path.splits[-1] if path.splits else None)

    @staticmethod
    def _splits_above(path: _Path) -> list[int]:
        """Positions of splits before the first label, else before the last."""
        before = [at for at in path.splits if at < path.labels[0]]
        return before or [at for at in path.splits if at < path.labels[-1]]

    @cached_property
    def _split_levels(self) -> frozenset[int]:
        """Depths of splits above a class, counted from the shared folders, which are at -1, -2, ..."""
        paths = (path for path in self._paths if path.splits and path.labels)
        return frozenset(at - self._shared for path in paths for at in self._splits_above(path))

    @cached_property
    def _split_level(self) -> int | None:
        """The only depth at which all paths with a label have a split."""
        paths = [path for path in self._paths if path.labels]
        full = [level for level in self._split_levels if all(self._shared + level in path.splits for path in paths)]
        return full[0] if len(full) == 1 else None

    def _places_below(self) -> dict[Folders, Place]:
        labels = self._label_positions(
            {path.folders: range(self._shared, max(path.splits, default=len(path.folders))) for path in self._paths}
        )
        offsets = {
            next((at - label for at in path.splits if at > label), 0)
            for path in self._paths
            if path.splits and (label := labels[path.folders][0]) is not None
        }
        offset = offsets.pop() if len(offsets) == 1 else 0
        return {path.folders: self._place_below(path, *labels[path.folders], offset) for path in self._paths}

    def _place_below(self, path: _Path, label_at: int | None, fault: str | None, offset: int) -> Place:
        """`offset`: depth of all splits below their class; 0 if it varies."""
        if label_at is None:
            return Place(None, None, fault)
        names = [path.folders[at] for at in path.splits if at > label_at]
        if len({self.known.splits[self._folded[name]] for name in names}) > 1:
            fault = f"several splits in its path ({', '.join(names)})"
        if not offset:
            fault = "splits at several depths below the classes"
        split = path.folders[label_at + offset :][:1] if offset else ()
        return Place(next(iter(split), None), path.folders[label_at], fault)

    def _label_positions(self, ranges: Mapping[Folders, range]) -> dict[Folders, tuple[int | None, str | None]]:
        """By folder: the position of the class, None for none, and the fault. `ranges`: where it may be."""
        levels: defaultdict[int, set[str]] = defaultdict(set)
        for folders, places in ranges.items():
            for at in places:
                levels[at - places.start].add(self._folded[folders[at]])
        level = self._class_level({at: names for at, names in levels.items() if names & self._label_names})
        if level is None:
            return {folders: self._local_position(folders, places.start) for folders, places in ranges.items()}
        names = levels[level] | self._label_names
        return {folders: self._position(folders, places, level, names) for folders, places in ranges.items()}

    def _position(
        self, folders: Folders, places: range, level: int, names: Collection[str]
    ) -> tuple[int | None, str | None]:
        """The folder at `level`, unless the path has another name of `names`, which are those of classes."""
        at = places.start + level
        if at not in places or self._is_split(folders[at]):
            return None, None
        found = [self._folded[folders[other]] for other in (at, *places)]
        named = {self.known.labels.get(name, name): name for name in found if name in names}
        is_numbered = not self._label_names <= self.known.labels.keys()
        several = f"names of several classes in its path ({', '.join(named.values())})"
        return at, several if len(named) > 1 and not is_numbered else None

    def _class_level(self, levels: Mapping[int, Collection[str]]) -> int | None:
        """The only level with labels, else the only one with all classes."""
        classes = set(self.known.labels.values()) - {None}
        if len(levels) > 1 and not self._label_names <= self.known.labels.keys():
            return min(levels)  # numbers that are to be mapped
        full = [level for level, names in levels.items() if {self.known.labels.get(name) for name in names} >= classes]
        candidates = list(levels) if len(levels) == 1 else full
        return candidates[0] if len(candidates) == 1 else None

    def _local_position(self, folders: Folders, start: int) -> tuple[int | None, str | None]:
        """The folder among whose siblings are known labels, unless this holds at several depths."""
        positions = [at for at in range(start, len(folders)) if folders[:at] in self._class_parents]
        if not positions:
            return None, None
        parent = folders[: positions[0]]
        if len(positions) > 1 or any(other[: len(parent)] == parent for other in self._class_parents - {parent}):
            return None, f"names of classes at several depths of {'/'.join(parent) or 'the source'}"
        return positions[0], None

    @cached_property
    def _class_parents(self) -> frozenset[Folders]:
        return frozenset(path.folders[:at] for path in self._paths for at in path.labels)
