"""The grader's own HTML pages, from Jinja templates beside this file; every value is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )


def render(template: str, **values: object) -> str:
    """Return a page.

    Args:
        template: its path in ``templates``.
        values: what the template asks for; one that lacks is an error.
    """
    return _templates().get_template(template).render(**values)
