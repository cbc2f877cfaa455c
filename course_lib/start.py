"""The first cell of a learner's notebook."""

from __future__ import annotations

import contextlib

from course_lib import __version__
from course_lib.errors import CampError
from course_lib.language import Text, parse_language, use_language
from course_lib.learner import progress
from course_lib.learner.home import Home


def start(lesson: str, language: str) -> None:
    """Set the language of every check, quiz and report in this notebook, and say so.

    In a notebook of the kit it also shows what the checks said so far; each check that runs later
    draws that anew, and a restart of the kernel loses nothing.

    Args:
        lesson: name of the lesson, e.g. ``01_intro``.
        language: ``zh`` or ``en``.
    """
    use_language(parse_language(language))
    ready = Text("准备好了，从上往下逐个运行单元", "ready; run the cells from top to bottom")
    print(f"intern-camp-kit {__version__} · {lesson} · {ready}")
    if home := progress.begin(lesson):
        _show(home, lesson)


def _show(home: Home, lesson: str) -> None:
    """Show the lesson's progress; nothing that is wrong with it keeps a lesson from starting."""
    from course_lib.learner.lessons import find_lesson, read_lessons
    from course_lib.learner.overview import read_state
    from course_lib.learner.view import show_lesson

    with contextlib.suppress(CampError, OSError):
        row = find_lesson(lesson, read_lessons(home.notebooks))
        progress.listen(show_lesson(lambda: read_state(home, row)))
