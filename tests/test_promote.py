"""Moving the champion: what is moved, what is kept with the version, and what no fault moves."""

import json
import sys
from dataclasses import fields

import pytest

from emopipe.cli import app as cli
from emopipe.compare.promote import promote, roll_back
from emopipe.core.errors import WorkspaceError
from emopipe.evaluate.pairing import digest_of_test_faces
from emopipe.tracking.champions import champion_history, move_champion
from emopipe.tracking.prediction_store import PREDICTIONS, log_later_predictions
from emopipe.tracking.store import connect
from emopipe.tracking.versions import find_champion, find_version
from predicted import predict
from projects import ROOT
from registries import PARAMS, add_version, copy_store, new_store
from test_cli import is_leaf, shown

TRUTH, OLD, NEW = "hhhhhhssssff", "hhhhsfsshhfs", "hhhhhhsssshf"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with version 1 as champion and version 2, which is better, as challenger."""
    root = new_store(tmp_path_factory.mktemp("store"))
    add_version(root, "cnn", model(OLD, 0.58))
    add_version(root, "resnet18", model(NEW, 0.92))
    return root


@pytest.fixture
def root(store, tmp_path, monkeypatch):
    """A project with a copy of that store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    return copy_store(store, tmp_path)


def model(said, sure=0.9, truth=TRUTH, times=30):
    return predict(truth, said, sure=sure, times=times)


def champion(root):
    return str(connect(root)[0].get_registered_model("emopipe").aliases["champion"])


def tags(root, version):
    return connect(root)[0].get_model_version("emopipe", version).tags


