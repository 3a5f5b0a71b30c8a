"""The tables of a state as data sets of MLflow."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from emopipe.core.errors import WorkspaceError

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput
    from mlflow.types.schema import AnyType, Array, DataType, Object

    MlflowType = Array | DataType | Object | AnyType

CONTEXTS = {"train": "training", "clean": "evaluation"}
"""Stem of a table to MLflow's name for its use; the test and validation faces of `clean` decide the metrics."""

Locate = Callable[[str, str], Path]
"""Path as in dvc.yaml and DVC's hash to a readable file or folder; raises `WorkspaceError` if it is lost."""


@dataclass(frozen=True, kw_only=True)
class TableInfo:
    """Columns of a table, and its rows by split (all are `train` without that column) and class; no image is read."""

    schema: pa.Schema
    num_rows: int
    class_counts: dict[str, dict[str, int]]

    @classmethod
    def read(cls, path: Path) -> "TableInfo":
        """Of a Parquet file with a column `label`."""
        with pq.ParquetFile(path) as file:
            columns = [name for name in ("split", "label") if name in file.schema_arrow.names]
            counted = file.read(columns).group_by(columns).aggregate([([], "count_all")]).to_pylist()
            counts: dict[str, dict[str, int]] = {}
            for row in sorted(counted, key=lambda row: str(row["label"])):
                counts.setdefault(row.get("split", "train"), {})[row["label"]] = row["count_all"]
            return cls(schema=file.schema_arrow, num_rows=file.metadata.num_rows, class_counts=counts)

    def entity_fields(self) -> dict[str, str]:
        """`schema` and `profile` of MLflow's data set, in the form of those from pandas."""
        from mlflow.types.schema import ColSpec, Schema

        columns = Schema([ColSpec(_mlflow_type(field.type), field.name) for field in self.schema])
        profile: dict[str, Any] = {"num_rows": self.num_rows, "num_elements": self.num_rows * len(self.schema)}
        profile["class_counts"] = self.class_counts
        return {"schema": json.dumps({"mlflow_colspec": columns.to_dict()}), "profile": json.dumps(profile)}


def data_sets(inputs: Mapping[str, str], locate: Locate | None = None) -> "list[DatasetInput]":
    """The tables among the inputs (path to DVC's hash, the digest); a lost one has no schema and no profile."""
    import mlflow.data  # noqa: F401 - before DvcSource, which it imports by an entry point
    from mlflow.entities import Dataset, DatasetInput, InputTag

    from emopipe.tracking.dvc_source import SCHEME, DvcSource

    return [
        DatasetInput(
            Dataset(path, digest, SCHEME, DvcSource(path, digest).to_json(), **_described(path, digest, locate)),
            tags=[InputTag("mlflow.data.context", CONTEXTS.get(Path(path).stem, Path(path).stem))],
        )
        for path, digest in inputs.items()
        if path.endswith(".parquet")
    ]


def _described(path: str, digest: str, locate: Locate | None) -> dict[str, str]:
    try:
        return TableInfo.read(locate(path, digest)).entity_fields() if locate else {}
    except (WorkspaceError, OSError):
        return {}


def _mlflow_type(kind: pa.DataType) -> "MlflowType":
    """MLflow's type of a column."""
    from mlflow.types.schema import AnyType, Array, DataType, Object, Property

    if pa.types.is_list(kind):
        return Array(_mlflow_type(kind.value_type))
    if pa.types.is_struct(kind):
        return Object([Property(field.name, _mlflow_type(field.type), required=False) for field in kind.fields])
    names = {pa.string(): DataType.string, pa.binary(): DataType.binary, pa.int32(): DataType.integer}
    names |= {pa.int64(): DataType.long, pa.float32(): DataType.float, pa.float64(): DataType.double}
    return names.get(kind) or AnyType()  # type: ignore[no-untyped-call]
