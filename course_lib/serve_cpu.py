"""``transformers serve`` with two corrections; ``course_lib.serving`` starts it.

OpenAI's streaming chunks carry ``finish_reason`` from the first on, as null; transformers 5.23
leaves out what is null, and Lagent's client wants to read it. It also drops a message's ``name``,
by which the InternLM2 template tells a tool's result from other turns.
"""

from __future__ import annotations

import json
from typing import Any

from transformers.cli.serving.utils import BaseHandler
from transformers.cli.transformers import main

_plain_inputs = BaseHandler.get_processor_inputs_from_messages


def chunk_to_sse(chunk: Any) -> str:
    """Return a chunk as a server-sent event, each choice with its ``finish_reason``."""
    if isinstance(chunk, str):
        return chunk if chunk.startswith("data: ") else f"data: {chunk}\n\n"
    data = json.loads(chunk.model_dump_json(exclude_none=True))
    for choice in data.get("choices", []):
        choice.setdefault("finish_reason", None)
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def inputs_with_names(messages: list[dict[str, Any]], modality: Any) -> list[dict[str, Any]]:
    """Return the messages as the chat template gets them, each with its ``name`` if it has one."""
    inputs: list[dict[str, Any]] = _plain_inputs(messages, modality)
    for made, message in zip(inputs, messages, strict=True):
        if isinstance(message.get("name"), str):
            made["name"] = message["name"]
    return inputs


setattr(BaseHandler, "chunk_to_sse", staticmethod(chunk_to_sse))  # noqa: B010
setattr(  # noqa: B010
    BaseHandler, "get_processor_inputs_from_messages", staticmethod(inputs_with_names)
)

if __name__ == "__main__":
    main()
