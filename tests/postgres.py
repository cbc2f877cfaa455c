"""A real PostgreSQL server for tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import free_port, missing


def postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        missing("postgresql")
    return found[-1].parent


def server_user() -> str | None:
    """Return the user that may run the server: not root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server of its own and return the address of an empty database."""
    programs, user = postgres_programs(), server_user()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own is closed to other users
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    if user:
        entry = pwd.getpwnam(user)
        for path in (folder, data):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    port = free_port()
    run = {"check": True, "user": user, "cwd": folder, "capture_output": True}
    setup = [programs / "initdb", "-D", data, "-U", "camp", "--auth=trust", "-E", "UTF8"]
    subprocess.run([*setup, "--locale=C"], **run)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1"],
            user=user, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        create = [programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "camp", "camp"]
        deadline = time.monotonic() + 60
        while subprocess.run(create, capture_output=True).returncode:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield f"postgresql://camp@127.0.0.1:{port}/camp"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)
