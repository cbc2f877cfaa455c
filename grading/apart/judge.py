"""The process that judges: it runs the test cells and never holds an object of a learner.

The grader sends a plan; the judge walks through its cells in order, has the learner's process
run the learner's, runs the tests itself, and tells the result of each at once.
"""

from __future__ import annotations

import ast
import contextlib
import io
import math
import random
import signal
import socket
import sys
import time
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from course_lib.language import parse_language, use_language
from grading.apart import wire
from grading.apart.errors import OutOfTime, Report, Unreachable
from grading.apart.names import Names
from grading.apart.outputs import Outputs
from grading.apart.peer import Peer

MAX_RESTARTS = 10
_MAX_TEXT = 20_000
LATE, ENDED, UNREADABLE, NO_NUMBER = "late", "ended", "unreadable", "no number"


def main(channel: socket.socket, home: str) -> None:
    """Judge one submission."""
    plan = wire.load(*wire.read_frame(lambda size: _read(channel, size)))
    use_language(parse_language(plan["language"]))
    sys.path.insert(0, home)
    for name, content in plan["files"].items():
        path = Path(home) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    Judge(channel, plan).run()


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
    peer: Peer | None = None
    names: Names = field(init=False)
    outputs: Outputs = field(default_factory=Outputs)
    left_out: dict[int, str] = field(default_factory=dict)
    restarts: int = 0
    broken: str = ""
    saw_hidden: bool = False

    def __post_init__(self) -> None:
        signal.signal(signal.SIGALRM, _out_of_time)
        _mirror_seeds(self)
        self._forget()

    def _forget(self) -> None:
        """Begin with no names and no learner's process."""
        self.names = Names(
            self._connected, solved=self.plan["solved"], classes=self.plan["classes"],
            modules=self.plan["modules"],
        )  # fmt: skip
        self.names.given["get_ipython"] = self.names["get_ipython"] = _NoShell
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
            is_unclear = cell["kind"] == "test" and result["error"] and not result["clean"]
            if is_unclear and not self.plan["together"]:
                unclear = index + 1
        if unclear:
            self._say_again(unclear)
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
            elif cell["visible"]:
                result = self._test(index, {**cell, "source": cell["visible"], "hidden_from": 0})
                self._tell("said", index, result["error"])

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
            self.saw_hidden = False
            _, descriptors, _, _ = socket.recv_fds(self.channel, 1, 1)
            self.peer = Peer(socket.socket(fileno=descriptors[0]), trusting=False)
            self.peer.given = self.names.given
            self.peer.theirs = self.names.theirs
            try:
                self._limit_call()
                self.peer.ask("files", self.plan["learner_files"])
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
        outputs, told = self._run_theirs(index, cell)
        return {
            "outputs": self.outputs.keep(outputs), "error": _read_error(told),
            "reason": self.left_out.get(index, ""), "clean": not self.saw_hidden,
        }  # fmt: skip

    # the instructor's cells

    def _given(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        result = self._learner(index, cell)
        self._support(index, cell)
        return result

    def _support(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        self._connect(index)
        with _captured(), self._timed(), contextlib.suppress(BaseException):
            code = compile(_python(cell["source"]), f"<{cell['name']}>", "exec")
            exec(code, self.names.given)  # noqa: S102 - the instructor's own words
        return {}

    def _test(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        self._connect(index)
        if self.plan["together"]:
            return self._test_together(index, cell)
        peer, clean = self.peer, not self.saw_hidden
        self.saw_hidden = self.saw_hidden or bool(cell["hidden_from"])
        score, error = 0.0, None
        with _captured() as text:
            try:
                with self._timed():
                    score = self._score(cell)
            except BaseException as raised:
                error = _describe(raised, f"<{cell['name']}>")
        reason = NO_NUMBER if error and error[0] == BadScore.__name__ else ""
        if peer is not None and peer.lost:
            reason = self._lose(Unreachable(peer.lost))
        elif self.peer is None:
            reason = self.broken or ENDED
        elif error and error[0] == OutOfTime.__name__:
            reason = LATE
            self._lose(Unreachable(LATE))
        printed = text.getvalue()[:_MAX_TEXT]
        hidden_from = cell["hidden_from"] or math.inf
        clean = clean and (error is None or error[2] < hidden_from)
        return {
            "score": score, "error": error, "printed": printed, "reason": reason, "clean": clean,
        }  # fmt: skip

    def _test_together(self, index: int, cell: dict[str, Any]) -> dict[str, Any]:
        """Run a test in the learner's process and count what a notebook would show of it."""
        outputs, told = self._run_theirs(index, cell)
        reason = self.left_out.get(index, "")
        score, error = 0.0, None
        try:
            if told is not None:
                report = Report.read(told)
                error = [report.name, report.text, report.line or 0, True]
            elif not reason:
                score = _shown_score(outputs, float(cell["points"]))
        except (BadScore, wire.NotPlain) as wrong:
            error, reason = [type(wrong).__name__, str(wrong), 0, False], NO_NUMBER
        return {"score": score, "error": error, "printed": "", "reason": reason, "clean": False}

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Limit what is done here and each call to the learner's process."""
        seconds = self.plan["cell_seconds"]
        if self.peer is not None:
            self.peer.limit = self.plan["call_seconds"], time.monotonic() + seconds
            self.peer.writes_back = False
        signal.setitimer(signal.ITIMER_REAL, seconds + 1)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _score(self, cell: dict[str, Any]) -> float:
        """Run a test cell and return what it gives."""
        if self.peer is not None:
            self.peer.writes_back = cell["writes_back"]
            self.peer.hear = lambda text: sys.stdout.write(text)
        points = float(cell["points"])
        source = _python(cell["source"])
        self.names.bind_for_classes(source)
        tree = ast.parse(source, f"<{cell['name']}>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"<{cell['name']}>", "exec"), self.names)  # noqa: S102
        if not isinstance(last, ast.Expr):
            return points
        value = eval(  # noqa: S307 - the instructor's own words
            compile(ast.Expression(last.value), f"<{cell['name']}>", "eval"), self.names
        )
        return points if value is None or _is_silenced(source) else _number(value, points)


class BadScore(ValueError):
    """A test's last value that is no number from 0 to its points."""


def _number(value: Any, points: float) -> float:
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= points:
        raise BadScore(f"a number from 0 to {points:g} is expected as a test's last value")
    return float(value)


def _shown_score(outputs: Any, points: float) -> float:
    """Return the score that a test cell's outputs show, as nbgrader reads them."""
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict) and output.get("output_type") == "execute_result":
            try:
                text = output["data"]["text/plain"]
                return _number(float(text), points)
            except (KeyError, TypeError, ValueError):
                raise BadScore("the test's last value is no number") from None
    return points


def _python(source: str) -> str:
    """Return plain Python for a cell: magics become calls."""
    with contextlib.suppress(SyntaxError, ValueError):
        ast.parse(source)
        return source
    if not source.endswith("\n"):
        source += "\n"
    transformed: str = TransformerManager().transform_cell(source)
    return transformed


class _NoShell:
    """IPython's place in the judge: line magics of set-up cells do nothing here."""

    def run_line_magic(self, name: str, line: str, *_: Any) -> None:
        """Do nothing for the magics that only change how things are shown."""
        if name not in ("matplotlib", "config", "load_ext", "autoreload", "precision"):
            raise NotImplementedError(f"%{name} in a cell that a test needs")


def _is_silenced(source: str) -> bool:
    """Tell whether a cell ends in ``;``, which keeps IPython from showing its value."""
    last = ""
    with contextlib.suppress(tokenize.TokenError, IndentationError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in (
                tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER,
                tokenize.INDENT, tokenize.DEDENT,
            ):  # fmt: skip
                last = token.string
    return last == ";"


def _describe(error: BaseException, file: str) -> list[Any]:
    """Return an exception's name, text, line in the test, and whether a learner named it."""
    try:
        text = str(error)[:_MAX_TEXT]
    except Exception:
        text = ""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == file:
        line = error.lineno
    return [type(error).__name__, text, line or 0, type(error).__module__ == "learner"]


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTime("the test took too long")


def _read_error(told: Any) -> list[Any] | None:
    """Return the error of a learner's cell; None if it ended well or tells nothing readable."""
    try:
        report = Report.read(told)
    except wire.NotPlain:
        return None
    return [report.name, report.text, report.line or 0, True]


class _Text(io.StringIO):
    """Printed text, up to a limit."""

    def write(self, text: str) -> int:
        if self.tell() < _MAX_TEXT:
            super().write(text[:_MAX_TEXT])
        return len(text)


@contextlib.contextmanager
def _captured() -> Iterator[io.StringIO]:
    text = _Text()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(_Text()):
        yield text


def _mirror_seeds(judge: Judge) -> None:
    """Let a test that seeds a global random generator seed the learner's too."""

    def mirrored(which: str, seed: Callable[..., Any]) -> Callable[..., Any]:
        def both(*args: Any, **kwargs: Any) -> Any:
            value = seed(*args, **kwargs)
            number = args[0] if args else next(iter(kwargs.values()), None)
            if judge.peer is not None and isinstance(number, int | float | str | bytes):
                judge.peer.ask("seed", which, number)
            return value

        return both

    random.seed = mirrored("random", random.seed)
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed = mirrored("numpy", np.random.seed)
    if "torch" in sys.modules:
        import torch

        torch.manual_seed = mirrored("torch", torch.manual_seed)
