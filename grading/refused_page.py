"""The page of a notebook that could not be graded, or was not handed in: it says why."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.language import Text
from grading.course import Course
from grading.feedback_page import packed_text
from grading.grader import not_handed_in
from grading.journal import Packed, Record
from grading.rendering import render

_HEAD = Text("这次提交没能批改", "This submission could not be graded")
_MEND = Text(
    "请改好以后重新提交；有疑问请找助教。",
    "Mend it and hand it in again; if in doubt, ask your TA.",
)
_HEAD_MISSING = Text("缺这个 notebook", "This notebook is missing")
_MEND_MISSING = Text(
    "其余的已经批改。请把它和其余的一起重新提交；有疑问请找助教。",
    "The others are graded. Hand it in with them again; if in doubt, ask your TA.",
)
_OURS = Text(
    "评分程序出了错，助教会处理，你不用做什么。",
    "Grading failed on our side; a TA looks at it, and you need do nothing.",
)


def refusal(record: Record, notebook: str) -> tuple[Text, ...]:
    """Return why ``notebook`` could not be graded; nothing when it was graded."""
    if record.stage != "done":
        return ()
    if record.refused:
        return record.texts
    if any(cell.startswith(f"{notebook}/") for cell in record.points):
        return ()
    return tuple(text for text in record.texts if text.en.startswith(f"{notebook}.ipynb "))


def refused_page(
    course: Course,
    learner: str,
    notebook: str,
    remarks: Sequence[Text],
    packed: Packed | None = None,
) -> str:
    """Return the page, in both languages: what cannot be read has none.

    A remark on a fault of the grader's own names files of its machine and is not shown.
    """
    said = [remark for remark in remarks if str(course.path) not in remark.en]
    is_missing = said == [not_handed_in(notebook)]
    lines = [*said, _MEND_MISSING if is_missing else _MEND] if said else [_OURS]
    head = _HEAD_MISSING if is_missing else _HEAD
    page = "feedback/refused.html.j2"
    return render(
        page, notebook=notebook, learner=learner, head=head, lines=lines, packed=packed,
        said=packed_text(packed),
    )  # fmt: skip
