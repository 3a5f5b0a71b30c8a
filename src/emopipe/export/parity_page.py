"""The report and the page of an export whose graph differs from torch.

Shapes: N faces, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emopipe.core.files import json_bytes
from emopipe.export.params import ExportParams
from emopipe.export.parity import probability_differences
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import Faces
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render

NUM_FACES = 24
"""Faces in the report and on the page."""


def parity_evidence(
    model: str,
    problem: str,
    parity: Mapping[str, Any],
    faces: Faces,
    expected: Predictions,
    actual: Sequence[np.ndarray],
    params: ExportParams,
) -> dict[str, bytes]:
    """`report.json` and `index.html`, with the faces that differ most.

    parity: as in reports/export.json. expected: of torch for `faces`. actual: probabilities (N, K) of the graph, in
    batches and one by one.
    """
    worst = worst_faces(faces, expected, actual)
    limits = {
        "min_agreement": params.min_agreement,
        "max_probability_difference": params.max_probability_difference,
    }
    report = {"model": model, "problem": problem, "limits": limits, "parity": parity, "worst_faces": worst}
    images = [data_uri(faces.frame["png"][face["row"]]) for face in worst]
    return {
        "index.html": render("export/parity_page.html.j2", **report, images=images).encode(),
        "report.json": json_bytes(report),
    }


def worst_faces(faces: Faces, expected: Predictions, actual: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """The faces with the largest difference of a probability in any of `actual`, each (N, K); the largest first."""
    classes, probabilities = expected.classes, expected.probabilities
    differences = np.stack([probability_differences(probabilities, each) for each in actual])  # (ways, N)
    largest = differences.max(0)
    rows = np.argsort(-largest, kind="stable")[:NUM_FACES]
    return [
        {
            "row": int(row),
            "id": faces.frame["id"][row],
            "source": faces.frame["source"][row],
            "label": faces.frame["label"][row],
            "torch": classes[int(probabilities[row].argmax())],
            "onnx": classes[int(actual[int(differences[:, row].argmax())][row].argmax())],
            "max_probability_difference": float(largest[row]),
        }
        for row in rows
        if largest[row] > 0
    ]
