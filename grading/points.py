"""Points: what each submission's score pays, booked once, and who has the certificate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from course_lib.language import Text
from grading.ledger import Booking, Entry, Kind, Ledger
from grading.rules import FILE_NAME, Level, Rules
from grading.scores import Score, read_scores


class State(StrEnum):
    """What became of one submission."""

    PAID = "paid now"
    BEFORE = "paid before"
    WAITS = "waits for a TA"
    FAILED = "not passed"
    UNCLEAR = "cannot be judged"

    @property
    def text(self) -> Text:
        """The state for people."""
        return Text(_IN_CHINESE[self], str(self))


_IN_CHINESE = {
    State.PAID: "这次发放",
    State.BEFORE: "以前已发",
    State.WAITS: "等助教评分",
    State.FAILED: "未过关",
    State.UNCLEAR: "无法判断",
}


@dataclass(frozen=True)
class Standing:
    """One learner at one level; ``remark`` says why, or what an instructor should look at."""

    learner: str
    level: str
    lesson: str
    score: float
    max_score: float
    state: State
    paid_now: int
    remark: Text


@dataclass(frozen=True)
class Account:
    """What one learner has.

    Attributes:
        learner: who.
        points: in all, by kind.
        levels: points by level, of all kinds.
        passed: levels whose credit corrections did not take back.
        lacks: levels that the certificate needs and that are not passed.
    """

    learner: str
    points: dict[Kind, int]
    levels: dict[str, int]
    passed: frozenset[str]
    lacks: tuple[str, ...]

    @property
    def total(self) -> int:
        """All points: credits, bonuses and corrections."""
        return sum(self.points.values())


@dataclass(frozen=True)
class Report:
    """What one run found and booked."""

    dry_run: bool
    standings: tuple[Standing, ...]
    accounts: tuple[Account, ...]
    entries: tuple[Entry, ...]
    remarks: tuple[Text, ...]


def award(course: Path, rules: Rules, *, dry_run: bool = False) -> Report:
    """Pay what the gradebook's scores pass and the ledger does not hold yet.

    Raises:
        CampError: there is no gradebook, or the ledger is broken or cannot be written.
    """
    return settle(Ledger(course), read_scores(course), rules, dry_run=dry_run)


def settle(
    ledger: Ledger, scores: Sequence[Score], rules: Rules, *, dry_run: bool = False
) -> Report:
    """Book what ``scores`` earn beyond what ``ledger`` holds; a dry run books nothing."""
    if dry_run:
        entries = ledger.entries()
        standings = _judge(scores, entries, rules)
        booked: list[Booking | Entry] = [*entries, *_bookings(standings)]
    else:
        with ledger.locked():
            standings = _judge(scores, ledger.entries(), rules)
            ledger.append(_bookings(standings))
            entries = ledger.entries()
        booked = list(entries)
    remarks = [
        Text(
            f"{FILE_NAME} 里没有课程 {lesson} 的关卡：不发算力点",
            f"lesson {lesson} belongs to no level of {FILE_NAME}: it pays nothing",
        )
        for lesson in sorted({score.lesson for score in scores})
        if not rules.levels_of_lesson(lesson)
    ]
    if ledger.set_aside:
        remarks.append(
            Text(
                f"上次中断留下半条记录，已移到 {ledger.set_aside}",
                f"a crash left half an entry; it was set aside in {ledger.set_aside}",
            )
        )
    accounts = accounts_of([score.learner for score in scores], booked, rules).values()
    return Report(dry_run, tuple(standings), tuple(accounts), entries, tuple(remarks))


def _judge(scores: Sequence[Score], entries: Sequence[Entry], rules: Rules) -> list[Standing]:
    paid = {(e.learner, e.level) for e in entries if e.kind is Kind.CREDIT}
    accounts = accounts_of((), entries, rules)
    standings = []
    pairs = [(one, level) for one in scores for level in rules.levels_of_lesson(one.lesson)]
    for score, level in pairs:
        state, remark = _passes(score, level, rules.minimum_percent)
        if (score.learner, level.id) in paid:
            kept = level.id in accounts[score.learner].passed
            command = f"camp correct {score.learner} {level.id} --reason WHY --points"
            if state is State.PAID and not kept:
                remark = Text(
                    f"已被收回，而现在的分数过关；要算数请运行：{command} {level.pays}",
                    f"taken back, and the score passes now; if it is to count: {command} "
                    f"{level.pays}",
                )
            if state is State.FAILED and kept:
                remark = Text(
                    f"现在{remark.zh}；不会自动收回，要收回请运行：{command} -{level.pays}",
                    f"now {remark.en}; nothing is taken back by itself, to do so: {command} "
                    f"-{level.pays}",
                )
            state = State.BEFORE
        standings.append(
            Standing(
                score.learner,
                level.id,
                score.lesson,
                score.score,
                score.max_score,
                state,
                level.pays if state is State.PAID else 0,
                remark,
            )
        )
    return standings


def _passes(score: Score, level: Level, minimum: float) -> tuple[State, Text]:
    got, of = f"{score.score:g}", f"{score.max_score:g}"
    if score.percent is None:
        return State.UNCLEAR, Text(f"{got} / {of} 分说明不了什么", f"{got} of {of} says nothing")
    earned = {cell.name: cell.score for cell in score.cells}
    for name in level.must:
        if name not in earned:
            return State.UNCLEAR, Text(
                f"没有单元 {name}：请改 {FILE_NAME} 里 {level.id} 的 must",
                f"no cell {name}: mend 'must' of {level.id} in {FILE_NAME}",
            )
    if score.waiting:
        return State.WAITS, Text("、".join(score.waiting), ", ".join(score.waiting))
    if score.percent < minimum:
        percent = f"{math.floor(10 * score.percent) / 10:g} %"  # never up to what is needed
        return State.FAILED, Text(
            f"{percent}，要 {minimum:g} %", f"{percent} of the {minimum:g} % needed"
        )
    for name in level.must:
        if earned[name] <= 0:
            return State.FAILED, Text(f"{name} 没有得分", f"without {name}, which earned nothing")
    return State.PAID, Text("", "")


def _bookings(standings: Sequence[Standing]) -> list[Booking]:
    return [
        Booking(
            learner=standing.learner,
            level=standing.level,
            kind=Kind.CREDIT,
            points=standing.paid_now,
            reason=f"passed {standing.lesson}",
            score=standing.score,
            max_score=standing.max_score,
        )
        for standing in standings
        if standing.state is State.PAID
    ]


def accounts_of(
    learners: Iterable[str], booked: Sequence[Booking | Entry], rules: Rules
) -> dict[str, Account]:
    """Return the accounts of ``learners``, and of all who have a booking, by name."""
    by_learner: dict[str, list[Booking | Entry]] = {learner: [] for learner in learners}
    for entry in booked:
        by_learner.setdefault(entry.learner, []).append(entry)
    return {name: account_of(name, of, rules) for name, of in sorted(by_learner.items())}


def account_of(learner: str, booked: Sequence[Booking | Entry], rules: Rules) -> Account:
    """Return what bookings give a learner, and which levels the certificate lacks."""
    points = dict.fromkeys(Kind, 0)
    levels: dict[str, int] = {}
    credited = set()
    kept: dict[str, int] = {}  # what a level pays without its bonus, corrections counted
    for entry in booked:
        points[entry.kind] += entry.points
        levels[entry.level] = levels.get(entry.level, 0) + entry.points
        if entry.kind is Kind.CREDIT:
            credited.add(entry.level)
        if entry.kind is not Kind.BONUS:
            kept[entry.level] = kept.get(entry.level, 0) + entry.points
    passed = frozenset(level for level in credited if kept[level] > 0)
    lacks = tuple(level for level in rules.needed_levels if level not in passed)
    return Account(learner, points, levels, passed, lacks)
