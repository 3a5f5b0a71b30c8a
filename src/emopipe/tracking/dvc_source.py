"""The source of a data set in MLflow, which loads from DVC: `dvc://build/clean.parquet?md5=HASH`.

MLflow imports the class by its entry point when `mlflow.data` is imported: import that before this module.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from mlflow.data.dataset_source import DatasetSource

from emopipe.core.state import project_root
from emopipe.tracking.outs import restore

SCHEME = "dvc"


class DvcSource(DatasetSource):
    """A file or folder in DVC, by its path in the project and its hash."""

    def __init__(self, path: str, md5: str) -> None:
        self.path, self.md5 = path, md5

    @property
    def uri(self) -> str:
        """The address."""
        return f"{SCHEME}://{quote(self.path)}?md5={self.md5}"

    @staticmethod
    def _get_source_type() -> str:
        return SCHEME

    def load(self, dst_path: str | None = None) -> str:
        """Copy it from the cache or a remote of the present project into the folder `dst_path`; its path there.

        Raises `WorkspaceError` if neither has it.
        """
        target = Path(dst_path or tempfile.mkdtemp()) / Path(self.path).name
        restore(project_root(), self.path, self.md5, target)
        return str(target)

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, str) and raw_source.startswith(f"{SCHEME}://") and "?md5=" in raw_source

    @classmethod
    def _resolve(cls, raw_source: str) -> "DvcSource":
        parts = urlsplit(raw_source)
        return cls(unquote(parts.netloc + parts.path), parse_qs(parts.query)["md5"][0])

    def to_dict(self) -> dict[str, Any]:
        return {"uri": self.uri, "path": self.path, "md5": self.md5}

    @classmethod
    def from_dict(cls, source_dict: Mapping[Any, Any]) -> "DvcSource":
        return cls(source_dict["path"], source_dict["md5"])
