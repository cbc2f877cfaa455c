"""``camp doctor``: what this machine has, what is wrong with it, and the fix for each."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from course_lib import machine, models
from course_lib.doctor import misinstalled, symptoms, tools
from course_lib.doctor.findings import Finding
from course_lib.errors import CampError
from course_lib.language import Text

LOOKS: tuple[Callable[[], list[Finding]], ...] = (
    misinstalled.commands_elsewhere,
    misinstalled.broken_packages,
    tools.unfinished_tools,
    symptoms.held_ports,
    symptoms.low_memory,
    symptoms.low_disk,
    symptoms.proxied_loopback,
    symptoms.wrong_model,
    misinstalled.wrong_kernel,
    symptoms.no_chinese_font,
)


@dataclass(frozen=True)
class Report:
    """The answer of ``camp doctor``, with the home folder shortened to ``~``."""

    versions: dict[str, str]
    machine: dict[str, str]
    findings: list[dict[str, Any]]

    @property
    def wrong(self) -> int:
        """Return how many findings need their fix."""
        return sum(finding["wrong"] for finding in self.findings)


def shorten(text: str) -> str:
    """Return ``text`` with the home folder as ``~``."""
    home = str(Path.home())
    return text if home == "/" else text.replace(home + os.sep, "~" + os.sep)


def examine() -> Report:
    """Look at this machine and its environment; changes nothing, goes nowhere online."""
    return Report(
        versions=machine.versions(),
        machine={
            str(label): shorten(value)
            for label, value in (
                (Text(zh="系统", en="system"), machine.system()),
                (Text(zh="处理器", en="CPU"), machine.processor()),
                (Text(zh="GPU", en="GPU"), _gpu_text()),
                (Text(zh="可用内存", en="free memory"), symptoms.gib(machine.free_memory())),
                (Text(zh="可用磁盘", en="free disk"), symptoms.gib(machine.free_disk(Path.cwd()))),
                (Text(zh="环境", en="environment"), str(misinstalled.own_bin())),
                (Text(zh="模型", en="model"), _model_text()),
            )
        },
        findings=[
            {"what": shorten(str(f.what)), "fix": str(f.fix), "wrong": f.wrong} for f in findings()
        ],
    )


def findings() -> list[Finding]:
    """Return all that is wrong or worth knowing, what is wrong first."""
    return sorted((f for look in LOOKS for f in look()), key=lambda finding: not finding.wrong)


def _model_text() -> str:
    try:
        return str(models.find(say=None))
    except CampError:  # it is among the findings
        return "-"


def _gpu_text() -> str:
    none = Text(zh="没有（课程在 CPU 上可用）", en="none (the course works on the CPU)")
    return "; ".join(machine.gpus()) or str(none)


def as_text(report: Report) -> str:
    """Return the report in Markdown, ready for a bug report."""
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    lines = [f"- {Text(zh='版本', en='versions')}: {versions}"]
    lines += [f"- {label}: {value}" for label, value in report.machine.items()]
    lines.append("")
    fix = Text(zh="解决", en="fix")
    for number, finding in enumerate(report.findings, 1):
        mark = Text(zh="问题", en="wrong") if finding["wrong"] else Text(zh="提示", en="note")
        lines += [f"{number}. **{mark}**: {finding['what']}", f"   {fix}: {finding['fix']}"]
    if report.wrong:
        count = report.wrong
        closing = Text(zh=f"发现 {count} 个问题，见上。", en=f"Wrong: {count}, see above.")
    else:
        closing = Text(zh="一切正常。", en="Nothing is wrong.")
    return "\n".join([*lines, *([""] if report.findings else []), str(closing)])


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what this machine has, what is wrong with it, and the fix for each."""
    report = examine()
    text = json_format.dumps(asdict(report), ensure_ascii=False, indent=1)
    typer.echo(text if json else as_text(report))
    raise typer.Exit(1 if report.wrong else 0)
