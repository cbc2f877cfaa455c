"""``camp similar``: says which learners' answers and notes are alike, and writes pages of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.language import Text
from grading.course import Course
from grading.similar.handed_in import part_title
from grading.similar.pages import NO_VERDICT, write_pages
from grading.similar.report import INDEX, Report
from grading.similar.run import compare_lesson


def similar_command(
    lesson: Annotated[str, typer.Argument(help="A lesson, such as 01_intro.")],
    course: Annotated[Path, typer.Option(help="The course directory.")] = Path("course"),
    top: Annotated[int, typer.Option(min=1, max=1000, help="Pairs of learners to show.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Show which learners' answers and notes are alike, side by side. It is never a verdict.

    Names, comments, layout and order make no difference; what the lesson gave and what many
    learners share does not count. Pages and report.json go to COURSE/similar/LESSON.
    """
    opened = Course.open(course)
    report = write_pages(opened, lesson, compare_lesson(opened, lesson, top))
    console, errors = Console(), Console(stderr=True)
    for one in report.left_out:
        line = f"✗ {one.learner}: {Text(one.zh, one.en)}"
        errors.print(line, highlight=False, markup=False, soft_wrap=True)
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
        return
    console.print(_table(report))
    console.print(str(NO_VERDICT), highlight=False)
    page = opened.similar(lesson) / INDEX
    where = Text(f"并排查看，用浏览器打开：{page}", f"side by side, open in a browser: {page}")
    console.print(str(where), highlight=False, markup=False, soft_wrap=True)


def _table(report: Report) -> Table:
    """Return the pairs; the parts of a pair stand one below the other."""
    table = Table()
    table.add_column("#", justify="right")
    heads = (
        Text("学员", "learner"), Text("学员", "learner"), Text("练习或笔记", "exercise or note"),
    )  # fmt: skip
    for head in heads:
        table.add_column(str(head), overflow="fold")
    for head in (Text("各自相同的比例", "share of either"), Text("长度", "length")):
        table.add_column(str(head), justify="right")
    for number, pair in enumerate(report.pairs, 1):
        for place, part in enumerate(pair.parts):
            names = [str(number), escape(pair.a), escape(pair.b)] if place == 0 else ["", "", ""]
            shares = f"{part.share_a:.0%} / {part.share_b:.0%}"
            table.add_row(*names, str(part_title(part.part)), shares, str(part.length))
    return table
