"""The report on a cohort: one HTML page without scripts, its plots in SVG, for the instructor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_lib.language import Text, current_language
from grading.cohort import owner
from grading.course import Course
from grading.desk.funnel import known_learners
from grading.desk.reader import read_lessons, read_sheet
from grading.desk.spread import spread_of
from grading.journal import Journal
from grading.ledger import Kind
from grading.points import Account, Report, Standing, State
from grading.points_report import certificate_remarks
from grading.rendering import render
from grading.rules import Level, Rules
from grading.tables import write_out

MOST_BARS = 20
_WORDS = {
    "title": Text("这一期的情况", "How the cohort stands"),
    "dry_run": Text("演练：下面的发放还没有入账", "a dry run: what is paid now is not booked yet"),
    "known": Text("课程里的学员", "learners the course knows"),
    "certified": Text("获得证书", "have the certificate"),
    "paid_now": Text("这次发放", "paid now"),
    "levels": Text("各关的情况", "Levels"),
    "level": Text("关卡", "level"),
    "lesson": Text("课程", "lesson"),
    "handed_in": Text("已交", "handed in"),
    "passed": Text("已通过", "passed"),
    "waits": Text("等助教", "waits for a TA"),
    "open": Text("没能批改或还没批改", "not graded"),
    "failed": Text("未过关", "not passed"),
    "scores": Text("得分率：中位数（四分位）", "scores: median (quartiles)"),
    "bars": Text("条的全长是课程里的所有学员", "a bar's full length is all learners known"),
    "per_learner": Text("每位学员的算力点", "Points per learner"),
    "learners": Text("学员数", "learners"),
    "points": Text("算力点", "points"),
    "paid": Text("一共发放", "Points paid"),
    "kind": Text("种类", "kind"),
    "total": Text("总计", "total"),
    "certificate": Text("证书", "Certificate"),
    "learner": Text("学员", "learner"),
    "earned": Text("已获得", "earned"),
    "lacks": Text("还差", "lacks"),
    "colon": Text("：", ": "),
    "nobody": Text("还没有人", "nobody yet"),
}
_KINDS = {
    Kind.CREDIT: Text("过关", "credit"),
    Kind.BONUS: Text("奖励", "bonus"),
    Kind.CORRECTION: Text("更正", "correction"),
}


@dataclass(frozen=True)
class Progress:
    """How many learners stand where at one level; the last four make up ``handed_in``.

    Attributes:
        level: the level.
        handed_in: who handed its lesson in.
        passed: whose credit stands, as for the certificate.
        waits: of whom a TA has a cell to mark.
        failed: whose score does not pass, or whose credit was taken back.
        open: whose submission is not graded: refused, not yet, or nothing can be said of it.
        scores: lower quartile, median and upper quartile of the shares of points (0 to 1) of all
            that are marked, as the desk shows them; None of nobody.
    """

    level: Level
    handed_in: int
    passed: int
    waits: int
    failed: int
    open: int
    scores: tuple[float, float, float] | None


@dataclass(frozen=True)
class Bar:
    """How many learners have ``low`` points or more, up to ``high``."""

    low: int
    high: int
    count: int


def progress_of(course: Course, rules: Rules, report: Report) -> list[Progress]:
    """Return how far learners are at each level that a lesson covers, in the rules' order."""
    accounts = {account.learner: account for account in report.accounts}
    graded = read_lessons(course)
    found = []
    for level in rules.levels:
        if level.lesson is None:
            continue
        standings = [one for one in report.standings if one.level == level.id]
        journal = Journal(course.state / level.lesson)
        states = [_state(one, accounts[one.learner], journal) for one in standings]
        handed_in = {*course.learners(level.lesson), *(one.learner for one in standings)}
        passed, waits, failed = (states.count(name) for name in ("passed", "waits", "failed"))
        shares = read_sheet(course, level.lesson).shares if level.lesson in graded else None
        found.append(
            Progress(
                level, len(handed_in), passed, waits, failed,
                len(handed_in) - passed - waits - failed,
                None if shares is None else spread_of(shares).quartiles,
            )
        )  # fmt: skip
    return found


def _state(standing: Standing, account: Account, journal: Journal) -> str:
    if standing.state in (State.PAID, State.BEFORE):
        return "passed" if standing.level in account.passed else "failed"
    if standing.state is State.UNCLEAR or journal.read(standing.learner).refused:
        return "open"
    return "waits" if standing.state is State.WAITS else "failed"


def bars_of(totals: Sequence[int], rules: Rules) -> list[Bar]:
    """Return a histogram of learners' points, in steps of what a level pays.

    The step is the greatest sum of which every credit and bonus is a multiple, or as many times
    that as keep the bars at ``MOST_BARS``, about.
    """
    if not totals:
        return []
    bonuses = (level.bonus.points for level in rules.levels if level.bonus)
    unit = math.gcd(*(level.pays for level in rules.levels), *bonuses)
    low, high = min(0, *totals), max(totals)
    step = unit * max(1, math.ceil((high - low + 1) / (unit * MOST_BARS)))
    places = [total // step for total in totals]
    return [
        Bar(at * step, (at + 1) * step - 1, places.count(at))
        for at in range(low // step, high // step + 1)
    ]


def write_report(path: Path, course: Path, rules: Rules, report: Report) -> None:
    """Write the page on a cohort, in the language in use.

    Args:
        path: where to.
        course: the cohort's course.
        rules: of points.
        report: what ``award`` found; a dry run's says what would be paid.

    Raises:
        CampError: it cannot be written, or ``cohort.json`` of the course is damaged.
    """
    place = Course(course.resolve())
    whose = owner(course)
    known = known_learners(place)
    levels = progress_of(place, rules, report)
    totals = [account.total for account in report.accounts]
    page = render(
        "points/report.html.j2",
        language=current_language(),
        words={key: str(text) for key, text in _WORDS.items()},
        cohort=whose[0] if whose else place.path.name,
        time=f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
        dry_run=report.dry_run,
        known=known,
        certified=sum(not account.lacks for account in report.accounts),
        paid_now=sum(one.paid_now for one in report.standings),
        levels=[(one, str(Text(one.level.zh, one.level.en))) for one in levels],
        longest=max([1, known, *(one.handed_in for one in levels)]),
        bars=bars_of(totals, rules),
        kinds={str(_KINDS[kind]): points for kind, points in _paid(report.accounts).items()},
        accounts=sorted(report.accounts, key=lambda one: (len(one.lacks), one.learner)),
        remarks=[str(text) for text in (*certificate_remarks(rules), *report.remarks)],
    )
    write_out(path, page.encode())


def _paid(accounts: Sequence[Account]) -> Mapping[Kind, int]:
    return {kind: sum(account.points[kind] for account in accounts) for kind in Kind}
