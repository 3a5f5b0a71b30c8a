"""Write libraries.yaml: the pinned versions of the libraries that compute results, as parameters of the stages.

`python tools/libraries.py`, after requirements.lock has changed; `make lock` runs it. DVC then runs a stage again when
a library of its groups has another version.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK, TARGET = ROOT / "requirements.lock", ROOT / "libraries.yaml"
GROUPS = {
    "faces": ("numpy", "opencv-python", "pandas", "pillow", "pyarrow", "scipy"),
    "text": ("charset-normalizer",),
    "neighbours": ("faiss-cpu",),
    "learning": ("cleanlab", "imbalanced-learn", "scikit-learn"),
    "networks": ("onnx", "safetensors", "timm", "torch", "torchvision", "ultralytics"),
    "pages": ("great-expectations", "jinja2"),
    "figures": ("captum", "matplotlib"),
    "runtime": ("onnxruntime",),
    "export": ("onnx", "onnxscript"),
}
HEADER = "# Made by tools/libraries.py from requirements.lock; a stage runs again when one of its groups changes.\n"


def versions(lock: str, name: str) -> str:
    """The pinned version of a package; several where the lock has one for each platform."""
    return ", ".join(sorted(set(re.findall(rf"^{re.escape(name)}==(\S+)", lock, re.MULTILINE))))


def libraries(lock: str) -> str:
    """The content of libraries.yaml for the text of a lock file."""
    lines = [
        line
        for group, names in GROUPS.items()
        for line in (f"{group}:", *(f"  {name}: {versions(lock, name)}" for name in names))
    ]
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(libraries(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
