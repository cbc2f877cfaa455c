"""The grader's side of one submission: it starts the two processes and hears the results."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from dataclasses import dataclass, field

from course_lib.errors import CampError
from grading.apart import wire
from grading.apart.plan import NOT_REACHED, Outcome, Plan, read_error, read_outcome
from grading.apart.wire import NotPlain
from grading.isolation.spawner import Job

_JUDGE = "judge"
_IDLE = 0.5  # of the time: less computed than that, and the machine was busy with something else


class NoRoom(Exception):
    """A walled process could not be started, which says nothing of a submission."""


@dataclass
class Run:
    """What became of a plan.

    Attributes:
        outcomes: of its steps.
        reason: why the rest was not reached.
        imported: modules that the instructor's solution imported.
        doubtful: the machine may be why a step was late or ended: its processes had computed
            little until then, or were killed, as happens where memory runs out.
    """

    outcomes: list[Outcome]
    reason: str = ""
    imported: tuple[str, ...] = ()
    doubtful: bool = False
    answerers: int = field(default=0, repr=False)


def run(job: Job, plan: Plan) -> Run:
    """Judge one notebook; steps that are not reached have no points.

    Args:
        job: the walled processes of this submission.
        plan: what to run and to test.

    Raises:
        CampError: the plan is too large.
        NoRoom: a process could not be started.
    """
    found = Run([])
    try:
        frame = wire.pack_frame(*wire.dump(plan.message()))
    except NotPlain as error:
        raise CampError(
            f"the lesson's cells and files cannot be given to its tests ({error}): "
            "make them smaller"
        ) from None
    started = time.monotonic()
    deadline = started + plan.times.submission
    with job.open("judge", _JUDGE) as channel:
        try:
            channel.settimeout(plan.times.submission)
            channel.sendall(b"".join(frame))
            while _hear(job, channel, plan, found, deadline):
                pass
        except TimeoutError:
            found.reason = "late"
        except OSError:
            ending = job.ending(_JUDGE)
            found.reason = "memory" if ending and ending.why == "memory" else "ended"
        except NotPlain:
            found.reason = "unreadable"
        seconds = time.monotonic() - started
        with contextlib.suppress(OSError):  # no zygote, no processes of it
            job.kill(_JUDGE)
            _end_answerer(job, found)
    found.doubtful = _is_doubtful(job, found, seconds)
    rest = len(plan.steps) - len(found.outcomes)
    found.outcomes += [Outcome(reason=NOT_REACHED) for _ in range(rest)]
    return found


def _hear(job: Job, channel: socket.socket, plan: Plan, found: Run, deadline: float) -> bool:
    """Hear one message of the judge; false after the last."""
    message = wire.load_told(*wire.read_frame(lambda size: _read(channel, size, deadline)))
    kind, *words = message if isinstance(message, list) and message else [""]
    if kind == "end":
        return False
    if kind == "answerer":
        _end_answerer(job, found)
        found.answerers += 1
        with job.open("answerer", f"answerer{found.answerers}", grouped=True) as answerer:
            socket.send_fds(channel, [b"x"], [answerer.fileno()])
    elif kind == "cell" and words[0] == len(found.outcomes) < len(plan.steps):
        found.outcomes.append(read_outcome(plan.steps[words[0]], words[1]))
    elif kind == "imported" and plan.learning:
        found.imported = tuple(name for name in words[0] if type(name) is str)
    elif kind == "again" and type(words[0]) is int and 0 <= words[0] < len(found.outcomes):
        said = found.outcomes[words[0]].said
        found.outcomes[words[0]] = read_outcome(plan.steps[words[0]], words[1])
        found.outcomes[words[0]].said = said
    elif kind == "said" and type(words[0]) is int and 0 <= words[0] < len(found.outcomes):
        found.outcomes[words[0]].said = read_error(words[1])
    else:
        raise NotPlain("an unknown message")
    return True


def _is_doubtful(job: Job, found: Run, seconds: float) -> bool:
    """Tell whether the machine may be why steps were late or ended.

    Raises:
        NoRoom: a process could not be started.
    """
    reasons = {found.reason, *(one.reason for one in found.outcomes)}
    if reasons.isdisjoint({"late", "ended"}):
        return False
    names = [_JUDGE, *(f"answerer{number}" for number in range(1, found.answerers + 1))]
    endings = [ending for name in names if (ending := job.ending(name))]
    for ending in endings:
        if ending.why.startswith("failed"):
            raise NoRoom(f"a walled process could not be started ({ending.why})")
    lost = len(endings) < len(names) or any(
        ending.status == -signal.SIGKILL and not ending.why for ending in endings
    )
    idle = sum(ending.cpu for ending in endings) < _IDLE * seconds
    return lost or ("late" in reasons and idle)


def _end_answerer(job: Job, found: Run) -> None:
    if found.answerers:
        job.kill(f"answerer{found.answerers}")


def _read(channel: socket.socket, size: int, deadline: float) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        channel.settimeout(left)
        part = channel.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise ConnectionResetError
        parts += part
    return bytes(parts)
