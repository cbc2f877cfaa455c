"""One timing for ``camp mini bench``: ``bench_job.py GGUF PROMPT TOKENS`` prints a list as JSON.

Seconds to load, seconds to the first token, tokens per second, and the process's peak memory, MiB.
"""

from __future__ import annotations

import json
import sys
import time

from course_lib import machine
from course_lib.llamacpp.engine import Engine


def main(path: str, prompt: str, tokens: str) -> None:
    """Load the file and let it write so many tokens."""
    began = time.perf_counter()
    engine = Engine(path)
    load = time.perf_counter() - began
    engine.write(prompt, 2, ends=False)
    made = engine.write(prompt, int(tokens), ends=False)
    speed = (made.tokens[-1] - made.tokens[0]) / (made.seen[-1] - made.seen[0])
    peak = machine.peak_memory() / 2**20
    print(json.dumps([load, made.seen[0], speed, peak]))


if __name__ == "__main__":
    main(*sys.argv[1:])
