"""The page of the API, made from its OpenAPI description: no script, nothing loaded from afar."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ info.title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h2 { font: 600 1rem monospace; margin: 2rem 0 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% } td { padding: .2rem .6rem .2rem 0 }
td:first-child { font-family: monospace; white-space: nowrap; width: 12rem }
tr { border-top: 1px solid #8884; vertical-align: top }
</style></head><body>
<h1>{{ info.title }}</h1>
<p>{{ info.description }} Machines read <a href="openapi.json">openapi.json</a>.</p>
{% for path, operations in paths.items() %}{% for method, one in operations.items() %}
<h2>{{ method | upper }} {{ path }}</h2>
<p>{{ one.description or one.summary }}</p>
<table>
{% for item in one.parameters or [] %}
<tr><td>{{ item.name }}</td><td>{{ item["in"] }}{{ ", required" if item.required }}:
 {{ item.description or "" }}</td></tr>
{% endfor %}
{% for kind in (one.requestBody or {}).get("content", {}) %}
<tr><td>body</td><td>{{ kind }}</td></tr>
{% endfor %}
{% for status, said in one.responses.items() %}
<tr><td>{{ status }}</td><td>{{ said.description }}</td></tr>
{% endfor %}
</table>
{% endfor %}{% endfor %}
</body></html>
"""


def api_page(description: dict[str, Any]) -> str:
    """Return the HTML of an OpenAPI description."""
    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(info=description["info"], paths=description["paths"])
