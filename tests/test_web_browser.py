"""The page in a real browser. Its server stops before the first prediction: see `browser.load`."""

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

from browser import load, open_browser, require_browser, serving, state, text, wait, write_clip
from emopipe.export.graph import export_onnx
from emopipe.export.quantise import quantise
from emopipe.export.runtime import Bundle
from emopipe.inference.recogniser import Recogniser
from emopipe.ingest.sample.generate import draw_faces
from emopipe.training.classifier import Classifier
from emopipe.training.networks import architecture
from emopipe.vision.centerface import CenterFace
from scenes import scene

pytestmark = pytest.mark.slow
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
PLACES = ((30, 60), (180, 30), (330, 160))  # in a picture of 480x360
RATE, SECONDS = 10, 4
ALLOW = "--use-fake-ui-for-media-stream"  # the camera, without asking
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


def resized(picture, width=640, height=480):
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)


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
        resized(scene(*((left + 9 * (i % 4 > 1), top) for left, top in PLACES[:count]), width=480, height=360))
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
    """What the page asked for, by the browser's own log: pairs of address and time, in seconds since 1970.

    The browser itself asks for things too, but not in the page's name.
    """
    log = json.loads(net_log.read_text(encoding="utf-8"))
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    offset = float(log["constants"]["timeTickOffset"])
    asked = [(event.get("params", {}), event["time"]) for event in log["events"] if event["type"] == start]
    named = [(what["url"], at) for what, at in asked if what.get("initiator") == address.rstrip("/")]
    return [(url, (float(at) + offset) / 1000) for url, at in named]


def test_faces_keep_their_ids_and_nothing_is_requested_after_loading(bundle, clip, tmp_path):
    with open_browser(tmp_path, camera=clip, more=[ALLOW, f"--log-net-log={tmp_path / 'net.json'}"]) as driver:
        address = load(driver, bundle)
        loaded = time.time()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(address, timeout=5)
        driver.execute_script(WATCH)
        driver.find_element(By.ID, "camera").click()
        # The camera may begin anywhere in the clip, and a machine may stall for so long that a face counts as new.
        rounds = lambda: whole_rounds(driver.execute_script("return window.seen"))  # noqa: E731
        wait(driver, lambda: any(len(sets) == 2 for sets in rounds()), "no round in which faces keep their numbers")
        one, three = next(sets for sets in rounds() if len(sets) == 2)
        driver.find_element(By.ID, "stop").click()
        rows = table(driver, tmp_path)
    assert len(one) == 1
    assert len(three) == 3
    assert set(one) < set(three), "the first face keeps its number"
    requests = requests_of(tmp_path / "net.json", address)
    asked = {url.removeprefix(address) for url, _ in requests}
    assert asked >= {"app.js", "worker.js", "settings.json", "models/detector.onnx", "models/classifier.onnx"}
    assert [url for url, at in requests if at > loaded] == []
    assert {row["path"] for row in rows} == {"camera"}
    assert {row["face"] for row in rows} >= {"", *map(str, three)}


def whole_rounds(seen):
    """The different sets of faces of each round from none to none: [one face, three faces], if all is well."""
    rounds, current = [], None
    for faces in seen:
        if not faces:
            if current:
                rounds.append(current)
            current = []
        elif current is not None:
            current.append(faces)
    return rounds


@pytest.mark.parametrize("size", [(640, 480), (301, 233), (1000, 700)], ids=str)
@pytest.mark.parametrize("graph", ["fp32", "int8"])
def test_a_photo_gets_the_boxes_and_probabilities_of_python(bundle, int8_bundle, tmp_path, size, graph):
    """Smaller than the input of the detector, twice as large, and a fractional multiple; in colour, with noise."""
    folder = bundle if graph == "fp32" else int8_bundle
    noise = np.random.default_rng(0).integers(-4, 5, (size[1], size[0], 3))
    picture = (resized(scene(*PLACES, width=480, height=360), *size) + noise).clip(0, 255).astype(np.uint8)
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), picture[..., ::-1])
    with open_browser(tmp_path) as driver:
        load(driver, folder)
        driver.find_element(By.ID, "file").send_keys(str(photo))
        wait(driver, lambda: text(driver, "status-text").startswith("Photo"))
        shown = driver.find_elements(By.CSS_SELECTOR, "#faces > li")
        bars = [row.text.split("\n") for card in shown for row in card.find_elements(By.TAG_NAME, "li")]
        rows = table(driver, tmp_path)
    recogniser = Recogniser(Bundle(folder), CenterFace(longest=320), uncertain_below=0.5)
    expected = recogniser.recognise(picture)
    assert len(rows) == len(expected) == 3
    for row, face in zip(rows, expected, strict=True):
        probabilities = [float(row[name]) for name in CLASSES]
        assert probabilities == pytest.approx(face.probabilities.tolist(), abs=0.02)
        box = [float(row[side]) for side in ("left", "top", "right", "bottom")]
        assert box == pytest.approx(face.box, abs=0.5)
        assert row["label"] == face.label
    assert np.ptp([face.probabilities for face in expected], axis=0).max() > 0.1, "the faces differ"
    assert bars == [[name, f"{float(row[name]):.0%}".replace("%", " %")] for row in rows for name in CLASSES]


