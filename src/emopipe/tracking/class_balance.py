"""What balancing made of the classes; apart from the report, on whose pages no training depends."""

import pandas as pd


def class_balance(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Faces of each class `before` and `after` balancing, from `label` and `origin` of the training set's rows."""
    parts = {"before": rows[rows["origin"] == "real"], "after": rows}
    return {when: {str(k): int(n) for k, n in part["label"].value_counts().items()} for when, part in parts.items()}
