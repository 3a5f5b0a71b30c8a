"""Great Expectations' Data Docs, made deterministic and self-contained."""

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

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

STYLE = b"""<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .75rem; text-align: left; vertical-align: top; }
.navbar ul, .list-group { list-style: none; padding: 0; }
footer, .card, .cooltip, .modal, a[data-toggle] { display: none; }
.badge { border: 1px solid #8886; border-radius: .5em; padding: 0 .5em; }
pre, code { white-space: pre-wrap; }
.fa-check-circle::before { content: "\\2713"; color: #2a7; }
.fa-times::before { content: "\\2717"; color: #c33; }
.fa-exclamation-triangle::before { content: "\\26a0\\fe0e"; color: #b80; }
</style></head>"""
"""Replaces the remote style sheets."""


def data_docs(context: Any) -> dict[str, bytes]:
    """Render the validations of `expectations.check`: file contents by path."""
    with tempfile.TemporaryDirectory() as folder:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}
        site = {"class_name": "SiteBuilder", "show_how_to_buttons": False, "store_backend": store}
        context.add_data_docs_site("emopipe", {**site, "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}})
        with np.printoptions(legacy="1.25"):  # its formatting parses repr() of numbers
            context.build_data_docs(["emopipe"])
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): _deterministic(path) for path in paths}


def _deterministic(path: Path) -> bytes:
    """The content of a file; of HTML, without what varies or is remote."""
    content = path.read_bytes()
    if path.suffix == ".html":
        for pattern, constant in VARYING.items():
            content = re.sub(pattern, constant, content)
        content = re.sub(REMOTE, b"", content).replace(b"</head>", STYLE, 1)
    return content
