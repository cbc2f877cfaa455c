import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock

from course_lib.errors import CampError
from grading.build import Builder, released
from grading.cohort import PUBLIC, Cohort, find_cohort
from grading.rubrics import read_rubrics
from tests.sources import GOOD

ONE = Cohort("one", b"1" * 32)


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    for number in (1, 2):
        path = tmp_path / "notebooks" / "source" / f"0{number}_sizes.py"
        path.write_text(GOOD, encoding="utf-8")
    return tmp_path


def builder(kit: Path, cohort: Cohort = ONE, course: str = "course") -> Builder:
    return Builder(kit / "notebooks", kit / course, cohort, "zh")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*.ipynb"))}


def test_build_is_repeatable_and_incremental(kit: Path) -> None:
    first = builder(kit).build()
    assert [(built.lesson, built.fresh) for built in first] == [
        ("01_sizes", True),
        ("02_sizes", True),
    ]
    before = snapshot(kit)
    assert len(before) == 2 * 6
    (rubric,) = read_rubrics(kit / "course", "01_sizes").values()
    assert [(one.text.en, one.points) for one in rubric] == [("a number", 10), ("own words", 20)]

    start = time.monotonic()
    assert not any(built.fresh for built in builder(kit).build())
    assert time.monotonic() - start < 2
    assert snapshot(kit) == before

    assert all(built.fresh for built in builder(kit).build(force=True))
    assert snapshot(kit) == before

    source = kit / "notebooks" / "source" / "02_sizes.py"
    source.write_text(GOOD.replace("a demonstration", "another"), encoding="utf-8")
    assert [built.fresh for built in builder(kit).build()] == [False, True]
    after = snapshot(kit)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {name for name in after if "02_sizes" in name}


def test_the_index_lists_what_is_built_and_is_never_left_out(kit: Path) -> None:
    index = kit / "notebooks" / "README.md"
    second = kit / "notebooks" / "source" / "02_sizes.py"
    second.write_text("not a lesson yet")
    builder(kit).build(["01_sizes"])
    assert "zh/01_sizes.ipynb" in index.read_text(encoding="utf-8")
    assert "02_sizes" not in index.read_text(encoding="utf-8")
    second.write_text(GOOD, encoding="utf-8")
    builder(kit).build(["02_sizes"])
    both = index.read_text(encoding="utf-8")
    assert "en/01_sizes.ipynb" in both
    assert "en/02_sizes.ipynb" in both
    index.unlink()
    assert not any(built.fresh for built in builder(kit).build())
    assert index.read_text(encoding="utf-8") == both
    second.unlink()
    builder(kit).build()
    assert "02_sizes" not in index.read_text(encoding="utf-8")


def test_the_release_is_nbgraders_and_equals_the_learners_notebook(kit: Path) -> None:
    builder(kit).build(["01_sizes"])
    course = kit / "course"
    release = nbformat.read(course / "release/01_sizes/01_sizes.ipynb", as_version=4)
    learner = nbformat.read(kit / "notebooks/zh/01_sizes.ipynb", as_version=4)
    assert [(cell.source, cell.metadata) for cell in release.cells] == [
        (cell.source, cell.metadata) for cell in learner.cells
    ]
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assert gradebook.find_assignment("01_sizes").max_score == 100
        assert gradebook.find_assignment("01_sizes").max_code_score == 70


def test_a_spoilt_record_means_build_again(kit: Path) -> None:
    builder(kit).build(["01_sizes"])
    before = snapshot(kit)
    (record,) = (kit / "course/.build").glob("01_sizes.json")
    for text in ("", "[]", '{"key": 1}'):
        record.write_text(text)
        assert [built.fresh for built in builder(kit).build(["01_sizes"])] == [True]
    assert snapshot(kit) == before


def test_a_learners_edits_are_kept(kit: Path) -> None:
    builder(kit).build(["01_sizes"])
    mine = kit / "notebooks" / "en" / "01_sizes.ipynb"
    notebook = nbformat.read(mine, as_version=4)
    notebook.cells[-1].source = "my note"
    nbformat.write(notebook, mine)
    edited = mine.read_bytes()
    (built,) = builder(kit).build(["01_sizes"], force=True)
    assert built.kept == (mine,)
    assert mine.read_bytes() == edited
    pristine = released(kit / "course", "01_sizes", "en").read_text(encoding="utf-8")
    assert "my note" not in pristine
    mine.unlink()
    builder(kit).build(["01_sizes"])
    assert mine.read_text(encoding="utf-8") == pristine


def test_an_instructors_edits_in_the_course_are_not_lost(kit: Path) -> None:
    builder(kit).build(["01_sizes"])
    source = kit / "course/source/01_sizes/01_sizes.ipynb"
    notebook = nbformat.read(source, as_version=4)
    notebook.cells[0].source = "# mine"
    nbformat.write(notebook, source)
    with pytest.raises(CampError, match="was edited"):
        builder(kit).build(["01_sizes"])
    builder(kit).build(["01_sizes"], force=True)
    (aside,) = (kit / "course/edited").iterdir()
    assert "# mine" in aside.read_text(encoding="utf-8")
    release = kit / "course/release/01_sizes/01_sizes.ipynb"
    release.write_text(release.read_text(encoding="utf-8").replace("大小", "我的大小"))
    builder(kit).build(["01_sizes"])
    assert "我的大小" not in release.read_text(encoding="utf-8")
    (kept,) = {*(kit / "course/edited").iterdir()} - {aside}
    assert "我的大小" in kept.read_text(encoding="utf-8")


