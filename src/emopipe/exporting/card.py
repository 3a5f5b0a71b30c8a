"""MODEL_CARD.md, written from the reports (Mitchell et al. 2019, "Model Cards for Model Reporting")."""

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]

CARD = """# Model card: facial emotion, {model}

**What it does.** Takes a picture of one face (uint8, {colour}, any size) and gives a probability for each of
{classes}. Exported by emopipe as ONNX, with its preprocessing inside the graph.

**What its answer means.** The labels that it learnt from are what observers said of a picture, not what a person felt.
A face does not show reliably what somebody feels; treat the answer as a description of a picture.

## Figures

Chosen among {candidates} by {select_by} on validation. Intervals are 95 % bootstrap intervals over the faces.

| | validation | test |
|---|---|---|
{overall}

{num_parameters:,} parameters, {num_macs:.1f} million multiply-accumulates for one view of a face.{views} Its
probabilities are calibrated: logits are divided by {temperature}, which was fitted on validation and moved the ECE on
test from {before:.3f} to {after:.3f}.

Per class, on test ({num_test} faces):

| class | precision | recall | F1 | faces |
|---|---|---|---|---|
{per_class}

## Data

{num_train} training rows ({data}). Before training {dropped} of {rows_in} rows were taken out by the validation stage.
Training faces that are identical to a face of validation or test, pixel by pixel, were {leaks}. Near duplicates, and
different pictures of one person, may be on both sides.

## The export

| graph | faces compared | same answer as torch | largest difference of a probability |
|---|---|---|---|
{parity}

## Limits, and what it must not be used for

- Accuracy differs between the classes (above), and was not measured by age, sex, skin colour or culture: assume that it
  differs there too.
- It expects a face that fills the picture. Other pictures get an answer as well, and it means nothing.
- Face images are personal data, and in many places biometric data. Have a legal ground before you process them.
- European Union: since 2 February 2025 it is prohibited to infer emotions of people at work and in education, except
  for medical or safety reasons (Regulation (EU) 2024/1689, Article 5(1)(f)). Elsewhere deployers must inform the
  people concerned (Article 50(3)).
- Do not use it to decide about a person: hiring, grading, policing, migration, insurance, diagnosis.
"""

VIEWS = {
    "none": "",
    "flip": " Each answer is the mean over the face and its mirror image.",
    "flip_shift": " Each answer is the mean over the face, its mirror image, and both moved by a pixel.",
}
OVERALL = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "ece": "ECE"}


def model_card(
    report: Report,
    export: Report,
    validate: Report,
    balance: Report,
    channels: int,
) -> str:
    """The card of the exported model, from the reports of the stages."""
    counts = ", ".join(f"{name} {count}" for name, count in balance["after"].items())
    return CARD.format(
        model=report["model"],
        colour="grey, one channel" if channels == 1 else "RGB, three channels",
        classes=", ".join(report["classes"]),
        candidates=", ".join(export["candidates"]),
        select_by=export["select_by"],
        overall="\n".join(_overall_row(report, figure, name) for figure, name in OVERALL.items()),
        num_parameters=report["num_parameters"],
        num_macs=report["num_macs"] / 1e6,
        temperature=report["temperature"],
        before=report["test"]["uncalibrated"]["ece"],
        after=report["test"]["ece"],
        views=VIEWS[report["test_time_augmentation"]],
        num_test=report["test"]["num_faces"],
        per_class="\n".join(_class_row(name, values) for name, values in report["test"]["per_class"].items()),
        num_train=sum(balance["after"].values()),
        data=f"balance: {balance['strategy']}; {counts}",
        leaks=_leaks(validate),
        dropped=validate["rows_in"] - validate["rows_out"],
        rows_in=validate["rows_in"],
        parity="\n".join(_parity_row(name, export["parity"][name]) for name in ("onnx", "int8")),
    )


def _leaks(validate: Report) -> str:
    policy = next(finding["policy"] for finding in validate["findings"] if finding["kind"] == "split_leak")
    return "kept: the figures are too high" if policy == "keep" else "taken out"


def _overall_row(report: Report, figure: str, name: str) -> str:
    cells = []
    for split in ("val", "test"):
        interval = report[split].get(f"{figure}_ci")
        width = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
        cells.append(f"{report[split][figure]:.3f}{width}")
    return f"| {name} | {cells[0]} | {cells[1]} |"


def _class_row(name: str, values: Report) -> str:
    return f"| {name} | {values['precision']:.3f} | {values['recall']:.3f} | {values['f1']:.3f} | {values['support']} |"


def _parity_row(name: str, parity: Report) -> str:
    left_out = "" if parity.get("kept", True) else ", so left out"
    difference = parity["max_probability_difference"]
    return f"| {name}{left_out} | {parity['num_faces']} | {parity['agreement']:.2%} | {difference:.2g} |"
