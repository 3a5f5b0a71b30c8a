"""The page in a real browser. Its server has ended before anything is recognised: see `browser.load`."""

import csv
import json
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest
import torch
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import load, open_browser, require_browser, state, text, wait, write_clip
from emopipe.exporting.graph import export_onnx
from emopipe.exporting.quantise import quantise
from emopipe.recognition.centerface import CenterFace
from emopipe.recognition.recogniser import Recogniser
from emopipe.sample.generate import draw_faces
from emopipe.serving.bundle import Bundle
from emopipe.training.classifier import Classifier
from emopipe.training.networks import architecture
from scenes import scene

pytestmark = pytest.mark.slow
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
PLACES = ((60, 90), (300, 60), (480, 300))
RATE, SECONDS = 10, 4
COUNTS = (0, 1, 3, 0)  # faces of the clip, for SECONDS each, over and over

# Each different set of faces that the page shows, as somebody sees it; and the streams that it was given.
WATCH = """
window.seen = []; window.streams = [];
const faces = () => [...document.querySelectorAll("#faces > li")].map((card) => Number(card.dataset.face));
new MutationObserver(() => window.seen.push(faces())).observe(document.getElementById("faces"), { childList: true });
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  window.streams.push(await ask(wanted));
  return window.streams.at(-1);
};
"""


@pytest.fixture(scope="module", autouse=True)
def _browser():
    require_browser()


@pytest.fixture(scope="module")
def faces():
    """48 drawn faces, uint8 (48, 48, 48, 1)."""
    return draw_faces((CLASSES * 7)[:48], size=48, seed=1)


@pytest.fixture(scope="module")
def bundle(faces, tmp_path_factory):
    """The real graph of `cnn`, with random weights and the normalisation of drawn faces, made sure of itself."""
    folder = tmp_path_factory.mktemp("bundle")
    torch.manual_seed(0)
    network = architecture("cnn", num_classes=len(CLASSES), size=48, channels=1, max_stride=16)
    classifier = Classifier(network, mean=0.5, std=0.25, views="flip", temperature=0.1).train()
    with torch.no_grad():
        for _ in range(30):
            classifier(torch.from_numpy(faces))
    export_onnx(classifier.eval(), 1, folder / "model.onnx")
    (folder / "model.json").write_text(json.dumps({"classes": CLASSES, "image_channels": 1}))
    return folder


@pytest.fixture(scope="module")
def int8_bundle(bundle, faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    quantise(bundle / "model.onnx", folder / "model.onnx", [faces[:32]])
    (folder / "model.json").write_text((bundle / "model.json").read_text())
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """No face, one, three, none; the first face is the same throughout, and all sway."""
    frames = [
        scene(*((left + 12 * (i % 4 > 1), top) for left, top in PLACES[:count]))
        for count in COUNTS
        for i in range(RATE * SECONDS)
    ]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.y4m", frames, rate=RATE)


def table(driver, folder):
    """The CSV that the page gives, as dicts."""
    driver.find_element(By.ID, "csv").click()
    wait(driver, lambda: list(folder.glob("emotions-*.csv")))
    (path,) = folder.glob("emotions-*.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    path.unlink()
    return rows


def requests_of(net_log, address):
    """What the browser asked of the page's server, by its own log: pairs of address and time (seconds since 1970)."""
    log = json.loads(net_log.read_text(encoding="utf-8"))
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    offset = float(log["constants"]["timeTickOffset"])
    events = [event for event in log["events"] if event["type"] == start and "url" in event.get("params", {})]
    return [(event["params"]["url"], (float(event["time"]) + offset) / 1000) for event in events]


def test_faces_are_counted_and_keep_their_numbers_and_nothing_is_asked_for_after_loading(bundle, clip, tmp_path):
    with open_browser(tmp_path, camera=clip, more=[f"--log-net-log={tmp_path / 'net.json'}"]) as driver:
        address = load(driver, bundle)
        loaded = time.time()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(address, timeout=5)
        driver.execute_script(WATCH)
        driver.find_element(By.ID, "camera").click()
        # The camera may begin anywhere in the clip: wait for a whole round from none to none.
        wait(driver, lambda: whole_rounds(driver.execute_script("return window.seen")))
        seen = driver.execute_script("return window.seen")
        driver.find_element(By.ID, "stop").click()
        rows = table(driver, tmp_path)
    one, three = whole_rounds(seen)[0]
    assert len(one) == 1
    assert len(three) == 3
    assert set(one) < set(three), "the first face keeps its number"
    requests = requests_of(tmp_path / "net.json", address)
    asked = {url.removeprefix(address) for url, _ in requests}
    assert asked >= {"", "app.js", "worker.js", "settings.json", "models/detector.onnx", "models/classifier.onnx"}
    assert [url for url, at in requests if at > loaded] == []
    assert {row["source"] for row in rows} == {"camera"}
    assert {int(row["face"]) for row in rows} >= set(three)


def whole_rounds(seen):
    """[one face, three faces] of each round from none to none; any other change of the faces shows as longer."""
    rounds, current = [], None
    for faces in seen:
        if not faces:
            if current:
                rounds.append(current)
            current = []
        elif current is not None:
            current.append(faces)
    return rounds
