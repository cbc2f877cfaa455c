"""``camp status``, ``camp submit`` and ``camp result``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.learner.home import Home, find_home
from course_lib.learner.inbox import PLAIN_HTTP, Inbox, NotThere, is_address, settle_token
from course_lib.learner.lessons import find_lesson, read_lessons
from course_lib.learner.outcome import Outcome, keep_outcome, read_score
from course_lib.learner.overview import read_overview, read_state
from course_lib.learner.sent import all_sent
from course_lib.learner.view import lesson_table, overview_table, summary


def status_command(
    lesson: Annotated[
        str | None, typer.Argument(help="A lesson, for its exercises one by one.")
    ] = None,
) -> None:
    """Show where you stand in each lesson, as the checks said it last."""
    home, console = find_home(), Console()
    if lesson is None:
        states = read_overview(home)
        console.print(overview_table(states))
        console.print(str(summary(states)), highlight=False)
        return
    state = read_state(home, find_lesson(lesson, read_lessons(home.notebooks)))
    console.print(lesson_table(state))


def submit_command(
    lesson: Annotated[str, typer.Argument(help="Name, number, level or notebook of a lesson.")],
    learner: Annotated[
        str | None, typer.Option("--id", help="Your learner's id; asked for once.")
    ] = None,
    nickname: Annotated[str | None, typer.Option(help="Your nickname; asked for once.")] = None,
    cohort: Annotated[
        str | None, typer.Option(help="Your cohort, if the course has several.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="A shared folder, an nbgrader exchange, or an inbox (https://...)."),
    ] = None,
    notebook: Annotated[
        Path | None, typer.Option(help="The notebook, where the kit's own is not meant.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Hand in what looks like a key but is none.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Look it over and pack nothing.")] = False,
) -> None:
    """Look a lesson over, pack it into submissions/, and take it where the course collects.

    Save the notebook first. What changed since your last submission becomes a new one with the
    next number; nothing is overwritten.
    """
    from course_lib.submit import submit

    submit(
        lesson, id=learner, nickname=nickname, cohort=cohort, to=to, notebook=notebook,
        anyway=anyway, only_check=check, say=typer.echo,
    )  # fmt: skip


def result_command(
    lesson: Annotated[str, typer.Argument(help="Name, number, level or notebook of a lesson.")],
    source: Annotated[
        str | None, typer.Option("--from", help="The inbox; by default where you handed it in.")
    ] = None,
) -> None:
    """Fetch your score, points and feedback page of a lesson from the inbox, when they are out."""
    home = find_home()
    row = find_lesson(lesson, read_lessons(home.notebooks))
    inbox = Inbox(source or _inbox_of(home, row.name), settle_token(home))
    if inbox.open:
        typer.echo(str(PLAIN_HTTP), err=True)
    try:
        page = inbox.feedback(row.name)
    except NotThere as nothing:
        typer.echo(f"⏳ {nothing}")
        return
    target = home.feedback / f"{row.name}.html"
    write_atomic(target, page)
    outcome = Outcome(
        points=_points(inbox, row.level), time=datetime.now(UTC).replace(microsecond=0)
    )
    keep_outcome(home, row.name, outcome)
    typer.echo(f"🎓 {row.name}: {outcome.text}")
    if score := read_score(page):
        typer.echo(f"📊 {score}")
    typer.echo(str(Text(f"反馈：{target}", f"feedback: {target}")))


def _inbox_of(home: Home, lesson: str) -> str:
    found = [
        one.to for sent in all_sent(home, lesson) for one in sent.deliveries if is_address(one.to)
    ]
    if not found:
        what = Text(
            f"{lesson} 没有交到收件箱：反馈由讲师发给你；收件箱用 --from https://... 指明",
            f"{lesson} was not handed in at an inbox: your instructor sends the feedback; name an "
            "inbox with --from https://...",
        )
        raise CampError(str(what))
    return found[-1]


def _points(inbox: Inbox, levels: str) -> int | None:
    """Return the points credited for a lesson's levels; None when the inbox does not tell."""
    try:
        credited = inbox.points()["levels"]
        found = [credited.get(level, 0) for level in levels.split(", ")]
    except (NotThere, KeyError, TypeError, AttributeError):
        return None
    return sum(found) if all(isinstance(one, int) for one in found) else None
