"""Progress: what checks said in a real kernel, kept over restarts, shown in both places."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbgrader.utils import compute_checksum

from course_lib.errors import CampError
from course_lib.learner import progress
from course_lib.learner.home import Home, home_of_notebook
from course_lib.learner.lessons import find_lesson, read_lessons
from course_lib.learner.notebook import read_notebook
from course_lib.learner.overview import read_overview, read_state
from course_lib.learner.page import write_page
from course_lib.learner.view import lesson_html, overview_html
from tests.conftest import ROOT
from tests.kits import LESSON, camp, cell, make_kit, sample, work

RIGHT = sample("li_mei").answers["count_params"]
FIRST = ("given_config_table", "count_params", "check_count_params", "weight_bytes",
         "check_weight_bytes", "ladder", "check_ladder")  # fmt: skip


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = make_kit(tmp_path / "kit")
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.chdir(home.path)
    return home


def run(path: Path) -> NotebookNode:
    """Run the start cell and some exercises of a notebook, as a learner would, from its folder."""
    book = nbformat.read(path, as_version=4)
    start = next(one for one in book.cells if "start(" in one.source)
    book.cells = [start, *(cell(book, name) for name in FIRST)]
    NotebookClient(book, timeout=120, resources={"metadata": {"path": path.parent}}).execute()
    return book


def states(home: Home) -> dict[str, str]:
    row = find_lesson(LESSON, read_lessons(home.notebooks))
    return {one.name: one.state for one in read_state(home, row).exercises}


def test_verdicts_outlive_the_kernel_and_an_edit_undoes_a_pass(kit: Home) -> None:
    path = work(kit, "li_mei", "en", {"weight_bytes": sample("wang_fang").answers["ladder"]})
    book = nbformat.read(path, as_version=4)
    cell(
        book, "weight_bytes"
    ).source = "def weight_bytes(n, bits):\n    return n * bits\n\ndef to_gb(n):\n    return n\n\ndef to_gib(n):\n    return n"
    cell(book, "ladder").source = "def ladder(scores, higher_is_better=True):\n    return 1 / 0"
    nbformat.write(book, path)

    ran = run(path)
    shown = [one for one in ran.cells[0].outputs if "data" in one]
    assert "3 of 8" not in shown[0].data["text/html"]
    assert "1 of 8 checks passed, 10 of 70 points" in shown[0].data["text/html"]  # drawn anew
    files = sorted(one.name for one in (kit.state / "progress" / LESSON).iterdir())
    assert files == ["count_params.json", "ladder.json", "weight_bytes.json"]
    found = states(kit)
    assert found["count_params"] == "right"
    assert found["weight_bytes"] == "wrong"
    assert found["ladder"] == "raised"
    assert found["niah_score"] == "unchecked"  # written, its check not run
    told = camp(kit.path, "status", LESSON).stdout
    assert re.search(r"count_params +│ 10 +│ ✅ right", told)
    assert re.search(r"ladder .*💥 raised .*ZeroDivisionError at line 2", told)

    cell(book, "count_params").source += "\n# edited"
    nbformat.write(book, path)
    assert states(kit)["count_params"] == "changed"
    cell(book, "count_params").source = RIGHT
    nbformat.write(book, path)
    assert states(kit)["count_params"] == "right"


def test_a_check_that_is_graded_or_run_elsewhere_leaves_nothing(
    tmp_path: Path, kit: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = kit.path / "course/autograded/li_mei" / LESSON
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert home_of_notebook() is None
    monkeypatch.chdir(kit.notebooks / "zh")
    assert home_of_notebook() == kit
    assert progress.begin(LESSON) is None  # no kernel
    progress.record("ladder", "right", "✅", "ladder")
    assert not kit.state.exists()


def test_a_damaged_record_counts_as_none(kit: Home) -> None:
    work(kit, "li_mei")
    folder = progress.folder_of(kit, LESSON)
    folder.mkdir(parents=True)
    (folder / "ladder.json").write_text("{")
    (folder / "niah_score.json").write_text(
        '{"verdict": "perfect", "line": "", "answer": "", "time": ""}'
    )
    found = states(kit)
    assert (found["ladder"], found["niah_score"]) == ("unchecked", "unchecked")


def test_status_tells_each_lessons_state_in_both_languages(kit: Home) -> None:
    told = camp(kit.path, "status")
    assert told.returncode == 0
    assert told.stdout.count("⬜ not started") == len(read_lessons(kit.notebooks))
    assert re.search(r"L1-1 +│ 01_intro +│ 90 +│ 100 +│ 0/8", told.stdout)
    work(kit, "li_mei")
    told = camp(kit.path, "status", language="zh")
    assert "🟡 做了一些" in told.stdout
    assert "书生·浦语大模型全链路开源开放体系" in told.stdout
    wrong = camp(kit.path, "status", "99")
    assert wrong.returncode == 2
    assert "no lesson '99'; there are: 01_intro (L1-1), " in wrong.stderr
    assert wrong.stderr.count("\n") == 1


def test_all_passed_then_packed_then_handed_in(kit: Home, tmp_path: Path) -> None:
    notebook = read_notebook(work(kit, "li_mei"))
    folder = progress.folder_of(kit, LESSON)
    folder.mkdir(parents=True)
    for one in notebook.exercises:
        text = {"verdict": "right", "line": "✅", "time": "2026-11-28T09:00:00Z"}
        text["answer"] = progress.answer_print(one.answer.source)
        (folder / f"{one.name}.json").write_text(json.dumps(text))
    row = find_lesson(LESSON, read_lessons(kit.notebooks))
    state = read_state(kit, row)
    assert (state.stage, state.points) == ("passed", 70)
    assert "form(&quot;01_intro&quot;)" in lesson_html(state)
    told = camp(kit.path, "submit", LESSON, "--id", "a1", "--nickname", "A").stdout
    assert "not delivered yet: upload this file where your course collects" in told
    assert read_state(kit, row).stage == "packed"
    told = camp(kit.path, "status").stdout
    assert re.search(r"8/8 +│ 📦 packed, not delivered", told)
    assert f", 0 of {len(read_lessons(kit.notebooks))} lessons handed in" in told
    (tmp_path / "shared").mkdir()
    told = camp(kit.path, "submit", LESSON, "--to", str(tmp_path / "shared")).stdout
    assert "not delivered" not in told + camp(kit.path, "submit", LESSON).stdout
    state = read_state(kit, row)
    assert state.stage == "handed in"
    assert state.detail.en.startswith("number 1, ")
    told = camp(kit.path, "status").stdout
    assert re.search(r"8/8 +│ 📮 handed in", told)
    rows = read_lessons(kit.notebooks)
    count = sum(len(read_state(kit, row).exercises) for row in rows)
    assert f"8 of {count} exercises right, 1 of {len(rows)} lessons handed in" in told


def test_the_page_links_lessons_and_an_edited_page_stays(kit: Home) -> None:
    work(kit, "sam_okoro", "en")
    assert write_page(kit) == "lessons.ipynb"
    page = nbformat.read(kit.path / "lessons.ipynb", as_version=4)
    nbformat.validate(page)
    html = page.cells[1].outputs[0].data["text/html"]
    assert html == overview_html(read_overview(kit))
    for language in ("zh", "en"):
        assert f'href="notebooks/{language}/{LESSON}.ipynb"' in html
    assert "🟡 tried" in html
    page.cells[1].source += "\nmine = 1"
    nbformat.write(page, kit.path / "lessons.ipynb")
    before = (kit.path / "lessons.ipynb").read_bytes()
    assert write_page(kit) == "lessons.ipynb"
    assert (kit.path / "lessons.ipynb").read_bytes() == before
    (kit.notebooks / "README.md").write_text("# nothing\n")
    assert write_page(kit) == "notebooks/README.md"


def test_our_checksum_is_nbgraders() -> None:
    for path in sorted((ROOT / "notebooks").glob("*/0[12]*.ipynb")):
        book, ours = nbformat.read(path, as_version=4), read_notebook(path)
        for theirs, mine in zip(book.cells, ours.cells, strict=True):
            if "checksum" in theirs.metadata.get("nbgrader", {}):
                assert compute_checksum(theirs) == theirs.metadata.nbgrader.checksum
                assert not mine.touched
        assert not ours.touched


def test_the_list_of_lessons_reads_back_as_it_is_written() -> None:
    text = (ROOT / "notebooks/README.md").read_text(encoding="utf-8")
    rows = read_lessons(ROOT / "notebooks")
    assert [str(row) for row in rows] == [one for one in text.splitlines() if one.startswith("| L")]
    for wanted in ("01_intro", "1", "01", "L1-1", "l1-1", "notebooks/zh/01_intro.ipynb"):
        assert find_lesson(wanted, rows).name == LESSON
    assert {find_lesson(level, rows).name for level in ("L1-4", "l2-5")} == {"07_rag"}
    with pytest.raises(CampError, match="no lesson"):
        find_lesson("", rows)
