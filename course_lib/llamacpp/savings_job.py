"""Size, speed and answers of GGUF files: ``savings_job.py JOB.json``.

The job names ``ways`` (each a file of weights and the kind of its KV cache), ``questions`` (each
``prompt`` and ``reply``, as ids), ``prompt`` (ids) and ``tokens`` for the speed, ``threads``, and
``out``, where one row for each way goes as JSON.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf

from course_lib.llamacpp.engine import Engine, Written

REPLIES = 5  # to one prompt, for the speed


def sizes(path: str, kv: str) -> tuple[int, float]:
    """Return the bytes of a file's tensors, and of a token's K and V, scales counted."""
    reader = gguf.GGUFReader(path)
    names = ("block_count", "attention.head_count_kv", "attention.key_length")
    layers, heads, size = (reader.get_field(f"llama.{name}").contents() for name in names)
    numbers, taken = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kv]]
    per_token = 2 * layers * heads * size * taken / numbers
    return sum(int(one.n_bytes) for one in reader.tensors), per_token


def measure(path: str, kv: str, job: dict[str, Any]) -> dict[str, Any]:
    """Return what one way takes, the scores of each reply's tokens, and its speed."""
    engine = Engine(path, kv, job["threads"])  # which says best what is wrong with a file
    weights, per_token = sizes(path, kv)
    scores = [engine.scores(one["prompt"], one["reply"]) for one in job["questions"]]
    replies = (engine.write(job["prompt"], job["tokens"]) for _ in range(REPLIES))
    speed = max(map(fastest, replies))
    print(f"{path}, KV {kv}: {weights} bytes, {per_token:g} a token", flush=True)
    return {"weights": weights, "kv": per_token, "scores": scores, "speed": speed}


def fastest(reply: Written) -> float:
    """Return the tokens per second of a reply at its fastest token, by the engine's clock."""
    at = pairwise(zip(reply.tokens, reply.engine, strict=True))
    return max((n - m) / (later - earlier) for (m, earlier), (n, later) in at)


def main(path: Path) -> None:
    """Run the job that a file describes."""
    job = json.loads(path.read_text(encoding="utf-8"))
    rows = [measure(path, kv, job) for path, kv in job["ways"]]
    Path(job["out"]).write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
