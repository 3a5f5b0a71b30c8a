"""The pipeline as a whole: `dvc repro` on a small drawn sample, run once; each test is a fact about what it left."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from emopipe.core.files import read_json, read_parquet
from emopipe.evaluate.pairing import digest_of_test_faces
from emopipe.faces.classes import FER2013_CLASSES as CLASSES
from emopipe.faces.predictions import predictions_from_arrow
from emopipe.faces.training_set import training_set_from_arrow
from emopipe.tracking.naming import LIVE
from projects import (
    change_params,
    changed_params,
    copy_project,
    environment,
    files_below,
    run,
    stages_run,
    succeed,
    succeed_unforked,
)
from small_pipeline import CLOSED, ENSEMBLE, MODELS, NUM_FACES, SETTINGS, Pipeline, small_pipeline

pytestmark = pytest.mark.slow

NETWORKS = {"balance", "train", "evaluate", "ensemble", "export"}
"""Stages that compute with torch."""
TABLES = ("--clean", "build/clean.parquet", "--training-set", "build/train.parquet")
TRAINING = ("python", "stages/train.py", "--model", "cnn", *TABLES, "--out")
UNREACHABLE = "MLflow cannot be reached, so cnn goes on unlogged"


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    return small_pipeline()


@pytest.fixture(scope="module")
def elsewhere(pipeline, tmp_path_factory) -> tuple[Pipeline, str]:
    """The project in another folder and with another store: cnn trained again in a true process without MLflow, and
    evaluated; and the output of the training."""
    root = tmp_path_factory.mktemp("elsewhere") / "another"
    shutil.copytree(pipeline.root, root, ignore=shutil.ignore_patterns("tmp", "mlflow.db*", "mlartifacts"))
    shutil.rmtree(root / "build" / "models" / "cnn")
    said = succeed_unforked(root, *TRAINING, "build/models/cnn", **CLOSED)
    succeed(root, "dvc", "repro", "--force", "--single-item", "evaluate@cnn")
    return Pipeline(root), said


@pytest.fixture
def copy(pipeline, tmp_path) -> Pipeline:
    """One to change."""
    return Pipeline(copy_project(pipeline.root, tmp_path / "copy" / "project"))


@pytest.fixture(scope="module")
def sandbox(pipeline, tmp_path_factory) -> Pipeline:
    """One for tests that take back what they change."""
    return Pipeline(copy_project(pipeline.root, tmp_path_factory.mktemp("sandbox") / "project"))


def client_of(root: Path):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{root / 'mlflow.db'}")


def runs_of(root: Path) -> dict:
    """The runs of the workspace, in the project's own store, by their model."""
    client = client_of(root)
    experiment = client.get_experiment_by_name("emopipe").experiment_id
    found = client.search_runs([experiment], "tags.`emopipe.model` LIKE '%'")
    found = [run for run in found if "dvc.experiment" not in run.data.tags]
    assert len({run.data.params["model"] for run in found}) == len(found), "a model has more than one run"
    return {run.data.params["model"]: run for run in found}


def figures_of(run) -> dict[str, float]:
    """The metrics of a run but those that only a machine can know."""
    return {name: value for name, value in run.data.metrics.items() if not name.startswith(LIVE)}


def history_of(root: Path, model: str) -> pd.DataFrame:
    """What the store holds of the epochs, as history.csv has it."""
    client, run = client_of(root), runs_of(root)[model]
    names = [name for name in run.data.metrics if name.startswith("epoch/")]
    columns = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    series = {
        name.removeprefix("epoch/"): pd.Series({m.step: m.value for m in values}) for name, values in columns.items()
    }
    return pd.DataFrame(series).rename_axis("epoch").reset_index()


# What a run leaves


