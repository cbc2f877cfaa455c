"""What a training text is: characters, and how much each counts in the loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def weigh(document: Document, places: Iterable[tuple[int, int]], weight: float) -> Document:
    """Return ``document`` whose ``places`` weigh ``weight``, where they lie inside a span."""
    wanted = sorted(places)
    spans: list[Span] = []
    for span in document.spans:
        start = span.start
        for left, right in wanted:
            if start <= left and right <= span.end:
                spans += [Span(start, left, span.weight), Span(left, right, weight)]
                start = right
        spans.append(Span(start, span.end, span.weight))
    return Document(document.text, tuple(span for span in spans if span.start < span.end))


@dataclass(frozen=True)
class Sample:
    """A dialogue of one skill.

    ``expected`` is what the last reply is judged by (see ``evaluate.py``): the reply itself
    unless the skill says otherwise. Replies before turn ``trained_from`` carry no loss.
    """

    skill: str
    turns: tuple[Message, ...]
    expected: str = ""
    trained_from: int = 0

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
                spans.append(Span(len(text), len(text) + len(turn.content) + len(END), 1.0))
            text += f"{turn.content}{END}\n"
        return Document(text, tuple(spans))


def line_ends_weigh(sample: Sample, ends: Sequence[str], weight: float) -> Document:
    """Return a dialogue of one reply whose lines end in ``ends``: they weigh ``weight``.

    The rest of the reply, a list told again, weighs little.
    """
    whole = sample.document()
    places, at = [], whole.spans[0].start
    for line, end in zip(sample.turns[-1].content.split("\n"), ends, strict=True):
        at += len(line) + 1
        places.append((at - 1 - len(end), at - 1))
    light = Document(whole.text, tuple(Span(s.start, s.end, 0.3) for s in whole.spans))
    return weigh(light, places, weight)


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
