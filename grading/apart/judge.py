"""The process that judges: it runs the test cells and never holds an object of a learner.

The grader sends a plan; the judge walks through its cells in order, has the learner's process
run the learner's, runs the tests itself, and tells the result of each at once. Tests that cannot
do without the learner's process run there in a second walk, after all others have been judged.

A test is in doubt where a learner's function did what the instructor's solution does not do in
it. It is looked at once more: what a learner got of it runs as a notebook runs it; a hidden part,
which never enters the learner's process, is judged here with arguments changed as the function
changed them, and with the learner's own objects believed. The lower score counts; a test that
passes only so earns nothing until a TA has looked.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from course_lib.language import parse_language, use_language
from grading.apart import chance, guard, patches, scoring, surroundings, wire
from grading.apart.answerer import imported
from grading.apart.errors import OutOfTime, Report, Unreachable
from grading.apart.failures import MAX_TEXT, describe, ran_before_hidden, read_error
from grading.apart.folder import Folder
from grading.apart.names import Names
from grading.apart.outputs import Outputs
from grading.apart.peer import Peer, leave
from grading.apart.running import NoShell, run_code
from grading.apart.scoring import BadScore, Shown

MAX_RESTARTS = 10
LATE, ENDED, UNREADABLE, NO_NUMBER = "late", "ended", "unreadable", "no number"
NOT_REACHED, ONLY_BELIEVED = "not reached", "only believed"


def main(channel: socket.socket, home: str) -> None:
    """Judge one submission."""
    plan = wire.load(*wire.read_frame(lambda size: _read(channel, size)))
    use_language(parse_language(plan["language"]))
    sys.path.insert(0, home)
    folder = Folder(Path(home))
    folder.write(plan["files"])
    os.set_inheritable(channel.fileno(), False)
    judge = Judge(channel, plan, folder)
    guard.install()
    judge.run()


def _read(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


@dataclass
class Judge:
    """Walks through a plan.

    ``plan["cells"]`` holds for each cell a kind and a source: ``learner`` cells run in the
    learner's process, ``given`` ones in both, ``support`` ones here only, ``test`` ones here.
    """

    channel: socket.socket
    plan: dict[str, Any]
    folder: Folder
    peer: Peer | None = None
    names: Names = field(init=False)
    outputs: Outputs = field(default_factory=Outputs)
    left_out: dict[int, str] = field(default_factory=dict)
    again: dict[int, dict[str, Any]] = field(default_factory=dict)
    restarts: int = 0
    broken: str = ""
    saw_hidden: bool = False
    flags: int = 0

    def __post_init__(self) -> None:
        signal.signal(signal.SIGALRM, _out_of_time)
        patches.mirror_patches(lambda: self.peer)
        self._forget()

    def _forget(self) -> None:
        """Begin with no names and no learner's process."""
        self.flags = 0
        self.names = Names(
            self._connected, solved=self.plan["solved"], modules=self.plan["modules"],
            owned=self.plan["given"],
        )  # fmt: skip
        shell = NoShell(self.names)
        self.names.given["get_ipython"] = lambda: shell
        dict.__setitem__(self.names, "get_ipython", lambda: shell)
        shown = [cell["source"] for cell in self.plan["cells"] if cell["kind"] != "learner"]
        surroundings.put_in_place(self.names, self._connected, shown)
        if self.peer is not None:
            self.peer.channel.close()
        self.peer = None

    def run(self) -> None:
        """Judge all cells and say so at the end."""
        unclear = 0
        for index, cell in enumerate(self.plan["cells"]):
            started = time.monotonic()
            result = getattr(self, f"_{cell['kind']}")(index, cell)
            result["seconds"] = time.monotonic() - started
            self._tell("cell", index, result)
            if cell["kind"] == "test" and result["error"] and not result["clean"]:
                unclear = index + 1
        if unclear:
            self._say_again(unclear)
        if self.again:
            self._look_together()
        if self.again:
            self._look_believing()
        if self.plan["learning"] and self.peer is not None:
            self._tell("imported", [*self.peer.ask("imported"), *imported(self.folder.home)])
        self._tell("end")

    def _say_again(self, end: int) -> None:
        """Run the visible tests alone, for what may be told to the learner.

        A learner's code that has met a hidden test could put its values into the messages of
        visible ones.
        """
        self._forget()
        for index, cell in enumerate(self.plan["cells"][:end]):
            if cell["kind"] != "test":
                getattr(self, f"_{cell['kind']}")(index, cell)
            elif cell["visible"] and not cell["together"]:
                result = self._apart({**cell, "source": cell["visible"], "hidden_from": 0})
                self._tell("said", index, result["error"])

    def _look_together(self) -> None:
        """Run the cells as a notebook does, for tests that need it or that are in doubt.

        Hidden parts are left out, but of tests that need it.
        """
        self._forget()
        self.restarts = 0
        for index, cell in enumerate(self.plan["cells"][: max(self.again) + 1]):
            self._connect(index)
            started = time.monotonic()
            if cell["kind"] == "test":
                whole = cell["together"] or not cell["hidden_from"]
                result = self._together(
                    index, cell if whole else {**cell, "source": cell["visible"]}
                )
                failed = result["error"] or result["reason"]
                if index in self.again and (whole or failed):
                    result["seconds"] = time.monotonic() - started
                    result["score"] = result["score"] if whole else 0.0
                    before = self.again.pop(index)
                    self._tell("again", index, _settled(before, result))
            elif cell["kind"] != "support":
                self._run_theirs(index, cell)

    def _look_believing(self) -> None:
        """Judge the tests with hidden parts that are still in doubt, believing all objects."""
        self._forget()
        self.restarts = 0
        for index, cell in enumerate(self.plan["cells"][: max(self.again) + 1]):
            if cell["kind"] != "test":
                getattr(self, f"_{cell['kind']}")(index, cell)
            elif not cell["together"]:
                self._connect(index)
                started = time.monotonic()
                result = self._apart(cell, believing=index in self.again)
                if index in self.again:
                    result["seconds"] = time.monotonic() - started
                    self._tell("again", index, _settled(self.again[index], result))

    def _tell(self, *words: Any) -> None:
        self.channel.sendall(b"".join(wire.pack_frame(*wire.dump(list(words)))))

    # the learner's process

    def _connected(self) -> Peer:
        if self.peer is None:
            raise Unreachable(self.broken or ENDED)
        return self.peer

    def _connect(self, before: int) -> None:
        """Have a learner's process that has run the cells before one; start it anew if need be."""
        while self.peer is None and self.restarts <= MAX_RESTARTS:
            self.restarts += 1
            self._tell("answerer")
            _, descriptors, _, _ = socket.recv_fds(self.channel, 1, 1)
            os.set_inheritable(descriptors[0], False)
            self.peer = Peer(socket.socket(fileno=descriptors[0]), trusting=False)
            self.peer.given = self.names.given
            self.peer.commands["input"] = surroundings.read_input
            self.peer.commands["leave"] = lambda manager, told: leave(manager, told, {})
            self.peer.theirs = self.names.theirs
            try:
                self._limit_call()
                self.peer.ask("know", self.plan["classes"], self.plan["given"])
                self.peer.ask("files", self.plan["learner_files"])
                self.folder.look()
            except Exception as error:
                self._lose(error)
                continue
            for index, cell in enumerate(self.plan["cells"][:before]):
                if cell["kind"] in ("learner", "given"):
                    self._run_theirs(index, cell)
                if self.peer is None:
                    break

    def _lose(self, error: BaseException) -> str:
        """Give up the learner's process after an error that it cannot go on from."""
        self.broken = str(error) if str(error) in (LATE, ENDED) else UNREADABLE
        if self.peer is not None:
            self.peer.channel.close()
            self.peer = None
        return self.broken

    def _limit_call(self) -> None:
        limit = self.plan["cell_seconds"]
        self._connected().limit = limit, time.monotonic() + limit

    def _run_theirs(self, index: int, cell: dict[str, Any]) -> tuple[Any, Any]:
        """Run a cell on the learner's side; one that ends or blocks it is left out from then on."""
        if index in self.left_out or self.peer is None:
            return [], None
        try:
            self._limit_call()
            outputs, error = self.peer.ask("run", cell["source"], cell["name"])
        except Exception as error:
            self.left_out[index] = self._lose(error)
            return [], None
        return outputs, error

    def _learner(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        self._connect(index)
        surroundings.remember_source(cell["name"], cell["source"])
        self.names.forget(cell["binds"])
        outputs, told = self._run_theirs(index, cell)
        return {
            "outputs": self.outputs.keep(outputs), "error": read_error(told),
            "reason": self.left_out.get(index, ""), "clean": not self.saw_hidden,
        }  # fmt: skip

    # the instructor's cells

    def _given(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        result = self._learner(index, cell)
        self._support(index, cell)
        return result

    def _support(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        self._connect(index)
        with _captured(), self._timed(cell), contextlib.suppress(BaseException):
            body, last = self._compiled(cell)
            for code in filter(None, (body, last)):
                run_code(code, self.names.given)
        if self.peer is not None and self.peer.lost:
            self._lose(Unreachable(self.peer.lost))
        return {}

    def _compiled(self, cell: dict[str, Any]) -> tuple[CodeType, CodeType | None]:
        source = scoring.python(cell["source"])
        body, last = scoring.compiled(source, f"<{cell['name']}>", self.flags)
        self.flags |= scoring.future_flags(body)
        return body, last

    def _test(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        if cell["together"]:
            result: dict[str, Any] = {
                "score": 0.0, "error": None, "printed": "", "reason": NOT_REACHED, "clean": False,
                "traits": [], "shown": False,
            }  # fmt: skip
            self.again[index] = result
            return result
        self._connect(index)
        result = self._apart(cell)
        doubts = set(result["traits"]) - set(cell["traits"])
        if doubts and not self.plan["learning"] and not result["reason"]:
            self.again[index] = result
        return result

    def _apart(self, cell: dict[str, Any], *, believing: bool = False) -> dict[str, Any]:
        """Run a test here.

        Args:
            cell: the test.
            believing: let the learner's objects decide what they are asked, and change arguments.
        """
        peer, clean = self.peer, not self.saw_hidden
        self.saw_hidden = self.saw_hidden or bool(cell["hidden_from"])
        score, error, shown, reason = 0.0, None, False, ""
        with _captured() as text:
            try:
                with self._timed(cell, believing=believing):
                    score = self._score(cell)
            except Shown:
                score, shown = float(cell["points"]), True
            except BaseException as raised:
                error = describe(raised, f"<{cell['name']}>")
                clean = clean and ran_before_hidden(raised, cell)
                reason = _reason(raised)
        traits = sorted(peer.traits) if peer is not None else []
        if peer is not None and peer.lost:
            reason = self._lose(Unreachable(peer.lost))
        elif self.peer is None:
            reason = self.broken or ENDED
        elif reason == LATE:
            self._lose(Unreachable(LATE))
        return {
            "score": 0.0 if reason else score, "error": error,
            "printed": text.getvalue()[:MAX_TEXT], "reason": reason, "clean": clean,
            "traits": traits, "shown": shown,
        }  # fmt: skip

    def _together(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        """Run a test in the learner's process and count what a notebook would show of it."""
        outputs, told = self._run_theirs(index, cell)
        reason = self.left_out.get(index, "")
        points = float(cell["points"])
        score, error, shown = 0.0, None, False
        try:
            if told is not None:
                report = Report.read(told)
                error = [report.name, report.text, report.line or 0, True]
            elif not reason and self.peer is not None:
                score = scoring.shown_score(outputs, points, shows=cell["shows"])
            else:
                reason = reason or self.broken or ENDED
        except Shown:
            if self.plan["learning"]:
                score, shown = points, True
            else:
                error, reason = [BadScore.__name__, "no number", 0, False], NO_NUMBER
        except (BadScore, wire.NotPlain) as wrong:
            error, reason = [type(wrong).__name__, str(wrong), 0, False], NO_NUMBER
        before = self.plan["cells"][: index + 1]
        clean = not any(one["together"] and one["hidden_from"] for one in before)
        return {
            "score": score, "error": error, "printed": "", "reason": reason, "clean": clean,
            "traits": [], "shown": shown,
        }  # fmt: skip

    @contextlib.contextmanager
    def _timed(self, cell: dict[str, Any], *, believing: bool = False) -> Iterator[None]:
        """Limit what is done here and each call to the learner's process."""
        seconds = self.plan["cell_seconds"]
        close = set(cell["close"])
        chance.mirror_seeds(lambda: self.peer)
        if self.peer is not None:
            self.peer.limit = self.plan["call_seconds"], time.monotonic() + seconds
            self.peer.writes_back = believing or "args" in close
            self.peer.traits.clear()
            believing = believing or self.plan["learning"]
            self.peer.known = None if believing else frozenset(cell["traits"])
            self.peer.hear = lambda text: sys.stdout.write(text)
            self.peer.before = lambda: self._hand_over(close)
            self.peer.after = lambda: self._take_over(close)
            shares = not close.isdisjoint({"names", "globals"})
            self.names.shared = self.plan["read"] if shares else ()
            self.names.returns = "globals" in close
        signal.setitimer(signal.ITIMER_REAL, seconds + 1)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.names.shared = ()

    def _hand_over(self, close: set[str]) -> None:
        """Give the learner's process what a test prepared for a call."""
        peer = self._connected()
        if "files" in close:
            peer.ask("files", self.folder.changed())
        if "chance" in close:
            peer.ask("set_chance", chance.chance())

    def _take_over(self, close: set[str]) -> None:
        """Take what a call made beside its value."""
        peer = self.peer
        if peer is None or peer.lost:
            return
        if "files" in close:
            found = peer.ask("changed")
            if type(found) is dict and all(type(name) is str for name in found):
                self.folder.accept(found, self.plan["files"])
        if "chance" in close:
            chance.set_chance(peer.ask("chance"))

    def _score(self, cell: dict[str, Any]) -> float:
        """Run a test cell and return what it gives."""
        points = float(cell["points"])
        source = scoring.python(cell["source"])
        self.names.bind_for_classes(source)
        body, last = self._compiled(cell)
        run_code(body, self.names)
        if last is None:
            return points
        value = run_code(last, self.names)
        if value is None or scoring.is_silenced(source):
            return points
        if cell["shows"] or (self.plan["learning"] and not scoring.is_number(value)):
            score = scoring.outcome_of(value, points)
            if score == points and not cell["shows"]:
                raise Shown
            return score
        return scoring.number(value, points)


def _settled(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return what counts of a test: both results, where it was judged here before."""
    if before["reason"] == NOT_REACHED:
        return now
    passed = now["score"] > 0 and not now["error"]
    if before["error"] or not before["score"]:
        return {**before, "seconds": now["seconds"], "reason": ONLY_BELIEVED if passed else ""}
    return now if now["score"] < before["score"] else {**before, "seconds": now["seconds"]}


def _reason(error: BaseException) -> str:
    """Return why a TA must look at a test that ended so; learners can name theirs as they like."""
    if isinstance(error, OutOfTime):
        return LATE
    return NO_NUMBER if isinstance(error, BadScore) else ""


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTime("the test took too long")


class _Text(io.StringIO):
    """Printed text, up to a limit."""

    def write(self, text: str) -> int:
        if self.tell() < MAX_TEXT:
            super().write(text[:MAX_TEXT])
        return len(text)


@contextlib.contextmanager
def _captured() -> Iterator[io.StringIO]:
    text = _Text()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(_Text()):
        yield text
