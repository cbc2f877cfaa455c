"""Who the learner is: asked once, kept in ``.camp/learner.json``, in every bundle."""

from __future__ import annotations

import sys
import unicodedata

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib.bundle import is_learner_id
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.learner.home import Home

_MAX_NICKNAME = 80
_ASK_ID = Text("你的学员编号（报名表上的）", "your learner's id (from your registration)")
_ASK_NICKNAME = Text("你的昵称", "your nickname")
_MISSING = Text(
    "还不知道你是谁：camp submit 课程 --id 学员编号 --nickname 昵称"
    '（笔记本里：submit("课程", id="学员编号", nickname="昵称")），只要一次',
    "who are you? camp submit LESSON --id YOUR_ID --nickname NAME "
    '(in a notebook: submit("LESSON", id="YOUR_ID", nickname="NAME")), once',
)


class Identity(BaseModel):
    """A learner's id, nickname and cohort."""

    model_config = ConfigDict(frozen=True)
    learner: str = Field(min_length=1)
    nickname: str = Field(min_length=1, max_length=_MAX_NICKNAME)
    cohort: str = Field(default="", max_length=64)


def read_identity(home: Home) -> Identity | None:
    """Return who the learner is; None before the first submission."""
    try:
        return Identity.model_validate_json((home.state / "learner.json").read_bytes())
    except (OSError, ValidationError):
        return None


def settle_identity(
    home: Home, learner: str | None = None, nickname: str | None = None, cohort: str | None = None
) -> Identity:
    """Return who the learner is, and keep it: what is given, else what is known, else asked.

    Raises:
        CampError: an id or nickname that may not be, or there is nobody to ask.
    """
    known = read_identity(home)
    learner = learner or (known and known.learner) or _ask(_ASK_ID)
    learner = unicodedata.normalize("NFC", learner.strip())
    if not is_learner_id(learner):
        what = Text(
            f"学员编号 {learner!r} 不行：只用字母、数字和 . _ @ + -，以字母或数字开头",
            f"the id {learner!r} cannot be: letters, digits and . _ @ + - only, a letter or digit "
            "first",
        )
        raise CampError(str(what), 2)
    nickname = nickname or (known and known.nickname) or _ask(_ASK_NICKNAME)
    nickname = _one_line(nickname, _MAX_NICKNAME, Text("昵称", "nickname"))
    cohort = cohort if cohort is not None else ((known.cohort if known else "") or home.cohort)
    cohort = _one_line(cohort, 64, Text("期", "cohort"), empty=True)
    found = Identity(learner=learner, nickname=nickname, cohort=cohort)
    if found != known:
        write_atomic(home.state / "learner.json", found.model_dump_json(indent=1) + "\n")
    return found


def _ask(question: Text) -> str:
    if not (sys.stdin and sys.stdin.isatty()):
        raise CampError(str(_MISSING), 2)
    try:
        return input(f"{question}: ")
    except EOFError:
        raise CampError(str(_MISSING), 2) from None


def _one_line(text: str, most: int, what: Text, *, empty: bool = False) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if not text.isprintable() or len(text) > most or not (text or empty):
        line = Text(
            f"{what.zh} {text!r} 不行：一行，1 到 {most} 个字",
            f"the {what.en} {text!r} cannot be: one line of 1 to {most} characters",
        )
        raise CampError(str(line), 2)
    return text
