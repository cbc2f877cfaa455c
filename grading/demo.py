"""``camp demo``, the main job on a built-in default: from a lesson's source to points paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note.command import check_file
from grading.build import Builder
from grading.cohort import PUBLIC, find_cohort
from grading.course import Course
from grading.feedback import feedback
from grading.grade import grade
from grading.how import broken_tests
from grading.lesson_run import Options, Result
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
    console = Console(highlight=False)

    def say(zh: str, en: str) -> None:
        console.print(str(Text(zh, en)), markup=False, soft_wrap=True)

    say(f"1/5 生成 {LESSON}，逐题验证", f"1/5 build {LESSON}, every exercise proven")
    builder = Builder(notebooks, course, find_cohort(PUBLIC), "zh")
    for built in builder.build([LESSON]):
        for kept in built.kept:
            say(f"    {kept} 有改动，予以保留", f"    {kept} holds edits and was kept")
    samples = read_samples(LESSON)
    notebooks_in = [hand_in(sample, builder.course) for sample in samples]
    opened = Course.open(builder.course)

    count = len(samples)
    say(f"2/5 批改 {count} 份样例（虚构的学员）", f"2/5 grade {count} samples (made-up learners)")
    learners = [sample.learner for sample in samples]  # a TA may have put others beside them
    options = Options(allow_weaker=True)  # these submissions are the kit's own
    grade(LESSON, opened, learners, options)
    if broken := ", ".join(broken_tests(opened, LESSON)):
        text = Text(
            f"参考答案在这台机器上没有通过 {broken}，评分不可信。请运行 camp doctor，附上输出报告",
            f"the reference solution does not pass {broken} on this machine, so no score can be "
            "trusted: run 'camp doctor' and report its output",
        )
        raise CampError(str(text))
    say("3/5 笔记检查；虚构的助教打分", "3/5 the note check reads, a made-up TA marks")
    notes = {path.parent.parent.name: check_file(path).headline for path in notebooks_in}
    import_marks(opened.path, marks_file(LESSON), only_missing=True)
    say("4/5 反馈网页", "4/5 feedback pages")
    pages = feedback(LESSON, opened, learners)
    say("5/5 算力点\n", "5/5 points\n")
    report = award(opened.path, load_rules(opened.path))

    results = grade(LESSON, opened, learners, options)
    console.print(_table(results, report))
    for result in results:
        for remark in result.remarks:
            say(f"{result.learner}：{remark.zh}", f"{result.learner}: {remark.en}")
    for learner, verdict in notes.items():
        say(f"{learner} 的笔记：{verdict.zh}", f"note of {learner}: {verdict.en}")
    say("\n反馈，用浏览器打开：", "\nfeedback, open in a browser:")
    for page in pages:
        console.print(f"  {_short(page)}", markup=False, soft_wrap=True)
    ledger = _short(opened.path / "points" / "ledger.jsonl")
    say(f"\n账本：{ledger}", f"\nledger: {ledger}")
    command = f"camp formgrader --course {_short(opened.path)}"
    say(
        f"接下来：make lab（学），.venv/bin/{command}（当助教）",
        f"next: make lab (learn), .venv/bin/{command} (mark as a TA)",
    )


def _table(results: list[Result], report: Report) -> Table:
    """Return scores and points by learner."""
    states = {standing.learner: standing for standing in report.standings}
    totals = {account.learner: account.total for account in report.accounts}
    title = Text(f"{LESSON}：得分与算力点", f"{LESSON}: scores and points")
    table = Table(title=str(title), title_justify="left")
    table.add_column(str(Text("学员", "learner")))
    for head in (
        *(Text("检查", "checks"), Text("笔记", "note")),
        *(Text("得分", "score"), Text("算力点", "points")),
    ):
        table.add_column(str(head), justify="right")
    table.add_column(str(Text("状态", "state")))
    for result in results:
        table.add_row(
            escape(result.learner),
            f"{result.auto_score:g}",
            f"{result.score - result.auto_score:g}",
            f"{result.score:g} / {result.max_score:g}",
            str(totals.get(result.learner, 0)),
            str(states[result.learner].state.text),
        )
    return table


def _short(path: Path) -> Path:
    """Return ``path`` as seen from the working folder, if it lies inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
