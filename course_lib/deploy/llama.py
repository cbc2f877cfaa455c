"""The same model in llama.cpp: weights and KV cache really lie in few bits, and are computed so.

Activations have 32 bits; before they meet weights of 16 bits they are rounded to 16, before they
meet fewer to 8 in groups of 32 (``vec_dot_type`` in llama.cpp's ggml-cpu.c).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from course_lib import toolbox
from course_lib.deploy import load, savings
from course_lib.deploy.savings import Row
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.llamacpp import KINDS, SAVINGS, running
from course_lib.mini.dialogue import Sample
from course_lib.template import END, render

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

WORK, OUT = Path("lmdeploy-work"), "savings.json"
WAYS = ((16, 16), (8, 16), (4, 16), (16, 8), (16, 4), (4, 4))
"""Bits of weights and of the KV cache."""


def measured(bot: ChatModel, work: Path = WORK) -> dict[str, Row]:
    """Return what llama.cpp measures, by the table's names; nothing where it is not installed.

    Prints in one line who measures.
    """
    if not toolbox.has("llamacpp"):
        print(
            Text(
                "权重 16、8、4 位由 torch 的内核测量（没有装 llama.cpp："
                "在终端运行 camp tools install llamacpp）",
                "weights at 16, 8 and 4 bits are measured with torch's kernels (llama.cpp is not "
                "installed: run `camp tools install llamacpp` in a terminal)",
            )
        )
        return {}
    rows = measure(bot, savings.questions(savings.QUESTIONS), work)
    print(
        Text(
            "16、8、4 位由 llama.cpp 测量，2 位由你的函数",
            "16, 8 and 4 bits are measured with llama.cpp, 2 bits with your functions",
        )
    )
    return {f"W{weights}, KV{kv}": row for (weights, kv), row in zip(WAYS, rows, strict=True)}


def measure(bot: ChatModel, asked: list[Sample], work: Path = WORK) -> list[Row]:
    """Export the model of ``bot`` to ``work`` and measure it on ``asked`` in each of the WAYS.

    Raises:
        CampError: llama.cpp is not installed, or one of its steps failed.
    """
    work.mkdir(parents=True, exist_ok=True)
    files = running.export(bot.folder, work)
    job = {
        "ways": [[files[weights], KINDS[kv]] for weights, kv in WAYS],
        "questions": [
            {
                "prompt": bot.encode(render(one.prompt), begin=False),
                "reply": bot.encode(one.reply + END, begin=False),
            }
            for one in asked
        ],
        "prompt": bot.encode(bot.prompt(load.ASKED), begin=False),
        "tokens": load.TOKENS,
        "threads": torch.get_num_threads(),  # as many as torch takes
        "out": OUT,
    }
    write_atomic(work / "savings-job.json", json.dumps(job), durable=False)
    running.run(SAVINGS, "savings-job.json", files=[OUT], work=work)
    return [_row(one) for one in json.loads((work / OUT).read_text(encoding="utf-8"))]


def _row(found: dict[str, Any]) -> Row:
    losses = [-score for reply in found["scores"] for score, _ in reply]
    right = [all(likeliest for _, likeliest in reply) for reply in found["scores"]]
    perplexity = math.exp(math.fsum(losses) / len(losses))
    return Row(found["weights"], found["kv"], found["speed"], perplexity, sum(right) / len(right))
