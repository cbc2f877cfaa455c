"""``camp mini bench``: load time, first token, speed, memory; llama.cpp beside it where it is."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from course_lib.errors import CampError
from course_lib.language import Text

PROMPT = "请写一个300字的小故事，主角是小兔子，地点是森林。"
GGUF = "model.gguf"


@dataclass(frozen=True)
class Timing:
    """Medians over the runs: seconds, tokens per second, and the process's peak memory in MiB."""

    engine: str
    load_seconds: float
    first_token_seconds: float
    tokens_per_second: float
    memory: float


_TRANSFORMERS = """
import json, resource, sys, time
UNIT = 2**20 if sys.platform == "darwin" else 2**10
import torch, transformers
from course_lib import chat
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
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT
print(json.dumps([load, reply.first_token_seconds, reply.tokens_per_second, peak]))
"""
_LLAMA_CPP = """
import json, resource, sys, time
UNIT = 2**20 if sys.platform == "darwin" else 2**10
from llama_cpp import Llama
path, prompt, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3])
began = time.perf_counter()
model = Llama(path, n_threads=1, n_ctx=2048, verbose=False)
load = time.perf_counter() - began
times, began = [], time.perf_counter()
for _ in model(prompt, max_tokens=tokens, temperature=0, stream=True):
    times.append(time.perf_counter() - began)
speed = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT
print(json.dumps([load, times[0], speed, peak]))
"""


def _run(engine: str, code: str, arguments: list[str], runs: int) -> Timing:
    """Return the medians of ``runs`` fresh processes of one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    rows = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=environment,
        )
        if done.returncode:
            raise CampError(f"{engine}: {done.stderr.strip().splitlines()[-1]}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return Timing(engine, *(statistics.median(column) for column in zip(*rows, strict=True)))


def without_llama_cpp(folder: Path) -> str:
    """Return why llama.cpp is not in the table, in one line; "" when it is."""
    if importlib.util.find_spec("llama_cpp") is None:
        text = Text(
            "没有 llama.cpp 那一行：这个环境里没有 llama_cpp",
            "no row for llama.cpp: llama_cpp is not installed here",
        )
        return str(text)
    if (folder / GGUF).is_file():
        return ""
    text = Text(
        f"没有 llama.cpp 那一行：{folder} 里没有 {GGUF}（本课不做转换）",
        f"no row for llama.cpp: {folder} holds no {GGUF} (the course makes none)",
    )
    return str(text)


def measure(folder: Path, tokens: int, runs: int) -> list[Timing]:
    """Return the timings of transformers and, if it and a GGUF file are there, of llama.cpp."""
    timings = [_run("transformers", _TRANSFORMERS, [str(folder), PROMPT, str(tokens)], runs)]
    if not without_llama_cpp(folder):
        gguf = str(folder / GGUF)
        timings.append(_run("llama.cpp", _LLAMA_CPP, [gguf, PROMPT, str(tokens)], runs))
    return timings


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