def test_a_new_course_stays_out_of_git(kit: Path) -> None:
    subprocess.run(["git", "init", "--quiet", kit], check=True)
    (kit / "course").mkdir()
    builder(kit).build(["01_sizes"])
    (kit / "course" / "submitted" / "li_mei").mkdir(parents=True)
    (kit / "course" / "submitted" / "li_mei" / "01_sizes.ipynb").write_text("{}")
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=kit, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "notebooks/zh/01_sizes.ipynb" in listed.stdout
    assert "course/" not in listed.stdout


def test_a_folder_that_holds_something_gets_no_gitignore(kit: Path) -> None:
    (kit / "course").mkdir()
    (kit / "course" / "mine.txt").write_text("in a private repository")
    builder(kit).build(["01_sizes"])
    assert not (kit / "course" / ".gitignore").exists()


def test_a_course_belongs_to_one_cohort_and_seed(kit: Path) -> None:
    builder(kit).build(["01_sizes"])
    with pytest.raises(CampError, match="belongs to cohort 'one': add --cohort one, or"):
        builder(kit, Cohort("two", b"2" * 32)).build()
    with pytest.raises(CampError, match="another seed"):
        builder(kit, Cohort("one", b"3" * 32)).build()
    builder(kit, Cohort("two", b"2" * 32), "other").build(["01_sizes"])
    name = "source/01_sizes/01_sizes.ipynb"
    assert (kit / "course" / name).read_bytes() != (kit / "other" / name).read_bytes()


def test_a_second_build_is_told_to_wait(kit: Path) -> None:
    state = kit / "course" / ".build"
    state.mkdir(parents=True)
    with (
        FileLock(state / "lock"),
        pytest.raises(CampError, match=r"another camp command is building in .*/course: wait"),
    ):
        builder(kit).build(["01_sizes"])


def test_unknown_lesson_and_empty_folder(kit: Path, tmp_path: Path) -> None:
    with pytest.raises(CampError, match="no lesson '03_x'; there are: 01_sizes, 02_sizes"):
        builder(kit).build(["03_x"])
    with pytest.raises(CampError, match="no lessons in"):
        Builder(tmp_path / "nowhere", tmp_path / "course", ONE, "zh").build()


def test_why_nbgrader_refuses_is_said(kit: Path) -> None:
    (kit / "course").mkdir()
    (kit / "course" / "release").write_text("in the way")
    with pytest.raises(CampError, match=r"could not release 01_sizes: \w*Error: .*course/release"):
        builder(kit).build(["01_sizes"])


def test_a_lesson_that_ends_its_process_is_named(kit: Path) -> None:
    source = kit / "notebooks" / "source" / "01_sizes.py"
    source.write_text(GOOD.replace("SIZES = {", "import os\nos._exit(3)\nSIZES = {"), "utf-8")
    with pytest.raises(CampError, match=r"01_sizes\.py: proving it ended its process"):
        builder(kit).build(["01_sizes"])


def test_ctrl_c_is_one_line_and_the_next_build_goes_on(kit: Path) -> None:
    endless = GOOD.replace("SIZES = {", "import time\ntime.sleep(25)\nSIZES = {")
    source = kit / "notebooks" / "source" / "01_sizes.py"
    source.write_text(endless, encoding="utf-8")
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "camp"), "build", "01_sizes"],
        cwd=kit,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (kit / "course" / "cohort.json").exists():
        time.sleep(0.1)
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers too
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.strip() == "camp: stopped; run the same command again to go on"
    source.write_text(GOOD, encoding="utf-8")
    assert [
        built.fresh
        for built in Builder(kit / "notebooks", kit / "course", find_cohort(PUBLIC), "zh").build(
            ["01_sizes"]
        )
    ] == [True]


def camp(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "camp"), *words]
    env = {**os.environ, "CAMP_SEEDS": str(cwd / "seeds")}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_command_says_what_is_wrong_in_one_line(kit: Path) -> None:
    failed = camp("build", "--cohort", "lost", cwd=kit)
    assert failed.returncode == 1
    assert failed.stderr.startswith("camp: no seed for cohort 'lost'")
    assert failed.stderr.count("\n") == 1
    source = kit / "notebooks" / "source" / "01_sizes.py"
    source.write_text(GOOD.replace("points=70", "points=60"), encoding="utf-8")
    failed = camp("build", cwd=kit)
    assert failed.returncode == 1
    assert "01_sizes.py:1: points add up to 90" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert camp("cohort", "2026a", cwd=kit).returncode == 0
    done = camp("build", "02_sizes", "--cohort", "2026a", "--course", "mine", cwd=kit)
    assert done.stdout == "02_sizes: built\n"
    assert done.stderr == ""
    public = camp("build", "02_sizes", "--course", "trial", cwd=kit)
    assert public.stdout == "02_sizes: built\n"
    assert "hidden tests in trial are from the seed that everybody knows" in public.stderr
    assert public.stderr.count("\n") == 1
