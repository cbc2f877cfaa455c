"""Compares all submissions of a lesson."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.progress import track

from course_lib.errors import CampError, printable
from course_lib.language import Text
from grading.course import STRANGE_ID, Course
from grading.intake import Refused, unreadable
from grading.similar.compare import Alike, Part, find_alike
from grading.similar.handed_in import HandedIn, Handout, read_handed_in, read_handout
from grading.similar.tokens import Tokens, read


@dataclass(frozen=True)
class Findings:
    """What was found in a lesson's submissions.

    Attributes:
        learners: who handed in; ``Alike`` has their places here.
        pairs: the pairs most alike, in order.
        left_out: what could not be read, and whose: for a terminal.
        began: when comparing began, UTC; what came later was not looked at.
    """

    learners: tuple[str, ...]
    pairs: tuple[Alike, ...]
    left_out: tuple[tuple[str, Text], ...]
    began: datetime = field(default_factory=lambda: datetime.now(UTC))


def compare_lesson(course: Course, lesson: str, top: int) -> Findings:
    """Compare all submissions of a lesson and return the ``top`` pairs of learners.

    Nothing of them is run. What cannot be read is left out and said.

    Raises:
        CampError: nobody handed in, or the instructor's notebook cannot be read.
    """
    course.check_lesson(lesson)
    began = datetime.now(UTC)
    handout = read_handout(course, lesson)
    names = course.learners(lesson)
    if not names:
        place = course.submitted("LEARNER", lesson)
        raise CampError(f"no submissions of {lesson}: put each at {place}/")
    left_out: list[tuple[str, Text]] = []
    learners: list[str] = []
    texts: dict[str, dict[int, Tokens]] = defaultdict(dict)
    console = Console(stderr=True)
    hidden = not console.is_terminal
    for name in track(names, escape(lesson), console=console, transient=True, disable=hidden):
        found = _read(course, lesson, name, handout)
        left_out += [(printable(name), remark) for remark in found.remarks]
        for part, text in found.texts.items():
            texts[part][len(learners)] = read(handout.kind(part), text)
        learners.append(name)
    with console.status(str(Text("比较", "comparing"))):
        given = {kind: [read(kind, text) for text in them] for kind, them in handout.given.items()}
        kinds = {part: handout.kind(part) for part in sorted(texts)}
        parts = [Part(part, kind, texts[part], given[kind]) for part, kind in kinds.items()]
        pairs = find_alike(parts, top)
    return Findings(tuple(learners), tuple(pairs), tuple(left_out), began)


def _read(course: Course, lesson: str, learner: str, handout: Handout) -> HandedIn:
    if not course.is_learner_id(learner):
        return HandedIn({}, (STRANGE_ID,))
    try:
        return read_handed_in(course.submitted(learner, lesson), handout)
    except Refused as refusal:
        return HandedIn({}, (refusal.remark,))
    except OSError as error:
        return HandedIn({}, (unreadable(error),))
