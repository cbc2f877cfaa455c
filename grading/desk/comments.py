"""Comments that TAs use again, by criterion of a rubric: ``comments.yml`` of a course.

The file is a list that TAs may also edit by hand::

    - lesson: 01_intro
      cell: note_hello_intern
      criterion: 1        # of the rubric, from 1; 0 is for the whole cell
      zh: 数字都有来源。
      en: Every number has its source.

One language is enough; the page adds entries at the end and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import yaml
from filelock import FileLock, Timeout
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Language
from grading.course import Course
from grading.forms import Criterion

FILE_NAME = "comments.yml"
_HEAD = """\
# Comments that TAs use again. criterion: of the rubric, from 1; 0 is for the whole cell.
# zh or en or both. The desk page adds entries at the end.
"""
MAX_WORDS = 2000  # characters of one comment
_WAIT = 10  # seconds, for another TA who writes
_Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_WORDS)]


class Saved(BaseModel):
    """One comment to use again."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    lesson: str
    cell: str
    criterion: int = Field(default=0, ge=0)
    zh: _Words = ""
    en: _Words = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.zh or self.en):
            raise ValueError("give zh or en")
        return self

    def words(self, language: Language) -> str:
        """Return the comment in a language, or in the other if it has only that."""
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


_SAVED = TypeAdapter(tuple[Saved, ...])


@dataclass(frozen=True)
class Judged:
    """What a TA decided on one criterion."""

    criterion: Criterion
    points: float
    words: str


def read_saved(course: Course) -> tuple[Saved, ...]:
    """Return the course's comments.

    Raises:
        CampError: the file cannot be read, or an entry is wrong.
    """
    file = course.path / FILE_NAME
    try:
        return _parse(file, file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise CampError(f"cannot read {file}: {error}") from None


def _parse(file: Path, text: str) -> tuple[Saved, ...]:
    try:
        return _SAVED.validate_python(yaml.safe_load(text) or ())
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise CampError(f"{file} is not valid YAML, mend it there: {where}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = "entry " + ".".join(
            str(part + 1 if isinstance(part, int) else part) for part in first["loc"]
        )
        reason = first["msg"].removeprefix("Value error, ")
        raise CampError(f"{file}: {place}: {reason}; mend it and try again") from None


def save(course: Course, comment: Saved) -> bool:
    """Add a comment to the course's file; false when it has that already.

    Raises:
        CampError: the file is damaged or ends in no list; it stays as it is.
    """
    file = course.path / FILE_NAME
    course.state.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(course.state / "comments.lock", timeout=_WAIT):
            known = read_saved(course)
            if comment in known:
                return False
            text = file.read_text(encoding="utf-8") if file.exists() else _HEAD
            entry = comment.model_dump(exclude_defaults=True)
            added = yaml.safe_dump([entry], allow_unicode=True, sort_keys=False)
            text = text + ("" if text.endswith("\n") else "\n") + added
            try:
                whole = _parse(file, text) == (*known, comment)
            except CampError:
                whole = False
            if not whole:
                raise CampError(f"{file} does not end in its list: add the comment there by hand")
            write_atomic(file, text)
    except Timeout:
        raise CampError(f"another TA is writing {file}: try again") from None
    return True


def compose(judged: Sequence[Judged], rest: str, language: Language) -> str:
    """Return the comment that a learner reads: a line for each criterion, then the rest."""
    lines = [_line(one, language) for one in judged]
    return "\n".join(lines) + ("\n\n" if lines and rest.strip() else "") + rest.strip()


def _line(one: Judged, language: Language) -> str:
    name = one.criterion.text.in_language(language)
    points = f"{one.points:g}/{one.criterion.points:g}"
    words = " ".join(one.words.split())
    colon, stop = ("：", "。") if language == "zh" else (": ", ". ")
    return f"- {name}{colon}{points}{stop + words if words else ''}"
