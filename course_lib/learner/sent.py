"""What was handed in: one file for each submission in ``.camp/submissions/LESSON``."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from course_lib.bundle import Submission
from course_lib.files import write_atomic
from course_lib.learner.home import Home


class Receipt(BaseModel):
    """What an inbox says of a submission that it keeps.

    Attributes:
        id: its name in the inbox.
        learner: whose it is, by the inbox's own list.
        lesson: name of the lesson.
        cohort: the learner's, by the inbox's own list.
        number: of the submission, as the inbox counts.
        sha256: of the bundle.
        received: when, by the inbox's clock.
        place: where it lies, as the inbox says it.
        queue: its place among those of the cohort who waited for feedback on the lesson.
        signature: the inbox's, over the rest.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    learner: str
    lesson: str
    cohort: str = ""
    number: int
    sha256: str
    received: AwareDatetime
    place: str = ""
    queue: int
    signature: str


class Delivery(BaseModel):
    """One way that a submission went."""

    model_config = ConfigDict(frozen=True)
    to: str
    time: AwareDatetime
    receipt: Receipt | None = None


class Sent(BaseModel):
    """A submission, and where it went.

    Attributes:
        submission: its ``submission.json``.
        sha256: of the bundle.
        deliveries: where it went besides ``submissions/``.
    """

    model_config = ConfigDict(frozen=True)
    submission: Submission
    sha256: str
    deliveries: tuple[Delivery, ...] = ()


def bundle_path(home: Home, lesson: str, learner: str, number: int) -> Path:
    """Return where a bundle lies."""
    return home.bundles / f"{lesson}-{learner}-{number}.zip"


def _folder(home: Home, lesson: str) -> Path:
    return home.state / "submissions" / lesson


def last_sent(home: Home, lesson: str) -> Sent | None:
    """Return the last submission of a lesson; None before the first."""
    return next(reversed(all_sent(home, lesson)), None)


def all_sent(home: Home, lesson: str) -> list[Sent]:
    """Return the submissions of a lesson by their numbers, as far as they can be read."""
    found = []
    for number in sorted(_numbers(home, lesson)):
        with contextlib.suppress(OSError, ValidationError):
            raw = (_folder(home, lesson) / f"{number}.json").read_bytes()
            found.append(Sent.model_validate_json(raw))
    return found


def _numbers(home: Home, lesson: str) -> list[int]:
    names = [one.stem for one in _folder(home, lesson).glob("*.json")]
    return [int(one) for one in names if re.fullmatch("[0-9]+", one)]


def next_number(home: Home, lesson: str) -> int:
    """Return a number that no submission of a lesson has, as records or bundles tell."""
    name = re.compile(rf"{re.escape(lesson)}-.+-(\d+)\.zip")
    taken = _numbers(home, lesson)
    files = home.bundles.iterdir() if home.bundles.is_dir() else ()
    taken += [int(found[1]) for one in files if (found := name.fullmatch(one.name))]
    return max(taken, default=0) + 1


def remember(home: Home, sent: Sent) -> None:
    """Keep what was handed in."""
    path = _folder(home, sent.submission.lesson) / f"{sent.submission.number}.json"
    write_atomic(path, sent.model_dump_json(indent=1) + "\n")
