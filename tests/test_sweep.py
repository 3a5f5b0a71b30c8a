"""A sweep: its trials, the identity of an experiment, and which differences are significant."""

import numpy as np
import pandas as pd
import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from emopipe.compare.sweep.design import Design, Trial, changed, read_design, trials
from emopipe.compare.sweep.experiments import Experiments
from emopipe.compare.sweep.overrides import hydra_overrides, override
from emopipe.compare.sweep.run import sweep_markdown
from emopipe.compare.sweep.statistics import effects, metrics_of
from emopipe.core.errors import ParamsError, WorkspaceError
from emopipe.evaluate.figures import png_bytes
from emopipe.evaluate.metrics import evaluate_split
from emopipe.faces.predictions import Predictions
from emopipe.ingest.sample.table import write_sample
from emopipe.tracking.naming import experiment_name, run_name, setting_of
from projects import FORKED, ROOT, change_params, files_below, make_project, run, succeed

DESIGN = Design(
    models=("cnn",),
    seeds=(0, 1),
    params={"train.epochs": 1},
    baseline="none",
    settings={"flip": {"balance.strategy": "augment"}, "none": {"balance.strategy": "none"}},
)


def predictions(right, *, num=400, seed=0) -> Predictions:
    """Of two classes, 300 and 100 faces, of which shares `right` are told with a probability of 0.8."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1], [3 * num // 4, num // 4])
    hit = rng.random(num) < np.asarray(right)[truth]
    own = np.where(hit, 0.8, 0.2)
    first = np.where(truth == 0, own, 1 - own)
    frame = pd.DataFrame({"id": [f"{n}" for n in range(num)], "split": "val", "label": np.array(["a", "b"])[truth]})
    return Predictions(frame.assign(a=first, b=1 - first), ("a", "b"))


# The design


def test_there_is_an_experiment_for_each_setting_model_and_seed_the_baseline_first():
    found = trials(DESIGN, ["cnn", "resnet18"])
    assert [(trial.setting, trial.model, trial.seed) for trial in found] == [
        ("none", "cnn", 0),
        ("flip", "cnn", 0),
        ("none", "cnn", 1),
        ("flip", "cnn", 1),
    ]
    assert found[1].overrides == {"train.epochs": 1, "balance.strategy": "augment", "base.seed": 0}


def test_a_model_that_params_yaml_does_not_train_is_added_to_it():
    assert trials(DESIGN, ["resnet18"])[0].overrides["models"] == ["resnet18", "cnn"]


def test_the_command_line_changes_models_seeds_and_budget_and_adds_settings():
    words = ["sampled balance.strategy=none train.imbalance.resample_exponent=0.5 models='[cnn, resnet18]'"]
    design = changed(DESIGN, models=["resnet18"], seeds=[7], params={"train.epochs": 3}, settings=words)
    assert (design.models, design.seeds, design.params) == (("resnet18",), (7,), {"train.epochs": 3})
    assert design.settings["sampled"] == {
        "balance.strategy": "none",
        "train.imbalance.resample_exponent": 0.5,
        "models": ["cnn", "resnet18"],
    }
    assert list(design.settings) == ["flip", "none", "sampled"]


@pytest.mark.parametrize("words", ["", "alone", "name novalue", "na/me a=1"])
def test_words_that_are_no_setting_are_refused_in_one_line(words):
    with pytest.raises(ParamsError) as error:
        changed(DESIGN, models=[], seeds=[], params={}, settings=[words])
    assert str(error.value) == f"--setting {words!r}: expected a name and at least one KEY=VALUE"


def test_the_file_of_the_project_is_a_design_of_known_parameters():
    design = read_design(ROOT / "sweep.yaml")
    experiments = Experiments(ROOT)
    names = {experiments.name(trial) for trial in trials(design, ["cnn"])}
    assert len(names) == len(design.settings) * len(design.seeds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [", "c.yaml is not YAML: "),
        (
            "{models: [cnn], seeds: [], params: {}, baseline: x, settings: {}}",
            "c.yaml: seeds: Tuple should have at least",
        ),
        (
            "{models: [cnn], seeds: [0], params: {}, baseline: x, settings: {none: {}}}",
            "c.yaml: Value error, baseline names x, expected one of none",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path, text, message):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ParamsError) as error:
        read_design(tmp_path / "c.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


# Which experiment is which


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = make_project(tmp_path_factory.mktemp("experiments") / "project")
    (root / "data.dvc").write_text("outs: [{md5: a, path: data}]\n")
    return root


def name(root, **overrides):
    return Experiments(root).name(Trial(setting="none", model="cnn", seed=0, overrides=overrides))


@pytest.mark.slow
def test_an_experiment_is_named_by_what_its_stages_read(root):
    before = name(root)
    assert before.startswith("none-cnn-s0-")
    change_params(root, export__select_by="accuracy", evaluate__num_mistakes=24)
    assert name(root) == before, "no stage of an experiment reads it"
    assert name(root, **{"train.epochs": 99}) != before
    for file in ("data.dvc", "src/emopipe/evaluate/metrics.py", "stages/train.py", "corrections.csv"):
        content = (root / file).read_text()
        (root / file).write_text(content + "\n")
        assert name(root) != before, file
        (root / file).write_text(content)
    assert name(root) == before


@pytest.mark.parametrize(
    ("setting", "model", "shown"), [("smote", "yolov8n-cls", "smote"), ("la-0.5 x", "cnn", "la_0_5_x")]
)
def test_the_setting_can_be_read_from_the_name(setting, model, shown):
    made = experiment_name(setting, model, 12, "0a1b2c3d")
    assert setting_of(made) == shown
    assert run_name(model, "3f2a1c9", made) == made


@pytest.mark.parametrize("name", ["puffy-dogs", "short", ""])
def test_an_experiment_that_somebody_named_has_no_setting(name):
    assert setting_of(name) == ""
    assert run_name("cnn", "3f2a1c94", name) == (f"{name} cnn" if name else "cnn 3f2a1c9")


def test_an_override_of_an_unknown_name_is_refused(root):
    with pytest.raises(ParamsError) as error:
        name(root, **{"train.imbalance.sample": 1.0})
    assert str(error.value) == (
        "train.imbalance.sample is not in params.yaml: expected the dotted name of a value there"
    )
    with pytest.raises(ParamsError, match=r"^setting none: balance.strategy: input should be 'none', "):
        name(root, **{"balance.strategy": "magic"})


def test_overrides_change_a_copy():
    params = {"a": {"b": 1}}
    assert override(params, {"a.b": 2}) == {"a": {"b": 2}}
    assert params == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ingest.split_map", {"Training": "train", "PublicTest": "test"}),
        ("ingest.split_map", {}),
        ("balance.target", {"disgust": 2000, "surprise": 0.5}),
        ("train.pretrained", {"yolov8n-cls": {"file": "a, b.pt", "sha256": "1e5"}}),
        ("models", ["cnn", "resnet18"]),
        ("train.max_minutes", 1.5),
        ("train.max_minutes", None),
        ("train.augment.flip", False),
        ("train.precision", "float32"),
    ],
)
def test_dvc_changes_the_file_as_the_setting_says(tmp_path, name, value):
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text)
    params = yaml.safe_load(text)
    apply_overrides(tmp_path / "params.yaml", hydra_overrides(params, {name: value}))
    assert yaml.safe_load((tmp_path / "params.yaml").read_text()) == override(params, {name: value})


def test_without_tracked_data_there_are_no_experiments(tmp_path):
    with pytest.raises(WorkspaceError) as error:
        Experiments(tmp_path)
    assert str(error.value) == "data.dvc does not exist: bring data in with `emopipe data import`, and commit data.dvc"


# Signal and noise


def test_the_figures_are_those_of_the_report():
    cell = predictions((0.9, 0.5))
    expected = evaluate_split(cell.probabilities, cell.labels, cell.classes, resamples=100, seed=0)
    recalls = [expected["per_class"][label]["recall"] for label in cell.classes]
    found = metrics_of(cell, np.ones((1, len(cell.frame))))[0]
    np.testing.assert_allclose(found, [expected["accuracy"], expected["macro_f1"], expected["ece"], *recalls])


def test_a_face_of_weight_two_counts_as_two_faces():
    cell, twice = predictions((0.9, 0.5), num=40), np.repeat(np.arange(40), [2] + [1] * 39)
    doubled = Predictions(cell.frame.iloc[twice].reset_index(drop=True), cell.classes)
    weights = np.array([[2.0] + [1.0] * 39])
    np.testing.assert_allclose(metrics_of(cell, weights), metrics_of(doubled, np.ones((1, 41))))


def test_a_large_difference_is_signal_and_another_training_of_the_same_is_noise():
    table = [[predictions(right, seed=seed + 10 * row) for seed in (0, 1)] for row, right in enumerate(
        [(0.8, 0.4), (0.8, 0.4), (0.8, 0.95)]
    )]  # fmt: skip
    found = effects(table, seed=0)
    assert found.names == ("accuracy", "macro-F1", "ECE", "recall a", "recall b")
    recall = found.names.index("recall b")
    assert found.is_significant[:, recall].tolist() == [False, False, True]
    assert not found.is_significant[1].any()
    assert found.differences[2, recall] == pytest.approx(0.55, abs=0.1)
    assert (found.differences[0] == 0).all()


@pytest.mark.slow
def test_differences_within_what_seeds_do_are_noise_though_the_faces_are_many():
    noisy = [(0.7, 0.6), (0.9, 0.6)], [(0.8, 0.6), (1.0, 0.6)], [(0.95, 0.6), (0.75, 0.6)]
    table = [[predictions(right, num=8000, seed=k) for k, right in enumerate(row)] for row in noisy]
    assert not effects(table, seed=0).is_significant.any()


@pytest.mark.slow
def test_the_chance_of_a_false_signal_is_about_one_in_twenty():
    rng = np.random.default_rng(0)
    wrong = 0
    for trial in range(60):
        shares = 0.7 + rng.normal(0, 0.02, (4, 2, 2))
        table = [
            [predictions(shares[j, s], num=120, seed=10_000 * trial + 10 * j + s) for s in range(2)] for j in range(4)
        ]
        wrong += effects(table, seed=trial).is_significant[:, 0].any()
    assert wrong <= 9, "a binomial of 60 draws at 0.05 exceeds 9 once in two thousand times"


def test_with_one_seed_nothing_is_called_signal():
    found = effects([[predictions((0.8, 0.1))], [predictions((0.8, 0.95))]], seed=0)
    assert not found.is_significant.any()


def test_the_tables_hold_values_differences_and_what_is_missing():
    table = [[predictions(right, seed=s) for s in (0, 1)] for right in ((0.8, 0.4), (0.8, 0.95))]
    text = sweep_markdown(DESIGN, {("cnn", "val"): (["none", "flip"], effects(table, seed=0))}, ["x (cnn, seed 1)"])
    lines = text.splitlines()
    assert "## cnn, validation" in lines
    header = lines.index("| setting | accuracy | macro-F1 | ECE | recall a | recall b |")
    assert lines[header + 1] == "| --- | --- | --- | --- | --- | --- |"
    assert [line.split("|")[1].strip() for line in lines[header + 2 : header + 4]] == ["none", "flip"]
    (difference,) = (line for line in lines if line.startswith("| flip |") and "+" in line)
    assert difference.split("|")[6].strip().startswith("**+5")
    assert lines[-1] == "Left out, as not all their seeds are done: x (cnn, seed 1)."


@pytest.mark.slow
def test_the_figure_is_the_same_bytes_for_the_same_effects():
    from emopipe.compare.sweep.figure import sweep_figure

    table = [[predictions(right, seed=s) for s in (0, 1)] for right in ((0.8, 0.4), (0.8, 0.95))]
    found = {"val": (["none", "flip"], effects(table, seed=0))}
    first, again = (png_bytes(sweep_figure("cnn", found)) for _ in range(2))
    assert first == again
    assert first.startswith(b"\x89PNG")


# The command


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose data DVC holds, with a commit, and a comparison of two settings."""
    root = make_project(
        tmp_path_factory.mktemp("compare") / "project",
        validate__min_train_faces=1,
        validate__label_folds=0,
        evaluate__bootstrap_resamples=100,
        image__size=32,
    )
    write_sample(root / "data" / "faces.csv.xz", num_faces=260, size=48, seed=0)
    (root / ".gitignore").write_text("/data\n/build/\n/reports/\n/mlflow.db*\n/.checkpoints/\n")
    design = {"models": ["cnn"], "seeds": [0], "params": {"train.epochs": 1}, "baseline": "none"}
    settings = {"none": {"balance.strategy": "none"}, "sampled": {"train.imbalance.resample_exponent": 1.0}}
    (root / "sweep.yaml").write_text(yaml.safe_dump(design | {"settings": settings}, sort_keys=False))
    succeed(root, "dvc", "add", "--quiet", "data")
    succeed(root, "git", "add", "--all")
    identity = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    succeed(root, "git", *identity, "commit", "--quiet", "--message", "first")
    return root


