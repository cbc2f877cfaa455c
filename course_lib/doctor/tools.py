"""Tools in environments of their own that are not whole, or of an older kit."""

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
        if found.state is State.READY or not found.folder.exists():
            continue
        half = found.state is State.MISSING
        what = (
            Text(
                f"{name} 没有装完整（{found.folder}）", f"{name} is half installed ({found.folder})"
            )
            if half
            else Text(f"{name} {found.state.text.zh}", f"{name} is {found.state.text.en}")
        )
        findings.append(Finding(what, run(f"camp tools install {name}"), wrong=half))
    return findings
