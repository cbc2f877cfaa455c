"""The facts of the course as data, ready for fine-tuning, quizzes and evaluation.

The base model knows only those marked ``known``; the last of a fact's three wordings is kept for
evaluation, so that fine-tuning is measured on a wording it did not see.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from course_lib.language import Language
from course_lib.mini.choice import LETTERS, lay_out

PATH = Path(__file__).with_name("course_facts.yml")


class Wording(BaseModel):
    """A fact in one language: three ways to ask, the answer, three wrong answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: list[str] = Field(min_length=3, max_length=3)
    answer: str
    wrong: list[str] = Field(min_length=3, max_length=3)


class CourseFact(BaseModel):
    """A fact of a lesson, in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    lesson: str
    known: bool = False
    zh: Wording
    en: Wording

    def wording(self, language: Language) -> Wording:
        """Return the fact in ``language``."""
        return self.zh if language == "zh" else self.en


class Choice(BaseModel):
    """A multiple choice question in the columns of C-Eval."""

    question: str
    A: str
    B: str
    C: str
    D: str
    answer: str

    def prompt(self, heading: str = "", end: str = "\n答案: ") -> str:
        """Return the question as a model is asked it."""
        return lay_out(self.question, [self.A, self.B, self.C, self.D], heading, end)


@cache
def course_facts() -> tuple[CourseFact, ...]:
    """Return all facts of the course."""
    raw = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return tuple(TypeAdapter(list[CourseFact]).validate_python(raw))


def conversations(language: Language) -> list[dict[str, list[dict[str, str]]]]:
    """Return the training wordings of all facts as XTuner's ``conversation`` items."""
    items = []
    for fact in course_facts():
        wording = fact.wording(language)
        for ask in wording.ask[:2]:
            items.append({"conversation": [{"input": ask, "output": wording.answer}]})
    return items


def choices(language: Language, *, seed: int = 0, held_out: bool = True) -> list[Choice]:
    """Return a multiple choice question for each fact, in the wording kept for evaluation.

    ``seed`` fixes the order of the options; without ``held_out`` it is the first wording.
    """
    dice = random.Random(seed)  # noqa: S311
    made = []
    for fact in course_facts():
        wording = fact.wording(language)
        options = [wording.answer, *wording.wrong]
        dice.shuffle(options)
        letter = LETTERS[options.index(wording.answer)]
        ask = wording.ask[2 if held_out else 0]
        columns = dict(zip(LETTERS, options, strict=True))
        made.append(Choice(question=ask, answer=letter, **columns))
    return made