def test_every_artefact_of_the_contract_exists(pipeline):
    artefacts = [
        *("build/faces.parquet", "build/rejects.csv", "build/clean.parquet", "build/train.parquet"),
        *(f"build/models/{m}/{name}" for m in MODELS for name in ("model.safetensors", "model.json", "history.csv")),
        *(f"build/predictions/{m}.parquet" for m in MODELS),
        *(f"reports/{stage}.json" for stage in ("ingest", "validate", "balance", "export", "register")),
        *(f"{folder}/{m}.json" for folder in ("metrics", "reports/evaluate") for m in MODELS),
        *(f"reports/figures/{m}/test_confusion.png" for m in MODELS),
        *(f"reports/curves/{name}.csv" for name in ("precision_recall", "roc")),
        *("reports/index.html", "reports/validation/index.html"),
        *(f"exports/{name}" for name in ("model.onnx", "model.json", "MODEL_CARD.md")),
        "mlflow.db",
        "mlartifacts",
    ]
    assert [name for name in artefacts if not pipeline.path(name).exists()] == []
    int8_kept = pipeline.report("export")["parity"]["int8"]["kept"]
    assert pipeline.path("exports/model.int8.onnx").exists() == int8_kept


def test_no_temporary_file_is_left(pipeline):
    files = files_below(*map(pipeline.path, ("build", "reports", "exports")))
    assert [path for path in files if path.name != ".gitignore" and path.name.startswith(".")] == []


def test_no_out_names_a_place_on_this_machine(pipeline):
    files = files_below(*map(pipeline.path, ("build", "reports", "exports")))
    places = [str(place).encode() for place in (pipeline.root, Path.home(), Path(np.__file__).parents[1])]
    assert len(files) > 50
    assert [path for path, content in files.items() if any(place in content for place in places)] == []


def test_ingest_accounts_for_every_row(pipeline):
    report, rejects = pipeline.report("ingest"), pd.read_csv(pipeline.path("build/rejects.csv"))
    assert report["rows_in"] == report["rows_out"] + sum(report["rejected"].values())
    assert report["rows_out"] == len(pipeline.faces("faces")) > NUM_FACES
    assert rejects["reason"].value_counts().to_dict() == report["rejected"]
    assert list(rejects.columns) == ["source", "reason", "detail", "split", "label"]
    assert len(rejects) > 0, "the sample has planted defects"
    assert report["source"]["files"] == ["faces.csv.xz"]


def test_validate_drops_what_is_planted_and_leaves_no_leak(pipeline):
    report, clean = pipeline.report("validate"), pipeline.faces("clean")
    assert report["rows_in"] == pipeline.report("ingest")["rows_out"]
    assert report["rows_out"] == len(clean) == report["rows_in"] - sum(report["dropped"].values())
    found = {finding["kind"]: finding["num_rows"] for finding in report["findings"]}
    planted = ("exact_duplicate", "split_leak", "near_split_leak", "label_conflict", "constant_image")
    assert all(found[kind] > 0 for kind in planted), found
    assert all({"kind", "severity", "policy", "num_rows", "num_groups"} <= set(f) for f in report["findings"])
    assert clean.groupby("id")["split"].nunique().max() == 1
    counts = {split: part["label"].value_counts().to_dict() for split, part in clean.groupby("split")}
    assert {split: {k: n for k, n in part.items() if n} for split, part in report["by_split"].items()} == counts


def test_the_training_set_holds_train_faces_and_their_variants_alone(pipeline):
    report, clean = pipeline.report("balance"), pipeline.faces("clean")
    rows = training_set_from_arrow(read_parquet(pipeline.path("build/train.parquet"))).frame
    train, real = set(clean.loc[clean["split"] == "train", "id"]), rows["origin"] == "real"
    assert set(rows.loc[real, "id"]) == train
    parents = {parent for parents in rows.loc[~real, "parents"] for parent in parents}
    assert parents and parents <= train
    assert report["after"] == {name: int((rows["label"] == name).sum()) for name in CLASSES}
    wanted = [number + report["short"].get(name, 0) for name, number in report["after"].items()]
    assert min(wanted) >= 0.49 * max(report["after"].values())  # balance.target


