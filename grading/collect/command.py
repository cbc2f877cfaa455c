"""``camp collect SOURCE``: take what was handed in, say what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.bundle import BadBundle, verify
from course_lib.errors import CampError, printable
from course_lib.language import Text, current_language
from course_lib.learner.places import is_address
from grading.collect.archive import Archive, reason_of
from grading.collect.export import FIELDS, Export, Field
from grading.collect.links import Link, keep_links, links_file
from grading.collect.record import Damaged, Record
from grading.collect.sources import Offer, Trouble, find_offers, is_table
from grading.course import Course
from grading.intake import Refused

Found = Offer | Trouble | Link | Record
"""What a source has; a record is of what was collected from it before."""


def collect(
    course: Course, offers: Iterable[Found]
) -> tuple[list[tuple[Record, str]], list[Trouble], int]:
    """Take all that is offered and put each learner's newest where it is graded.

    Returns:
        What was taken and what became of it (``new``, ``again``, ``older``), what could not be
        taken, while the others go on, and how many links are new.
    """
    archive = Archive(course)
    taken: list[tuple[Record, str]] = []
    troubles: list[Trouble] = []
    links: list[Link] = []
    with course.lock():
        archive.tidy()
        try:
            for offer in offers:
                if isinstance(offer, Trouble):
                    troubles.append(offer)
                elif isinstance(offer, Link):
                    links.append(offer)
                elif isinstance(offer, Record):
                    taken.append((offer, "again"))
                else:
                    try:
                        taken.append(archive.take(offer))
                    except (BadBundle, Refused, Damaged, OSError) as error:
                        troubles.append(Trouble(offer.label, reason_of(error)))
        finally:  # an inbox may be out of reach in the middle
            newest = _place(archive, [one for one, _ in taken], troubles)
            kept = keep_links(course, links) if links else 0
    told = [
        (one, "older" if became == "new" and one.digest not in newest else became)
        for one, became in taken
    ]
    return told, troubles, kept


def _place(archive: Archive, taken: Iterable[Record], troubles: list[Trouble]) -> set[str]:
    """Put each learner's newest where it is graded; return the digests of the newest."""
    newest = set()
    for learner, lesson in dict.fromkeys((one.learner, one.lesson) for one in taken):
        try:
            record, became = archive.place(learner, lesson)
        except (Damaged, OSError) as error:
            troubles.append(Trouble(f"{learner} {lesson}", reason_of(error)))
            continue
        newest.add(record.digest)
        if became == "kept":
            place = archive.course.submitted(learner, lesson)
            text = Text(
                f"{place} 不是收来的，没有动它：移走后再运行一次",
                f"{place} was not collected and stays: move it away and run this again",
            )
            troubles.append(Trouble(f"{learner} {lesson}", text))
    return newest


_BECAME = {
    "new": Text("新的，等待批改", "new, to be graded"),
    "again": Text("已经收过", "collected before"),
    "older": Text("存档（有更新的）", "archived (there is a newer one)"),
}


def collect_command(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder of bundles, one bundle, an nbgrader exchange, an inbox (https://... or "
            "its data folder), or a form's export (.csv, .xlsx)."
        ),
    ],
    course: Annotated[Path, typer.Option(help="The course directory.")] = Path("course"),
    files: Annotated[
        Path | None, typer.Option(help="Where a form's attachments are; beside the table.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help=f"Column of a form: FIELD=NAME, with FIELD one of {', '.join(FIELDS)}."),
    ] = None,
    utc_offset: Annotated[
        float, typer.Option(min=-14, max=14, help="Hours that a form's times are ahead of UTC.")
    ] = 8,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is offered, write nothing.")
    ] = False,
) -> None:
    """Take submissions into the course: checked, each kept as it came, the newest to be graded.

    Nothing is overwritten: collected/LESSON/LEARNER/ holds every submission, and
    submitted/LEARNER/LESSON the newest received. What cannot be taken is listed, the others go on.
    """
    console, errors = Console(), Console(stderr=True)
    opened = Course.open(course)
    place = Path(source)
    offers: Iterable[Found]
    if is_address(source):
        from grading.collect.afar import find_afar
        from grading.inbox.client import Staff

        offers = find_afar(Staff(source), Archive(opened))
    elif is_table(place):
        export = Export(place, files or place.parent, _named(column or []), utc_offset)
        console.print(_preview(export))
        offers = export.offers()
    else:
        offers = find_offers(place)
    if dry_run:
        for offer in offers:
            console.print(_offered(offer), highlight=False, markup=False)
        return
    taken, troubles, kept = collect(opened, offers)
    if taken:
        console.print(_table(taken))
    for one in troubles:
        line = f"✗ {printable(one.label)}: {one.text.in_language(current_language())}"
        errors.print(line, highlight=False, markup=False, soft_wrap=True)
    if is_table(place):
        links = links_file(opened)
        told = Text(f"新的笔记链接 {kept} 个（{links}）", f"{kept} new links of notes ({links})")
        console.print(str(told), highlight=False, markup=False, soft_wrap=True)
    count = Counter(became for _, became in taken)
    summary = Text(
        f"新收 {count['new'] + count['older']}，收过 {count['again']}，收不了 {len(troubles)}",
        f"{count['new'] + count['older']} collected, {count['again']} known, "
        f"{len(troubles)} not taken",
    )
    console.print(str(summary), highlight=False)


def _named(columns: list[str]) -> dict[Field, str]:
    found: dict[Field, str] = {}
    for one in columns:
        field, _, name = one.partition("=")
        if field not in get_args(Field) or not name:
            raise CampError(
                f"--column {one}: write FIELD=NAME, FIELD one of {', '.join(FIELDS)}", 2
            )
        found[cast(Field, field)] = name
    return found


def _preview(export: Export) -> Table:
    heads = Text("列", "column"), Text("读作", "read as"), Text("第一行", "first row")
    table = Table(*map(str, heads))
    for row in export.preview():
        table.add_row(*map(escape, row))
    return table


def _offered(offer: Found) -> str:
    match offer:
        case Trouble():
            return f"✗ {printable(offer.label)}: {offer.text}"
        case Link():
            return f"🔗 {printable(offer.source)}: {printable(offer.learner)} {offer.url}"
        case Record():
            said = f"{offer.learner}, {offer.lesson}, {_BECAME['again']}"
            return f"📦 {printable(offer.source)}: {said}"
        case Offer():
            return f"📦 {printable(offer.label)}: {_said(offer)}"


def _said(offer: Offer) -> str:
    """Return what a bundle says of itself, or what is wrong with it."""
    if offer.place.is_dir():
        return f"{printable(offer.learner)}, {printable(offer.lesson)}"
    try:
        said = verify(offer.place)
    except (BadBundle, OSError) as error:
        return f"✗ {reason_of(error)}"
    return f"{said.learner}, {said.lesson}, {said.number}"


def _table(taken: list[tuple[Record, str]]) -> Table:
    heads = (
        Text("学员", "learner"), Text("课", "lesson"), Text("第几次", "number"),
        Text("收到（UTC）", "received (UTC)"), Text("结果", "result"),
    )  # fmt: skip
    table = Table(*map(str, heads))
    for record, became in taken:
        table.add_row(
            escape(record.learner), record.lesson, str(record.number or "–"),
            f"{record.received:%Y-%m-%d %H:%M}", str(_BECAME[became]),
        )  # fmt: skip
    return table
