"""What came of a submission, as an inbox told: the points, and the feedback page."""

from __future__ import annotations

import re
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from course_lib.bundle import Submission
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.learner.home import Home

_HEAD = 1 << 17  # bytes: the score stands above all that a learner wrote
_SCORE = re.compile(
    rb'<p class="total">[^<>]{1,10} '
    rb"([0-9]{1,6}(?:\.[0-9]{1,2})?) / ([0-9]{1,6}(?:\.[0-9]{1,2})?)</p>"
)


_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_PACKED = re.compile(rb'<p class="submission"><time datetime="([0-9T:.+Z-]{1,40})">')


class Outcome(BaseModel):
    """The result of a lesson whose feedback page came.

    Attributes:
        points: credited for its level; None when the inbox does not tell.
        time: when its page was fetched first.
        packed: when the submission that the page is of was packed; None when it does not say.
    """

    model_config = ConfigDict(frozen=True)
    points: int | None = None
    time: AwareDatetime
    packed: AwareDatetime | None = None

    @property
    def text(self) -> Text:
        """The result in a few words."""
        if self.points is None:
            return Text("反馈已出", "feedback is out")
        return Text(
            f"反馈已出，算力点 {self.points}", f"feedback is out, {self.points} compute points"
        )

    def is_of(self, submission: Submission) -> bool:
        """Tell whether a submission, or a later one, was looked at for this result.

        Of a page that does not say, the time of its coming tells.
        """
        return (self.packed or self.time) >= submission.time


def read_outcome(home: Home, lesson: str) -> Outcome | None:
    """Return the result of a lesson; None while there is none."""
    try:
        return Outcome.model_validate_json((home.state / "results" / f"{lesson}.json").read_bytes())
    except (OSError, ValidationError):
        return None


def keep_outcome(home: Home, lesson: str, outcome: Outcome) -> None:
    """Keep the result of a lesson."""
    path = home.state / "results" / f"{lesson}.json"
    write_atomic(path, outcome.model_dump_json(indent=1) + "\n")


def read_packed(page: bytes) -> datetime | None:
    """Return when the submission of a feedback page, HTML, was packed; None if it does not say."""
    found = _PACKED.search(page[:_HEAD])
    try:
        return _TIME.validate_python(found[1].decode()) if found else None
    except ValidationError:
        return None


def read_score(page: bytes) -> Text | None:
    """Return the score at the head of a feedback page, HTML; None where there is none."""
    if not (found := _SCORE.search(page[:_HEAD])):
        return None
    points, most = (one.decode() for one in found.groups())
    return Text(f"得分 {points} / {most}", f"score {points} / {most}")
