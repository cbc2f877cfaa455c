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
from course_lib.learner.identity import read_identity
from course_lib.learner.inbox import PLAIN_HTTP, Inbox, NotThere, open_inbox
from course_lib.learner.lessons import Row, find_lesson, read_lessons
from course_lib.learner.outcome import Outcome, keep_outcome, read_outcome, read_packed, read_score
from course_lib.learner.overview import read_overview, read_state
from course_lib.learner.places import is_address
from course_lib.learner.released import find_page, folder_of
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
        str | None,
        typer.Option(
            "--from",
            help="An inbox (https://...), an nbgrader exchange, or a folder of pages that was "
            "given out; by default where you handed it in.",
        ),
    ] = None,
) -> None:
    """Fetch your feedback page of a lesson, with your score (and points, from an inbox)."""
    home = find_home()
    row = find_lesson(lesson, read_lessons(home.notebooks))
    place = source or _place_of(home, row.name)
    try:
        page, points = (_from_inbox if is_address(place) else _from_folder)(home, row, place)
    except NotThere as nothing:
        typer.echo(f"⏳ {nothing}")
        return
    target = home.feedback / f"{row.name}.html"
    known, time = read_outcome(home, row.name), datetime.now(UTC).replace(microsecond=0)
    if known and target.is_file() and target.read_bytes() == page:
        time = known.time  # no news of what was handed in since
    write_atomic(target, page)
    outcome = Outcome(points=points, time=time, packed=read_packed(page))
    keep_outcome(home, row.name, outcome)
    typer.echo(f"🎓 {row.name}: {outcome.text}")
    if score := read_score(page):
        typer.echo(f"📊 {score}")
    if read_state(home, row).result is None:
        what = Text(
            "这是前一次提交的，最近一次还没有批改",
            "this is of an earlier submission: your last one is not graded yet",
        )
        typer.echo(f"⏳ {what}")
    typer.echo(str(Text(f"反馈：{target}", f"feedback: {target}")))


def _place_of(home: Home, lesson: str) -> str:
    """Return where a lesson was handed in last."""
    found = [one.to for sent in all_sent(home, lesson) for one in sent.deliveries]
    if not found:
        what = Text(
            f"{lesson} 没有用 --to 交过：反馈由讲师发给你；放反馈的文件夹或收件箱用 --from 指明",
            f"{lesson} was not handed in with --to: your instructor sends the feedback; name the "
            "folder it lies in, or an inbox, with --from",
        )
        raise CampError(str(what))
    return found[-1] if is_address(found[-1]) else str(folder_of(found[-1]))


def _from_inbox(home: Home, row: Row, address: str) -> tuple[bytes, int | None]:
    inbox = open_inbox(home, address)
    if inbox.open:
        typer.echo(str(PLAIN_HTTP), err=True)
    return inbox.feedback(row.name), _points(inbox, row.level)


def _from_folder(home: Home, row: Row, place: str) -> tuple[bytes, int | None]:
    folder = Path(place).expanduser()
    if not folder.is_dir():
        what = Text(
            f"没有文件夹 {folder}：检查路径，或先挂载它",
            f"no folder {folder}: check the path, or mount it",
        )
        raise CampError(str(what))
    known = read_identity(home)
    page = find_page(folder, known.learner if known else "", row.name, all_sent(home, row.name))
    if page is None:
        what = Text(
            f"{folder} 里还没有你的 {row.name} 反馈",
            f"no feedback on {row.name} for you in {folder} yet",
        )
        raise NotThere(str(what))
    return page, None


def _points(inbox: Inbox, levels: str) -> int | None:
    """Return the points credited for a lesson's levels; None when the inbox does not tell."""
    try:
        credited = inbox.points()["levels"]
        found = [credited.get(level, 0) for level in levels.split(", ")]
    except (NotThere, KeyError, TypeError, AttributeError):
        return None
    return sum(found) if all(isinstance(one, int) for one in found) else None
