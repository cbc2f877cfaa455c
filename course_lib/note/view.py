"""A note's report for people: a table in the terminal, HTML in a notebook, plain text anywhere."""

from __future__ import annotations

import html
from dataclasses import dataclass
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from course_lib.language import Text
from course_lib.note.report import NoteReport, Stage

HEAD = (Text("环节", "stage"), Text("写出的工具", "tools named"), Text("说明", "remark"))
_LEFT = 'style="text-align: left"'
_TITLE = Text("笔记检查", "note check")
_SAVED = Text(
    "读的是 {time} 保存的 {name}：改过之后先保存（Ctrl+S）再运行",
    "this is {name} as saved at {time}: after a change save first (Ctrl+S), then run again",
)


def stage_row(stage: Stage) -> tuple[str, str, str]:
    """Return a stage's row of the table, whose columns are ``HEAD``."""
    if stage.covered:
        written = Text("写作 ", "written ")
        note = f"{written}{', '.join(stage.written)}" if stage.written else ""
        return f"✅ {stage.name}", ", ".join(stage.tools), note
    if stage.mentioned:
        spoken = Text("提到了环节，没写工具名", "stage mentioned, tool not named")
        return f"🔸 {stage.name}", "—", str(spoken)
    return f"⬜ {stage.name}", "—", str(Text("没提到", "not mentioned"))


def facts(report: NoteReport) -> list[str]:
    """Return what else there is to say, one line each, in the current language."""
    lines = [f"👀 {reason.text}" for reason in report.reasons]
    if report.link.url and not report.link.problem:
        form = Text("链接形式没问题", "the link's form is right")
        lines.append(f"🔗 {form} ({report.link.place}): {report.link.url}")
    lines += [f"⚠️ {remark.text}" for remark in report.remarks]
    if report.images and not any(remark.code == "images_alone" for remark in report.remarks):
        shown = Text(f"{report.images} 张图", f"{report.images} images")
        lines.append(f"🖼️ {shown}")
    return lines


def _table(report: NoteReport) -> Table:
    table = Table(title=str(_TITLE), title_justify="left", title_style="bold")
    for head in HEAD:
        table.add_column(str(head), overflow="fold")
    for stage in report.stages:
        table.add_row(*(Styled(cell) for cell in stage_row(stage)))
    return table


def print_report(report: NoteReport, console: Console) -> None:
    """Print the report: the verdict, a table of stages, one line for each thing to say."""
    lines = [str(report.headline), *facts(report)]
    console.print(lines[0], markup=False, highlight=False, soft_wrap=True)
    if report.looked_at:
        console.print(_table(report))
    for line in lines[1:]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class NoteView:
    """What a notebook shows: the report with where it was read, or why there is none."""

    report: NoteReport | None = None
    origin: str = ""
    saved: str = ""
    missing: str = ""

    @property
    def _saved_line(self) -> str:
        return str(_SAVED).format(name=self.origin, time=self.saved)

    def __repr__(self) -> str:
        """Return the report as plain text."""
        if self.report is None:
            return self.missing
        out = StringIO()
        console = Console(file=out, width=100, color_system=None, force_jupyter=False)
        print_report(self.report, console)
        return f"{out.getvalue()}{self._saved_line}"

    def _repr_html_(self) -> str:
        """Return the report for Jupyter; everything a learner wrote is escaped."""
        if self.report is None:
            return f"<p>{html.escape(self.missing)}</p>"
        return f"{to_html(self.report)}<p><small>{html.escape(self._saved_line)}</small></p>"


def to_html(report: NoteReport, *, stages: bool = True) -> str:
    """Return the report as one line of HTML; everything a learner wrote is escaped.

    Args:
        report: what was found.
        stages: it is the note whose stages and verdict are looked at; else its length alone.
    """
    if not stages:
        said = report.length if report.looked_at else report.reasons[0].text
        return f"<p>{html.escape(str(said))}</p>"
    head = "".join(f"<th {_LEFT}>{html.escape(str(each))}</th>" for each in HEAD)
    rows = "".join(
        "<tr>{}</tr>".format("".join(f"<td {_LEFT}>{html.escape(cell)}</td>" for cell in row))
        for row in map(stage_row, report.stages)
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in facts(report))
    return (
        f"<p><b>{html.escape(str(report.headline))}</b></p>"
        f"{table if report.looked_at else ''}<ul>{lines}</ul>"
    )