def emopipe(monkeypatch, capsys, *words):
    """Status, standard output and standard error of the command, in this process."""
    monkeypatch.setattr(sys, "argv", ["emopipe", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    if isinstance(ended.value.code, str):  # Python prints it and ends with status 1
        return 1, captured.out, ended.value.code
    return ended.value.code or 0, captured.out, captured.err


# Verdicts


@pytest.mark.slow
def test_a_better_challenger_becomes_champion_and_its_verdict_is_kept(root):
    done = promote(root, PARAMS)
    assert (done.challenger, done.champion, done.moved, champion(root)) == ("2", "1", True, "2")
    kept = tags(root, "2")
    assert (kept["emopipe.verdict"], kept["emopipe.replaced"]) == ("promote", "1")
    record = json.loads(kept["emopipe.verdict_record"])
    assert record["champion"] == "1"
    assert record["rule"] == {name: getattr(PARAMS.promote, name) for name in record["rule"]}
    assert {check["name"]: check["outcome"] for check in record["checks"]}["latency in ms"] == "passed"
    assert record["figures"]["macro_f1"]["low"] > 0


@pytest.mark.slow
def test_a_challenger_that_is_not_better_changes_nothing_but_its_verdict(root):
    add_version(root, "yolov8n-cls", model("hhhhsfsshhfh", 0.58, times=1, truth=TRUTH))
    client, _ = connect(root)
    client.set_model_version_tag("emopipe", "3", "emopipe.latency_ms", "80")
    log_later_predictions(client, client.get_model_version("emopipe", "3").run_id, model("hhhhsfsshhfh", 0.5))
    done = promote(root, PARAMS, "3")
    assert (done.verdict.decision, done.moved, champion(root)) == ("reject", False, "1")
    assert tags(root, "3")["emopipe.verdict"] == "reject"
    assert "emopipe.replaced" not in tags(root, "3")


@pytest.mark.slow
def test_the_version_can_be_named_by_number_or_alias(root):
    assert promote(root, PARAMS, "challenger").challenger == "2"
    with pytest.raises(WorkspaceError) as error:
        promote(root, PARAMS, "9")
    assert str(error.value) == "emopipe has no version 9: expected one of 1, 2, champion"


@pytest.mark.slow
def test_the_champion_is_not_judged_against_itself(root):
    done = promote(root, PARAMS, "champion")
    assert (done.challenger, done.champion, done.moved, done.verdict) == ("1", "1", False, None)
    assert "emopipe.verdict" not in tags(root, "1")


# The command


@pytest.mark.slow
def test_the_command_ends_with_a_status_for_each_verdict(root, monkeypatch, capsys):
    def ends(*words):
        status, out, err = emopipe(monkeypatch, capsys, "promote", *words)
        return status, (out.splitlines() or [err])[-1]

    add_version(root, "worse", model("h" * 12, 0.5))
    add_version(root, "few faces", model(OLD, 0.58))
    assert ends("2") == (0, "version 2 is the champion now, in place of version 1")
    assert ends("2") == (0, "version 2 is the champion already")
    assert ends("3") == (3, "version 2 stays the champion (reject)")
    assert ends("9")[0] == 1
    assert ends("--rollback") == (0, "version 1 is the champion now, in place of version 2")


@pytest.mark.slow
def test_insufficient_evidence_has_its_own_status_and_names_a_number_of_faces(root, monkeypatch, capsys):
    for name, said in (("old", "hhhhsfsshhfs"), ("new", "hhhhhfsshhfs")):
        add_version(root, name, model(said, 0.58, times=1))
    client, _ = connect(root)
    client.set_registered_model_alias("emopipe", "champion", "3")
    status, out, _ = emopipe(monkeypatch, capsys, "promote")
    needed = json.loads(tags(root, "4")["emopipe.verdict_record"])["faces_needed"]
    assert status == 4
    assert out.splitlines()[-1] == (
        f"version 3 stays the champion (insufficient evidence: about {needed:,} test faces would be needed)"
    )
    assert champion(root) == "3"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--force"], '--force needs a reason, which is kept with the version: add --reason "..."'),
        (["--force", "--rollback"], "--force and --rollback exclude each other: name one"),
        (["--rollback"], "version 1 is the first champion in the registry, so there is nothing to roll back to"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_moves_nothing(root, monkeypatch, capsys, words, line):
    assert emopipe(monkeypatch, capsys, "promote", *words) == (1, "", f"emopipe: {line}")
    assert champion(root) == "1"


def test_the_help_says_what_each_status_means(monkeypatch, capsys):
    status, out, _ = emopipe(monkeypatch, capsys, "promote", "--help")
    assert status == 0
    for line in ("  0  promote", "  1  an error", "  3  reject", "  4  insufficient evidence"):
        assert line in out


# Force and rollback


@pytest.mark.slow
def test_force_moves_the_champion_and_keeps_the_reason_beside_the_verdict(root):
    client, _ = connect(root)
    client.set_model_version_tag("emopipe", "2", "emopipe.parity_passed", "false")
    assert promote(root, PARAMS).moved is False
    assert promote(root, PARAMS, forced="the old one breaks on colour").moved is True
    kept = tags(root, "2")
    assert (kept["emopipe.verdict"], kept["emopipe.forced"]) == ("reject", "the old one breaks on colour")
    assert champion(root) == "2"


@pytest.mark.slow
def test_force_works_where_nothing_can_be_judged_and_says_why(root):
    add_version(root, "other faces", model("hs", truth="hs"))
    promote(root, PARAMS, "3", forced="new data")
    record = json.loads(tags(root, "3")["emopipe.verdict_record"])
    assert (tags(root, "3")["emopipe.verdict"], champion(root)) == ("not judged", "3")
    assert record["unjudged"].startswith("version 1 (cnn) was evaluated on 360 test faces (")


@pytest.mark.slow
def test_without_a_champion_only_force_makes_one(root):
    client, _ = connect(root)
    client.delete_registered_model_alias("emopipe", "champion")
    with pytest.raises(WorkspaceError) as error:
        promote(root, PARAMS)
    assert str(error.value) == (
        'there is no champion to compare with: `emopipe promote 2 --force --reason "..."` makes this version the first'
    )
    assert promote(root, PARAMS, forced="first").moved
    assert champion(root) == "2"
    with pytest.raises(WorkspaceError, match=r"^version 2 is the first champion in the registry, so there is nothing"):
        roll_back(root)


@pytest.mark.slow
def test_a_rollback_brings_the_champion_before_back_and_keeps_why(root):
    promote(root, PARAMS)
    done = roll_back(root, "wrong on side light")
    assert (done.challenger, done.champion, champion(root)) == ("1", "2", "1")
    assert tags(root, "2")["emopipe.rolled_back"] == "wrong on side light"


@pytest.fixture
def third(root):
    """The same project, where versions 1, 2 and 3 became champion one after another."""
    add_version(root, "third", model(NEW, 0.95))
    for number in ("2", "3"):
        crown(root, number)
    return root


def crown(root, number):
    """Make a version champion without a comparison."""
    client, _ = connect(root)
    move_champion(client, find_version(client, number), find_champion(client))


def history(root):
    return champion_history(connect(root)[0])


@pytest.mark.slow
def test_each_rollback_goes_one_champion_back_and_the_first_one_stays(third, monkeypatch, capsys):
    def rolls_back():
        status, out, err = emopipe(monkeypatch, capsys, "promote", "--rollback")
        return status, (out or err).strip()

    assert rolls_back() == (0, "version 2 is the champion now, in place of version 3")
    assert rolls_back() == (0, "version 1 is the champion now, in place of version 2")
    line = "emopipe: version 1 is the first champion in the registry, so there is nothing to roll back to"
    assert rolls_back() == (1, line)
    assert (champion(third), history(third)) == ("1", ["1"])
    assert tags(third, "2")["emopipe.replaced"] == "1", "a rollback replaces nothing"


@pytest.mark.slow
def test_what_was_rolled_back_is_skipped_and_can_become_champion_again(third):
    roll_back(third)
    roll_back(third)
    crown(third, "3")
    assert history(third) == ["1", "3"]
    assert roll_back(third).challenger == "1"
    crown(third, "2")
    crown(third, "1")
    assert history(third) == ["1", "2", "1"]
    assert [roll_back(third).challenger for _ in range(2)] == ["2", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("call", ["set_registered_model_alias", "set_registered_model_tag", "set_model_version_tag"])
def test_a_rollback_that_fails_leaves_the_champion_and_can_be_done_again(third, monkeypatch, call):
    from mlflow import MlflowClient

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, fails)
        with pytest.raises(WorkspaceError, match=r"^MLflow fails, so the champion is unchanged: "):
            roll_back(third)
    assert (champion(third), history(third)) == ("3", ["1", "2", "3"])
    assert [roll_back(third).challenger for _ in range(2)] == ["2", "1"]


@pytest.mark.slow
def test_a_promotion_that_ends_before_the_alias_moves_is_not_in_the_history(root, monkeypatch):
    from mlflow import MlflowClient

    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(MlflowClient, "set_registered_model_alias", fails)
        crown(root, "2")
    assert (champion(root), history(root)) == ("1", ["1"])


@pytest.mark.slow
def test_the_history_follows_an_alias_that_was_moved_by_hand(third):
    client, _ = connect(third)
    client.set_registered_model_alias("emopipe", "champion", "2")
    assert history(third) == ["1", "2"]
    client.set_registered_model_alias("emopipe", "champion", add_version(third, "fourth", model(NEW)))
    assert history(third) == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_a_rollback_passes_a_version_that_is_gone(third):
    connect(third)[0].delete_model_version("emopipe", "2")
    assert roll_back(third).challenger == "1"


@pytest.mark.slow
def test_a_registry_from_before_has_the_history_of_its_tags(third):
    client, _ = connect(third)
    client.delete_registered_model_tag("emopipe", "emopipe.champions")
    assert history(third) == ["1", "2", "3"]
    client.set_model_version_tag("emopipe", "2", "emopipe.rolled_back", "wrong")
    assert history(third) == ["1", "3"]
    client.set_model_version_tag("emopipe", "1", "emopipe.replaced", "3")  # what a rollback wrote
    assert history(third) == ["1", "3"]
    assert roll_back(third).challenger == "1"


@pytest.mark.slow
def test_a_history_that_is_not_readable_is_one_line_and_moves_nothing(third):
    client, _ = connect(third)
    client.set_registered_model_tag("emopipe", "emopipe.champions", "{")
    line = "the tag emopipe.champions of the registered model is no list of version numbers: correct it, or delete it"
    with pytest.raises(WorkspaceError, match=f"^{line}$"):
        roll_back(third)
    assert champion(third) == "3"


# Other test faces


@pytest.mark.slow
def test_a_challenger_of_other_test_faces_is_refused_with_what_to_do(root, monkeypatch, capsys):
    add_version(root, "other", model("hs", truth="hs"))
    status, out, err = emopipe(monkeypatch, capsys, "promote")
    first, second = (digest_of_test_faces(each)[:8] for each in (model(OLD), model("hs", truth="hs")))
    assert (status, out) == (1, "")
    assert err == (
        f"emopipe: version 1 (cnn) was evaluated on 360 test faces ({first}), but version 3 (other) was evaluated on "
        f"60 test faces ({second}): evaluate both on one table of faces, a registered version by `emopipe reevaluate "
        "VERSION`, another model by `dvc repro` with the same data"
    )
    assert champion(root) == "1"
    assert "emopipe.verdict" not in tags(root, "3")


@pytest.mark.slow
def test_a_champion_that_was_evaluated_again_is_compared_on_the_new_faces(root):
    add_version(root, "old", model(OLD, 0.58))
    add_version(root, "new", model("hsfhs", 0.99, truth="hsfhs"))
    client, _ = connect(root)
    client.set_registered_model_alias("emopipe", "champion", "3")
    run_id = client.get_model_version("emopipe", "3").run_id
    log_later_predictions(client, run_id, model("hhhhs", 0.58, truth="hsfhs"))
    done = promote(root, PARAMS)
    assert (done.comparison.num_faces, done.moved, champion(root)) == (150, True, "4")


# Faults


def fails(*_, **__):
    raise ConnectionError("gone\nfor lunch")


@pytest.mark.slow
@pytest.mark.parametrize("call", ["set_registered_model_alias", "set_model_version_tag", "download_artifacts"])
def test_a_store_that_fails_leaves_the_alias(root, monkeypatch, call):
    from mlflow import MlflowClient

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, fails)
        with pytest.raises(WorkspaceError) as error:
            promote(root, PARAMS)
    assert str(error.value) == ("MLflow fails, so the champion is unchanged: check mlflow.db (gone for lunch)")
    assert champion(root) == "1"
    assert promote(root, PARAMS).moved, "and it can be done again"


@pytest.mark.slow
def test_a_champion_that_changes_meanwhile_is_not_overwritten(root, monkeypatch):
    add_version(root, "third", model(OLD, 0.58))
    client, _ = connect(root)
    real = type(client).set_model_version_tag

    def meanwhile(self, name, version, key, value):
        real(self, name, version, key, value)
        client.set_registered_model_alias("emopipe", "champion", "3")

    with monkeypatch.context() as patch:
        patch.setattr(type(client), "set_model_version_tag", meanwhile)
        with pytest.raises(WorkspaceError) as error:
            promote(root, PARAMS, "2")
    assert str(error.value) == (
        "the champion has become version 3 meanwhile, so nothing was moved: run the command again"
    )
    assert champion(root) == "3"


@pytest.mark.slow
def test_a_version_without_predictions_or_evidence_is_refused(root):
    add_version(root, "empty", None)
    run_id = connect(root)[0].get_model_version("emopipe", "3").run_id
    with pytest.raises(WorkspaceError) as error:
        promote(root, PARAMS)
    assert str(error.value) == (
        f"run {run_id} of empty keeps no {PREDICTIONS}: in its state of the project, run "
        "`dvc repro --force --single-item evaluate@empty`"
    )
    connect(root)[0].delete_model_version_tag("emopipe", "3", "emopipe.latency_ms")
    with pytest.raises(WorkspaceError) as error:
        promote(root, PARAMS)
    assert str(error.value) == (
        "version 3 has no emopipe.latency_ms: in its state of the project, run "
        "`dvc repro --force --single-item register`"
    )
    assert champion(root) == "1"


@pytest.mark.slow
def test_nothing_registered_is_one_line(root):
    connect(root)[0].delete_registered_model("emopipe")
    with pytest.raises(WorkspaceError, match=r"^no model is registered: run `dvc repro`$"):
        promote(root, PARAMS)


def test_a_server_that_is_down_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(WorkspaceError, match=r"^MLflow fails, so the champion is unchanged: check [^\n]*$"):
        promote(tmp_path, PARAMS)


# The documentation


@pytest.mark.parametrize(
    "words",
    [words for words in shown((ROOT / "docs" / "promotion.md").read_text(encoding="utf-8")) if words[0] != "dvc"],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_command_of_the_documentation_exists(words):
    assert words[0] == "emopipe"
    assert is_leaf(words[1:])


def test_the_documentation_names_every_condition_of_the_rule():
    text = (ROOT / "docs" / "promotion.md").read_text(encoding="utf-8")
    for field in fields(PARAMS.promote):
        assert field.name == "resamples" or f"`{field.name}" in text, field.name
