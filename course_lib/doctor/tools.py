"""Tools in environments of their own that are not whole, being made, or of an older kit."""

from __future__ import annotations

from course_lib.doctor.findings import Finding, run
from course_lib.language import Text
from course_lib.toolbox.catalogue import tools
from course_lib.toolbox.environments import State, environment


def unfinished_tools() -> list[Finding]:
    """Tools whose installation was interrupted, and those of an older version of the kit."""
    findings = []
    for name, tool in tools().items():
        found = environment(tool)
        state = found.state
        if state in (State.READY, State.MISSING):
            continue
        what = Text(f"{name} {state.text.zh}", f"{name} is {state.text.en}")
        if state is State.BUSY:
            wait = Text("等它结束", "wait until that has ended")
            findings.append(Finding(what, wait, wrong=False))
            continue
        half = state is State.HALF
        if half:
            what = Text(f"{what.zh}（{found.folder}）", f"{what.en} ({found.folder})")
        findings.append(Finding(what, run(f"camp tools install {name}"), wrong=half))
    return findings
