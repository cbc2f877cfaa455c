"""A new lesson to start from: it builds at once, and the lists of lessons know it."""

from __future__ import annotations

import shutil
from pathlib import Path

import jupytext
import pytest
import yaml

from course_lib.learner.lessons import find_lesson, read_lessons
from grading.cohort import Cohort
from grading.new_lesson import with_lesson
from grading.prove import prove_lesson
from grading.reader import read_lesson
from grading.rules import read_rules
from tests.conftest import ROOT
from tests.kits import camp
from tests.test_lessons import check_levels, check_readme

RULES = (ROOT / "grading/points.yml").read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a copy of the repository, as far as lessons go."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    for name in ("README.md", "README.zh.md", "grading/points.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_it_builds_at_once_and_is_in_all_lists(root: Path) -> None:
    done = camp(root, "new-lesson", "08_quant", "--level", "L2-4")
    assert done.stderr == ""
    assert "wrote notebooks/source/08_quant.py, which earns L2-4" in done.stdout
    assert "next: camp build 08_quant" in done.stdout
    built = camp(root, "build", "08_quant")
    assert built.stdout == "08_quant: built\n"
    check_readme(root, "zh")
    check_readme(root, "en")
    check_levels(root)
    row = find_lesson("8", read_lessons(root / "notebooks"))
    assert (row.name, row.level, row.minutes, row.points) == ("08_quant", "L2-4", 20, 100)
    note = read_lesson(root / "notebooks/source/08_quant.py").of_kind("note")[0].name
    level = next(one for one in yaml.safe_load((root / "grading/points.yml").read_text("utf-8"))[
        "levels"] if one["id"] == "L2-4")  # fmt: skip
    assert level["must"] == [f"note_{note}"]


