"""Which model answers: the project's, the chosen one, or the one that comes with emopipe."""

import json

import pytest

from emopipe.core.errors import ModelError
from emopipe.inference.choice import Choice, default_model, describe, local_models, use_model
from emopipe.inference.model import RELEASED_FOLDER, bundle_folder, open_model
from projects import ROOT, run
from scenes import drawn_faces, write_bundle

DATA = {"files": ["faces.csv"], "drawn": False, "num_training_faces": 1200}


def emopipe(folder, *words):
    return run(folder, "emopipe", *words, PYTHONPATH=ROOT / "src")


def exported(root, **description):
    """An exported model in `root`, with further entries in its model.json."""
    path = write_bundle(root / "exports") / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | description))


def test_the_released_model_answers_without_another(tmp_path):
    assert default_model(tmp_path) == Choice("released")
    with bundle_folder("released") as folder:
        assert folder == RELEASED_FOLDER


def test_the_exported_model_answers_unless_its_faces_are_drawn(tmp_path):
    exported(tmp_path, data=DATA)
    assert default_model(tmp_path) == Choice("exports")
    exported(tmp_path, data=DATA | {"drawn": True})
    assert default_model(tmp_path) == Choice("released", "exports/ is trained on drawn faces: --model exports uses it")
    exported(tmp_path)
    assert default_model(tmp_path) == Choice("exports"), "a bundle of an older version"


def test_a_chosen_model_answers_until_the_choice_is_taken_back(tmp_path):
    exported(tmp_path, data=DATA)
    use_model(tmp_path, "released")
    assert default_model(tmp_path) == Choice("released", "chosen with `emopipe model use released`")
    use_model(tmp_path, None)
    use_model(tmp_path, None)
    assert default_model(tmp_path) == Choice("exports")


def test_a_damaged_choice_or_description_is_an_error_of_one_line(tmp_path):
    (tmp_path / ".emopipe-model").write_bytes(b"\xff")
    with pytest.raises(ModelError, match="remove it, or name a model with --model"):
        default_model(tmp_path)
    (tmp_path / ".emopipe-model").unlink()
    write_bundle(tmp_path / "exports")
    for content in ("{", "[]"):
        (tmp_path / "exports" / "model.json").write_text(content)
        assert default_model(tmp_path) == Choice("exports"), "whose opening says what is wrong"
        assert local_models(tmp_path)["exports"] == {}


def test_a_model_is_described_by_what_is_known_of_it():
    known = {
        "architecture": {"name": "cnn"},
        "data": DATA | {"drawn": True},
        "test": {"num_faces": 300, "accuracy": 0.9234, "macro_f1": 0.9, "ece": 0.02},
    }
    assert describe(known) == "cnn, trained on 1,200 drawn faces of faces.csv, test accuracy 0.923"
    assert describe({}) == "unknown network"


@pytest.mark.slow
def test_the_commands_name_list_and_change_the_model(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "face.png"), drawn_faces()[0])
    exported(tmp_path, data=DATA)
    first = emopipe(tmp_path, "predict", "--crops", "face.png")
    assert first.stderr.startswith("emopipe: model exports (unknown network, trained on 1,200 faces of faces.csv)\n")
    listed = emopipe(tmp_path, "model", "list").stdout.splitlines()
    assert [line[:10].strip() for line in listed] == ["released", "* exports"]
    used = emopipe(tmp_path, "model", "use", "released")
    assert used.stdout == "default model: released (in .emopipe-model)\n"
    assert "; chosen with `emopipe model use released`\n" in emopipe(tmp_path, "predict", "--crops", "face.png").stderr
    unknown = emopipe(tmp_path, "model", "use", "nothing")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert emopipe(tmp_path, "model", "use").stdout == "default model: exports\n"


def test_the_released_model_is_whole_and_small():
    files = {path.name: path.stat().st_size for path in RELEASED_FOLDER.iterdir()}
    assert set(files) == {"MODEL_CARD.md", "model.int8.onnx", "model.json", "model.onnx"}
    assert sum(files.values()) <= 10_000_000
    model = open_model("released", num_threads=1)
    assert set(model.description["sha256"]) == {"model.onnx", "model.int8.onnx"}
    assert not model.description["data"]["drawn"]
    assert 0 < model.uncertain_below < 1
    assert model.predict(drawn_faces()).shape == (4, 7)
