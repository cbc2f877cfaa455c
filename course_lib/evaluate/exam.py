"""The course's own exam in C-Eval's format: four subjects on what the lessons teach, and a control.

A fact has two wordings. Training may use the first, ``learn``; the exam asks the second, so that a
higher score is knowledge and not a text learned by heart. What camp-mini learned in its training
(the facts marked ``known``) is left out. The control is the contrary: general knowledge that
camp-mini's training did hold.
"""

from __future__ import annotations

import csv
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.mini.choice import LETTERS
from course_lib.mini.course_facts import course_facts
from course_lib.mini.knowledge import relations
from course_lib.mini.world import is_held_out

PATH = Path(__file__).with_name("facts.csv")
DEV = 5
"""Questions of each subject that are shown as examples."""
CONTROL_SIZE = 40
SUBJECTS = {
    "open_chain": Text("大模型全链路", "the open chain"),
    "fine_tuning": Text("微调", "fine-tuning"),
    "deployment": Text("量化与部署", "quantisation and serving"),
    "applications": Text("智能体与知识库", "agents and RAG"),
}
CONTROL = "general"
"""What camp-mini's training held: only which options go together is new."""
NAMES = {**SUBJECTS, CONTROL: Text("常识", "general knowledge")}
_LESSONS = {
    "open_chain": ("01", "02", "03", "06", "09", "10"),
    "fine_tuning": ("04",),
    "deployment": ("05",),
    "applications": ("07", "08"),
}
_UNSUITED = ("turn-end", "compare-decimals")  # a marker as an option; a skill of camp-mini
COLUMNS = ("id", "question", *LETTERS, "answer")


@dataclass(frozen=True)
class Fact:
    """One fact: two ways to ask, the answer, three wrong ones."""

    subject: str
    learn: str
    exam: str
    answer: str
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question of the exam; ``answer`` is the letter of the right option."""

    subject: str
    id: int
    question: str
    options: tuple[str, ...]
    answer: str

    @property
    def row(self) -> dict[str, str]:
        """Return the question in C-Eval's columns, without ``id``."""
        letters = dict(zip(LETTERS, self.options, strict=True))
        return {"question": self.question, **letters, "answer": self.answer}

    @property
    def right(self) -> str:
        """Return the right option's text."""
        return self.options[LETTERS.index(self.answer)]


@cache
def facts(subject: str) -> tuple[Fact, ...]:
    """Return the facts of a subject; those of the course's own list first."""
    if subject == CONTROL:
        return tuple(_general())
    found = [
        Fact(subject, one.zh.ask[0], one.zh.ask[2], one.zh.answer, tuple(one.zh.wrong))
        for one in course_facts()
        if one.lesson in _LESSONS[subject] and not one.known and one.id not in _UNSUITED
    ]
    with PATH.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["subject"] == subject:
                wrong = tuple(row[f"wrong{number}"] for number in (1, 2, 3))
                found.append(Fact(subject, row["learn"], row["exam"], row["answer"], wrong))
    return tuple(found)


def _general() -> list[Fact]:
    """Return general knowledge with options that training never put together."""
    dice = random.Random(CONTROL)  # noqa: S311
    found = []
    for relation in relations("zh")[:-1]:  # the last is the course
        for thing, value in relation.pairs:
            others = sorted({one for _, one in relation.pairs} - {value})
            wrong: list[str] = []
            while not wrong or not is_held_out(thing + "".join([value, *wrong]), 5):
                wrong = dice.sample(others, 3)
            ask = relation.asks[0].format(thing)
            found.append(Fact(CONTROL, ask, ask, value, tuple(wrong)))
    return dice.sample(found, DEV + CONTROL_SIZE)


@cache
def questions(subject: str) -> tuple[Question, ...]:
    """Return a question for each fact, in an order that is always the same.

    Among the scored ones each letter is right equally often, to one: always A gives 25 %.
    """
    dice = random.Random(subject)  # noqa: S311
    shuffled = list(facts(subject))
    dice.shuffle(shuffled)
    letters: deque[str] = deque()
    made = []
    for number, fact in enumerate(shuffled):
        if not letters or number == DEV:
            letters.clear()
            letters.extend(dice.sample(LETTERS, len(LETTERS)))
        letter = letters.popleft()
        options = dice.sample(fact.wrong, len(fact.wrong))
        options.insert(LETTERS.index(letter), fact.answer)
        made.append(Question(subject, number, fact.exam, tuple(options), letter))
    return tuple(made)


def dev(subject: str) -> tuple[Question, ...]:
    """Return the examples of a subject."""
    return questions(subject)[:DEV]


def val(subject: str) -> tuple[Question, ...]:
    """Return the questions of a subject that are scored."""
    return questions(subject)[DEV:]


def everything() -> list[Question]:
    """Return the scored questions of the four subjects, one subject after the other."""
    return [one for subject in SUBJECTS for one in val(subject)]


def to_csv(rows: Sequence[Question], *, answers: bool = True) -> str:
    """Return questions as C-Eval's CSV; without answers as in its test split."""
    text = StringIO()
    columns = COLUMNS if answers else COLUMNS[:-1]
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for number, one in enumerate(rows):
        writer.writerow({"id": number, **one.row})
    return text.getvalue()


def write(work: Path) -> Path:
    """Write the exam where OpenCompass looks for C-Eval below ``work``; return its folder.

    The test split, whose answers C-Eval keeps to itself, holds the examples again.
    """
    folder = work / "data" / "ceval" / "formal_ceval"
    for subject in NAMES:
        splits = {"dev": dev(subject), "val": val(subject), "test": dev(subject)}
        for split, rows in splits.items():
            path = folder / split / f"{subject}_{split}.csv"
            write_atomic(path, to_csv(rows, answers=split != "test"))
    return folder
