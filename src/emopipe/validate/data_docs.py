"""Great Expectations' Data Docs, made deterministic and self-contained."""

import re
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from emopipe.reports.templates import render

RUN_TIME = datetime(1970, 1, 2, 12, tzinfo=UTC)
"""Constant time of every run: the same faces must give the same pages."""

VARYING = {
    rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": b"00000000-0000-0000-0000-000000000000",
    rb"\d{8}T\d{6}\.\d{6}Z": b"19700102T120000.000000Z",
    rb"1970-01-0[123][ T]\d\d:\d\d:\d\d( [^'<]+|Z)": b"1970-01-02 12:00:00 UTC",
}
"""Patterns that vary between runs (element ids, load times, the local zone), and their replacements."""

REMOTE = rb"""<(script|link|img)\b[^>]*(src|href)=["']https?://[^>]*>(\s*</script>)?"""
"""Elements that load from the network; they are removed."""

STYLE = b"<style>\n" + Path(__file__).with_name("data_docs.css").read_bytes() + b"</style></head>"
"""Replaces the remote style sheets."""


POLICY = b"""<head><meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'">"""
"""Great Expectations writes names of classes as HTML: no script of theirs runs, and nothing loads from elsewhere."""


def data_docs(context: Any) -> dict[str, bytes]:
    """Render the validations of `expectations.check`: file contents by path."""
    with tempfile.TemporaryDirectory() as folder:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}
        site = {"class_name": "SiteBuilder", "show_how_to_buttons": False, "store_backend": store}
        context.add_data_docs_site("emopipe", {**site, "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}})
        with np.printoptions(legacy="1.25"):  # its formatting parses repr() of numbers
            context.build_data_docs(["emopipe"])
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        pages = {path.relative_to(folder).as_posix(): _deterministic(path) for path in paths}
    return pages | {"index.html": _index(pages).encode()}


def _index(pages: Iterable[str]) -> str:
    """A page with a link to each; Great Expectations' own is empty without its remote scripts."""
    suites: dict[str, dict[str, list[str]]] = {}
    for page in sorted(page for page in pages if page.endswith(".html") and "/" in page):
        kind, suite = page.removesuffix(".html").split("/")[:2]
        suites.setdefault(suite, {"validations": [], "expectations": []})[kind].append(page)
    return render("validate/data_docs_index.html.j2", suites=suites)


def _deterministic(path: Path) -> bytes:
    """The content of a file; of HTML, without what varies or is remote."""
    content = path.read_bytes()
    if path.suffix == ".html":
        for pattern, constant in VARYING.items():
            content = re.sub(pattern, constant, content)
        content = re.sub(REMOTE, b"", content).replace(b"</head>", STYLE, 1)
        content = content.replace(b"<head>", POLICY, 1)
    return content