@pytest.mark.slow
def test_the_command_runs_what_is_not_done_and_ends_with_a_table_and_a_figure(project):
    workspace = {path: (project / path).read_bytes() for path in ("params.yaml", "dvc.yaml", "data.dvc")}
    first = run(project, "emopipe", "sweep", **FORKED)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "done before" not in first.stdout
    for stage in ("ingest", "validate"):
        assert first.stdout.count(f"Running stage '{stage}'") == 1, "the second experiment takes it from the run-cache"
    files = files_below(project / "reports" / "sweep")
    assert {path.name for path in files} == {"sweep.md", "cnn.png"}
    text = files[project / "reports" / "sweep" / "sweep.md"].decode()
    assert "## cnn, validation" in text and "## cnn, test" in text
    assert "| none |" in text and "| sampled |" in text
    assert {path: (project / path).read_bytes() for path in workspace} == workspace
    assert not (project / "build").exists(), "experiments leave the workspace as it is"

    succeed(project, "dvc", "exp", "remove", experiments(project)["sampled"])
    again = run(project, "emopipe", "sweep", **FORKED)
    assert again.returncode == 0, again.stdout + again.stderr
    assert [line for line in again.stdout.splitlines() if "done before" in line] == [
        f"[1/2] {experiments(project)['none']}: done before"
    ]
    assert files_below(project / "reports" / "sweep") == files, "the same experiments give the same tables"


