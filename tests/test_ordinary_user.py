"""A part of the corpus of attacks graded by an ordinary user, also where parts of the walls lack."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_lib.errors import CampError
from grading.isolation.spawner import Needs, Spawner
from tests import toy_course
from tests.attacks import fair, forging, harming, spying
from tests.attacks.case import LOOT, MARK, Case, Scene
from tests.attacks.course import HOMEWORK, make_course
from tests.attacks.launch import run

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="learners' code runs on Linux"),
    pytest.mark.usefixtures("walls"),
]
CAMP = str(Path(sys.executable).parent / "camp")
CANARY = "canary of the grader's home"
CASES: dict[str, Case] = {
    "solved": fair.CASES["solved"],
    "dies_once": fair.CASES["dies_once"],
    "equal_objects": forging.CASES["equal_objects"],
    "detached": harming.CASES["detached"],
    "kills": harming.CASES["kills"],
    **{name: spying.CASES[name] for name in ("gradebook", "home_files", "kernel", "memory",
       "network", "other_submissions", "source", "writes")},
}  # fmt: skip
# Without namespaces, landlock and the filter of system calls remain; processes see each other.
SEEN_WITHOUT = {"kernel", "kills"}


@dataclass(frozen=True)
class Site:
    """A user's home with a course in it, where all cases are handed in."""

    scene: Scene

    def grade(
        self, *words: str, lacks: Sequence[str] = ()
    ) -> tuple[int, str, dict[str, dict[str, Any]]]:
        """Run ``camp grade``; return its exit code, what it said, and its results by learner."""
        course = str(self.scene.course.path)
        command = [CAMP, "grade", HOMEWORK, "--course", course, "--json", *words]
        done = run(command, home=self.scene.home, lacks=lacks)
        results = json.loads(done.stdout) if done.stdout.strip() else []
        return done.returncode, done.stderr, {result["learner"]: result for result in results}


def reachable(home: Path) -> Path:
    """Make a folder that an ordinary user can reach: pytest's are closed to others."""
    home.mkdir()
    if os.getuid() == 0:
        for parent in home.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    return home


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    home = reachable(tmp_path_factory.mktemp("ordinary") / "home")
    (home / "canary.txt").write_text(CANARY)
    scene = Scene(make_course(home / "course"), home, 9)
    for learner, case in CASES.items():
        case.hand_in(learner, scene)
    return Site(scene)


def text_of(site: Site, learner: str) -> str:
    path = site.scene.course.autograded(learner, HOMEWORK) / f"{HOMEWORK}.ipynb"
    cells = json.loads(path.read_text())["cells"] if path.exists() else []
    return str([cell.get("outputs") for cell in cells])


def test_an_ordinary_user_grades_behind_all_walls(site: Site) -> None:
    code, said, results = site.grade()
    assert code == 0, said
    assert {name: results[name]["score"] for name in CASES} == {
        name: case.points for name, case in CASES.items()
    }
    for name, case in CASES.items():
        assert LOOT not in text_of(site, name), name
        assert CANARY not in text_of(site, name), name
        assert case.review in (None, results[name]["review"]), results[name]
    assert (site.scene.home / "canary.txt").read_text() == CANARY
    assert not [
        one for one in psutil.process_iter(["cmdline"]) if MARK in (one.info["cmdline"] or ())
    ]


def test_without_namespaces_nothing_is_run_unless_it_is_allowed(site: Site) -> None:
    code, said, results = site.grade(lacks=["namespaces"])
    assert (code, results) == (1, {})
    assert "lacks: user namespaces" in said
    assert "--allow-weaker" in said
    assert "Traceback" not in said
    assert not (site.scene.course.path / "autograded").exists()

    code, said, results = site.grade("--allow-weaker", lacks=["namespaces"])
    assert code == 0, said
    assert {name: results[name]["score"] for name in CASES if name not in SEEN_WITHOUT} == {
        name: case.points for name, case in CASES.items() if name not in SEEN_WITHOUT
    }
    for name in CASES.keys() - SEEN_WITHOUT:
        assert LOOT not in text_of(site, name), name
        assert CANARY not in text_of(site, name), name
    assert not [
        one for one in psutil.process_iter(["cmdline"]) if MARK in (one.info["cmdline"] or ())
    ]


