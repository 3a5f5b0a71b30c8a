"""Names of networks that can be trained, from the sources of timm and ultralytics: to import them takes seconds."""

import difflib
import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)
DEPRECATED = re.compile(r"^register_model_deprecations\(__name__, \{(.*?)\}\)", re.MULTILINE | re.DOTALL)
KEY = re.compile(r"'([^']+)'\s*:")
SUFFIX, SCALES = "-cls", "nsmlx"
"""Of classification networks of ultralytics: `yolov8-cls`, and with a scale `yolov8n-cls`."""


def name_problems(names: Iterable[str]) -> list[str]:
    """A line for each name that cannot be trained here: it is unknown, or its library is not installed."""
    return [problem for name in names if name != "cnn" and (problem := _problem(name))]


def unknown_names(names: Iterable[str]) -> list[str]:
    """A line for each name that an installed library should have and has not."""
    return [unknown_network(name) for name in names if name != "cnn" and _is_known(name) is False]


def unknown_network(name: str) -> str:
    """A line for a name that neither timm nor ultralytics has, with the nearest known ones."""
    plain = name.lower().rpartition("/")[2].partition(".")[0]  # of `timm/resnet18.a1_in1k`, `yolov8n-cls.pt`
    close = difflib.get_close_matches(plain, ["cnn", *timm_names(), *ultralytics_names()], n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
    return f"{name!r} is neither cnn, nor a network of timm, nor of ultralytics; {hint}"


def missing_ultralytics(name: str) -> str:
    """A line for a network of ultralytics where it is not installed."""
    return f"{name} needs ultralytics (AGPL-3.0): `pip install ultralytics`, or remove it"


@cache
def timm_names() -> frozenset[str]:
    """All names that timm registers, deprecated ones included; empty without timm."""
    texts = [path.read_text(encoding="utf-8") for path in _files("timm", "models/*.py")]
    deprecated = (block for text in texts for block in DEPRECATED.findall(text))
    return frozenset(
        [*(name for text in texts for name in REGISTERED.findall(text)), *(KEY.findall("\n".join(deprecated)))]
    )


@cache
def ultralytics_names() -> frozenset[str]:
    """All classification networks of ultralytics; empty without it."""
    stems = [path.stem.removesuffix(SUFFIX) for path in _files("ultralytics", f"cfg/models/*/*{SUFFIX}.yaml")]
    return frozenset(f"{stem}{scale}{SUFFIX}" for stem in stems for scale in ("", *SCALES))


def _problem(name: str) -> str:
    is_known = _is_known(name)
    if is_known is None and name.endswith(SUFFIX):
        return missing_ultralytics(name)
    return "" if is_known else unknown_network(name)


def _is_known(name: str) -> bool | None:
    """Whether its library has the network; None if that is not installed."""
    architecture = name.partition(".")[0]  # timm's names may have a tag of pretrained weights: resnet18.a1_in1k
    known, plain = (ultralytics_names(), name) if name.endswith(SUFFIX) else (timm_names(), architecture)
    return plain in known if known else None


def _files(package: str, pattern: str) -> list[Path]:
    """Files of an installed package, which is not imported."""
    spec = find_spec(package)
    return sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
