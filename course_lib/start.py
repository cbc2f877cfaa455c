"""The first cell of a learner's notebook."""

from __future__ import annotations

from course_lib import __version__
from course_lib.language import Text, parse_language, use_language


def start(lesson: str, language: str) -> None:
    """Set the language of every check, quiz and report in this notebook, and say so.

    Args:
        lesson: name of the lesson, e.g. ``01_intro``.
        language: ``zh`` or ``en``.
    """
    use_language(parse_language(language))
    ready = Text("准备好了，从上往下逐个运行单元", "ready; run the cells from top to bottom")
    print(f"intern-camp-kit {__version__} · {lesson} · {ready}")
