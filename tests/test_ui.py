"""`emopipe ui` shares a view of the table of runs that MLflow's page can read."""

import json
import re
from dataclasses import asdict

import pytest

from emopipe.core.files import read_json
from emopipe.tracking.champion_comparison import OUTCOME_TAG
from emopipe.tracking.naming import SETTING_TAG, flatten
from emopipe.tracking.report import report_metrics
from emopipe.tracking.store import connect
from emopipe.tracking.ui import COLUMNS, TAG, share_view
from projects import ROOT
from registries import PARAMS, add_run, new_store


def test_every_column_is_one_that_runs_have():
    report = read_json(ROOT / "results" / "sample" / "evaluate" / "cnn.json")
    known = {
        "metrics": report_metrics(report, "val") | report_metrics(report, "test"),
        "params": flatten(asdict(PARAMS)),
        "tags": {SETTING_TAG, OUTCOME_TAG},
    }
    for column in COLUMNS:
        kind, name = re.fullmatch(r"(\w+)\.`(.+)`", column).groups()
        assert name in known[kind]


@pytest.mark.slow
def test_the_view_is_saved_with_the_experiment_and_shows_only_models(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = new_store(tmp_path)
    run_id = add_run(root, "cnn", None)
    client, experiment = connect(root)
    where = share_view(client, experiment)
    assert where == f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey=emopipe"
    view = json.loads(client.get_experiment(experiment).tags[TAG])
    assert set(view["columnOrder"]) == set(view["columnWidths"]) == set(view["selectedColumns"])
    order = [f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"]
    assert [run.info.run_id for run in client.search_runs([experiment], view["searchFilter"], order_by=order)] == [
        run_id
    ]
