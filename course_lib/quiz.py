"""Quiz items: pick an answer, read why it is right or wrong. Not graded.

The question and its choices are shown as text, with a button for each letter; where none shows,
the same cell called with ``answer="B"`` prints the explanation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from IPython.display import Markdown, display

from course_lib.language import Language, Text, current_language
from course_lib.payload import fold, unfold

LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Choice:
    """One choice of an item, and what to say to a learner who picks it."""

    text: Text
    why: Text
    right: bool = False


@dataclass(frozen=True)
class Item:
    """A question with its choices, exactly one of them right."""

    question: Text
    choices: tuple[Choice, ...]

    def write(self) -> str:
        """Return the item folded into one word, for a notebook cell."""
        texts = [[*_pair(c.text), *_pair(c.why), int(c.right)] for c in self.choices]
        return fold([_pair(self.question), texts])

    @classmethod
    def read(cls, word: str) -> Item:
        """Return the item that ``write`` folded."""
        question, rows = unfold(word)
        choices = (Choice(Text(a, b), Text(c, d), bool(right)) for a, b, c, d, right in rows)
        return cls(Text(*question), tuple(choices))

    def explain(self, letter: str) -> str:
        """Return one line on the choice ``letter``, in the current language."""
        letter = letter.strip().upper()
        index = LETTERS.find(letter) if len(letter) == 1 else -1
        if not 0 <= index < len(self.choices):
            last = LETTERS[len(self.choices) - 1]
            return str(Text(f"请选 A 到 {last}", f"pick one of A to {last}"))
        picked = self.choices[index]
        mark = Text("✅ 对", "✅ right") if picked.right else Text("❌ 不对", "❌ wrong")
        return f"{letter} {mark}{Text('：', ': ')}{picked.why}"

    def comment(self, language: Language) -> str:
        """Return question and choices as Python comments, for a cell's source."""
        rows = (
            f"  {letter}. {choice.text.in_language(language)}"
            for letter, choice in zip(LETTERS, self.choices, strict=False)
        )
        lines = "\n".join([f"❓ {self.question.in_language(language)}", *rows]).split("\n")
        return "\n".join(f"# {line}".rstrip() for line in lines)

    def markdown(self, language: Language) -> str:
        """Return question and choices as Markdown, readable where nothing runs."""
        rows = (
            f"- **{letter}.** {choice.text.in_language(language)}"
            for letter, choice in zip(LETTERS, self.choices, strict=False)
        )
        return "\n".join([f"**❓** {self.question.in_language(language)}", "", *rows])


def _pair(text: Text) -> list[str]:
    return [text.zh, text.en]


def choice(*, zh: str, en: str, why_zh: str, why_en: str, right: bool = False) -> Choice:
    """Describe one choice of an item, for a lesson's source."""
    return Choice(Text(zh, en), Text(why_zh, why_en), right)


def item(*, zh: str, en: str, choices: Sequence[Choice]) -> Item:
    """Describe one item, for a lesson's source.

    Raises:
        ValueError: not two to eight choices, or not exactly one right choice.
    """
    if not 2 <= len(choices) <= len(LETTERS):
        raise ValueError(f"a quiz item has 2 to {len(LETTERS)} choices, not {len(choices)}")
    if sum(c.right for c in choices) != 1:
        raise ValueError("a quiz item has exactly one right choice")
    return Item(Text(zh, en), tuple(choices))


def quiz(name: str, folded: str, answer: str | None = None) -> None:
    """Show one quiz item with its buttons, or explain ``answer``.

    Args:
        name: name of the item.
        folded: the item, folded by the builder.
        answer: a letter; for places without widgets.
    """
    shown = Item.read(folded)
    if answer is not None:
        print(shown.explain(answer))
        return
    call = f'`quiz("{name}", ..., answer="B")`'
    hint = Text(
        f"没有按钮？把这一格改成 {call} 再运行", f"No buttons? Make this cell {call} and run it"
    )
    text = f"{shown.markdown(current_language())}\n\n<small>{hint}</small>"
    display(Markdown(text))
    display(_buttons(shown))


def _buttons(shown: Item) -> Any:
    """Return a button for each choice, with the reply to the one picked below."""
    import ipywidgets as widgets

    buttons = widgets.ToggleButtons(
        options=list(LETTERS[: len(shown.choices)]), value=None, style={"button_width": "3em"}
    )
    reply = widgets.HTMLMath("")

    def picked(change: Mapping[str, Any]) -> None:
        reply.value = escape(shown.explain(change["new"]))

    buttons.observe(picked, names="value")
    return widgets.VBox([buttons, reply])
