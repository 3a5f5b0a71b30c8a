"""What `emopipe web` serves: every address with its file, held in memory. Nothing else can be asked for."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emopipe.core.errors import WorkspaceError
from emopipe.export.runtime import GRAPH, Bundle
from emopipe.inference import tracker
from emopipe.vision import centerface, crops, detector
from emopipe.vision.weights import read_weights

PAGE = Path(__file__).parent / "page"
RUNTIME = Path(__file__).parent / "runtime"
RUNTIME_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
"""Of the npm package onnxruntime-web; tools/web_runtime.py brings them."""
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


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    content_type: str


def build_site(bundle: Path, *, longest: int, uncertain_below: float) -> dict[str, Asset]:
    """Every file by the path of its address, such as "/app.js"; "/" is the page.

    `bundle` is the folder of an exported model; the other two are as for `Recogniser` and `CenterFace`. Raises
    `ModelError` when the folder holds no model, `WorkspaceError` when the browser's runtime has not been fetched.
    """
    opened = Bundle(bundle)
    files = {f"/{path.name}": path.read_bytes() for path in sorted(PAGE.iterdir())}
    files |= {f"/runtime/{name}": _runtime(name) for name in RUNTIME_FILES}
    files["/models/detector.onnx"] = read_weights(centerface.WEIGHTS, [centerface.SHA256])
    files["/models/classifier.onnx"] = (bundle / GRAPH).read_bytes()
    settings = _settings(opened, longest, uncertain_below) | {"bytes": _sizes(files)}
    files["/settings.json"] = json.dumps(settings, indent=2).encode()
    site = {address: Asset(content=content, content_type=_type(address)) for address, content in files.items()}
    return {"/": site["/index.html"], **site}


def _settings(bundle: Bundle, longest: int, uncertain_below: float) -> dict[str, Any]:
    """What the page needs to compute as Python does."""
    return {
        "classes": bundle.classes,
        "channels": bundle.channels,
        "margin": crops.MARGIN,
        "uncertain_below": uncertain_below,
        "detector": {"longest": longest, "min_score": detector.MIN_SCORE, "max_overlap": detector.MAX_OVERLAP},
        "tracker": {
            "min_iou": tracker.MIN_IOU,
            "memory": tracker.MEMORY,
            "time_constant": tracker.TIME_CONSTANT,
        },
    }


def _sizes(files: dict[str, bytes]) -> dict[str, int]:
    """Bytes of the large files, by the names that the page has for them: browsers do not tell before the end."""
    large = {
        "wasm": f"/runtime/{RUNTIME_FILES[1]}",
        "detector": "/models/detector.onnx",
        "classifier": "/models/classifier.onnx",
    }
    return {name: len(files[address]) for name, address in large.items()}


def _runtime(name: str) -> bytes:
    try:
        return (RUNTIME / name).read_bytes()
    except FileNotFoundError as error:
        raise WorkspaceError(f"the browser's runtime ({name}) has not been fetched: run `make web` once") from error


def _type(address: str) -> str:
    return TYPES[Path(address).suffix]
