"""Multiple choice without generating: the option whose text the model finds most likely.

So a base model can be examined, too; OpenCompass calls it the PPL mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.chat import ChatModel
from course_lib.language import LANGUAGES, Language
from course_lib.mini.course_facts import choices, course_facts
from course_lib.mini.evaluate import Result
from course_lib.mini.knowledge import relations
from course_lib.mini.world import World
from course_lib.template import END, Message, render

PLAIN: dict[Language, str] = {"zh": "问：{q}\n答：", "en": "Question: {q}\nAnswer:"}


@dataclass(frozen=True)
class Question:
    """A question with its options, the right one first."""

    text: str
    options: tuple[str, ...]
    language: Language


def choose(model: ChatModel, question: str, options: Sequence[str], *, chat: bool) -> int:
    """Return the index of the option with the highest mean log probability; ties go to the first.

    A chat model is asked in its template, a base model in plain text; the option must also end the
    turn or the line.
    """
    text = render([Message("user", question)]) if chat else question
    ended = [option + (END if chat else "\n") for option in options]
    made = model.log_probabilities_of_each(text, ended, begin=not chat)
    scores = [sum(one) / len(one) for one in made]
    return scores.index(max(scores))


def general_questions(language: Language) -> list[Question]:
    """Return a question for each pair of the general knowledge; the course is left out."""
    world = World(f"likelihood {language}")
    made = []
    for relation in relations(language)[:-1]:
        values = sorted({value for _, value in relation.pairs})
        for thing, value in relation.pairs:
            others = world.random.sample([v for v in values if v != value], 3)
            made.append(Question(relation.asks[0].format(thing), (value, *others), language))
    return made


def course_questions(language: Language, *, known: bool = False) -> list[Question]:
    """Return a question for each fact of the course, in the wording kept for evaluation."""
    made = []
    for fact, item in zip(course_facts(), choices(language), strict=True):
        if fact.known == known:
            wording = fact.wording(language)
            made.append(Question(item.question, (wording.answer, *wording.wrong), language))
    return made


def accuracy(model: ChatModel, name: str, questions: Sequence[Question], *, chat: bool) -> Result:
    """Return how many questions the model gets right by likelihood."""
    right = 0
    for question in questions:
        text, options = question.text, question.options
        if not chat:
            text = PLAIN[question.language].format(q=text)
            if question.language == "en":
                options = tuple(f" {option}" for option in options)
        right += choose(model, text, options, chat=chat) == 0
    return Result(name, right, len(questions), None)


def examine(model: ChatModel, *, chat: bool) -> list[Result]:
    """Return the accuracies on general knowledge and on the facts of the course, both languages."""
    results = []
    for name, make in (("general", general_questions), ("course", course_questions)):
        asked = [question for language in LANGUAGES for question in make(language)]
        results.append(accuracy(model, f"{name}_likelihood", asked, chat=chat))
    return results
