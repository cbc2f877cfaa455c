"""Plain nbgrader's points on the cases that do no harm to the machine.

``python -m tests.attacks.plain`` runs them with nbgrader alone, as a user without rights of its
own (started as root), and writes ``plain.json``, from which ``docs/attacks.md`` is made. Nothing
else guards the machine, so cases that would fill it, stop it or kill its processes are left out.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.attacks import fair, forging, leaking, spying
from tests.attacks.case import LOOT, Case, Scene
from tests.attacks.course import HOMEWORK, make_course
from tests.attacks.launch import run

FILE = Path(__file__).with_name("plain.json")
_ALONE = ("gradebook",)  # it changes the others' scores too


def graded(cases: Mapping[str, Case]) -> dict[str, str]:
    """Return what plain nbgrader makes of some cases: points, and whether they found something."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o755)
        home.mkdir()
        (home / "canary.txt").write_text("canary")
        scene = Scene(make_course(home), home, 9)
        for name, case in cases.items():
            case.hand_in(name, scene)
        nbgrader = str(Path(sys.executable).parent / "nbgrader")
        # one by one: some submissions end the whole run
        text = 'for name; do timeout 90 "$0" autograde "$HW" --student "$name"; done'
        words = ["/bin/sh", "-c", f"HW={HOMEWORK}; {text}", nbgrader, *cases]
        done = run(words, home=home, timeout=1800)
        print(done.stderr[-3000:], file=sys.stderr)
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
            found[name] = f"{points}, found something" if looted else points
    return found


def _printed(path: Path) -> str:
    cells = json.loads(path.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return " ".join("".join(output.get("text", "")) for output in outputs)


def main() -> None:
    """Grade the cases and write what came out."""
    cases = fair.CASES | forging.CASES | spying.CASES | leaking.CASES
    found = graded({name: case for name, case in cases.items() if name not in _ALONE})
    for name in _ALONE:
        found |= graded({name: cases[name]})
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
