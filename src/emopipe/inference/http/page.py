"""A page that describes the service from its OpenAPI schema, complete in itself: no script, nothing loaded."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 0.9rem/1.4 ui-monospace, monospace; }
pre { padding: 0.75rem; border: 1px solid; border-radius: 0.4rem; overflow-x: auto; }
table { border-collapse: collapse; } td, th { padding: 0.2rem 1rem 0.2rem 0; text-align: left; vertical-align: top; }
"""
EXAMPLE = """curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' ADDRESS/predict
curl --data-binary @face.png -H 'Content-Type: image/png' 'ADDRESS/predict?crops=true'"""


def page(schema: Mapping[str, Any], content_types: Sequence[str]) -> str:
    """HTML; `schema` is OpenAPI's."""
    return "\n".join(_lines(schema, content_types))


def _lines(schema: Mapping[str, Any], content_types: Sequence[str]) -> Iterator[str]:
    info = schema["info"]
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    yield f"<body><h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
    yield f"<pre>{escape(EXAMPLE)}</pre>"
    yield f"<p>A picture is {', '.join(f'<code>{escape(kind)}</code>' for kind in content_types)}. "
    yield 'For programs: <a href="/openapi.json">the OpenAPI schema</a>.</p>'
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield from _operation(f"{method.upper()} {path}", operation)
    for name, model in schema["components"]["schemas"].items():
        rows = [(field, about.get("description", "")) for field, about in model.get("properties", {}).items()]
        yield f"<h3>{escape(name)}</h3><p>{escape(model.get('description', ''))}</p>{_table(rows)}"
    yield "</body></html>"


def _operation(title: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(title)}</code></h2><p>{escape(operation['summary'])}</p>"
    parameters = operation.get("parameters", [])
    yield _table([(one["name"], one.get("description", "")) for one in parameters])
    yield _table([(status, answer["description"]) for status, answer in operation["responses"].items()])


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = (f"<tr><th><code>{escape(name)}</code><td>{escape(about)}" for name, about in rows)
    return f"<table>{''.join(cells)}</table>" if rows else ""
