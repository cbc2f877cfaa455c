"""What passes a level and what it pays: ``points.yml``, checked on reading."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from course_lib.errors import CampError
from course_lib.language import Text

FILE_NAME = "points.yml"
_OF_THE_KIT = Path(__file__).with_name(FILE_NAME)

_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Points = Annotated[int, Field(gt=0, strict=True)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Model):
    """A text of the rules in both languages."""

    zh: _Word
    en: _Word

    @property
    def text(self) -> Text:
        """The text as messages use it."""
        return Text(zh=self.zh, en=self.en)


class Bonus(Wording):
    """Points on top of a level's credit, for its optional part."""

    points: _Points


class Island(Wording):
    """A group of levels."""

    id: _Word


class Level(Wording):
    """One level of the camp; without a ``lesson`` this kit cannot pay it."""

    id: _Word
    island: _Word
    pays: _Points
    task_file_pays: _Points | None = None
    note: Wording | None = None
    bonus: Bonus | None = None
    excellent: Wording | None = None
    lesson: _Word | None = None
    must: tuple[_Word, ...] = ()


class Certificate(_Model):
    """The island whose levels, all of them, give the certificate."""

    island: _Word


class Rules(_Model):
    """All of ``points.yml``."""

    minimum_percent: Annotated[float, Field(gt=0, le=100)]
    certificate: Certificate
    islands: Annotated[tuple[Island, ...], Field(min_length=1)]
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        islands = [island.id for island in self.islands]
        _refuse_repeats("island", islands)
        _refuse_repeats("level", [level.id for level in self.levels])
        for level in self.levels:
            if level.island not in islands:
                raise ValueError(f"level {level.id} lies on island {level.island}, not in islands")
        if not self.needed_levels:
            raise ValueError(f"certificate.island {self.certificate.island} has no level")
        return self

    @property
    def needed_levels(self) -> tuple[str, ...]:
        """The levels that the certificate needs."""
        island = self.certificate.island
        return tuple(level.id for level in self.levels if level.island == island)

    def level(self, name: str) -> Level:
        """Return the level ``name``.

        Raises:
            CampError: the rules have no such level.
        """
        for level in self.levels:
            if level.id == name:
                return level
        known = ", ".join(level.id for level in self.levels)
        raise CampError(f"no level {name!r} in {FILE_NAME}; take one of {known}")

    def levels_of_lesson(self, lesson: str) -> tuple[Level, ...]:
        """Return the levels that ``lesson`` earns: mostly one; each has its own ``must``."""
        return tuple(level for level in self.levels if level.lesson == lesson)


def _refuse_repeats(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} {repeated[0]} stands there twice")


def load_rules(course: Path | None = None) -> Rules:
    """Return the course's own rules (``course/points.yml``), else those of the kit.

    Raises:
        CampError: the file cannot be read or breaks a rule of its form.
    """
    own = course / FILE_NAME if course else None
    return read_rules(own if own and own.exists() else _OF_THE_KIT)


def read_rules(path: Path) -> Rules:
    """Read and check one file of rules.

    Raises:
        CampError: the file cannot be read or breaks a rule of its form.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CampError(f"cannot read the rules {path}: {error}") from None
    return parse_rules(text, path)


def parse_rules(text: str, path: Path) -> Rules:
    """Check the text of a file of rules, as :func:`read_rules` does.

    Raises:
        CampError: it breaks a rule of its form; ``path`` is where.
    """
    try:
        return Rules.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        if isinstance(error, ValidationError):
            raise _unfit(path, error) from None
        where = " ".join(str(error).split())
        raise CampError(f"{path} is not valid YAML, mend it there: {where}") from None


def _unfit(path: Path, error: ValidationError) -> CampError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    reason = first["msg"].removeprefix("Value error, ")
    return CampError(f"{path}: {place}: {reason}; mend it and run again")
