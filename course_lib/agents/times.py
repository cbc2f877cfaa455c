"""What lesson 06's real work took: the questions put to Lagent, and the searches."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.agents.mind import Found
from course_lib.agents.trace import Trace
from course_lib.language import Text


def show_times(traces: Sequence[Trace], searches: Sequence[Found]) -> None:
    """Print the seconds of each, and their sum."""
    rows = (
        (traces, Text(f"问 Lagent：{len(traces)} 个问题", f"questions to Lagent: {len(traces)}")),
        (searches, Text(f"搜索：{len(searches)} 次", f"searches: {len(searches)}")),
    )
    total = 0.0
    for done, what in rows:
        seconds = sum(one.seconds for one in done)
        print(f"{seconds:7.0f} s  {what}")
        total += seconds
    print(Text(f"{total:7.0f} 秒，共 {len(rows)} 步", f"{total:7.0f} s in {len(rows)} steps"))