def test_faces_of_a_video_are_tracked(bundle, tmp_path):
    video = tmp_path / "clip.webm"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"VP80"), RATE, (640, 480))
    for i in range(RATE * SECONDS):
        writer.write(resized(scene((40 + 3 * i, 90), width=480, height=360))[..., ::-1])
    writer.release()
    with open_browser(tmp_path) as driver:
        load(driver, bundle)
        driver.execute_script(WATCH)
        driver.execute_script("document.getElementById('video').defaultPlaybackRate = 0.25")  # for slow machines
        driver.find_element(By.ID, "file").send_keys(str(video))
        wait(driver, lambda: driver.execute_script("return document.getElementById('video').ended"))
        seen = driver.execute_script("return window.seen")
        rows = table(driver, tmp_path)
    assert seen == [[1]]
    lefts = [float(row["left"]) for row in rows]
    assert lefts[-1] - lefts[0] > 60, "it was followed to the right"
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= SECONDS


def test_a_file_that_is_neither_photo_nor_video_gets_a_message(bundle, tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("no picture")
    with open_browser(tmp_path) as driver:
        load(driver, bundle)
        driver.find_element(By.ID, "file").send_keys(str(other))
        wait(driver, lambda: text(driver, "problem"))
        assert text(driver, "problem") == "notes.txt is not a photo or a video that this browser can read."
        assert state(driver) == "ready"


def test_a_missing_camera_gets_a_message(bundle, tmp_path):
    with open_browser(tmp_path, more=[ALLOW]) as driver:
        load(driver, bundle)
        driver.find_element(By.ID, "camera").click()
        wait(driver, lambda: text(driver, "problem"))
        message = text(driver, "problem")
    assert message == "No camera was found. Connect one and press Start camera again, or open a photo or a video."


def test_a_denied_camera_gets_a_message(bundle, clip, tmp_path):
    with open_browser(tmp_path, camera=clip, more=["--deny-permission-prompts"]) as driver:
        load(driver, bundle)
        driver.find_element(By.ID, "camera").click()
        wait(driver, lambda: text(driver, "problem"))
        message = text(driver, "problem")
    assert message.startswith("The camera is blocked for this page. Allow it in the browser's settings for this site")


def test_the_keyboard_starts_and_stops_and_stopping_releases_the_camera(bundle, clip, tmp_path):
    with open_browser(tmp_path, camera=clip, more=[ALLOW]) as driver:
        load(driver, bundle)
        driver.execute_script(WATCH)
        focused = lambda: driver.switch_to.active_element  # noqa: E731
        order = []
        for _ in range(3):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            order.append(focused().text)
        assert order == ["Skip to the controls", "Start camera", "Open photo or video"]
        driver.find_element(By.ID, "camera").send_keys(Keys.ENTER)
        wait(driver, lambda: state(driver) == "running")
        assert focused().text == "Stop"
        live = "return window.streams.map((stream) => stream.getTracks()[0].readyState)"
        assert driver.execute_script(live) == ["live"]
        focused().send_keys(Keys.SPACE)
        assert driver.execute_script(live) == ["ended"]
        assert driver.execute_script("return document.getElementById('video').srcObject") is None
        assert (state(driver), focused().text) == ("ready", "Start camera")


def test_after_loading_the_browser_refuses_the_page_every_connection(bundle, tmp_path):
    code = """
      const done = arguments[0], refused = [];
      document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
      const image = Object.assign(new Image(), { src: "/icon.svg" });
      Promise.allSettled([fetch("/settings.json"), image.decode()])
        .then((all) => setTimeout(() => done([all.map(({ status }) => status), refused.sort()]), 1000));
    """
    with open_browser(tmp_path) as driver, serving(bundle) as address:  # the server is there, and could answer
        driver.get(address)
        wait(driver, lambda: state(driver) == "ready")
        assert driver.execute_async_script(code) == [["rejected", "rejected"], ["connect-src", "img-src"]]


def test_changes_are_announced_to_screen_readers_and_every_control_has_a_name(bundle, clip, tmp_path):
    with open_browser(tmp_path, camera=clip, more=[ALLOW]) as driver:
        load(driver, bundle)
        wait(driver, lambda: text(driver, "announcement").startswith("Ready."))
        driver.find_element(By.ID, "camera").click()
        wait(driver, lambda: text(driver, "announcement").startswith("3 faces in view. Face "))
        driver.execute_cdp_cmd("Accessibility.enable", {})
        nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    assert {role for role, _ in named} >= {"banner", "main", "contentinfo", "status", "region"}
    assert [role for role, name in named if role in ("button", "image", "region", "link", "Video") and not name] == []
    assert {name for role, name in named if role == "button"} >= {"Start camera", "Stop", "Open photo or video"}
