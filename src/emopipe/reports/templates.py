"""The Jinja environment of all pages and Markdown reports; a template lies beside the module that renders it."""

from functools import cache
from pathlib import Path

import jinja2

ROOT = Path(__file__).parents[1]


def render(template: str, **values: object) -> str:
    """Render a template, named by its path below `emopipe` (`validate/page.html.j2`).

    Values are escaped in HTML. Raises `jinja2.UndefinedError` for a name without a value.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
