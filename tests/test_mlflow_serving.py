"""`mlflow models serve` as a process of its own, with a registered version of a made-up model, and requests to it."""

import base64
import http.client
import json
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from emopipe.export.runtime import Bundle
from emopipe.faces.png import encode_png
from projects import ROOT, environment
from registries import champion_store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code

DOCUMENTATION = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
FACE = encode_png(np.random.default_rng(0).integers(0, 256, (48, 48, 1), dtype=np.uint8))
PATIENCE = 300
"""Seconds; no test waits for it unless the server hangs."""


@pytest.fixture(scope="module")
def port(bundle, tmp_path_factory):
    """The port of a server of the champion, which knows the project only from what is kept with the version."""
    root = tmp_path_factory.mktemp("store")
    with champion_store(root, bundle, FACE):
        pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    (command,) = re.findall(r"^\$ (mlflow models serve .*)$", DOCUMENTATION, re.MULTILINE)
    words = shlex.split(command)[1:]
    words[words.index("--port") + 1] = str(number)
    store = {"PYTHONPATH": "", "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}"}
    with (
        (root / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words], cwd=root, env=environment(root, **store), stdout=log, stderr=log
        ) as server,
    ):
        try:
            wait_for(number, server, root / "log")
            yield number
        finally:
            server.terminate()


def wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            if request(port, "GET", "/ping")[0] == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def request(port: int, method: str, path: str, body: str | None = None):
    """Status, and what came back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def ask(port: int, *images: str):
    """What the model says of pictures that are given as text."""
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[image] for image in images]}})
    status, answer = request(port, "POST", "/invocations", body)
    return status, json.loads(answer)


def test_a_base64_picture_is_answered_with_its_label_and_probabilities(port, bundle):
    text = base64.b64encode(FACE).decode()
    status, answer = ask(port, text, text)
    assert status == 200
    model = Bundle(bundle)
    expected = model.predict_encoded([FACE])[0]
    first, second = answer["predictions"]
    assert first == second
    assert list(first) == ["label", *model.classes]
    assert [first[name] for name in model.classes] == pytest.approx(expected.tolist(), abs=1e-6)
    assert first["label"] == model.classes[int(expected.argmax())]


@pytest.mark.parametrize("text", [base64.b64encode(b"no picture").decode(), "", base64.b64encode(FACE[:100]).decode()])
def test_what_is_no_picture_is_the_askers_fault_and_named_in_a_line(port, text):
    status, answer = ask(port, base64.b64encode(FACE).decode(), text)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer["message"].splitlines()[-1] == (
        "Error: image 1: the bytes do not decode as an image; expected PNG, JPEG, BMP or WebP, over HTTP in base64"
    )
    assert "Traceback" not in answer["message"]
    assert "stack_trace" not in answer


@pytest.mark.parametrize("text", ["no base64!", "a"])
def test_what_is_no_base64_is_refused(port, text):
    status, answer = ask(port, text)
    assert status == 400
    assert answer["error_code"] in ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("body", ['{"dataframe_split": {"columns": ["picture"], "data": [["a"]]}}', "[]", "{", "{}"])
def test_a_request_that_is_not_understood_is_refused(port, body):
    status, answer = request(port, "POST", "/invocations", body)
    assert status == 400
    assert json.loads(answer)["message"]


def test_the_commands_of_the_documentation_ask_this_server(port, tmp_path):
    (tmp_path / "face.png").write_bytes(FACE)
    lines = re.findall(r"^\$ (.*face\.json.*)$", DOCUMENTATION, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["echo", "curl"]
    script = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", "\n".join(lines))
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ask(port, base64.b64encode(FACE).decode())[1]
