"""Frames per second of the page in a browser, with no, one and three faces in view.

`python benchmarks/web.py` after `make repro runtime`. The page computes with one thread. The CPU time of the
renderer per frame is printed too, as other load on the machine does not change it.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import psutil
from selenium.webdriver.common.by import By

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import load, open_browser, wait, write_clip
from projects import ROOT
from scenes import scene

BUNDLE, SECONDS, RATE = ROOT / "exports", 20, 30
PLACES = ((30, 60), (180, 30), (330, 160))
ROWS = "return new Set([...document.querySelectorAll('#faces > li')].map((card) => card.dataset.face)).size"


def main() -> None:
    """Print a row for each number of faces."""
    print(f"{'faces':>5} {'frames/s':>9} {'ms/frame':>9} {'CPU ms/frame':>13}")
    for num_faces in (0, 1, 3):
        rate, milliseconds, cpu = measure(num_faces)
        print(f"{num_faces:>5} {rate:>9.1f} {milliseconds:>9.0f} {cpu:>13.0f}", flush=True)


def measure(num_faces: int) -> tuple[float, float, float]:
    """Frames per second, median milliseconds from a frame to its faces, and CPU milliseconds per frame."""
    picture = cv2.resize(scene(*PLACES[:num_faces], width=480, height=360), (640, 480))
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.y4m", [picture] * RATE, rate=RATE)
        with open_browser(Path(folder), camera=clip, more=["--use-fake-ui-for-media-stream"]) as driver:
            load(driver, BUNDLE)
            driver.execute_script(COUNT)
            driver.find_element(By.ID, "camera").click()
            wait(driver, lambda: driver.execute_script(ROWS) == num_faces and driver.execute_script("return window.n"))
            renderers = [
                process
                for process in psutil.Process(driver.service.process.pid).children(recursive=True)
                if "--type=renderer" in process.cmdline()
            ]
            before, start, first = _cpu(renderers), time.monotonic(), driver.execute_script("return window.n.length")
            time.sleep(SECONDS)
            spent, used = time.monotonic() - start, _cpu(renderers) - before
            counted = driver.execute_script("return window.n")[first:]
    return len(counted) / spent, sorted(counted)[len(counted) // 2], 1000 * used / len(counted)


COUNT = """
window.n = [];
new MutationObserver(() => {
  const found = /· (\\d+) ms/.exec(document.getElementById("status-text").textContent);
  if (found) window.n.push(Number(found[1]));
}).observe(document.getElementById("status-text"), { childList: true });
"""


def _cpu(processes: list[psutil.Process]) -> float:
    """CPU time in seconds."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    main()
