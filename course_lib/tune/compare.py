"""Replies of several models side by side, with the name that matters marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from course_lib.decoding import Sampling
from course_lib.language import Text

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

_CELL = 'style="text-align:left;vertical-align:top;white-space:pre-wrap;max-width:26em"'
_MARK = '<mark style="background:#fbdcc4">'
LONGEST = 80


class SideBySide:
    """What each model said to each question; shows itself in a notebook, prints as text."""

    def __init__(
        self, questions: Sequence[str], replies: Mapping[str, Sequence[str]], name: str
    ) -> None:
        self.questions, self.replies, self.name = questions, replies, name

    def says_name(self, model: str) -> int:
        """Return how many replies of ``model`` have the name."""
        return sum(self.name in reply for reply in self.replies[model])

    def __str__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions):
            lines.append(f"> {question}")
            lines += [f"  {model}: {said[number]}" for model, said in self.replies.items()]
        return "\n".join([*lines, self._summary()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th {_CELL}>{escape(model)}</th>" for model in self.replies)
        rows = "".join(
            f"<tr><td {_CELL}><b>{escape(question)}</b></td>"
            + "".join(f"<td {_CELL}>{self._marked(said[n])}</td>" for said in self.replies.values())
            + "</tr>"
            for n, question in enumerate(self.questions)
        )
        return (
            f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f"<div>{escape(self._summary())}</div>"
        )

    def _marked(self, reply: str) -> str:
        name = escape(self.name)
        return escape(reply).replace(name, f"{_MARK}{name}</mark>")

    def _summary(self) -> str:
        count = len(self.questions)
        said = [f"{model} {self.says_name(model)}/{count}" for model in self.replies]
        return str(
            Text(
                f"回答里有“{self.name}”的：{'，'.join(said)}",
                f"replies that say “{self.name}”: {', '.join(said)}",
            )
        )


def side_by_side(
    questions: Sequence[str], models: Mapping[str, ChatModel], name: str
) -> SideBySide:
    """Ask each model each question, greedily, up to ``LONGEST`` tokens."""
    sampling = Sampling(max_new_tokens=LONGEST)
    replies = {
        label: [bot.chat(question, sampling).text for question in questions]
        for label, bot in models.items()
    }
    return SideBySide(questions, replies, name)
