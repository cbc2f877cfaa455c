"""The page of a notebook that was handed in and could not be graded: it says why."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from course_lib.language import Text
from grading.course import Course
from grading.feedback_page import TEMPLATES
from grading.journal import Record

_HEAD = Text("这次提交没能批改", "This submission could not be graded")
_MEND = Text(
    "请改好以后重新提交；有疑问请找助教。",
    "Mend it and hand it in again; if in doubt, ask your TA.",
)
_OURS = Text(
    "评分程序出了错，助教会处理，你不用做什么。",
    "Grading failed on our side; a TA looks at it, and you need do nothing.",
)


def is_refused(record: Record, notebook: str) -> bool:
    """Tell whether ``notebook`` was refused, or missing, when its submission was last graded."""
    graded = any(cell.startswith(f"{notebook}/") for cell in record.points)
    return record.stage == "done" and record.review and not graded


def refused_page(course: Course, learner: str, notebook: str, remarks: Sequence[Text]) -> str:
    """Return the page, in both languages: what cannot be read has none.

    A remark on a fault of the grader's own names files of its machine and is not shown.
    """
    said = [remark for remark in remarks if str(course.path) not in remark.en]
    lines = [*said, _MEND] if said else [_OURS]
    loader = FileSystemLoader(TEMPLATES / "feedback")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("refused.html.j2")
    return template.render(notebook=notebook, learner=learner, head=_HEAD, lines=lines)
