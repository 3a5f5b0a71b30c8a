"""The files of the page by their addresses, all in memory."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emopipe.core.errors import WorkspaceError
from emopipe.export.runtime import GRAPH, Bundle
from emopipe.inference import tracker
from emopipe.inference.choice import describe
from emopipe.vision import centerface, crops, detector
from emopipe.vision.weights import read_weights

PAGE = Path(__file__).parent / "page"
RUNTIME = Path(__file__).parent / "runtime"
RUNTIME_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
"""Of the npm package onnxruntime-web; tools/web_runtime.py downloads them."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
}
DOWNLOADS = {
    "wasm": f"/runtime/{RUNTIME_FILES[1]}",
    "detector": "/models/detector.onnx",
    "classifier": "/models/classifier.onnx",
}
"""The large files, by the page's names for them; it shows their progress."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    content_type: str


def build_site(bundle: Path, *, longest: int, uncertain_below: float | None) -> dict[str, Asset]:
    """Every file by the path of its address, such as "/app.js"; "/" is the page.

    `bundle`: folder of an exported model; `longest`, `uncertain_below`: as for `open_recogniser`. Raises
    `ModelError` if the folder holds no model, `WorkspaceError` if the runtime has not been downloaded.
    """
    settings = _settings(Bundle(bundle), longest, uncertain_below)
    files = {f"/{path.name}": path.read_bytes() for path in sorted(PAGE.iterdir())}
    try:
        files |= {f"/runtime/{name}": (RUNTIME / name).read_bytes() for name in RUNTIME_FILES}
    except FileNotFoundError as error:
        raise WorkspaceError("the browser runtime has not been downloaded: run `make web` once") from error
    files[DOWNLOADS["detector"]] = read_weights(centerface.WEIGHTS, [centerface.SHA256])
    files[DOWNLOADS["classifier"]] = (bundle / GRAPH).read_bytes()
    settings["bytes"] = {name: len(files[address]) for name, address in DOWNLOADS.items()}
    files["/settings.json"] = json.dumps(settings, indent=2).encode()
    files["/"] = files["/index.html"]
    return {
        address: Asset(content=content, content_type=TYPES[Path(address).suffix or ".html"])
        for address, content in files.items()
    }


def _settings(bundle: Bundle, longest: int, uncertain_below: float | None) -> dict[str, Any]:
    """The constants of the Python modules, for the page's."""
    return {
        "classes": bundle.classes,
        "channels": bundle.channels,
        "margin": crops.MARGIN,
        "model": describe(bundle.description),
        "uncertain_below": bundle.uncertain_below if uncertain_below is None else uncertain_below,
        "detector": {"longest": longest, "min_score": detector.MIN_SCORE, "max_overlap": detector.MAX_OVERLAP},
        "tracker": {
            "min_iou": tracker.MIN_IOU,
            "memory": tracker.MEMORY,
            "time_constant": tracker.TIME_CONSTANT,
        },
    }