@pytest.mark.parametrize("model", MODELS)
def test_predictions_are_a_row_of_probabilities_for_each_face_held_out(pipeline, model):
    table, clean = pipeline.predictions(model), pipeline.faces("clean")
    assert list(table.columns) == ["id", "split", "label", *CLASSES]
    held_out = clean[clean["split"].isin(["val", "test"])]
    columns = ["id", "split", "label"]
    pd.testing.assert_frame_equal(table[columns], held_out[columns].reset_index(drop=True))
    probabilities = table[list(CLASSES)].to_numpy()
    assert (probabilities >= 0).all()
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    assert probabilities.std(0).max() > 1e-4, "the model does not look at its input"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("split", ["val", "test"])
def test_the_report_follows_from_the_predictions(pipeline, model, split):
    report = pipeline.report(f"evaluate/{model}")
    about = ["num_parameters", "num_macs", "test_time_augmentation", "temperature"]
    assert list(report) == ["model", "classes", *about, "val", "test"]
    described = read_json(pipeline.path(f"build/models/{model}/model.json"))
    assert {name: report[name] for name in about} == {name: described[name] for name in about}
    assert (report["model"], report["classes"]) == (model, list(CLASSES))
    figures = report[split]
    overall = {"num_faces", "accuracy", "balanced_accuracy", "macro_f1", "confusion", "per_class"}
    chance = {"majority_class", "better_than_chance"}
    calibration = {"ece", "classwise_ece", "nll"}
    intervals = {"accuracy_ci", "balanced_accuracy_ci", "macro_f1_ci"}
    of_test = {"slices"} if split == "test" else set()
    assert set(figures) == overall | chance | calibration | intervals | {"uncalibrated"} | of_test
    assert set(figures["uncalibrated"]) == calibration
    table = pipeline.predictions(model).query("split == @split")
    predicted = table[list(CLASSES)].idxmax(axis=1)
    confusion = np.array(figures["confusion"])
    assert confusion.sum() == len(table) == figures["num_faces"]
    assert figures["accuracy"] == pytest.approx((predicted == table["label"]).mean())
    assert confusion[3, 4] == ((table["label"] == CLASSES[3]) & (predicted == CLASSES[4])).sum()
    assert [figures["per_class"][name]["support"] for name in CLASSES] == confusion.sum(1).tolist()
    assert set(figures["per_class"]["happy"]) == {"precision", "recall", "f1", "support"}
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        low, high = figures[f"{name}_ci"]
        assert low <= figures[name] <= high


def test_the_exported_model_is_the_best_on_validation_and_computes_the_same(pipeline):
    export = pipeline.report("export")
    figures = {model: pipeline.report(f"evaluate/{model}")["val"]["macro_f1"] for model in MODELS}
    assert export["candidates"] == figures
    assert export["model"] == max(figures, key=lambda model: figures[model])
    assert export["parity"]["onnx"]["agreement"] == 1
    assert export["parity"]["onnx"]["max_probability_difference"] <= 1e-4
    assert f"facial emotion, {export['model']}" in pipeline.path("exports/MODEL_CARD.md").read_text()


def test_an_ensemble_is_one_more_model_in_the_reports(pipeline):
    report = pipeline.report(f"evaluate/{ENSEMBLE}")
    assert (report["model"], report["members"]) == (ENSEMBLE, list(MODELS))
    assert report["num_macs"] == sum(pipeline.report(f"evaluate/{model}")["num_macs"] for model in MODELS)
    means = np.mean([pipeline.predictions(model)[list(CLASSES)].to_numpy() for model in MODELS], axis=0)
    table = pq.read_table(pipeline.path(f"build/ensembles/{ENSEMBLE}.parquet")).to_pandas()
    assert table[list(CLASSES)].to_numpy() == pytest.approx(means, abs=1e-6)
    right = table["label"] == np.array(CLASSES)[means.argmax(1)]
    assert report["test"]["accuracy"] == pytest.approx(right[table["split"] == "test"].mean())
    assert pipeline.path(f"reports/figures/{ENSEMBLE}/test_confusion.png").exists()
    assert ENSEMBLE not in pipeline.report("export")["candidates"]