@pytest.mark.slow
def test_each_experiment_is_one_run_in_mlflow_that_names_it(project):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("emopipe").experiment_id
    runs = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'")
    by_setting = {run.data.tags["emopipe.setting"]: run for run in runs}
    assert {setting: run.data.tags["dvc.experiment"] for setting, run in by_setting.items()} == experiments(project)
    assert {setting: run.info.run_name for setting, run in by_setting.items()} == experiments(project)
    assert len(runs) == len(experiments(project))
    assert {run.data.params["train.imbalance.resample_exponent"] for run in runs} == {"0.0", "1.0"}
    assert all("val/recall/disgust" in run.data.metrics for run in runs)


@pytest.mark.slow
def test_a_failing_experiment_is_told_and_the_others_are_summed_up(project):
    done = run(project, "emopipe", "sweep", "--setting", "wild train.learning_rate=1.0e+30", **FORKED)
    assert done.returncode == 1
    assert done.stderr.endswith("emopipe: failed: wild (cnn, seed 0); run the command again to retry them\n")
    text = (project / "reports" / "sweep" / "sweep.md").read_text()
    assert "| sampled |" in text
    assert text.endswith("Left out, as not all their seeds are done: wild (cnn, seed 0).\n")


def experiments(root):
    """Names of the experiments, by their setting."""
    names = succeed(root, "dvc", "exp", "list", "--name-only").split()
    return {name.split("-")[0]: name for name in names}
