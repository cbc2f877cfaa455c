"""The command ``camp inbox``: serve, verify a receipt, check what is kept, release feedback."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from pathlib import Path
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from course_lib.bundle import MAX_BUNDLE
from course_lib.errors import CampError
from grading.inbox.database import Database, address_of
from grading.inbox.members import Role, Roster
from grading.inbox.receipts import read_receipt, signer
from grading.inbox.store import Store, fault_of, open_store
from grading.inbox.upload import Arrived
from grading.inbox.watch import LOG, log_lines

inbox_app = typer.Typer(help="Take submissions over HTTP, for a cohort without shared folders.")

Data = Annotated[Path, typer.Option(help="The inbox's data folder.")]
Address = Annotated[
    str | None,
    typer.Option("--db", help="postgresql://USER@HOST/NAME; else a file in DATA."),
]
DATA = Path("inbox")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@inbox_app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    data: Data = DATA,
    db: Address = None,
    host: Annotated[str, typer.Option(help="Where to listen; TLS is the proxy's.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8700,
    course: Annotated[
        Path | None, typer.Option(help="The course directory whose ledger tells the points.")
    ] = None,
    max_mb: Annotated[float, typer.Option(min=0.01, help="Size of a bundle.")] = MAX_BUNDLE / 1e6,
    quota_mb: Annotated[float, typer.Option(min=0.01, help="All bundles of a learner.")] = 1000,
    uploads: Annotated[int, typer.Option(min=1, help="Of one learner in an hour.")] = 60,
    requests: Annotated[int, typer.Option(min=1, help="Of one member in a minute.")] = 300,
) -> None:
    """Serve the inbox (the page /docs says how to ask it) until it is stopped."""
    if context.invoked_subcommand is not None:
        return
    import uvicorn

    from grading.inbox.service import Inbox, Limits, create_app

    if course is not None and not (course / "source").is_dir():
        raise CampError(f"{course} is no course directory (it has no folder 'source')", 2)
    limits = Limits(min(int(max_mb * 1e6), MAX_BUNDLE), int(quota_mb * 1e6), uploads, requests)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(data / "lock", timeout=0), _listen(host, port) as listener:
            database = Database(address_of(data, db))
            store = open_store(data, database, limits.quota, new=True)
            app = create_app(Inbox(store, Roster(database), course, limits))
            _announce(host, listener.getsockname()[1])
            config = uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False,
                limit_concurrency=1000, timeout_keep_alive=15, timeout_graceful_shutdown=30,
            )  # fmt: skip
            uvicorn.Server(config).run(sockets=[listener])
            database.close()
    except Timeout:
        raise CampError(f"another inbox serves {data}: stop that one first") from None


def _announce(host: str, port: int) -> None:
    log_lines()
    if host not in _LOOPBACK:
        LOG.warning("tokens come in over plain HTTP: let nothing but a TLS proxy reach this port")
    LOG.info("listening on port %s", port)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise CampError(
            f"cannot listen on {host}:{port} ({error.strerror}): name another --port"
        ) from None


@inbox_app.command()
def verify(
    receipt: Annotated[Path, typer.Argument(help="The JSON file that the learner kept.")],
    data: Data = DATA,
) -> None:
    """Tell whether a receipt is this inbox's, and whether its bundle is there."""
    found = read_receipt(receipt)
    if not signer(data).is_ours(found):
        raise CampError(f"{receipt} was not signed by this inbox, or was changed since")
    place = data / "bundles" / f"{found.id}.zip"
    said = (
        f"{found.learner}, {found.lesson}, number {found.number}, received {found.received}, "
        f"place {found.queue} in the queue"
    )
    if fault := fault_of(place, found.sha256):
        raise CampError(f"the receipt is good ({said}), but {place} {fault}: see your backup")
    typer.echo(f"good: {said}; its bundle is {place}")


@inbox_app.command()
def check(data: Data = DATA, db: Address = None) -> None:
    """Look whether every submission has its bundle, unchanged; for use after a restore."""
    store = _open(data, db)
    problems = list(store.problems())
    for line in problems:
        typer.echo(line)
    if problems:
        raise CampError(f"{len(problems)} files are not as they should be")
    typer.echo("all bundles are there and whole")


@inbox_app.command()
def release(
    lesson: Annotated[str, typer.Argument(help="Such as 01_intro.")],
    course: Annotated[Path, typer.Option(help="Where camp feedback wrote.")] = Path("course"),
    data: Data = DATA,
    db: Address = None,
) -> None:
    """Release the feedback pages of a lesson to their learners, on the inbox's own machine."""
    signer(data)  # where there is no inbox, nothing is made
    database = Database(address_of(data, db))
    store = open_store(data, database, quota=0)
    learners = [one.id for one in Roster(database).members() if one.role is Role.LEARNER]
    counts = {True: 0, False: 0}
    for learner in learners:
        page = course / "feedback" / learner / lesson / f"{lesson}.html"
        if page.is_file():
            counts[_release(store, learner, lesson, page)] += 1
    if not sum(counts.values()):
        raise CampError(
            f"no page of {lesson} in {course / 'feedback'} is of a learner on the roster: "
            f"run 'camp feedback {lesson}' first"
        )
    typer.echo(f"{counts[True]} pages released, {counts[False]} were the newest already")


def _release(store: Store, learner: str, lesson: str, page: Path) -> bool:
    copy = store.folders.incoming / f"release-{os.getpid()}"
    try:
        shutil.copyfile(page, copy)
        with copy.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        return store.release(learner, lesson, Arrived(copy, sha256, copy.stat().st_size))
    finally:
        copy.unlink(missing_ok=True)


def _open(data: Path, db: str | None) -> Store:
    signer(data)  # where there is no inbox, nothing is made
    return open_store(data, Database(address_of(data, db)), quota=0)