def test_the_curves_of_all_models_and_ensembles_are_in_one_table(pipeline):
    for kind in ("precision_recall", "roc"):
        table = pd.read_csv(pipeline.path(f"reports/curves/{kind}.csv"))
        assert list(table["curve"].unique()) == [*MODELS, ENSEMBLE]


def test_a_student_learns_from_what_trained_models_say(copy):
    root, teaching = copy.root, MODELS[1]
    said = succeed(root, "emopipe", "distill", "teacher.parquet", "--model", teaching)
    teacher = yaml.safe_load(said.splitlines()[-1])["teacher"]
    change_params(root, train__teacher=teacher, models=["cnn"], ensembles={})
    assert stages_run(succeed(root, "dvc", "repro", "--dry", "train")) == ["train@cnn"]
    succeed(root, *TRAINING, "student", **CLOSED)
    assert read_json(copy.path("student/model.json"))["training"]["teacher"] == teacher
    assert not list(copy.path(".checkpoints").iterdir()), "what an interruption would need goes on success"
    names = ("student/history.csv", "build/models/cnn/history.csv")
    taught, alone = (pd.read_csv(copy.path(name))["train_loss"][0] for name in names)
    assert taught != alone, "the teacher changes what is learnt"
    change_params(root, train__teacher=teacher | {"sha256": "0" * 64})
    refused = run(root, *TRAINING, "student")
    assert refused.stderr.startswith("train: train.teacher: teacher.parquet has sha256 ")


SAVING_ALWAYS = """
import runpy, sys
sys.path.insert(0, "stages")
from emopipe.training import loop
loop.train.__kwdefaults__["save_seconds"] = 0.0
sys.argv = ["stages/train.py", *sys.argv[1:]]
runpy.run_path("stages/train.py", run_name="__main__")
"""