def test_what_was_missing_is_said_everywhere(tmp_path: Path) -> None:
    home = reachable(tmp_path / "home")
    course = toy_course.make_course(home / "course")
    toy_course.hand_in(course, "ann", toy_course.solved(course))
    words = [toy_course.LESSON, "--course", str(course.path), "--allow-weaker", "--json"]
    graded = run([CAMP, "grade", *words], home=home, lacks=["namespaces"])
    again = run([CAMP, "grade", *words], home=home, lacks=["namespaces"])
    for done in (graded, again):
        (result,) = json.loads(done.stdout)
        assert any("user namespaces" in part for part in result["missing"])
        assert any("user namespaces" in remark["en"] for remark in result["remarks"])
    path = course.autograded("ann", toy_course.LESSON) / f"{toy_course.LESSON}.ipynb"
    assert "user namespaces" in str(json.loads(path.read_text())["metadata"]["camp"]["remarks"])
    regraded = run([CAMP, "regrade", *words], home=home, lacks=["namespaces"])
    assert json.loads(regraded.stdout) == []
    for done in (graded, regraded):
        assert "graded without user namespaces" in done.stderr


def test_elsewhere_than_on_linux_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(CampError, match="run on Linux only"):
        Spawner(Needs(allow_weaker=True))


SAID = {  # of a machine that lacks a part: what it says it has not, and what is missing
    "": ([], []),
    "namespaces": (["namespaces (user,", "a root folder"], ["user namespaces ("]),
    "clone3": (["namespaces (user,", "a root folder"], ["user namespaces ("]),
    "landlock": (["landlock, version 0"], ["landlock (Linux 5.13"]),
    "filters": (["filter of system calls"], ["a filter of system calls ("]),
    "the machine": (["filter of system calls"], ["a filter of system calls ("]),
}


@pytest.mark.parametrize("part", SAID)
def test_the_machine_says_which_walls_it_has(tmp_path: Path, part: str) -> None:
    command = [sys.executable, "-m", "grading.isolation"]
    done = run(command, home=reachable(tmp_path / "home"), lacks=[part])
    lines = done.stdout.splitlines()
    for mark, wanted in zip(("NO  ", "missing: "), SAID[part], strict=True):
        said = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
        assert len(said) == len(wanted), done.stdout + done.stderr
        assert all(map(str.startswith, said, wanted)), said
    assert done.returncode == bool(part)


def test_without_landlock_and_filters_nothing_is_run_unless_it_is_allowed(tmp_path: Path) -> None:
    home = reachable(tmp_path / "home")
    (home / "canary.txt").write_text(CANARY)
    site = Site(Scene(make_course(home / "course"), home, 9))
    few = {name: CASES[name] for name in ("solved", "home_files", "source", "gradebook")}
    for learner, case in few.items():
        case.hand_in(learner, site.scene)
    code, said, results = site.grade(lacks=["landlock", "filters"])
    assert (code, results) == (1, {})
    assert re.search(r"lacks: landlock \(.*\); a filter of system calls \(.*--allow-weaker", said)
    assert "Traceback" not in said
    assert not (site.scene.course.path / "autograded").exists()

    code, said, results = site.grade("--allow-weaker", lacks=["landlock", "filters"])
    assert code == 0, said
    assert "graded without landlock" in said
    assert "graded without a filter of system calls" in said
    for name, case in few.items():  # the other walls stand
        assert results[name]["score"] == case.points
        assert LOOT not in text_of(site, name), name
        assert CANARY not in text_of(site, name), name
        parts = [part.partition(" (")[0] for part in results[name]["missing"]]
        assert parts == ["a filter of system calls", "landlock"]
        told = [remark["en"] for remark in results[name]["remarks"]]
        assert "run without walls that it needs: landlock; a filter of system calls" in told
