"""Make docs/web.png: the page with three drawn faces of changing expressions, from a fake camera.

`python tools/web_screenshot.py docs/web.png [--scheme light] [--width 390 --height 844]` after `make repro runtime`.
Shapes: S side of a face, H, W height and width of a frame.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from selenium.webdriver.common.by import By

from emopipe.ingest.sample.generate import draw_faces

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import load, open_browser, text, wait, write_clip
from projects import ROOT

SIDE, HEIGHT, WIDTH, RATE = 196, 480, 640, 10
PEOPLE = {  # seed and number of a drawn face: its place, and its expressions in turn
    (1, 1): ((12, 150), ("happy", "surprise", "happy", "neutral")),
    (10, 4): ((222, 120), ("angry", "neutral", "sad", "sad")),
    (4, 0): ((432, 150), ("sad", "sad", "neutral", "disgust")),
}
EXPRESSION, CHANGE = 4.0, 0.8  # seconds


def main() -> None:
    """Serve the model in exports/, play the clip until the chart is full, and take the screenshot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("screenshot", type=Path)
    parser.add_argument("--bundle", type=Path, default=ROOT / "exports")
    parser.add_argument("--scheme", choices=["dark", "light"], default="dark")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=1150)
    parser.add_argument("--seconds", type=float, default=62, help="Time before the screenshot.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = write_clip(folder / "clip.y4m", list(map(frame, range(int(4 * EXPRESSION * RATE)))), rate=RATE)
        with open_browser(folder, camera=clip, more=["--use-fake-ui-for-media-stream"]) as driver:
            size = {"width": options.width, "height": options.height, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            scheme = [{"name": "prefers-color-scheme", "value": options.scheme}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
            load(driver, options.bundle)
            driver.find_element(By.ID, "camera").click()
            time.sleep(options.seconds)
            wait(driver, lambda: text(driver, "count") == "3 in view")
            driver.save_screenshot(str(options.screenshot))
            print(f"{options.screenshot}: {text(driver, 'status-text')}")


def frame(index: int) -> np.ndarray:
    """Frame `index` of the clip, uint8 RGB (H, W, 3): swaying portraits on a soft light."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = 92 + 48 * np.exp(-(((columns - 320) / 360) ** 2) - ((rows - 210) / 240) ** 2)
    picture = np.repeat(light[:, :, None], 3, 2) * (1.02, 1.0, 0.97)
    seconds = index / RATE
    for number, ((left, top), labels) in enumerate(PEOPLE.values()):
        step, within = divmod(seconds, EXPRESSION)
        share = min(within / CHANGE, 1.0)
        before, now = (FACES[number][labels[int(step + back) % len(labels)]] for back in (-1, 0))
        x, y = (round(at + 4 * np.sin(seconds * speed + number)) for at, speed in ((left, 0.8), (top, 1.2)))
        part = picture[y : y + SIDE, x : x + SIDE]
        part += TILE * ((1 - share) * before + share * now - part)
    return picture.clip(0, 255).astype(np.uint8)


def portrait(seed: int, number: int, label: str) -> np.ndarray:
    """Drawn face `number` of `seed` with the expression `label`: float (S, S, 1)."""
    return draw_faces(["neutral"] * number + [label], size=SIDE, seed=seed)[number].astype(float)


def tile() -> np.ndarray:
    """Opacity of a portrait, (S, S, 1): a square with round corners."""
    corner = 18
    across = np.abs(np.arange(SIDE) - (SIDE - 1) / 2) - (SIDE / 2 - corner)
    distance = np.hypot(*np.meshgrid(across.clip(0), across.clip(0)))
    return (corner - distance).clip(0, 1)[:, :, None]


FACES = [{label: portrait(*person, label) for label in set(labels)} for person, (_, labels) in PEOPLE.items()]
TILE = tile()

if __name__ == "__main__":
    main()
