"""Programs that run beside this process and end with it, however it ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, ClassVar, Self

from course_lib import tether
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.ports import LOOPBACK

_GRACE = tether.PATIENCE + 8


class Tethered:
    """A command whose whole tree of processes ends with :meth:`end` or with this process.

    An interrupt meant for this process (Ctrl+C, an interrupted cell) does not reach it.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path | None,
        variables: Mapping[str, str],
        *,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
    ) -> None:
        held, self._lifeline = (end.detach() for end in socket.socketpair())
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", tether.__file__, str(held), *command],
                cwd=folder,
                env=dict(variables),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                pass_fds=[held],
                start_new_session=True,
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(held)
        self._ended = False

    def wait(self) -> tuple[int, int]:
        """Wait for its end; return the exit code and the bytes of its largest process (0: unknown).

        The code is 128 + N when signal N ended the command.
        """
        code = self.process.wait()
        with contextlib.suppress(OSError):
            os.set_blocking(self._lifeline, False)
            return code, int(os.read(self._lifeline, 64) or b"0")
        return code, 0

    def end(self) -> None:
        """End the tree and wait for it. Harmless when it has ended."""
        if self._ended:
            return
        self._ended = True
        os.close(self._lifeline)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_GRACE)
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class Service:
    """A program that answers on a port of this machine; ``log`` is the file it prints into.

    The log goes when this process ends, and its folder if nothing else is left there; it stays
    when an error told somebody to read it.
    """

    what: ClassVar[Text]
    """What it is called in messages."""
    _log_is_read = False

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        probe: str,
        log: Path,
        variables: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        """Start it.

        Args:
            command: the program and its arguments.
            port: where it will answer, on 127.0.0.1.
            probe: a path such as ``/health`` that answers 200 as soon as the program is ready.
            log: the file for what it prints.
            variables: its environment.
            folder: where it runs; here when None.
        """
        atexit.register(self._forget)  # runs after ``stop``, which is registered last
        self.port, self.log = port, log
        self._probe = probe
        self._follower: threading.Thread | None = None
        with log.open("wb") as output:
            self._tethered = Tethered(command, folder, variables, stdout=output)
        atexit.register(self.stop)

    @property
    def address(self) -> str:
        """Return the address for a program on this machine."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def running(self) -> bool:
        """Tell whether it is alive."""
        return self._tethered.process.poll() is None

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        with self.log.open(encoding="utf-8", errors="replace") as log:
            return "".join(deque(log, lines)).rstrip("\n")

    def follow(self, show: Callable[[str], None]) -> None:
        """Have ``show`` called with each line of the log as it is written, from the first on.

        It is called in a thread of its own, for the last time before :meth:`stop` returns.
        """
        self._follower = threading.Thread(target=self._show, args=(show,), daemon=True)
        self._follower.start()

    def _show(self, show: Callable[[str], None]) -> None:
        rest = b""
        with self.log.open("rb") as log:
            while True:
                running = self.running  # asked first: what came before its end is read, too
                *lines, rest = (rest + log.read()).split(b"\n")
                for line in lines:
                    show(line.decode(errors="replace"))
                if not running:
                    break
                time.sleep(0.1)
        if rest:
            show(rest.decode(errors="replace"))

    def wait(self, seconds: float) -> None:
        """Wait until it answers.

        Raises:
            CampError: it ended or takes too long; the text names its log.
        """
        deadline = time.monotonic() + seconds
        while not self._answers():
            zh, en = self.what.zh, self.what.en
            if not self.running:
                lines = [line.strip() for line in self.tail().splitlines() if line.strip()]
                last = lines[-1] if lines else Text("没有输出", "no output")
                text = Text(
                    f"{zh}没有启动：{last}（日志在 {self.log}）",
                    f"{en} did not start: {last} (log: {self.log})",
                )
                raise self.trouble(text)
            if time.monotonic() > deadline:
                text = Text(
                    f"{zh} {seconds:.0f} 秒内没有应答：看日志 {self.log}",
                    f"{en} did not answer in {seconds:.0f} s: see its log {self.log}",
                )
                raise self.trouble(text)
            time.sleep(0.2)

    def stop(self) -> None:
        """End it and free its port; the log stays. Harmless when it has ended."""
        atexit.unregister(self.stop)
        self._tethered.end()
        if self._follower and self._follower is not threading.current_thread():
            self._follower.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.address}{self._probe}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def trouble(self, text: Text) -> CampError:
        """Return the error of a text that names the log, which then stays to be read."""
        self._log_is_read = True
        return CampError(str(text))

    def _forget(self) -> None:
        if not self._log_is_read:
            with contextlib.suppress(OSError):
                self.log.unlink(missing_ok=True)
                self.log.parent.rmdir()
