"""The tables of a state as data sets of MLflow."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput


def data_sets(inputs: Mapping[str, str]) -> "list[DatasetInput]":
    """The tables among the inputs (path to DVC's hash, the digest); the context of `build/train.parquet` is `train`."""
    import mlflow.data  # noqa: F401 - before DvcSource, which it imports by an entry point
    from mlflow.entities import Dataset, DatasetInput, InputTag

    from emopipe.tracking.dvc_source import SCHEME, DvcSource

    return [
        DatasetInput(
            Dataset(path, digest, SCHEME, DvcSource(path, digest).to_json()),
            tags=[InputTag("mlflow.data.context", Path(path).stem)],
        )
        for path, digest in inputs.items()
        if path.endswith(".parquet")
    ]
