"""Run a tool from a notebook or a terminal: seen as it goes, proven at its end, ended whole."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Literal

from course_lib.errors import CampError
from course_lib.interrupts import put_off
from course_lib.language import Text
from course_lib.toolbox import environments, progress, records
from course_lib.toolbox.environments import Environment
from course_lib.toolbox.explain import Explanation, explain
from course_lib.toolbox.process import End, Piece, Process
from course_lib.toolbox.records import Outcome, Record
from course_lib.toolbox.steps import Step, Verdict, is_made, judge
from course_lib.toolbox.tool_steps import step_of
from course_lib.toolbox.view import State, View, choose

Again = Literal["auto", "continue", "over"]
_NOT_FOR_TOOLS = (
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MPLBACKEND", "__PYVENV_LAUNCHER__"),
    "PYTHONDONTWRITEBYTECODE",  # torch's bytecode made anew for each command: half a minute
    "NPROC_PER_NODE",  # with it `xtuner convert` starts several converters (xtuner#346)
)


class ToolError(CampError):
    """A step that did not succeed: what is missing, why, and the way on."""

    def __init__(self, message: str, explanation: Explanation, log: Path) -> None:
        super().__init__(message)
        self.explanation = explanation
        self.log = log


@dataclass(frozen=True)
class Run:
    """A step that succeeded: its record, and the file of its log."""

    record: Record
    log: Path

    @property
    def losses(self) -> list[tuple[int, float]]:
        """Return (iteration, loss) as the log tells them."""
        return self.record.losses

    @property
    def lines(self) -> list[str]:
        """Return the lines of the log."""
        return self.log.read_text(encoding="utf-8").splitlines()

    def _ipython_display_(self) -> None:
        """Show nothing: the cell shows the run already."""


def run(
    tool: str,
    *words: str | os.PathLike[str] | float,
    folder: str | os.PathLike[str] = ".",
    again: Again = "auto",
    files: Sequence[str] = (),
    lines: Sequence[str] = (),
    stdin: str | None = None,
    variables: Mapping[str, str] | None = None,
    program: str | None = None,
) -> Run:
    """Run a tool's command and show it as it goes; return when it has proven success.

    Args:
        tool: the tool's name, such as ``xtuner``.
        words: what follows it on the command line.
        folder: where it runs; its log goes to ``tool-logs`` there.
        again: when it ran before: ``auto`` does not run again what passed with the same arguments,
            configuration, data and model; ``continue`` also lets a training go on from its last
            checkpoint; ``over`` starts over. What a new start would overwrite is set aside.
        files: patterns of files that it must write, besides those that the course knows.
        lines: regular expressions of lines that its log must hold, besides those known.
        stdin: what it reads from the standard input.
        variables: environment variables besides the tool's own.
        program: what runs in the tool's place, such as ``python`` for a script that imports it.

    Raises:
        CampError: the tool is not installed (the text says the command that installs it).
        ToolError: the step failed; the text says what is missing, the cause and the fix.
        KeyboardInterrupt: interrupted; the whole tree of processes has ended.
    """
    environment = environments.need(tool)
    place = Path(folder).resolve()
    if not place.is_dir():
        raise CampError(str(Text(f"没有目录 {place}", f"there is no folder {place}")), 2)
    asked = [
        os.fspath(word) if isinstance(word, str | os.PathLike) else str(word) for word in words
    ]
    step = step_of(environment.tool.name, asked, place)
    outputs = [place / step.output] if step.output else []
    started = program or environment.tool.program
    own = {**environment.tool.variables, **(variables or {})}
    settings = (environment.tool.version, started, sorted(own.items()), stdin, [*files], [*lines])
    inputs = records.fingerprint(place, asked, outputs, step.reads, *settings)
    view = choose()
    if again != "over" and (earlier := records.passed(place, inputs)):
        view.say(_already(*earlier), earlier[0].losses)
        return Run(*earlier)
    if again == "continue" and not step.resume:
        view.say(
            Text("没有可以接着做的检查点，从头开始", "no checkpoint to go on from: it starts over")
        )
    if again == "continue" and step.resume and "--resume" not in asked:
        asked += step.resume
        own |= step.resume_variables
    elif outputs and is_made(step, place) and (aside := _set_aside(outputs[0])):
        view.say(
            Text(
                f"原来的 {step.output} 保留在 {aside}", f"the old {step.output} is kept as {aside}"
            )
        )
    job = _Job(environment, started, place, asked, step, own, stdin, inputs)
    return job.run(view, tuple(files), tuple(lines))


def _already(record: Record, log: Path) -> Text:
    when, seconds = f"{record.started:%m-%d %H:%M}", f"{record.seconds:.0f}"
    what = " ".join([record.tool, *record.words[:2]])
    return Text(
        f"{what} 已在 {when} 完成（{seconds} 秒，日志 {log.name}），输入没有变，不再运行；"
        'again="over" 重新开始',
        f"{what} was done {when} ({seconds} s, log {log.name}) from the same input and does not "
        'run again; again="over" starts over',
    )


def _set_aside(output: Path) -> Path | None:
    """Rename what lies at ``output`` to the next free ``NAME.N``; return the new path."""
    if not output.exists():
        return None
    number = 1
    while (aside := output.with_name(f"{output.name}.{number}")).exists():
        number += 1
    return output.rename(aside)


@dataclass(frozen=True)
class _Job:
    """One run with all that it needs."""

    environment: Environment
    program: str
    folder: Path
    words: list[str]
    step: Step
    own: Mapping[str, str]
    stdin: str | None
    inputs: str

    @property
    def command(self) -> str:
        """Return what a shell runs, to be typed in a terminal."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.own.items()]
        path = f"PATH={shlex.quote(str(self.environment.bin))}:$PATH"
        tool = shlex.join([self.program, *self.words])
        fed = "" if self.stdin is None else f"printf {_as_format(self.stdin)} | "
        return f"cd {shlex.quote(str(self.folder))} && {fed}{' '.join([path, *settings])} {tool}"

    def variables(self) -> dict[str, str]:
        """Return the tool's environment: its own commands first, nothing of the notebook's."""
        kept = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_TOOLS}
        path = os.pathsep.join([str(self.environment.bin), kept.get("PATH", os.defpath)])
        return kept | {"PYTHONUNBUFFERED": "1"} | dict(self.own) | {"PATH": path}

    def run(self, view: View, files: tuple[str, ...], lines: tuple[str, ...]) -> Run:
        """Run the step in ``view``; see :func:`run`."""
        tool, started, clock = self.environment.tool, datetime.now().astimezone(), time.monotonic()
        log = records.new_log(self.folder, tool.name, self.words, started)
        state = State(" ".join([tool.name, *self.words[:2]]), self.command, log)
        view.start(state)
        end, outcome, verdict = End(-1, 0), Outcome.FAILED, Verdict(None, ())
        try:
            end = self._stream(view, state)
            step = Step(
                (*self.step.files, *((pattern,) for pattern in files)),
                (*self.step.lines, *lines),
                wrong=self.step.wrong,
            )
            verdict = judge(step, self.folder, state.lines, started.timestamp(), end.exit_code)
            outcome = Outcome.FAILED if verdict.missing else Outcome.PASSED
        except KeyboardInterrupt:
            outcome = Outcome.INTERRUPTED
            state.goes_on = bool(step_of(tool.name, self.words, self.folder).resume)
            raise
        except OSError as error:  # a full disk, or no memory for another process
            state.hear(str(error), kept=True)
            verdict = Verdict(Text("这台机器没能运行它", "this machine could not run it"), ())
        finally:
            record = Record(
                tool=tool.name,
                version=tool.version,
                words=self.words,
                command=self.command,
                started=started,
                seconds=round(time.monotonic() - clock, 1),
                exit_code=end.exit_code,
                memory=end.memory,
                outcome=outcome,
                files={
                    _relative(path, self.folder): records.state_of(path) for path in verdict.files
                },
                losses=state.losses,
                inputs=self.inputs,
            )
            with contextlib.suppress(OSError):  # a full disk: the run's own end says so
                records.write(log, record)
            with put_off():
                view.finish(state, record)
        if verdict.missing is None:
            return Run(record, log)
        found = explain([f"$ {self.command}", *state.lines], ended=True)
        what = Text(
            f"{state.title} 没有成功：{verdict.missing.zh}",
            f"{state.title} failed: {verdict.missing.en}",
        )
        whole = Text(f"完整日志：{log}", f"whole log: {log}")
        raise ToolError(f"{what}\n{found}\n{whole}", found, log)

    def _stream(self, view: View, state: State) -> End:
        program = self.environment.bin / self.program
        with (
            state.log.open("wb", buffering=0) as kept,
            Process(
                [str(program), *self.words], self.folder, self.variables(), self.stdin
            ) as running,
        ):
            _keep(kept, f"$ {self.command}")

            def hear(piece: Piece) -> None:
                line = progress.plain(piece.text)
                state.hear(line, kept=piece.kept)
                if piece.kept:
                    _keep(kept, line)

            for piece in running.pieces():
                if piece is not None:
                    hear(piece)
                with put_off():
                    view.update(state)
            end = running.wait()
            if end.signal:
                hear(Piece(end.signal, True))
            return end


def _keep(log: FileIO, line: str) -> None:
    with contextlib.suppress(OSError):  # on a full disk the tool goes on, and says it itself
        log.write(f"{line}\n".encode())


def _as_format(text: str) -> str:
    """Return ``text`` as a format for the shell's printf, in one line."""
    for old, new in (("\\", "\\\\"), ("%", "%%"), ("\n", "\\n")):
        text = text.replace(old, new)
    return shlex.quote(text)


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