def test_its_source_is_sound_for_any_cohort_and_saves_back_byte_for_byte(root: Path) -> None:
    (root / "README.md").unlink()  # a course's copy may hold lessons alone
    shutil.rmtree(root / "grading")
    before = (root / "README.zh.md").read_text("utf-8")
    done = camp(root, "new-lesson", "08_quant")
    assert "in your points.yml, level L0-1: lesson: 08_quant, must: [...]" in done.stdout
    assert len((root / "README.zh.md").read_text("utf-8").split("\n")) == before.count("\n") + 2
    source = root / "notebooks/source/08_quant.py"
    lesson = read_lesson(source)
    for number in range(20):
        prove_lesson(lesson, Cohort("any", bytes([number]) * 32))
    kinds = {cell.kind for cell in lesson.cells}
    assert kinds >= {"prose", "code", "given", "exercise", "check", "cases", "wrong", "note",
                     "rubric", "quiz", "tool"}  # fmt: skip
    text = source.read_text("utf-8")
    again = jupytext.writes(jupytext.reads(text, fmt="py:percent"), fmt="py:percent")
    assert again == text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["quant"], "'quant' cannot be a lesson's name: two digits, '_', then"),
        (["08_Quant"], "cannot be a lesson's name"),
        (["../08_quant"], "cannot be a lesson's name"),
        (["08_qu\x1b[2Jant"], "'08_qu�[2Jant' cannot be a lesson's name"),
        (["07_rag"], "07_rag is there already: each lesson has a number of its own, 08 is free"),
        (["07_other"], "07_rag is there already"),
        (["08_quant", "--level", "L1-1"], "level L1-1 is earned by 01_intro; free: L0-1, L0-2"),
        (["08_quant", "--level", "L9-9"], "no level 'L9-9' in points.yml; take one of L0-1"),
        (["08_quant", "--notebooks", "nowhere"], "no lessons in nowhere/source: run camp in"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(root: Path, words: list[str], says: str) -> None:
    done = camp(root, "new-lesson", *words)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr.startswith("camp: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not list((root / "notebooks/source").glob("08*"))
    assert (root / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()


def test_a_notebook_that_is_left_takes_its_number(root: Path) -> None:
    mine = root / "notebooks/zh/08_old.ipynb"
    mine.write_text("mine")
    assert "08_old is there already" in camp(root, "new-lesson", "08_quant").stderr
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("level", ["L0-2", "L1-3", "L2-4"])
def test_the_rules_of_points_change_in_one_place(level: str) -> None:
    """Both ways to write a level, with and without what comes after its pay."""
    data = yaml.safe_load(RULES)
    entry = next(one for one in data["levels"] if one["id"] == level)
    entry |= {"lesson": "08_quant", "must": ["note_mine"]}
    changed = with_lesson(RULES, level, "08_quant", "mine", Path("points.yml"))
    assert yaml.safe_load(changed) == data
    kept = [line for line in changed.split("\n") if line in RULES.split("\n")]
    assert len(RULES.split("\n")) - len(kept) <= 1


ODD = {
    "a lesson of its own": "  - {id: L9, island: L0, zh: 九, en: nine, pays: 100, lesson: null}",
    "a must of its own": "  - {id: L9, island: L0, zh: 九, en: nine, must: [], pays: 100}",
    "in lines": "  - id: L9\n    island: L0\n    zh: 九\n    en: nine\n    pays: 100\n    must: []",
    "pay from elsewhere": "  - {id: L9, zh: 九, en: nine, <<: {pays: 100, island: L0}}",
    "pay by another name": "  - {id: L9, island: L0, zh: 九, en: nine, pays: *pay}",
    "a name from elsewhere": "  - {<<: {id: L9}, island: L0, zh: 九, en: nine, pays: 100}",
}


@pytest.mark.parametrize("case", ODD)
def test_a_level_that_only_a_person_can_change_is_said_first(root: Path, case: str) -> None:
    rules = root / "grading/points.yml"
    anchored = RULES.replace("pays: 100\n", "pays: &pay 100\n", 1)
    rules.write_text(anchored.rstrip("\n") + f"\n{ODD[case]}\n", encoding="utf-8")
    before = rules.read_bytes()
    done = camp(root, "new-lesson", "08_quant", "--level", "L9")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "nothing was written, for lesson: 08_quant, must: [note_lesson_08] " in done.stderr
    assert rules.read_bytes() == before
    assert (root / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()
    assert not list((root / "notebooks/source").glob("08*"))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "the file: Input should be"),
        (b"levels", "the file: Input should be"),
        (b"[" * 1000, "is not valid YAML"),
        (b"a: 2026-99-99\n", "is not valid YAML"),
        (b"{[1]: 2}", "is not valid YAML"),
        (b"\xc4\xe3\xba\xc3", "cannot read the rules"),
        (b"\x00", "is not valid YAML"),
    ],
)
def test_odd_rules_of_points_are_one_line(root: Path, raw: bytes, says: str) -> None:
    (root / "grading/points.yml").write_bytes(raw)
    done = camp(root, "new-lesson", "08_quant")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "points.yml" in done.stderr
    assert says in done.stderr
    assert not list((root / "notebooks/source").glob("08*"))


def test_line_ends_stay_and_links_stay_links(root: Path) -> None:
    names = ("README.md", "README.zh.md", "grading/points.yml")
    for name in names:
        (root / name).write_bytes((root / name).read_bytes().replace(b"\n", b"\r\n"))
    (root / "README.md").rename(root / "about.md")
    (root / "README.md").symlink_to("about.md")
    before = {name: (root / name).read_bytes().split(b"\r\n") for name in names}
    done = camp(root, "new-lesson", "08_quant", "--level", "L1-3")
    assert done.returncode == 0, done.stderr
    assert (root / "README.md").is_symlink()
    for name in names:
        raw = (root / name).read_bytes()
        assert raw.count(b"\n") == raw.count(b"\r\n")
        lines = raw.split(b"\r\n")
        added = [line for line in lines if line not in before[name]]
        assert len(lines) == len(before[name]) + len(added)
        assert [line for line in lines if line not in added] == before[name]
    assert b"| 08 A new lesson " in (root / "about.md").read_bytes()
    assert read_rules(root / "grading/points.yml").level("L1-3").lesson == "08_quant"


def test_a_list_in_another_encoding_is_said_first(root: Path) -> None:
    (root / "README.zh.md").write_bytes("书生".encode("gbk"))
    done = camp(root, "new-lesson", "08_quant")
    assert done.returncode == 1
    assert "README.zh.md is not UTF-8" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((root / "notebooks/source").glob("08*"))
