"""``camp demo``, the main job on a built-in default: from a lesson's source to points paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.note import check_file
from grading.build import Builder
from grading.cohort import PUBLIC, find_cohort
from grading.course import Course
from grading.engine import ENGINE
from grading.feedback import feedback
from grading.grade import Options, Result, grade
from grading.marks import import_marks
from grading.points import Report, award
from grading.rules import load_rules
from grading.samples import hand_in, marks_file, read_samples

LESSON = "01_intro"


def demo_command(
    course: Annotated[Path, typer.Option(help="The course directory to make.")] = Path(
        "build/demo"
    ),
    notebooks: Annotated[Path, typer.Option(help="The folder of lessons.")] = Path("notebooks"),
) -> None:
    """Do the main job on the kit's sample submissions: build, grade, feedback, points."""
    console = Console()
    console.print(f"1/5 build {LESSON}: every exercise proven")
    builder = Builder(notebooks, course, find_cohort(PUBLIC), "zh")
    for built in builder.build([LESSON]):
        console.print(f"    {'built' if built.fresh else 'unchanged'}")
        for kept in built.kept:
            console.print(f"    {kept} holds edits and was kept")
    samples = read_samples(LESSON)
    notebooks_in = [hand_in(sample, builder.course) for sample in samples]
    opened = Course.open(builder.course)

    console.print(f"2/5 grade {len(samples)} sample submissions (made-up learners)")
    options = Options(allow_weaker=True)  # the kit's own submissions
    grade(LESSON, opened, options=options)
    for part in ENGINE.missing:
        console.print(f"    this machine lacks {part}", markup=False)
    console.print("3/5 the note check reads, a made-up TA marks")
    verdicts = {path.parent.parent.name: str(check_file(path).headline) for path in notebooks_in}
    import_marks(opened.path, marks_file(LESSON))
    console.print("4/5 feedback pages")
    pages = feedback(LESSON, opened)
    console.print("5/5 points")
    report = award(opened.path, load_rules(opened.path))

    console.print(_table(grade(LESSON, opened, options=options), report))
    for learner, verdict in verdicts.items():
        console.print(f"note of {learner}: {verdict}", markup=False, soft_wrap=True)
    console.print("\nfeedback, open in a browser:")
    for page in pages:
        console.print(f"  {_short(page)}", markup=False, soft_wrap=True)
    console.print(f"\nledger: {_short(opened.path / 'points' / 'ledger.jsonl')}", soft_wrap=True)
    console.print("next: make lab (learn), camp formgrader --course build/demo (mark as a TA)")


def _table(results: list[Result], report: Report) -> Table:
    """Return scores, repairs and points by learner."""
    states = {standing.learner: standing for standing in report.standings}
    totals = {account.learner: account.total for account in report.accounts}
    table = Table(title=f"{LESSON}: scores and points", title_justify="left")
    for column in ("learner", "checks", "note", "score", "points", "state", "remarks"):
        right = column in ("checks", "note", "score", "points")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for result in results:
        standing = states[result.learner]
        table.add_row(
            escape(result.learner),
            f"{result.auto_score:g}",
            f"{result.score - result.auto_score:g}",
            f"{result.score:g} / {result.max_score:g}",
            str(totals.get(result.learner, 0)),
            str(standing.state),
            "\n".join(escape(str(remark)) for remark in result.remarks),
        )
    return table


def _short(path: Path) -> Path:
    """Return ``path`` as seen from the working folder, if it lies inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
