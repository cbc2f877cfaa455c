r"""The InternLM2 chat template: messages to the text that a model reads.

Every turn is ``<|im_start|>role\n...<|im_end|>\n``; a system or environment turn may carry
`` name=<|plugin|>`` or `` name=<|interpreter|>`` (InternLM repository, chat/chat_format.md).
``<s>`` is the tokenizer's business, not the template's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from course_lib.errors import CampError

Role = Literal["system", "user", "assistant", "environment"]
Tool = Literal["plugin", "interpreter"]

START, END = "<|im_start|>", "<|im_end|>"
ACTION_START, ACTION_END = "<|action_start|>", "<|action_end|>"
PLUGIN, INTERPRETER = "<|plugin|>", "<|interpreter|>"
ASSISTANT = f"{START}assistant\n"

JINJA = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] }}"
    "{% if m['name'] in ['plugin', 'interpreter'] %}{{ ' name=<|' + m['name'] + '|>' }}{% endif %}"
    "{{ '\\n' + m['content'] }}"
    "{% if not (loop.last and m['role'] == 'assistant' and add_generation_prompt) %}"
    "{{ '<|im_end|>\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt and messages[-1]['role'] != 'assistant' %}"
    "{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""The same template for a tokenizer's ``chat_template``."""


@dataclass(frozen=True)
class Message:
    """One turn; ``name`` says which kind of tool a system or environment turn is about."""

    role: Role
    content: str
    name: Tool | None = None

    @property
    def head(self) -> str:
        """Return the markers before the turn's content."""
        named = f" name=<|{self.name}|>" if self.name else ""
        return f"{START}{self.role}{named}\n"

    def as_dict(self) -> dict[str, str]:
        """Return the message as OpenAI clients and ``apply_chat_template`` want it."""
        named = {"name": self.name} if self.name else {}
        return {"role": self.role, "content": self.content, **named}


def parse_message(raw: Message | dict[str, Any]) -> Message:
    """Return ``raw`` as a message; an unknown ``name`` is ignored, an unknown role refused."""
    if isinstance(raw, Message):
        return raw
    role, name = raw.get("role"), raw.get("name")
    if role not in get_args(Role):
        raise CampError(f"role {role!r} of a message: use one of {', '.join(get_args(Role))}")
    known = name if name in get_args(Tool) else None
    return Message(cast(Role, role), str(raw.get("content") or ""), known)


def turns_of(
    messages: Sequence[Message | dict[str, Any]], meta: str | None = None
) -> list[Message]:
    """Return ``messages`` as turns.

    ``meta`` becomes a system turn unless the dialogue has one at its head.
    """
    turns = [parse_message(message) for message in messages]
    if meta is not None and (not turns or turns[0].role != "system"):
        turns.insert(0, Message("system", meta))
    return turns


def render(
    messages: Sequence[Message | dict[str, Any]],
    meta: str | None = None,
    *,
    add_generation_prompt: bool = True,
) -> str:
    """Return the text of a dialogue, ready for the assistant's reply.

    ``meta`` is as in :func:`turns_of`. With ``add_generation_prompt`` a last assistant turn stays
    open, so that the model goes on with it.
    """
    turns = turns_of(messages, meta)
    text = "".join(f"{turn.head}{turn.content}{END}\n" for turn in turns)
    if not add_generation_prompt:
        return text
    if turns and turns[-1].role == "assistant":
        return text.removesuffix(f"{END}\n")
    return text + ASSISTANT
