"""Plain nbgrader's points on the cases, next to ours in ``docs/attacks.md``.

``python -m tests.attacks.plain`` runs them with nbgrader alone, as a user without rights of its
own (started as root), and writes ``plain.json``; with names of cases only those, the others stay.
Nothing else guards what nbgrader runs. So that this machine survives it, each run has processes
and temporary folders of its own, which end with it, and what would fill the disk is not run.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.attacks.case import LOOT, Case, Scene
from tests.attacks.course import HOMEWORK, make_course
from tests.attacks.launch import run
from tests.attacks.table import TOPICS

FILE = Path(__file__).with_name("plain.json")
SECONDS = 90
NOT_RUN = dict.fromkeys(("sparse_file", "device"), "not run, it would fill the disk")
_ALONE = ("gradebook",)  # it changes the others' scores too
_PROGRAM = str(Path(sys.executable).parent / "nbgrader")


def graded(cases: Mapping[str, Case]) -> dict[str, str]:
    """Return what plain nbgrader makes of some cases: points, and whether they found something."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o755)
        home.mkdir()
        (home / "canary.txt").write_text("canary")
        scene = Scene(make_course(home), home, 9)
        for name, case in cases.items():
            if case.first:
                case.first.hand_in(name, scene)
                _nbgrader(home, "autograde", name)
                _nbgrader(home, "generate_feedback", name)
        late = []
        for name, case in cases.items():
            case.hand_in(name, scene)
            # one by one: some submissions end the whole run
            if _nbgrader(home, "autograde", name, "--force") == 124:
                late.append(name)
            print(name, file=sys.stderr)
        with sqlite3.connect(scene.course.path / "gradebook.db") as book:
            sums = dict(
                book.execute(
                    "select s.student_id, sum(coalesce(g.manual_score, g.auto_score, 0)) "
                    "from grade g join submitted_notebook n on g.notebook_id = n.id "
                    "join submitted_assignment s on n.assignment_id = s.id group by 1"
                )
            )
        found = {}
        for name in cases:
            path = scene.course.autograded(name, HOMEWORK) / f"{HOMEWORK}.ipynb"
            looted = path.exists() and f"{LOOT} " in _printed(path)
            points = f"{sums[name]:g}" if path.exists() and name in sums else "no score"
            points = f"no end in {SECONDS} s" if name in late else points
            found[name] = f"{points}, found something" if looted else points
    return found


def _nbgrader(home: Path, command: str, learner: str, *words: str) -> int:
    line = [_PROGRAM, command, HOMEWORK, "--student", learner, *words]
    done = run(["/usr/bin/timeout", str(SECONDS), *line], home=home, alone=True)
    return done.returncode


def _printed(path: Path) -> str:
    cells = json.loads(path.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return " ".join("".join(output.get("text", "")) for output in outputs)


def main(names: Iterable[str] = ()) -> None:
    """Grade the cases and write what came out."""
    cases = {name: case for topic in TOPICS for name, case in topic.CASES.items()}
    wanted = {name: cases[name] for name in names or cases if name not in NOT_RUN}
    found = graded({name: case for name, case in wanted.items() if name not in _ALONE})
    for name in set(_ALONE) & set(wanted):
        found |= graded({name: cases[name]})
    known = json.loads(FILE.read_text()) if names else {}
    found = {**known, **NOT_RUN, **found}
    FILE.write_text(
        json.dumps({name: found[name] for name in cases if name in found}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
