"""From passages to an answer: the prompt, the model's words, and whether they are right."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from course_lib import models
from course_lib.mini.rag import HUIXIANGDOU, LLAMA_INDEX
from course_lib.rag.pages import READ, WINDOW, Page, Piece
from course_lib.rag.questions import Question
from course_lib.template import Message
from course_lib.tune.llama import Llama, one_thread

MAX_NEW, _PADDING = 32, 5
_UNKNOWN = ("不知道", "没有提到", "not know", "not in the text")


class Kind(StrEnum):
    """What became of a question."""

    RIGHT = "right"
    UNFAITHFUL = "wrong, not in the passages"
    OTHER = "wrong, though from the passages"
    REFUSED = "says that it does not know"


def prompt(question: str, passages: Sequence[str]) -> str:
    """Return LlamaIndex's prompt for a question and its passages, best first, cut to ``WINDOW``.

    Where they do not fit one call, LlamaIndex makes several instead: see :func:`fits`.
    """
    return LLAMA_INDEX.format(c="\n\n".join(passages)[:WINDOW], q=question)


def huixiangdou_prompt(question: str, pages: Sequence[Page]) -> str:
    """Return HuixiangDou's former prompt for a question and pages, best first, cut to ``READ``."""
    return HUIXIANGDOU.format(c="\n".join(page.text for page in pages)[:READ], q=question)


def fits(asked: str) -> bool:
    """Tell whether camp-mini can read a prompt."""
    return _model().fits([Message("user", asked)])


def fits_one_call(question: str, passages: Sequence[str]) -> bool:
    """Tell whether LlamaIndex puts all passages into one call, and camp-mini can read it.

    It counts characters and keeps room for the reply and a few more (``PromptHelper`` in
    llama_index/core/indices/prompt_helper.py).
    """
    whole = LLAMA_INDEX.format(c="\n\n".join(passages), q=question)
    return len(whole) <= WINDOW - MAX_NEW - _PADDING and fits(whole)


@functools.cache
def _model() -> Llama:
    return Llama.read(models.BUILT_IN["camp-mini"])


def cut_by_tokens(
    pages: Sequence[Page], chunk: Callable[[str, int, int], list[str]], size: int, overlap: int
) -> list[Piece]:
    """Cut pages into pieces of ``size`` camp-mini tokens, wherever that falls.

    Args:
        pages: what is cut.
        chunk: the learner's; it gets a text with one character for each token.
        size: tokens of a piece.
        overlap: tokens that two neighbours share.
    """
    model = _model()
    return [
        Piece(page.name, model.tokenizer.decode([ord(one) for one in part]))
        for page in pages
        for part in chunk("".join(map(chr, model.encode(page.text))), size, overlap)
    ]


def replies(prompts: Sequence[str]) -> list[str]:
    """Return camp-mini's greedy replies to prompts that fit its 2048 tokens."""
    with one_thread():
        turns = [[Message("user", one)] for one in prompts]
        said = _model().replies(turns, MAX_NEW) if turns else []
    return [one.removesuffix("…") for one in said]


def losses(said: str, passages: Sequence[str]) -> list[float]:
    """Return for each passage camp-mini's mean loss of ``said`` as a reply, in nats a token."""
    with one_thread():
        return _model().losses([([Message("user", one)], said) for one in passages])


def judge(question: Question, answer: str, passages: Sequence[str]) -> Kind:
    """Tell whether an answer is right; if not, whether its words come from the passages.

    An answer counts as taken from the passages when what follows its last "是" or " is " stands
    in one of them.
    """
    if question.answer and question.answer in answer:
        return Kind.RIGHT
    if not answer.strip() or any(one in answer for one in _UNKNOWN):
        return Kind.REFUSED
    said = answer.rsplit(" is ", 1)[-1].rsplit("是", 1)[-1].strip(" 。.")
    return Kind.OTHER if said and any(said in one for one in passages) else Kind.UNFAITHFUL


@dataclass(frozen=True)
class Tally:
    """How many of the questions went which way."""

    counts: dict[Kind, int]

    @property
    def total(self) -> int:
        """Return the number of questions."""
        return sum(self.counts.values())


def tally(
    questions: Sequence[Question], answers: Sequence[str], passages: Sequence[Sequence[str]]
) -> Tally:
    """Count what became of all questions."""
    found = dict.fromkeys(Kind, 0)
    for one in zip(questions, answers, passages, strict=True):
        found[judge(*one)] += 1
    return Tally(found)
