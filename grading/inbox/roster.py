"""The command ``camp roster``: who may use the inbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url

from course_lib.errors import CampError
from grading.inbox.command import DATA, Address, Data
from grading.inbox.database import Database, address_of
from grading.inbox.members import Invitation, Member, Role, Roster
from grading.tables import Row, read_table, write_csv, write_xlsx

roster_app = typer.Typer(no_args_is_help=True, help="Who may use the inbox, and their tokens.")

_COLUMNS = {
    "learner": ("learner", "id", "学号", "学员"),
    "role": ("role", "角色"),
    "name": ("name", "nickname", "姓名", "昵称"),
    "cohort": ("cohort", "期", "班", "期次"),
}
_ROLES = {"学员": "learner", "学生": "learner", "助教": "ta", "讲师": "instructor"}
_SHOWN = 5
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids on the roster.")]
Out = Annotated[Path, typer.Argument(help="A new .csv or .xlsx file.")]


def _roster(data: Path, db: str | None, *, begin: bool = False) -> Roster:
    """Open the roster; only to ``begin`` one are the data folder and its database made."""
    address = address_of(data, db)
    url = make_url(address)
    if begin:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise CampError(f"no roster in {data}: name the inbox's folder with --data", 2)
    return Roster(Database(address))


@roster_app.command()
def add(
    member: Annotated[str, typer.Argument(metavar="ID", help="As in submissions.")],
    role: Annotated[Role, typer.Option(help="What the member may do.")] = Role.LEARNER,
    name: Annotated[str, typer.Option(help="For the lists only.")] = "",
    cohort: Annotated[str, typer.Option(help="Goes into receipts; limits what a TA sees.")] = "",
    data: Data = DATA,
    db: Address = None,
) -> None:
    """Enter one member and show the token, this once."""
    roster = _roster(data, db, begin=True)
    roster.enter([Member(member, role, name, cohort)], new=True)
    _show(roster, roster.invite([member]))


@roster_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX: learner, role, name, cohort.")],
    data: Data = DATA,
    db: Address = None,
) -> None:
    """Enter all of a table, or none if a row is wrong; tokens and columns not told stay."""
    members, fields = read_members(file)
    added, changed = _roster(data, db, begin=True).enter(members, fields=fields)
    typer.echo(f"{added} added, {changed} changed, {len(members) - added - changed} as before")
    if added:
        typer.echo("next: camp roster invite --new invitations.csv")


@roster_app.command()
def export(file: Out, data: Data = DATA, db: Address = None) -> None:
    """Write the roster to a new table, without tokens."""
    members = _roster(data, db).members()
    rows: list[Row] = [("learner", "role", "name", "cohort", "token since")]
    rows += [(one.id, str(one.role), one.name, one.cohort, one.issued) for one in members]
    _write(file, rows)
    typer.echo(f"{file}: {len(members)} members")


@roster_app.command()
def invite(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Whom.")] = None,
    new: Annotated[
        Path | None, typer.Option(help="Write tokens of all who have none to this new table.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the tokens of ID... to this new table.")
    ] = None,
    data: Data = DATA,
    db: Address = None,
) -> None:
    """Make new tokens, which are shown or written this once; older ones become void."""
    if bool(ids) == (new is not None) or (new and to):
        raise CampError("name members, or --new FILE for all who have no token", 2)
    roster = _roster(data, db)
    if ids:
        invitations = roster.invite(ids)
    else:
        invitations = roster.invite([one.id for one in roster.members() if one.issued is None])
    file = new or to
    if file is None:
        _show(roster, invitations)
        return
    rows: list[Row] = [("learner", "role", "name", "cohort", "token")]
    for one in invitations:
        member = one.member
        rows.append((member.id, str(member.role), member.name, member.cohort, one.token))
    _write(file, rows, private=True)
    try:
        roster.issue(invitations)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    typer.echo(f"{file}: {len(invitations)} tokens; send each to its owner, then delete the file")


@roster_app.command()
def revoke(ids: Ids, data: Data = DATA, db: Address = None) -> None:
    """Make tokens void; submissions stay."""
    typer.echo(f"{_roster(data, db).revoke(ids)} tokens are void now")


def _show(roster: Roster, invitations: list[Invitation]) -> None:
    roster.issue(invitations)
    for one in invitations:
        typer.echo(f"{one.member.id} {one.token}")
    typer.echo("shown this once: send each token to its owner alone", err=True)


def _write(file: Path, rows: list[Row], *, private: bool = False) -> None:
    """Write a new table; a private one is its owner's alone from its first byte on."""
    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise CampError(f"{file}: name a .csv or .xlsx file", 2)
    try:
        file.touch(mode=0o600 if private else 0o644, exist_ok=False)
    except FileExistsError:
        raise CampError(f"{file} is there already and is kept: name another file") from None
    if file.suffix.lower() == ".csv":
        write_csv(file, rows)
    else:
        write_xlsx(file, {"roster": rows})


def read_members(file: Path) -> tuple[list[Member], list[str]]:
    """Return the members of a CSV or XLSX table, and which of their fields it tells.

    Raises:
        CampError: a column is missing or a row is wrong.
    """
    rows = read_table(file)
    heading = [value.casefold() for value in rows[0]] if rows else []
    places = {
        field: next((heading.index(name) for name in names if name in heading), None)
        for field, names in _COLUMNS.items()
    }
    if places["learner"] is None:
        raise CampError(f"{file} has no column 'learner' in its first row", 2)
    members, wrong = [], []
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        field = {
            name: row[place] if place is not None and place < len(row) else ""
            for name, place in places.items()
        }
        said = field["role"].casefold() or "learner"
        role = _ROLES.get(said, said)
        if role not in list(Role):
            wrong.append(f"row {number}: role {field['role']!r} is none of {', '.join(Role)}")
        else:
            members.append(Member(field["learner"], Role(role), field["name"], field["cohort"]))
    if wrong:
        raise CampError(f"{file}: {'; '.join(wrong[:_SHOWN])}; nothing was entered", 2)
    return members, [name for name, place in places.items() if place is not None]
