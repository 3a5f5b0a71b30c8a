"""Take screenshots of MLflow's pages of this project: the runs, their comparison, a run, the model and a version.

`python tools/mlflow_screenshots.py FOLDER`, while `emopipe ui` runs; needs Chromium and its driver.
"""

import sys
import time
from pathlib import Path

from selenium.webdriver.remote.webdriver import WebDriver

from emopipe.core.state import project_root
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.ui import MODELS, share_view
from emopipe.tracking.versions import all_versions

ROOT = Path(__file__).parents[1]
ADDRESS = "http://localhost:5000"
TRAINING = "workflowType=machine_learning"  # else MLflow shows the side for language models
SETTLED = 6
"""Seconds for the charts of a page to be drawn."""


def pages() -> dict[str, str]:
    """Addresses by the name of the page."""
    client, experiment = connect(project_root())
    runs = [run.info.run_id for run in client.search_runs([experiment], MODELS)]
    listed = ",".join(f'"{run}"' for run in runs[:4])
    version = all_versions(client)[-1]
    table = share_view(client, experiment)
    return {
        "runs": table,
        "charts": f"{table}&compareRunsMode=CHART",
        "comparison": f'#/compare-runs?runs=[{listed}]&experiments=["{experiment}"]',
        "run": f"#/experiments/{experiment}/runs/{version.run_id}?{TRAINING}",
        "run-metrics": f"#/experiments/{experiment}/runs/{version.run_id}/model-metrics?{TRAINING}",
        "models": f"#/experiments/{experiment}/models?{TRAINING}",
        "registered": f"#/models/{NAME}",
        "version": f"#/models/{NAME}/versions/{version.version}",
    }


def save(driver: WebDriver, folder: Path) -> None:
    """A PNG per page."""
    for name, page in pages().items():
        driver.get("about:blank")  # another fragment alone would not load the page again
        driver.get(f"{ADDRESS}/{page}")
        time.sleep(SETTLED)
        driver.save_screenshot(str(folder / f"mlflow-{name}.png"))


def main(folder: Path) -> None:
    """Write the screenshots to `folder`."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import open_browser

    folder.mkdir(parents=True, exist_ok=True)
    with open_browser(folder, more=["--window-size=1600,1000"]) as driver:
        save(driver, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
