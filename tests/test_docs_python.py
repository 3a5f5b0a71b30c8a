"""Each Python block of the documentation runs as it stands: on a small bundle, a store and a DVC project."""

import ast
import re

import pytest
from PIL import Image

from emopipe.core.files import write_parquet
from emopipe.core.state import StageState
from emopipe.faces.table import faces_to_arrow
from emopipe.tracking.registration import register
from emopipe.tracking.registry import example_face
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import local_uri
from face_tables import faces_of
from projects import ROOT
from registries import PARAMS, new_store
from scenes import scene, write_bundle

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^(?:<!-- not run: (\S.*) -->\n)?```python\n(.*?)^```$", re.M | re.S)
"""The reason why a block is not run, if there is one, and its code."""
BLOCKS = {
    f"{page.relative_to(ROOT)} {number}": code
    for page in PAGES
    for number, (reason, code) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
    if not reason
}
WITH_A_SERVER = {"docs/serving.md 1": "test_serve.py", "docs/team.md 1": "team.py"}
"""Blocks that the tests of a server run."""
CLEAN = "build/clean.parquet"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A registered model, the table of faces in DVC, and images."""
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("project")
    (root / "build").mkdir()
    faces = faces_of("train dark A", "val bright B", "test dark C", "test bright D", "test medium E")
    write_parquet(root / CLEAN, faces_to_arrow(faces))
    (root / "face.png").write_bytes(example_face())
    Image.fromarray(scene((100, 100))).save(root / "photo.jpg")
    bundle = write_bundle(root / "exports")
    Repo.init(str(root), no_scm=True).close()
    with Repo(str(root)) as repo:
        (stage,) = repo.add([str(root / CLEAN)])
        state = StageState("train@cnn", {}, {CLEAN: stage.outs[0].hash_info.value})
    new_store(root)
    with ModelRun(root, "cnn", state, PARAMS).start() as run:
        run.complete()
        run.log_model_metrics({"val/macro_f1": 0.5}, CLEAN)
        register(bundle, run, example_face(), {})
    return root, run.connection()[1]


def run_block(code: str, names: dict) -> object:
    """The value of the last expression."""
    *statements, last = ast.parse(code).body
    exec(compile(ast.Module(statements, []), "<documentation>", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<documentation>", "eval"), names)
    return exec(compile(ast.Module([last], []), "<documentation>", "exec"), names)


def is_a_prediction(value, _):
    assert list(value.columns) == ["label", "dark", "medium", "bright"]
    assert len(value) == 1


def names_the_faces(_, printed):
    assert re.search(r"(dark|medium|bright) \[", printed)


def is_the_model(value, _):
    ((name, kind, metrics),) = value[["name", "model_type", "metrics"]].to_numpy()
    assert (name, kind, [metric.value for metric in metrics]) == ("cnn", "classifier", [0.5])


def is_an_evaluation(value, _):
    assert value.metrics["example_count"] == 3


EXPECTED = {
    "docs/README.md 1": is_a_prediction,
    "docs/live.md 1": names_the_faces,
    "docs/mlflow.md 1": is_the_model,
    "docs/mlflow.md 2": is_an_evaluation,
}
"""Blocks that are run here, and what becomes of them."""


@pytest.mark.parametrize("name", EXPECTED)
def test_a_block_runs_as_it_stands(name, project, monkeypatch, capsys):
    root, run_id = project
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", local_uri(root))
    code = BLOCKS[name].replace("sqlite:////path/to/emopipe/mlflow.db", local_uri(root))
    value = run_block(code, {"run_id": run_id})
    EXPECTED[name](value, capsys.readouterr().out)


def test_every_block_is_run_or_marked():
    assert BLOCKS.keys() == EXPECTED.keys() | WITH_A_SERVER.keys(), "run it, or write <!-- not run: why --> above it"
    for name, file in WITH_A_SERVER.items():
        page = name.split()[0].removeprefix("docs/")
        assert f'"{page}"' in (ROOT / "tests" / file).read_text(encoding="utf-8")
