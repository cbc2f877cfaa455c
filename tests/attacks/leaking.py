"""Getting hidden values out of the grading, on the feedback page or into a later submission."""

from __future__ import annotations

from tests.attacks.case import Case
from tests.attacks.course import ANSWERS, FULL, POINTS

_SEEN = "SEEN = []\n"


def _remembering(name: str, first: str) -> str:
    """Return a right answer that remembers its arguments."""
    return _SEEN + ANSWERS[name].replace(
        first, f"{first}\n    SEEN.append({first.split('(')[1][:-2]})"
    )


RAISES = """
def digits(number):
    if number == 507:
        return [5, 0, 7]
    raise {kind}
"""
REMEMBERS = {
    "mean": _remembering("mean", "def mean(numbers):"),
    "digits": _remembering("digits", "def digits(number):"),
}
LATER = """
def evens(numbers):
    if SEEN[2:]:
        raise ValueError(f'they tested {SEEN}')
    return [one for one in numbers if one % 2 == 0]
"""
CLOCK = """
import time
def digits(number):
    if number == 507:
        return [5, 0, 7]
    time.sleep(number % 10 / 10)
    raise ValueError(number)
"""
PACED = """
import time
PACE = float(open('pace.txt').read())
def digits(number):
    time.sleep(number % 10 * PACE)
    return [int(one) for one in str(number)]
"""


def _lost(*names: str) -> float:
    return FULL - sum(POINTS[name] for name in names)


def _raising(tries: str, kind: str, before: str = "") -> Case:
    answers = {"digits": before + RAISES.format(kind=kind)}
    return Case(tries, points=_lost("digits"), solved=True, answers=answers)


def _paced(tries: str, pace: float) -> Case:
    return Case(
        tries, points=FULL, solved=True, answers={"digits": PACED},
        write=lambda folder, scene: (folder / "pace.txt").write_text(str(pace)) and None,
    )  # fmt: skip


CASES: dict[str, Case] = {
    "by_message": _raising("an exception with the arguments, through the test's own helper", "ValueError(f'for {number}')"),
    "by_assertion": _raising("an AssertionError with the arguments", "AssertionError(f'for {number}')"),
    "by_name": _raising(
        "an exception named after the arguments", "type(f'E{number}', (Exception,), {})()"
    ),
    "by_line": _raising(
        "a SyntaxError that claims to be of a visible line",
        "SyntaxError(f'for {number}', ('<test_digits>', 1, 1, str(number)))",
    ),
    "by_verdict": _raising(
        "an exception that poses as the verdict of a check",
        "NotPassed('wrong', Text(f'for {number}', f'for {number}'))",
        "from course_lib.verdicts import NotPassed\nfrom course_lib.language import Text\n",
    ),
    "by_own_verdict": _raising(
        "an own class NotPassed", "NotPassed(f'for {number}')", "class NotPassed(Exception): pass\n"
    ),
    "by_clock": Case(
        "wait, then raise", points=_lost("digits"), solved=True, answers={"digits": CLOCK}
    ),
    "by_pace": _paced("sleep as long as a digit of a hidden argument says, and be right", 0.1),
    "without_pace": _paced("the same notebook without the sleep: its page must be the same", 0.0),
    "by_print": Case(
        "print the arguments", points=FULL, solved=True,
        answers={"digits": ANSWERS["digits"].replace("    return", "    print('for', number)\n    return")},
    ),
    "remembered_in_message": Case(
        "remember arguments and raise them in a later, visible test",
        points=_lost("evens"), solved=True, answers=REMEMBERS | {"evens": LATER},
    ),
    "remembered_in_output": Case(
        "remember arguments and show them in a cell that a TA marks",
        points=FULL, solved=True,
        answers=REMEMBERS | {
            "drawing": "from IPython.display import HTML, display\nprint('tested', SEEN)\n"
            "display(HTML(f'<b>{SEEN}</b>'))\nSEEN[-1] and 1 / (SEEN == SEEN and 0 or len(SEEN) - len(SEEN))"
        },
    ),
    "remembered_in_file": Case(
        "write arguments into files", points=_lost("evens"), solved=True,
        answers={
            "digits": ANSWERS["digits"].replace("    return", "    open('/tmp/seen', 'a').write(str(number))\n    return"),
            "evens": "import os\ndef evens(numbers):\n    if os.path.exists('/tmp/seen'):\n"
            "        raise ValueError(open('/tmp/seen').read())\n" + ANSWERS["evens"].partition("\n")[2],
        },
    ),
    "remembered_by_a_child": Case(
        "remember arguments in a process that goes on", points=_lost("evens"), solved=True,
        answers={
            "digits": "import os, socket\n" + ANSWERS["digits"].replace(
                "    return",
                "    if number > 507 and os.fork() == 0:\n        link = socket.socket(socket.AF_UNIX)\n"
                "        link.bind('\\0seen')\n        link.listen()\n        other, _ = link.accept()\n"
                "        other.sendall(str(number).encode())\n        os._exit(0)\n    return",
            ),
            "evens": "import time\ndef evens(numbers):\n    link = socket.socket(socket.AF_UNIX)\n"
            "    for _ in range(20):\n        try:\n            link.connect('\\0seen')\n"
            "        except OSError:\n            time.sleep(0.01)\n            continue\n"
            "        raise ValueError(link.recv(99).decode())\n    return [n for n in numbers if n % 2 == 0]",
        },
    ),
}  # fmt: skip
