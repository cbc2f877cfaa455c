"""What a terminal shows while submissions are graded."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from grading import progress
from grading.grader import Graded
from grading.progress import GradingProgress


def test_it_tells_rate_who_is_slow_and_how_many_need_review(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()

    def console(**_: object) -> Console:
        return Console(file=screen, force_terminal=True, width=160, color_system=None)

    monkeypatch.setattr(progress, "Console", console)
    with GradingProgress("01_toy", 4) as bar:
        for learner, seconds, review in (("ann", 0.1, False), ("[b]bob", 12.4, True)):
            bar.look([learner, "next"])
            bar.advance(Graded("01_toy", learner, seconds=seconds, review=review))
        bar.look(["cat", "dan", "eve"])
        bar.say("once more")
        bar._bar.refresh()
    shown = screen.getvalue()
    assert "2/4" in shown
    assert "/s" in shown
    assert "[b]bob took 12 s" in shown
    assert "ann took" not in shown
    assert "1 need review  cat, dan …" in shown
    assert "01_toy: once more" in shown


def test_where_there_is_no_terminal_it_prints_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=lines, width=160))
    with GradingProgress("01_toy", 33) as bar:
        bar.look(["ann", "bob"])
        assert lines.getvalue().strip() == ""
        bar.advance(Graded("01_toy", "ann", review=True))
        bar._next_line = 0.0
        bar.look(["[b]bob", "cat"])
        bar.look(["cat", "dan"])
    assert lines.getvalue().split("\n")[0] == (
        "01_toy: 1 of 33 graded, 1 need review; now [b]bob, cat"
    )
    assert lines.getvalue().count("graded") == 1
