"""The names of the stages in dvc.yaml, from texts: a state in git is not checked out for them."""

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import StringIO
from types import SimpleNamespace

import yaml
from dvc.exceptions import DvcException
from dvc.parsing import DataResolver

from emopipe.core.errors import WorkspaceError
from emopipe.core.yaml_text import load_yaml

PIPELINE, PARAMS = "dvc.yaml", "params.yaml"


def stage_names(pipeline: str, files: Mapping[str, str]) -> set[str]:
    """The names of all stages as DVC resolves them, such as `train@cnn`.

    files: contents of params.yaml and of the files in `vars` of dvc.yaml, by path. Raises `WorkspaceError` if they do
    not define the stages: they are not YAML, or a matrix refers to a variable that is missing.
    """
    with _pipeline_errors():
        repo = SimpleNamespace(fs=_Texts(files), config={})  # all that DVC's resolver needs of a repository
        return set(DataResolver(repo, "", load_yaml(pipeline) or {}).get_keys())


@lru_cache(maxsize=256)
def variable_files(pipeline: str) -> tuple[str, ...]:
    """The files that define variables: params.yaml, and those that `vars` of dvc.yaml names as FILE or FILE:KEY,KEY."""
    with _pipeline_errors():
        variables = (load_yaml(pipeline) or {}).get("vars", [])
        paths = (item.partition(":")[0] for item in variables if isinstance(item, str))
        return tuple(dict.fromkeys([PARAMS, *map(posixpath.normpath, paths)]))


class _Texts:
    """The part of a file system that DVC's resolver uses, over contents by path; an empty file counts as missing."""

    join, normpath = staticmethod(posixpath.join), staticmethod(posixpath.normpath)

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def exists(self, path: str) -> bool:
        return bool(self._texts.get(path))

    def isdir(self, path: str) -> bool:
        return False

    def suffix(self, path: str) -> str:
        return posixpath.splitext(path)[1]

    def open(self, path: str, encoding: str) -> StringIO:
        return StringIO(self._texts[path])


@contextmanager
def _pipeline_errors() -> Iterator[None]:
    try:
        yield
    except (DvcException, yaml.YAMLError, AttributeError, TypeError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise WorkspaceError(
            f"{PIPELINE} and its variables do not define the stages ({reason}): see `dvc status`"
        ) from error
