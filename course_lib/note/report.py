"""What the note check found, as data: JSON-safe, in both languages."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

from course_lib.language import Text

MIN_HAN = 250
MIN_WORDS = 150
MIN_STAGES = 4
_NOT_LOOKED_AT = ("empty", "too_long", "repetitive")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Finding(_Frozen):
    """One thing to say: ``code`` for programs, ``text`` for people."""

    code: str
    text: Text


class Stage(_Frozen):
    """One stage of the chain and how the note speaks of it.

    Attributes:
        key: name for programs, e.g. ``finetune``.
        name: name for people.
        tools: official names of the tools that the note names.
        written: how the note writes them, where that differs.
        mentioned: whether generic words of the stage occur.
    """

    key: str
    name: Text
    tools: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    mentioned: bool = False

    @property
    def covered(self) -> bool:
        """Whether the stage is tied to an official tool's name."""
        return bool(self.tools)


class Link(_Frozen):
    """The address of the learner's own note; ``problem`` is ``None`` when its form is right."""

    url: str = ""
    place: Text = Text("", "")
    problem: Finding | None = None


class NoteReport(_Frozen):
    """The outcome of :func:`course_lib.note.check_note`; advice, never a mark.

    Attributes:
        reasons: why a TA should look first; with none the note looks complete.
        han: Chinese characters of the learner's own prose.
        words: English words of the same.
        copied: share of the text that is the task's, the template's or the lesson's wording.
        images_alone: images with no text before or after them.
        untouched: nothing but the template, or nothing at all.
        remarks: what to mend or look at; none of them changes the verdict.
    """

    reasons: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    han: int = 0
    words: int = 0
    stages: tuple[Stage, ...] = ()
    link: Link = Link()
    links: tuple[str, ...] = ()
    images: int = 0
    images_alone: int = 0
    copied: float = 0.0
    untouched: bool = False

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> Literal["looks_complete", "to_ta"]:
        """``looks_complete``, or ``to_ta`` when there is a reason."""
        return "to_ta" if self.reasons else "looks_complete"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def covered(self) -> int:
        """How many stages are tied to an official tool's name."""
        return sum(stage.covered for stage in self.stages)

    @property
    def looked_at(self) -> bool:
        """Whether the text was worth looking at stage by stage."""
        return not any(reason.code in _NOT_LOOKED_AT for reason in self.reasons)

    @property
    def coverage(self) -> dict[str, list[str]]:
        """The tools named, by stage: what a TA's summary needs."""
        return {stage.key: list(stage.tools) for stage in self.stages}

    @property
    def length(self) -> Text:
        """How much of it is the learner's own prose."""
        return Text(
            f"{self.han} 个汉字、{self.words} 个英文单词",
            f"{self.han} Chinese characters, {self.words} English words",
        )

    @property
    def headline(self) -> Text:
        """The verdict in one line."""
        zh = f"{self.length.zh}，{self.covered}/{len(self.stages)} 个环节"
        en = f"{self.length.en}, {self.covered} of {len(self.stages)} stages"
        if self.verdict == "looks_complete" and self.link.problem:
            return Text(
                f"👀 正文看起来完整（{zh}），链接不对（见下）；由助教读后给分",
                f"👀 the text looks complete ({en}), its link does not (see below); a TA marks it",
            )
        if self.verdict == "looks_complete":
            return Text(
                f"✅ 看起来完整（{zh}）；由助教读后给分",
                f"✅ looks complete ({en}); a TA reads and marks it",
            )
        counts = Text(f"（{zh}）", f" ({en})") if self.looked_at else Text("", "")
        return Text(
            f"👀 交给助教看{counts.zh}；自动检查从不判不及格",
            f"👀 goes to the TA{counts.en}; this check never fails a note",
        )


def length_share(han: int, words: int) -> float:
    """Return the length as a share of the minimum; both languages add up."""
    return han / MIN_HAN + words / MIN_WORDS
