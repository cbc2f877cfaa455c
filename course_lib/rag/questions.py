"""Questions on a knowledge base: facts with their answers, people's own wordings, and chat."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.mini.facts import KINDS
from course_lib.rag.pages import Page

_FOLDER = Path(__file__).parent
_ZH = re.compile(r"^(?:- )?([^\s，。的]{1,20})的([^\s，。的]{1,8})[是为]([^，。\n]{1,30})。", re.M)
_EN = re.compile(r"^(?:- )?The ([a-z ]{2,20}) of ([\w.\- ]{2,30}) is ([^\n]{1,40}?)\.?$", re.M)
_ASKS = {
    language: {one.name: one.asks for kind in kinds.values() for one in kind}
    for language, kinds in KINDS.items()
}


@dataclass(frozen=True)
class Question:
    """A question: the page that answers it, and the words that the answer must hold (or none)."""

    text: str
    page: str
    answer: str = ""


def fact_questions(pages: Sequence[Page]) -> list[Question]:
    """Return a question for each line of the form "X的Y是Z。" or "The Y of X is Z."."""
    found = []
    for page in pages:
        for entity, attribute, value in _ZH.findall(page.text):
            asks = _ASKS["zh"].get(attribute, "是多少" if value[0].isdigit() else "是什么")
            found.append(Question(f"{entity}的{attribute}{asks}？", page.name, value))
        for attribute, entity, value in _EN.findall(page.text):
            asks = _ASKS["en"].get(attribute, "What is").replace("是什么", "What is")
            found.append(Question(f"{asks} the {attribute} of {entity}?", page.name, value))
    return found


def fact_lines(pages: Sequence[Page]) -> list[str]:
    """Return the lines that :func:`fact_questions` asks for."""
    return [
        found[0].removeprefix("- ")
        for page in pages
        for form in (_ZH, _EN)
        for found in form.finditer(page.text)
    ]


def asked() -> list[Question]:
    """Return one question for each of the course's pages in the words that people use."""
    with (_FOLDER / "asked.csv").open(encoding="utf-8", newline="") as file:
        return [Question(row["question"], row["page"]) for row in csv.DictReader(file)]


def chat() -> list[str]:
    """Return messages that the knowledge base has nothing to say to."""
    return (_FOLDER / "chat.txt").read_text(encoding="utf-8").splitlines()


def draw(questions: Sequence[Question], count: int, seed: str) -> list[Question]:
    """Return ``count`` of the questions, the same for the same seed, in their old order."""
    chosen = random.Random(seed).sample(range(len(questions)), min(count, len(questions)))  # noqa: S311
    return [questions[number] for number in sorted(chosen)]
