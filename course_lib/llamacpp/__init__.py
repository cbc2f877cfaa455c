"""llama.cpp, which runs in the environment of the tool ``llamacpp``, without torch.

There :mod:`course_lib.llamacpp.export` writes its files, :mod:`course_lib.llamacpp.engine` runs
them, and two jobs do that for lesson 04 and for ``camp mini bench``.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Where the tool's Python finds this package."""
EXPORT, SAVINGS, BENCH = (f"{__name__}.{name}" for name in ("export", "savings_job", "bench_job"))
"""What it runs there."""
KINDS = {16: "F16", 8: "Q8_0", 4: "Q4_0"}
"""llama.cpp's name of numbers that take so many bits.

Q8_0 and Q4_0 share a 16-bit scale, and no zero, among 32 numbers: 34 and 18 bytes.
"""
