"""A real browser for tests of the page: Chromium or Chrome with its driver, and a clip as its camera.

Shapes: H, W height and width of a frame.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

from emopipe.inference.web.site import RUNTIME, RUNTIME_FILES
from projects import ROOT, environment

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = os.environ.get("EMOPIPE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
DRIVER = os.environ.get("EMOPIPE_BROWSER_DRIVER") or shutil.which("chromedriver")
REQUIRED = "EMOPIPE_BROWSER_TESTS"
"""Set to `required`, as in CI, a missing browser is a failure."""
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",  # blocks the browser's own requests too
    "--window-size=1280,1000",
)
PATIENCE = 120  # seconds, for a busy machine


def require_browser() -> None:
    """Skip the test, with the reason, if it cannot run."""
    missing = [name for name, path in (("chromium or google-chrome", BROWSER), ("chromedriver", DRIVER)) if not path]
    if not all((RUNTIME / name).exists() for name in RUNTIME_FILES):
        missing.append("the browser runtime (`make runtime`)")
    if missing:
        reason = f"missing: {', '.join(missing)}"
        (pytest.fail if os.environ.get(REQUIRED) == "required" else pytest.skip)(reason)


@contextmanager
def open_browser(folder: Path, *, camera: Path | None = None, more: Sequence[str] = ()) -> Iterator[WebDriver]:
    """A browser with a new profile; downloads go to `folder`, and its camera loops a clip."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    clip = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"] if camera else []
    for argument in (*ARGUMENTS, f"--user-data-dir={folder / 'profile'}", *clip, *more):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def serving(bundle: Path) -> Iterator[str]:
    """Run `emopipe web` on a free port; yields its address."""
    command = [sys.executable, "-m", "emopipe", "web", "--model", str(bundle), "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment(ROOT), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        yield re.fullmatch(r"Open (http://localhost:\d+/) in a browser; Ctrl-C ends it.\n", line)[1]
    finally:
        server.terminate()
        server.communicate(timeout=20)


def load(driver: WebDriver, bundle: Path) -> str:
    """Open the page, wait until it is ready, and stop the server; returns its address."""
    with serving(bundle) as address:
        driver.get(address)
        wait(driver, lambda: text(driver, "status-text") != "" and state(driver) in ("ready", "failed"))
    assert state(driver) == "ready", text(driver, "problem")
    return address


def wait(driver: WebDriver, condition, message: str = "") -> None:
    """Until it holds."""
    WebDriverWait(driver, PATIENCE, poll_frequency=0.05).until(lambda _: condition(), message)


def text(driver: WebDriver, name: str) -> str:
    """The text of the element with this id."""
    return driver.execute_script("return document.getElementById(arguments[0]).textContent", name)


def state(driver: WebDriver) -> str:
    """State of the page: loading, ready, running or failed."""
    return driver.execute_script("return document.getElementById('status').dataset.state")


def write_clip(path: Path, frames: Sequence[np.ndarray], *, rate: int) -> Path:
    """Frames uint8 RGB (H, W, 3) as YUV4MPEG2 in 4:2:0, which Chromium's fake camera reads."""
    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420\n".encode())
        for frame in frames:
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path
