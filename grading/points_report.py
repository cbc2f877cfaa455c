"""The points of a course shown and exported, and the command ``camp points``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.errors import CampError
from course_lib.language import Text
from grading import database
from grading.ledger import Kind
from grading.points import Account, Report, State, award
from grading.rules import Rules, load_rules
from grading.tables import Row, write_csv, write_xlsx

_COLOURS = {State.PAID: "green", State.WAITS: "yellow", State.FAILED: "red", State.UNCLEAR: "red"}
_EARNED = Text("[green]已获得[/]", "[green]earned[/]")


def show(report: Report, rules: Rules, console: Console) -> None:
    """Print what was paid, what each learner has, and the certificate."""
    totals = {account.learner: account.total for account in report.accounts}
    title = (
        Text("算力点（演练，不入账）", "points (a dry run: nothing is booked)")
        if report.dry_run
        else Text("算力点", "points")
    )
    heads: tuple[Text, ...] = (
        *(Text("学员", "learner"), Text("关卡", "level"), Text("得分", "score")),
        *(Text("这次", "paid now"), Text("总计", "total"), Text("状态", "state")),
    )
    table = _table(title, *heads, numbers=(2, 3, 4))
    for one in report.standings:
        state = f"[{_COLOURS.get(one.state, 'default')}]{one.state.text}[/]"
        why = escape(str(one.remark))
        table.add_row(
            escape(one.learner),
            escape(one.level),
            f"{one.score:g} / {one.max_score:g}",
            f"{one.paid_now:+d}" if one.paid_now else "0",
            str(totals[one.learner]),
            f"{state}{Text('：', ': ')}{why}" if why else state,
        )
    console.print(table)
    certificate = Text("证书", "certificate")
    heads = (Text("学员", "learner"), Text("总计", "total"), Text("奖励", "bonus"), certificate)
    table = _table(certificate, *heads, numbers=(1, 2))
    for account in report.accounts:
        lacks = ", ".join(account.lacks)
        table.add_row(
            escape(account.learner),
            str(account.total),
            str(account.points[Kind.BONUS]),
            str(Text(f"还差 {lacks}", f"lacks {lacks}") if lacks else _EARNED),
        )
    console.print(table)
    for remark in (*certificate_remarks(rules), *report.remarks):
        line = Text(f"注：{remark.zh}", f"note: {remark.en}")
        console.print(str(line), markup=False, highlight=False, soft_wrap=True)


def _table(title: Text, *columns: Text, numbers: tuple[int, ...]) -> Table:
    table = Table(title=str(title), title_justify="left")
    for index, column in enumerate(columns):
        right = index in numbers
        table.add_column(str(column), justify="right" if right else "left", overflow="fold")
    return table


def certificate_remarks(rules: Rules) -> list[Text]:
    """Say which island gives the certificate and which of its levels have no lesson here."""
    island = next(i for i in rules.islands if i.id == rules.certificate.island)
    without = ", ".join(level for level in rules.needed_levels if rules.level(level).lesson is None)
    remarks = [
        Text(
            f"证书要求通过{island.zh}（{island.id}）的每一关",
            f"the certificate needs every level of {island.id} ({island.en})",
        )
    ]
    if without:
        remarks.append(
            Text(
                f"这一版还没有 {without} 的课：在这里挣不到",
                f"no lesson of this kit covers {without} yet: they cannot be earned here",
            )
        )
    return remarks


def account_rows(report: Report, rules: Rules) -> list[Row]:
    """Return a row for each learner: points by kind and by level, and the certificate."""
    levels = [level.id for level in rules.levels]
    levels += sorted({name for account in report.accounts for name in account.levels} - {*levels})
    heading = ["learner", "points", *Kind, *levels, "certificate", "lacks"]
    return [[str(name) for name in heading], *(_row(a, levels) for a in report.accounts)]


def _row(account: Account, levels: Iterable[str]) -> Row:
    return [
        account.learner,
        account.total,
        *account.points.values(),
        *(account.levels.get(level) for level in levels),
        "no" if account.lacks else "yes",
        " ".join(account.lacks),
    ]


def entry_rows(report: Report) -> list[Row]:
    """Return a row for each entry of the ledger."""
    heading = ["number", "time", "learner", "level", "kind", "points", "reason"]
    heading += ["score", "max_score", "version"]
    rows = (entry.model_dump(mode="json") for entry in report.entries)
    return [heading, *([row[name] for name in heading] for row in rows)]


def as_data(report: Report, rules: Rules) -> dict[str, Any]:
    """Return the report as JSON data."""
    return {
        "dry_run": report.dry_run,
        "standings": [vars(one) | {"remark": one.remark.en} for one in report.standings],
        "learners": [
            {
                "learner": account.learner,
                "total": account.total,
                **account.points,
                "levels": account.levels,
                "certificate": not account.lacks,
                "lacks": account.lacks,
            }
            for account in report.accounts
        ],
        "remarks": [text.en for text in (*certificate_remarks(rules), *report.remarks)],
    }


def points_command(
    course: Annotated[Path, typer.Option("--course", help="The nbgrader course directory.")] = Path(
        "course"
    ),
    csv: Annotated[Path | None, typer.Option(help="Write the learners' points there.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="The same, and the ledger.")] = None,
    report_to: Annotated[
        Path | None, typer.Option("--report", help="Write a page on the cohort, with plots (HTML).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show only; book nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    db: database.Address = None,
) -> None:
    """Pay what is passed, once, into the ledger; show points and certificates."""
    database.use(db)
    if dry_run and (csv or xlsx):
        raise CampError("a dry run exports nothing: leave out --dry-run, or --csv and --xlsx", 2)
    rules = load_rules(course)
    report = award(course, rules, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps(as_data(report, rules), ensure_ascii=False, indent=2))
    else:
        show(report, rules, Console())
    if csv:
        write_csv(csv, account_rows(report, rules))
    if xlsx:
        write_xlsx(xlsx, {"points": account_rows(report, rules), "ledger": entry_rows(report)})
    if report_to:
        from grading.cohort_report import write_report

        write_report(report_to, course, rules, report)
    for path in filter(None, (csv, xlsx, report_to)):
        typer.echo(f"written: {path}", err=as_json)
