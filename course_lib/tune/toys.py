"""Things small enough to count by hand: layer shapes, and an encoder of one id a character."""

from __future__ import annotations

import re

from course_lib.template import END, START

C: dict[str, dict[str, int]] = {
    "1.8b": {
        "vocab": 92544, "hidden": 2048, "layers": 24, "heads": 16, "kv_heads": 8, "inter": 8192,
    },
    "7b": {
        "vocab": 92544, "hidden": 4096, "layers": 32, "heads": 32, "kv_heads": 8, "inter": 14336,
    },
    "20b": {
        "vocab": 92544, "hidden": 6144, "layers": 48, "heads": 48, "kv_heads": 8, "inter": 16384,
    },
    "tiny": {"vocab": 32, "hidden": 8, "layers": 2, "heads": 2, "kv_heads": 1, "inter": 16},
}  # fmt: skip
"""The layer shapes of InternLM2 and 2.5 by size, as in lesson 01."""
PARAMETERS = {"1.8b": 1889110016, "7b": 7737708544, "20b": 19861149696}
"""Parameters of each size, counted in lesson 01."""
NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
)  # fmt: skip
"""The 16 levels of 4-bit NormalFloat (QLoRA, arXiv 2305.14314, appendix E)."""
MARKERS = {START: 92543, END: 92542}
"""The two markers of a turn with InternLM2's ids."""


def toy_enc(text: str) -> list[int]:
    """Return the ids of ``text``: InternLM2's for the markers, ``ord`` for other characters."""
    pieces = re.split("(" + "|".join(map(re.escape, MARKERS)) + ")", text)
    return [
        one
        for piece in pieces
        for one in ([MARKERS[piece]] if piece in MARKERS else map(ord, piece))
    ]
