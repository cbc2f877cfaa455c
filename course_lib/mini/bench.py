"""``camp mini bench``: load time, first token, speed, memory; llama.cpp beside it where it is."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from course_lib import llamacpp, toolbox
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.template import Message, render

PROMPT = "请写一个300字的小故事，主角是小兔子，地点是森林。"


@dataclass(frozen=True)
class Timing:
    """Medians over the runs: seconds, tokens per second, and the process's peak memory in MiB."""

    engine: str
    load_seconds: float
    first_token_seconds: float
    tokens_per_second: float
    memory: float


_TRANSFORMERS = """
import json, sys, time
import torch, transformers
from course_lib import chat, machine
from course_lib.decoding import Sampling
torch.set_num_threads(1)
folder, prompt, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3])
chat.load("camp-mini-base")  # transformers imports most of itself with the first model
began = time.perf_counter()
model = chat.load(folder)
load = time.perf_counter() - began
model.ends = set()
model.chat(prompt, Sampling(max_new_tokens=2))
reply = model.chat(prompt, Sampling(max_new_tokens=tokens))
peak = machine.peak_memory() / 2**20
print(json.dumps([load, reply.first_token_seconds, reply.tokens_per_second, peak]))
"""


def _spoken(command: list[str], variables: Mapping[str, str]) -> str:
    """Return the last line that a fresh process of one thread says; CampError with it if failed."""
    one = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | one | dict(variables)
    )
    said = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    if done.returncode or not said:
        raise CampError(said[-1] if said else f"exit code {done.returncode}")
    return said[-1]


def _timing(engine: str, command: list[str], variables: Mapping[str, str], runs: int) -> Timing:
    """Return the medians of ``runs`` fresh processes."""
    rows = [json.loads(_spoken(command, variables)) for _ in range(runs)]
    return Timing(engine, *(statistics.median(column) for column in zip(*rows, strict=True)))


def _llama_cpp(folder: Path, tokens: int, runs: int) -> Timing:
    """Return the timing of the model as GGUF at 16 bits, which is made for it.

    Raises:
        CampError: llama.cpp is not installed, or cannot have this model.
    """
    found = toolbox.need("llamacpp")
    variables = {**found.tool.variables, "PYTHONPATH": str(llamacpp.ROOT)}
    prompt = render([Message("user", PROMPT)])
    with tempfile.TemporaryDirectory() as place:
        gguf = str(Path(place, "model.gguf"))
        run, words = [str(found.python), "-m"], [gguf, prompt, str(tokens)]
        _spoken([*run, llamacpp.EXPORT, str(folder), "16", gguf], variables)
        return _timing("llama.cpp (GGUF)", [*run, llamacpp.BENCH, *words], variables, runs)


def measure(folder: Path, tokens: int, runs: int) -> tuple[list[Timing], str]:
    """Return the timings of transformers and of llama.cpp, or why the latter is missing."""
    command = [sys.executable, "-c", _TRANSFORMERS, str(folder), PROMPT, str(tokens)]
    timings = [_timing("transformers", command, {}, runs)]
    try:
        return [*timings, _llama_cpp(folder, tokens, runs)], ""
    except CampError as error:
        why = Text(f"没有 llama.cpp 那一行：{error}", f"no row for llama.cpp: {error}")
        return timings, str(why)


def table(timings: list[Timing]) -> Table:
    """Return the timings as a table."""
    heads = (
        Text("引擎（1 线程）", "engine (1 thread)"),
        Text("加载 s", "load s"),
        Text("首 token s", "first token s"),
        "token/s",
        Text("内存 MiB", "memory MiB"),
    )
    made = Table(*[str(head) for head in heads])
    for t in timings:
        made.add_row(
            t.engine,
            f"{t.load_seconds:.2f}",
            f"{t.first_token_seconds:.3f}",
            f"{t.tokens_per_second:.0f}",
            f"{t.memory:.0f}",
        )
    return made
