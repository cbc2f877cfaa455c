"""The grader's side of one submission: it starts the two processes and hears the results."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from course_lib.errors import CampError
from grading.apart import wire
from grading.apart.plan import NOT_REACHED, Outcome, Plan, read_error, read_outcome
from grading.apart.wire import NotPlain
from grading.isolation.spawner import Job

_JUDGE = "judge"


@dataclass
class Run:
    """The outcomes of a plan's steps, and why the rest was not reached."""

    outcomes: list[Outcome]
    reason: str = ""
    imported: tuple[str, ...] = ()
    answerers: int = field(default=0, repr=False)


def run(job: Job, plan: Plan) -> Run:
    """Judge one notebook; steps that are not reached have no points.

    Args:
        job: the walled processes of this submission.
        plan: what to run and to test.

    Raises:
        CampError: the plan is too large.
    """
    found = Run([])
    try:
        frame = wire.pack_frame(*wire.dump(plan.message()))
    except NotPlain as error:
        raise CampError(
            f"the lesson's cells and files cannot be given to its tests ({error}): "
            "make them smaller"
        ) from None
    deadline = time.monotonic() + plan.times.submission
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
        job.kill(_JUDGE)
        _end_answerer(job, found)
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
