"""What the pages for people share: one style, pictures inside the page, and values that are always escaped."""

import base64

import cv2
import jinja2
import numpy as np

from emopipe.faces.png import decode_png, encode_png

THUMBNAIL_SIDE = 128
"""Larger pictures are shown reduced to this many pixels."""

STYLE = """
:root { --ink: #1d2430; --soft: #667085; --line: #e3e7ee; --paper: #fff; --ground: #f5f7fa;
  --good: #177245; --warning: #a15c00; --critical: #b42318; --info: #2f5d9b; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { margin: 0; font-size: 28px; }
h2 { margin: 40px 0 12px; font-size: 20px; }
h3 { margin: 28px 0 2px; font: 600 16px ui-monospace, "Liberation Mono", monospace; }
p { margin: 4px 0 12px; color: var(--soft); }
a { color: var(--info); }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 20px; }
.tile, table, .group { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 18px; }
.tile b { display: block; font-size: 28px; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); }
table { width: 100%; border-collapse: separate; border-spacing: 0; overflow: hidden; }
th, td { padding: 8px 14px; text-align: left; border-top: 1px solid var(--line); }
thead th { border-top: 0; white-space: nowrap; font-size: 13px; font-weight: 600; color: var(--soft); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code, .source { font: 13px ui-monospace, "Liberation Mono", monospace; }
.tag { display: inline-block; padding: 0 9px; border-radius: 99px; font-size: 13px; border: 1px solid currentcolor; }
.good { color: var(--good); } .warning { color: var(--warning); } .critical { color: var(--critical); }
.info { color: var(--info); } .quiet { color: var(--soft); }
.groups { display: flex; flex-wrap: wrap; gap: 12px; }
.group { display: flex; gap: 10px; padding: 10px; align-items: flex-start; flex-wrap: wrap; }
figure { margin: 0; width: 112px; }
figure img { display: block; width: 112px; height: 112px; object-fit: contain; background: var(--ground);
  border-radius: 6px; }
figcaption { margin-top: 4px; font-size: 13px; line-height: 1.3; overflow-wrap: anywhere; }
figcaption .source { font-size: 11px; color: var(--soft); }
.dropped img { opacity: .45; }
.dropped b { text-decoration: line-through; }
"""


def render(template: str, **values: object) -> str:
    """Fill a Jinja2 template, in which `style` is the common style; raises an error for a name without a value."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(template).render(style=STYLE, **values)


def data_uri(png: bytes) -> str:
    """A picture as it can stand in a page."""
    pixels = decode_png(png)
    scale = THUMBNAIL_SIDE / max(pixels.shape[:2])
    if scale < 1:
        png = encode_png(_shrink(pixels, scale))
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _shrink(pixels: np.ndarray, scale: float) -> np.ndarray:
    height, width, channels = pixels.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels)
