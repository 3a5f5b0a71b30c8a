"""An HTML page that documents the API, from its OpenAPI schema; it has no script and loads nothing."""

from collections.abc import Mapping
from html import escape
from typing import Any

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>emopipe</title>
<meta name="viewport" content="width=device-width">
<style>:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }} th {{ padding-right: 1rem; text-align: left; }}</style>
<h1>emopipe</h1><p>{about}</p>
<pre>curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' ADDRESS/predict
curl --data-binary @face.png -H 'Content-Type: image/png' 'ADDRESS/predict?crops=true'
curl -F image=@photo.jpg ADDRESS/predict</pre>
<p>The types of all values are in the OpenAPI schema, <a href="/openapi.json">/openapi.json</a>.</p>
{operations}"""


def page(schema: Mapping[str, Any]) -> str:
    """HTML for an OpenAPI schema: the parameters and responses of each operation."""
    operations = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            rows = [(item["name"], item.get("description", "")) for item in operation.get("parameters", ())]
            rows += [(status, response["description"]) for status, response in operation["responses"].items()]
            cells = "".join(f"<tr><th><code>{escape(name)}</code><td>{escape(text)}" for name, text in rows)
            title = f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            operations.append(f"{title}<p>{escape(operation['summary'])}</p><table>{cells}</table>")
    return PAGE.format(about=escape(schema["info"]["description"]), operations="\n".join(operations))