def test_a_stage_that_is_killed_in_mid_training_goes_on_to_the_same_model(copy):
    command = [sys.executable, "-c", SAVING_ALWAYS, *TRAINING[2:], "again"]
    with subprocess.Popen(command, cwd=copy.root, env=environment(copy.root, **CLOSED)) as process:
        while not list(copy.path(".checkpoints").glob("*.safetensors")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert not copy.path("again").exists()
    output = succeed(copy.root, *TRAINING, "again", **CLOSED)
    assert "cnn: resuming an interrupted training" in output
    model = "build/models/cnn/model.safetensors"
    assert copy.path("again/model.safetensors").read_bytes() == copy.path(model).read_bytes()


@pytest.mark.parametrize("options", [(), ("--markdown",)])
def test_the_summary_has_a_row_for_each_model_and_names_the_exported_one(pipeline, options):
    lines = succeed(pipeline.root, "emopipe", "summary", *options).splitlines()
    for model in (*MODELS, ENSEMBLE):
        row = next(line for line in lines if line[:2] in ("│ ", "| ") and line.split()[1] == model)
        figures = pipeline.report(f"evaluate/{model}")
        assert f"{figures['val']['accuracy']:.3f}" in row
        assert f"{figures['test']['macro_f1']:.3f}" in row
    best = pipeline.report("export")["model"]
    assert f"{best} is in exports/: the best single model by macro-F1 on validation" in "\n".join(lines)


def test_the_report_page_shows_what_the_stages_have_made(pipeline):
    html = (pipeline.root / "reports/index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'(?:href|src)="([^"#]+)"', html))
    assert [name for name in linked if not (pipeline.root / "reports" / name).is_file()] == []
    figures = {f"figures/{path.parent.name}/{path.name}" for path in pipeline.root.glob("reports/figures/*/*.png")}
    assert figures | {"validation/index.html", "balance/index.html"} == linked
    assert f"{pipeline.report('evaluate/cnn')['test']['accuracy']:.3f}" in html


# What runs again


def test_a_second_run_has_nothing_to_do(sandbox):
    output = succeed(sandbox.root, "dvc", "repro")
    assert stages_run(output) == []
    assert "Data and pipelines are up to date." in output


def test_emopipe_run_has_a_line_for_each_stage_and_ends_with_the_summary(copy):
    stages, _, rest = succeed(copy.root, "emopipe", "run").partition("in all")
    names = [line.split() for line in stages.splitlines() if not line.startswith("warning: ")]
    assert {how for _, how in names} == {"unchanged"}
    assert {"ingest", f"train@{MODELS[0]}", f"ensemble@{ENSEMBLE}", "register"} <= {name for name, _ in names}
    assert "Models, best on validation first" in rest
    assert "didn't change, skipping" in succeed(copy.root, "emopipe", "run", "--verbose")


def test_emopipe_run_with_parameters_is_an_experiment_and_fails_with_the_reason(copy):
    output = succeed(copy.root, "emopipe", "run", "-S", "evaluate.num_mistakes=3", "evaluate@cnn")
    line = next(line for line in output.splitlines() if line.startswith("evaluate@cnn"))
    figures = copy.report("evaluate/cnn")["test"]
    assert line.split(maxsplit=2)[2] == f"test accuracy {figures['accuracy']:.3f}, macro-F1 {figures['macro_f1']:.3f}"
    assert yaml.safe_load((copy.root / "params.yaml").read_text(encoding="utf-8"))["evaluate"]["num_mistakes"] == 3
    before = (copy.root / "corrections.csv").read_bytes()
    (copy.root / "corrections.csv").write_text("face,label\n", encoding="utf-8")
    done = run(copy.root, "emopipe", "run")
    assert done.stderr.splitlines()[-1].startswith("validate: corrections.csv")
    assert done.stdout.splitlines()[-2].split()[::2] == ["validate", "failed"]
    (copy.root / "corrections.csv").write_bytes(before)
    done = run(copy.root, "emopipe", "run", "-S", "train.epochs=0", "train@cnn")
    assert (done.returncode, "train.epochs: input should be" in done.stderr) == (255, True)


def test_a_new_model_trains_no_other_again(pipeline):
    new = MODELS[1]
    assert stages_run(pipeline.with_cnn) == ["ingest", "validate", "balance", "train@cnn", "evaluate@cnn"]
    assert stages_run(pipeline.with_both) == [
        *(f"train@{new}", f"evaluate@{new}"),
        *(f"ensemble@{ENSEMBLE}", "export", "report", "register"),
    ]


@contextmanager
def edited(path: Path, edit: Callable[[str], str]):
    """The file changed, and then as it was."""
    before = path.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before, f"there is nothing to change in {path}"
    try:
        path.write_text(after, encoding="utf-8")
        yield
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("parameter", "value", "first"),
    [
        ("export__select_by", "accuracy", ["export", "register"]),  # the report depends on the outs of export
        ("train__epochs", 3, ["train@cnn", f"train@{MODELS[1]}"]),
    ],
)
def test_a_changed_parameter_runs_only_the_stages_that_read_it(sandbox, parameter, value, first):
    with edited(sandbox.path("params.yaml"), lambda text: changed_params(text, {parameter: value})):
        assert stages_run(succeed(sandbox.root, "dvc", "repro", "--dry")) == first


def stale(pipeline: Pipeline) -> set[str]:
    """The stages that DVC would run for their own inputs, by their name before the @."""
    return {name.split("@")[0] for name in json.loads(succeed(pipeline.root, "dvc", "status", "--json"))}


def reworded_line(text: str) -> str:
    """The last line with a word more: a comment where it is code."""
    return f"{text.rstrip()}  # reworded\n"


@pytest.mark.parametrize(
    ("file", "edit", "stages"),
    [
        ("src/emopipe/tracking/observer.py", reworded_line, {"register"}),
        ("src/emopipe/validate/page.html.j2", lambda text: text.replace("<title>", "<title>new "), {"validate"}),
        ("src/emopipe/overview/page.html.j2", lambda text: text.replace("<title>", "<title>new "), {"report"}),
        ("src/emopipe/cli/app.py", lambda text: re.sub(r'help="(?=\w)', 'help="New: ', text, count=1), set()),
        ("src/emopipe/compare/promote.py", reworded_line, set()),
        ("src/emopipe/evaluate/metrics.py", reworded_line, {"evaluate", "ensemble", "export"}),
        ("params.yaml", lambda text: f"# a comment\n{text}", set()),
        ("libraries.yaml", lambda text: re.sub(r"torch: .*", "torch: 9.9.9", text, count=1), NETWORKS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_changed_line_reruns_only_what_it_can_change(sandbox, file, edit, stages):
    assert stale(sandbox) == set()
    with edited(sandbox.path(file), edit):
        assert stale(sandbox) == stages


def test_export_and_register_run_again_give_the_same_outs_and_neither_a_version_nor_a_run(copy):
    before = copy.path("dvc.lock").read_bytes()
    output = succeed(copy.root, "dvc", "repro", "--force", "--single-item", "export", "report", "register")
    assert stages_run(output) == ["export", "report", "register"]
    assert copy.path("dvc.lock").read_bytes() == before
    assert len(client_of(copy.root).search_model_versions("name = 'emopipe'")) == 1
    assert set(runs_of(copy.root)) == {*MODELS, ENSEMBLE}


def test_another_folder_and_a_true_process_give_the_same_hashes(pipeline, elsewhere):
    there, _ = elsewhere
    assert there.locked() == pipeline.locked()
    assert stale(there) == set()


# What MLflow knows


@pytest.mark.parametrize("model", MODELS)
def test_each_model_is_one_finished_run(pipeline, model):
    run = runs_of(pipeline.root)[model]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"{model} {run.data.tags['emopipe.state'][:7]}"
    assert run.data.tags["mlflow.parentRunId"] == runs_of(pipeline.root)["cnn"].data.tags["mlflow.parentRunId"]
    assert min(run.data.metrics[name] for name in ("time/images_per_second", "memory/peak_mib")) > 0
    assert run.data.params["train.epochs"] == "12"
    assert run.data.params["balance.strategy"] == "augment"
    report = pipeline.report(f"evaluate/{model}")
    assert run.data.metrics["test/accuracy"] == report["test"]["accuracy"]
    for name in CLASSES:
        assert run.data.metrics[f"val/recall/{name}"] == report["val"]["per_class"][name]["recall"]


@pytest.mark.parametrize("model", MODELS)
def test_each_run_has_the_figures_of_every_epoch(pipeline, model):
    history = pd.read_csv(pipeline.path(f"build/models/{model}/history.csv"))
    assert list(history["epoch"]) == [*range(1, 13)]
    pd.testing.assert_frame_equal(history_of(pipeline.root, model), history, check_like=True)


@pytest.mark.parametrize("model", MODELS)
def test_each_run_names_its_data_by_the_hashes_of_dvc(pipeline, model):
    hashes = {dep["path"]: dep["md5"] for dep in pipeline.locked()[f"train@{model}"]["deps"]}
    inputs = runs_of(pipeline.root)[model].inputs.dataset_inputs
    tables = ("build/clean.parquet", "build/train.parquet")
    assert {item.dataset.name: item.dataset.digest for item in inputs} == {name: hashes[name] for name in tables}
    assert {item.dataset.name: item.tags[0].value for item in inputs} == dict(
        zip(tables, ("evaluation", "training"), strict=True)
    )


@pytest.mark.parametrize("model", MODELS)
def test_each_run_has_the_confusion_matrix_as_picture_and_as_json(pipeline, model, tmp_path):
    client, run_id = client_of(pipeline.root), runs_of(pipeline.root)[model].info.run_id
    picture = Path(client.download_artifacts(run_id, "figures/test_confusion.png", str(tmp_path)))
    assert picture.read_bytes() == pipeline.path(f"reports/figures/{model}/test_confusion.png").read_bytes()
    for split in ("val", "test"):
        table = read_json(Path(client.download_artifacts(run_id, f"{split}_confusion.json", str(tmp_path))))
        assert table["confusion"] == pipeline.report(f"evaluate/{model}")[split]["confusion"]


@pytest.mark.parametrize("model", [*MODELS, ENSEMBLE])
def test_each_run_keeps_its_predictions_and_names_its_test_faces(pipeline, model, tmp_path):
    client, kept = client_of(pipeline.root), runs_of(pipeline.root)[model]
    path = client.download_artifacts(kept.info.run_id, "predictions.parquet", str(tmp_path))
    predictions = predictions_from_arrow(pq.read_table(path))
    folder = "ensembles" if model == ENSEMBLE else "predictions"
    assert predictions.frame.equals(pq.read_table(pipeline.path(f"build/{folder}/{model}.parquet")).to_pandas())
    assert kept.data.tags["emopipe.test_faces"] == digest_of_test_faces(predictions)
    assert kept.data.tags["mlflow.note.content"].startswith("**There is no champion yet.**")


def test_two_models_of_the_workspace_are_compared_with_pictures_of_all_flips_shown(sandbox):
    done = run(sandbox.root, "emopipe", "compare", *(f"workspace:{model}" for model in MODELS))
    assert done.returncode == 0, done.stderr
    page = sandbox.path("reports/compare/index.html").read_text(encoding="utf-8")
    assert page.count('<img src="data:image/png;base64,') > 0
    assert "without a picture" not in page


def test_the_version_shows_that_its_export_computes_the_same_and_how_fast(pipeline):
    (version,) = client_of(pipeline.root).search_model_versions("name = 'emopipe'")
    parity = pipeline.report("export")["parity"]
    assert version.tags["emopipe.parity_passed"] == "true"
    assert version.tags["emopipe.int8_agreement"] == f"{parity['int8']['agreement']:.4f}"
    assert 0 < float(version.tags["emopipe.latency_ms"]) < 10_000


def test_the_exported_model_is_the_one_version_and_the_champion(pipeline):
    client, model = client_of(pipeline.root), pipeline.report("export")["model"]
    (version,) = client.search_model_versions("name = 'emopipe'")
    assert version.run_id == runs_of(pipeline.root)[model].info.run_id
    assert client.get_registered_model("emopipe").aliases == {"champion": 1}
    assert version.tags["emopipe.bundle"] == pipeline.report("register")["bundle"]
    assert version.tags["emopipe.model"] == model


CHAMPION = """
import json, sys
from pathlib import Path
sys.path[:] = [path for path in sys.path if not Path(path, "emopipe").is_dir()]  # as where it is not installed
import mlflow, pandas as pd, pyarrow.parquet as pq
faces = pq.read_table(sys.argv[1]).to_pylist()
table = pd.DataFrame({"image": [face["image"]["bytes"] for face in faces if face["split"] == "val"]})
answer = mlflow.pyfunc.load_model("models:/emopipe@champion").predict(table)
import emopipe
heavy = [name for name in ("torch", "dvc", "emopipe.core.params") if name in sys.modules]
print(json.dumps({"answer": answer.to_dict("list"), "code": emopipe.__file__, "heavy": heavy}))
"""


def test_the_champion_predicts_from_picture_files_far_from_the_project(pipeline, tmp_path):
    store = {"PYTHONPATH": "", "MLFLOW_TRACKING_URI": f"sqlite:///{pipeline.path('mlflow.db')}"}
    done = run(tmp_path, sys.executable, "-c", CHAMPION, str(pipeline.path("build/clean.parquet")), **store)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    table = pipeline.predictions(pipeline.report("export")["model"]).query("split == 'val'")
    answer = pd.DataFrame(result["answer"])
    assert list(answer.columns) == ["label", *CLASSES]
    assert answer[list(CLASSES)].to_numpy() == pytest.approx(table[list(CLASSES)].to_numpy(), abs=1e-4)
    assert list(answer["label"]) == list(table[list(CLASSES)].idxmax(axis=1))
    assert "mlartifacts" in result["code"], "the code comes with the version"
    assert result["heavy"] == []


def test_another_store_is_filled_with_the_same_runs(pipeline, copy, tmp_path):
    other = tmp_path / "mlflow.db"
    succeed(copy.root, "emopipe", "sync", MLFLOW_TRACKING_URI=f"sqlite:///{other}")
    here, there = runs_of(pipeline.root), runs_of(tmp_path)
    assert set(there) == set(here) == {*MODELS, ENSEMBLE}
    for model in here:
        assert figures_of(there[model]) == figures_of(here[model])
        assert there[model].data.params == here[model].data.params
    parents = [{run.data.tags["mlflow.parentRunId"] for run in runs.values()} for runs in (here, there)]
    assert list(map(len, parents)) == [1, 1]


# Experiments


def test_three_settings_are_three_runs_that_differ_in_these_alone(pipeline):
    client = client_of(pipeline.root)
    experiment = client.get_experiment_by_name("emopipe").experiment_id
    found = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'", order_by=["metrics.`val/macro_f1` DESC"])
    scores = [each.data.metrics["val/macro_f1"] for each in found]
    assert scores == sorted(scores, reverse=True)
    runs = {each.data.tags.get("dvc.experiment", ""): each for each in found}
    assert set(runs) == {"", *SETTINGS}
    assert {runs[name].info.run_name for name in SETTINGS} == {f"{name} cnn" for name in SETTINGS}
    first = runs[""].data.params
    for name, params in SETTINGS.items():
        other = runs[name].data.params
        assert {key: value for key, value in other.items() if first.get(key) != value} == params
        assert set(other) == set(first)
    assert len({each.data.tags["emopipe.test_faces"] for each in found}) == 1, "measured on the same faces"
    metrics = [{name for name in each.data.metrics if name.startswith(("val/", "test/"))} for each in found]
    assert metrics[0] == metrics[1] == metrics[2] != set()
    data = [{item.dataset.name: item.dataset.digest for item in each.inputs.dataset_inputs} for each in found]
    assert len({each["build/clean.parquet"] for each in data}) == 1
    assert len({each["build/train.parquet"] for each in data}) == 2


def test_two_experiments_are_compared_face_by_face(sandbox):
    done = run(sandbox.root, "emopipe", "compare", "unbalanced:cnn", "longer:cnn")
    assert done.returncode == 0, done.stderr
    assert "B = longer:cnn against A = unbalanced:cnn, on " in done.stdout
    assert "train.epochs 12 13" in " ".join(done.stdout.split())


# What happens without MLflow


def test_a_training_without_mlflow_warns_once_and_gives_the_same_model(pipeline, elsewhere):
    there, said = elsewhere
    about_mlflow = [line for line in said.splitlines() if "MLflow" in line]
    assert [line[: len(UNREACHABLE)] for line in about_mlflow] == [UNREACHABLE]
    weights = "build/models/cnn/model.safetensors"
    assert there.path(weights).read_bytes() == pipeline.path(weights).read_bytes()


def test_evaluate_restores_a_run_that_the_store_lacks(pipeline, elsewhere):
    there, _ = elsewhere
    expected, found = runs_of(pipeline.root)["cnn"], runs_of(there.root)["cnn"]
    assert found.info.status == "FINISHED"
    assert found.data.tags["emopipe.key"] == expected.data.tags["emopipe.key"]
    assert figures_of(found) == figures_of(expected)
    assert found.data.params == expected.data.params
    pd.testing.assert_frame_equal(history_of(there.root, "cnn"), history_of(pipeline.root, "cnn"))
    digests = [{item.dataset.digest for item in run.inputs.dataset_inputs} for run in (expected, found)]
    assert digests[0] == digests[1] != set()


def test_register_without_mlflow_fails_in_one_line(pipeline):
    stage = ("stages/register.py", "--bundle", "exports", "--export", "reports/export.json")
    done = run(pipeline.root, "python", *stage, "--report", "build/never.json", **CLOSED)
    assert done.returncode == 1
    (error,) = done.stderr.splitlines()
    assert error.startswith("register: MLflow fails, so the model is not registered: check MLFLOW_TRACKING_URI (")
    assert not pipeline.path("build/never.json").exists()
