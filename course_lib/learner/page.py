"""The page that ``camp lab`` opens: the list of lessons with the learner's own state.

``lessons.ipynb`` in the kit's folder is a notebook with one cell, whose output is there without a
kernel; run the cell and it is drawn anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text, current_language
from course_lib.learner.home import Home, find_home
from course_lib.learner.overview import read_overview
from course_lib.learner.view import overview_html

PAGE = "lessons.ipynb"
_TITLE = Text(
    "# 课程\n\n点开一课，从上往下运行每个单元。运行下面这一格，进度就会更新。",
    "# Lessons\n\nOpen a lesson and run its cells from top to bottom. Run the cell below and your "
    "progress is drawn anew.",
)
_CODE = "from course_lib.learner.page import lessons\n\nlessons()"


def lessons() -> None:
    """Display the list of lessons with the learner's own state."""
    from IPython.display import HTML, display

    display(HTML(overview_html(read_overview(find_home()))))


def write_page(home: Home) -> str:
    """Write the page anew and return its name; the plain list where there is none to write.

    A page that somebody edited stays as it is.
    """
    path = home.path / PAGE
    plain = "notebooks/README.md"
    try:
        html = overview_html(read_overview(home))
        if not _is_ours(path):
            return PAGE
        write_atomic(path, json.dumps(_notebook(html), ensure_ascii=False, indent=1) + "\n")
    except (CampError, OSError):  # no list of lessons, or a folder that cannot be written
        return plain if (home.path / plain).is_file() else "notebooks"
    return PAGE


def _is_ours(path: Path) -> bool:
    """Tell whether the page is as it was written, or not there."""
    if not path.exists():
        return True
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return False
    return sources in [[title, _CODE] for title in (_TITLE.zh, _TITLE.en)]


def _notebook(html: str) -> dict[str, object]:
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": html, "text/plain": "camp status"},
    }
    code = {
        "cell_type": "code", "id": "lessons", "execution_count": None, "source": _CODE,
        "outputs": [output], "metadata": {"jupyter": {"source_hidden": True}},
    }  # fmt: skip
    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": str(_TITLE)}
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {
        "cells": [title, code],
        "metadata": {"kernelspec": kernel, "course": {"page": current_language()}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
