"""What the checks said: one small file for each exercise, so that a restart loses nothing.

``check`` calls :func:`record` in a running notebook of the kit and nowhere else: not when a
submission is graded, not in a script. The file keeps a fingerprint of the answer that was checked,
so that an answer edited after it was right counts as changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from course_lib.files import write_atomic
from course_lib.learner.home import Home, home_of_notebook

if TYPE_CHECKING:
    from course_lib.learner.notebook import Exercise

Verdict = Literal["right", "wrong", "raised", "not attempted"]
State = Literal["right", "wrong", "raised", "untried", "unchecked", "changed"]


@dataclass(frozen=True)
class Checked:
    """The last verdict on an exercise.

    Attributes:
        verdict: of its visible check.
        line: what the learner read.
        answer: fingerprint of the answer's cell; "" when it was not found.
        time: when, UTC.
    """

    verdict: Verdict
    line: str
    answer: str
    time: str


@dataclass(frozen=True)
class Standing:
    """An exercise and where it stands.

    Attributes:
        name: of the exercise.
        points: what it is worth.
        state: ``changed`` when the answer was edited since the verdict, ``unchecked`` when it was
            written and its check was not run.
        line: what the check said last.
    """

    name: str
    points: float
    state: State
    line: str


@dataclass
class _Session:
    """The notebook that runs in this kernel."""

    folder: Path | None = None
    lesson: str = ""
    fresh: set[str] = field(default_factory=set)
    listeners: list[Callable[[], None]] = field(default_factory=list)


_session = _Session()


def begin(lesson: str) -> Home | None:
    """Have the checks of this kernel's notebook recorded; return the kit it belongs to, if any."""
    global _session
    home = home_of_notebook() if type(_shell()).__name__ == "ZMQInteractiveShell" else None
    _session = _Session(folder_of(home, lesson) if home else None, lesson)
    return home


def running_lesson() -> str:
    """Return the lesson of the notebook that runs in this kernel; "" without."""
    return _session.lesson


def listen(listener: Callable[[], None]) -> None:
    """Have ``listener`` called after each verdict in this kernel."""
    _session.listeners.append(listener)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()


def folder_of(home: Home, lesson: str) -> Path:
    """Return where the verdicts on a lesson lie."""
    return home.state / "progress" / lesson


def record(name: str, verdict: Verdict, line: str, function: str) -> None:
    """Keep a verdict, if this is a running notebook of the kit; a full disk does not matter.

    Args:
        name: the exercise.
        verdict: of its check.
        line: what the learner reads.
        function: the function that was called; the cell that defined it last is the answer.
    """
    if _session.folder is None or not name.isidentifier():
        return
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    checked = Checked(verdict, line, _answer(function), moment)
    with contextlib.suppress(OSError):
        text = json.dumps(asdict(checked), ensure_ascii=False, indent=1)
        write_atomic(_session.folder / f"{name}.json", text + "\n", durable=False)
        _session.fresh.add(name)
        for listener in _session.listeners:
            listener()


def answer_print(source: str) -> str:
    """Return a word that tells whether an answer was edited."""
    return hashlib.sha256(source.strip().encode("utf-8", "replace")).hexdigest()[:16]


def _answer(function: str) -> str:
    """Return the fingerprint of the last cell that ran and defines ``function``."""
    shell = _shell()
    ran: list[str] = shell.history_manager.input_hist_raw if shell else []
    defines = re.compile(rf"^(?:async\s+)?(?:def|class)\s+{re.escape(function)}\b", re.MULTILINE)
    found = next((source for source in reversed(ran) if defines.search(source)), None)
    return answer_print(found) if found is not None else ""


def read_checked(folder: Path, name: str) -> Checked | None:
    """Return the last verdict on an exercise; None when there is none that can be read."""
    try:
        data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        found = Checked(*(str(data[key]) for key in ("verdict", "line", "answer", "time")))  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.verdict in get_args(Verdict) else None


def standings(folder: Path, exercises: Sequence[Exercise]) -> list[Standing]:
    """Return where each exercise stands.

    Args:
        folder: of the lesson's verdicts.
        exercises: as they are in the notebook on the disk.
    """
    return [_standing(one, read_checked(folder, one.name)) for one in exercises]


def _standing(exercise: Exercise, checked: Checked | None) -> Standing:
    answer = exercise.answer
    state: State
    if checked is None or checked.verdict == "not attempted":
        state = "unchecked" if answer.touched else "untried"
    else:
        here = answer.name in _session.fresh  # the file may not be saved yet
        same = checked.answer in ("", answer_print(answer.source))
        state = cast(State, checked.verdict) if here or same else "changed"
    line = checked.line if checked and state != "untried" else ""
    return Standing(answer.name, exercise.points, state, line)
