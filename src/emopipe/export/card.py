"""MODEL_CARD.md, written from the reports (Mitchell et al. 2019, "Model Cards for Model Reporting")."""

from collections.abc import Mapping
from typing import Any

from emopipe.reports.templates import render

Report = Mapping[str, Any]

VIEWS = {
    "none": "",
    "flip": " Each answer is the mean over the face and its mirror image.",
    "flip_shift": " Each answer is the mean over the face, its mirror image, and both moved by a pixel.",
}
OVERALL = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "ece": "ECE"}
CALIBRATION = {"ece": "expected calibration error", "classwise_ece": "class-wise", "nll": "negative log-likelihood"}
GRAPHS = {"onnx": "fp32", "onnx_one_by_one": "fp32, one by one", "int8": "int8", "int8_one_by_one": "int8, one by one"}
LEAKS = {"split_leak": "identical, pixel by pixel, to", "near_split_leak": "nearly the same as"}
YOLO = (
    " `model.pt` is the same network for `YOLO(...)` and `yolo classify predict` of ultralytics (AGPL-3.0). It answers"
    " for the face as it is, not for the mean over views, and ultralytics resizes in its own way, so probabilities"
    " differ a little."
)


def model_card(
    report: Report, export: Report, *, ingest: Report, validate: Report, balance: Report, channels: int
) -> str:
    """The card of the exported model, from the reports of the stages."""
    classes, test, parity = report["classes"], report["test"], export["parity"]
    return (
        render(
            "export/model_card.md.j2",
            model=report["model"],
            colour="grey levels: colour is made grey"
            if channels == 1
            else "colour: grey is repeated in all three channels",
            classes=", ".join(classes),
            candidates=", ".join(export["candidates"]),
            select_by=export["select_by"],
            overall="\n".join(_overall_row(report, figure, name) for figure, name in OVERALL.items()),
            num_parameters=report["num_parameters"],
            num_macs=report["num_macs"] / 1e6,
            temperature=report["temperature"],
            views=VIEWS[report["test_time_augmentation"]],
            per_class="\n".join(_class_row(name, report) for name in classes),
            leaks=" ".join(_leak(one, validate["dropped"]) for one in validate["findings"] if one["kind"] in LEAKS),
            calibration="\n".join(
                f"| {name} | {test['uncalibrated'][figure]:.3f} | {test[figure]:.3f} |"
                for figure, name in CALIBRATION.items()
            ),
            **_data(ingest, validate, balance, classes),
            parity="\n".join(_parity_row(name, parity[key]) for key, name in GRAPHS.items()),
            num_shapes=parity["onnx_other_shapes"]["num_shapes"],
            shapes_difference=parity["onnx_other_shapes"]["max_probability_difference"],
            int8="" if parity["int8"]["kept"] else " int8 differs too much, so `model.int8.onnx` is left out.",
            yolo=YOLO if export["yolo"] else "",
        )
        + "\n"
    )


def _overall_row(report: Report, figure: str, name: str) -> str:
    cells = []
    for split in ("val", "test"):
        interval = report[split].get(f"{figure}_ci")
        width = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
        cells.append(f"{report[split][figure]:.3f}{width}")
    return f"| {name} | {cells[0]} | {cells[1]} |"


def _class_row(name: str, report: Report) -> str:
    test = report["test"]["per_class"][name]
    figures = (report["val"]["per_class"][name]["f1"], test["precision"], test["recall"], test["f1"])
    return f"| {name} | {' | '.join(f'{figure:.3f}' for figure in figures)} | {test['support']} |"


def _leak(finding: Report, dropped: Report) -> str:
    """What was found of one kind of leak, and what became of it."""
    kind, same = finding["kind"], LEAKS[finding["kind"]]
    if not finding["num_rows"]:
        return f"No picture was {same} one of another split."
    if finding["policy"] == "keep":
        return (
            f"**No**: {finding['num_rows']:,} rows with a picture {same} one of another split were kept "
            f"(validate.policy.{kind}), so the figures are too high."
        )
    return (
        f"{dropped[kind]:,} rows with a picture {same} one of another split were taken out, from training first and "
        "never from test."
    )


def _data(ingest: Report, validate: Report, balance: Report, classes: list[str]) -> dict[str, Any]:
    reasons = [f"{kind} {count}" for kind, count in validate["dropped"].items() if count]
    share = balance["share_synthetic"]
    return {
        "source": ingest["source"]["form"],
        "rows_in": ingest["rows_in"],
        "rejected": sum(ingest["rejected"].values()),
        "dropped": validate["rows_in"] - validate["rows_out"],
        "drop_reasons": f" ({', '.join(reasons)})" if reasons else "",
        "class_names": " | ".join(classes),
        "class_rule": "---|" * len(classes),
        "splits": "\n".join(
            f"| {split} | {_counts(counts, classes)} |" for split, counts in validate["by_split"].items()
        ),
        "balanced": _counts(balance["after"], classes),
        "strategy": balance["strategy"],
        "synthetic": f" {share:.1%} of the training set is synthetic." if share else "",
    }


def _counts(counts: Mapping[str, int], classes: list[str]) -> str:
    return " | ".join([*(f"{counts[name]:,}" for name in classes), f"{sum(counts.values()):,}"])


def _parity_row(name: str, parity: Report) -> str:
    worst = max(parity["f1_loss"], key=parity["f1_loss"].__getitem__)
    cells = (
        name,
        parity["num_faces"],
        f"{parity['agreement']:.2%}",
        f"{parity['max_probability_difference']:.2g}",
        f"{100 * parity['macro_f1_loss']:.2f}",
        f"{worst} {100 * parity['f1_loss'][worst]:.2f}",
    )
    return f"| {' | '.join(map(str, cells))} |"
