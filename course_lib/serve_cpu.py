"""``transformers serve`` with one correction; ``course_lib.serving`` starts it.

OpenAI's streaming chunks carry ``finish_reason`` from the first on, as null; transformers 5.23
leaves out what is null, and Lagent's client wants to read it.
"""

from __future__ import annotations

import json
from typing import Any

from transformers.cli.serving.utils import BaseHandler
from transformers.cli.transformers import main


def chunk_to_sse(chunk: Any) -> str:
    """Return a chunk as a server-sent event, each choice with its ``finish_reason``."""
    if isinstance(chunk, str):
        return chunk if chunk.startswith("data: ") else f"data: {chunk}\n\n"
    data = json.loads(chunk.model_dump_json(exclude_none=True))
    for choice in data.get("choices", []):
        choice.setdefault("finish_reason", None)
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


setattr(BaseHandler, "chunk_to_sse", staticmethod(chunk_to_sse))  # noqa: B010

if __name__ == "__main__":
    main()
