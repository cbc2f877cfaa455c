"""What a training text is: characters, and how much each counts in the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from course_lib.template import END, Message


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of a text weigh ``weight`` in the loss."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Document:
    """A text for training; characters in no span weigh 0."""

    text: str
    spans: tuple[Span, ...]


KEY_WEIGHT = 4.0
"""How much a word that decides a reply weighs: the others only repeat what stands before."""


@dataclass(frozen=True)
class Sample:
    """A dialogue of one skill.

    ``expected`` is what the last reply is judged by (see ``evaluate.py``): the reply itself
    unless the skill says otherwise. Replies before turn ``trained_from`` carry no loss; in
    ``keys`` stand turns and the words that decide them.
    """

    skill: str
    turns: tuple[Message, ...]
    expected: str = ""
    trained_from: int = 0
    keys: tuple[tuple[int, str], ...] = ()

    @property
    def prompt(self) -> tuple[Message, ...]:
        """Return the turns before the last reply."""
        return self.turns[:-1]

    @property
    def reply(self) -> str:
        """Return the last reply."""
        return self.turns[-1].content

    @property
    def answer(self) -> str:
        """Return what the last reply is judged by."""
        return self.expected or self.reply

    def document(self) -> Document:
        """Return the rendered dialogue; the assistant's words and their end markers weigh 1."""
        text, spans = "", []
        for number, turn in enumerate(self.turns):
            text += turn.head
            if turn.role == "assistant" and number >= self.trained_from:
                spans += self._spans(number, len(text))
            text += f"{turn.content}{END}\n"
        return Document(text, tuple(spans))

    def _spans(self, number: int, start: int) -> Iterator[Span]:
        """Yield the weights of the reply in turn ``number``, which begins at ``start``."""
        reply = self.turns[number].content + END
        marks = [(reply.rindex(words), len(words)) for turn, words in self.keys if turn == number]
        here = 0
        for at, length in sorted(marks):
            if at > here:
                yield Span(start + here, start + at, 1.0)
            yield Span(start + at, start + at + length, KEY_WEIGHT)
            here = at + length
        yield Span(start + here, start + len(reply), 1.0)


@dataclass
class Prose:
    """Plain text in the making: known words weigh 1, invented ones (names, numbers) little.

    Nobody can guess an invented name at its first mention, so there its loss is only noise.
    """

    text: str = ""
    spans: list[Span] = field(default_factory=list)
    invented_weight: float = 0.1

    def add(self, words: str, invented: Sequence[str] = ()) -> Prose:
        """Append ``words``; those in ``invented`` weigh little where they first stand."""
        start = len(self.text)
        self.text += words
        marks = []
        for word in {word for word in invented if word}:
            at = self.text.find(word)
            if at >= start:
                marks.append((at, at + len(word)))
        for left, right in sorted(marks):
            if left < start:  # inside a word already marked
                continue
            self._span(start, left, 1.0)
            self._span(left, right, self.invented_weight)
            start = right
        self._span(start, len(self.text), 1.0)
        return self

    def _span(self, start: int, end: int, weight: float) -> None:
        if end > start:
            self.spans.append(Span(start, end, weight))

    def document(self) -> Document:
        """Return the text with its weights."""
        return Document(self.text, tuple(self.spans))
