"""A cohort's archive: the same scores on another machine, and nothing from a forged one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CampError
from grading import database
from grading.archive.manifest import this_kit
from grading.archive.restore import restore
from grading.archive.write import write_archive
from grading.build import building
from grading.cohort import Cohort, claim, create_cohort, find_cohort
from grading.course import Course
from grading.grade import grade
from grading.journal import Journal, Record
from grading.ledger import Booking, Kind, Ledger
from grading.lesson_run import Options
from tests.conftest import ROOT
from tests.kits import camp
from tests.toy_course import LESSON, answer, hand_in, make_course, solved

COHORT = "2026a"
GIGA = 10**9
LOCKS = ("lock", "ledger.lock")


def quiet(_done: int, _total: int) -> None:
    """Show no progress."""


@pytest.fixture(autouse=True)
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "here/seeds"))
    monkeypatch.setenv("CAMP_LANG", "en")
    return tmp_path / "here/seeds"


@pytest.fixture
def cohort() -> Cohort:
    create_cohort(COHORT)
    return find_cohort(COHORT)


@pytest.fixture
def course(tmp_path: Path, cohort: Cohort) -> Course:
    """Return a course with few files, of which nothing was graded."""
    root = tmp_path / "here/course"
    for name, raw in {
        "source/01_x/01_x.ipynb": b"hidden",
        "submitted/li mei/01_x/\xe5\x9b\xbe a:b\\c\n.txt": b"odd name",
        "gradebook.db.backup": b"mine",
    }.items():
        path = root / (name if isinstance(name, str) else os.fsdecode(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    (root / "submitted/nobody/01_x").mkdir(parents=True)
    database.prepare(f"sqlite:///{root / 'gradebook.db'}")
    claim(root, cohort)
    return Course.open(root)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".archive" not in path.parts and path.name not in LOCKS
    }


def scores(results: list[Any]) -> dict[str, tuple[Any, ...]]:
    return {
        one.learner: (one.score, one.auto_score, one.pending, one.review, one.remarks)
        for one in results
    }


@pytest.mark.usefixtures("walls")
def test_a_restored_course_gives_the_same_scores(
    tmp_path: Path, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_course(tmp_path / "here/course")
    claim(course.path, cohort)
    hand_in(course, "right", solved(course))
    hand_in(course, "wrong", solved(course, answer("double", "def double(x):\n    return 7")))
    hand_in(course, "broken", "{")
    before = scores(grade(LESSON, course))
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("note_toy", LESSON, LESSON, "right")
        mark.manual_score, mark.needs_manual_grade = 5, False
        gradebook.db.commit()
    ledger = Ledger(course.path)
    with ledger.locked():
        ledger.append([Booking("right", "L1-1", Kind.CREDIT, 100, "passed")])
    marked = scores(grade(LESSON, course))
    assert marked["right"][0] == before["right"][0] + 5

    done = camp(tmp_path / "here", "archive", COHORT)
    assert done.returncode == 0, done.stderr
    archive = tmp_path / "here/2026a-archive.zip"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert "it holds secrets (seed, hidden tests, learners' work)" in done.stdout
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert f"SHA-256 {digest}" in done.stdout

    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "there/seeds"))
    back = camp(tmp_path, "restore", str(archive), "there/course", "--sha256", digest)
    assert back.returncode == 0, back.stderr
    assert "cohort 2026a as archived on" in back.stdout
    assert "other programs" not in back.stdout
    there = Course.open(tmp_path / "there/course")
    assert stat.S_IMODE(there.path.stat().st_mode) == 0o700
    assert [one for name in LOCKS for one in there.path.rglob(name)] == []
    mine, theirs = digests(course.path), digests(there.path)
    del mine["gradebook.db"], theirs["gradebook.db"]
    assert theirs == mine
    assert find_cohort(COHORT).seed == cohort.seed
    assert stat.S_IMODE((tmp_path / "there/seeds/2026a.seed").stat().st_mode) == 0o600
    assert Ledger(there.path).entries() == ledger.entries()
    unchanged = grade(LESSON, there)
    assert {one.learner for one in unchanged if one.fresh} == {"broken"}  # could not be read
    assert scores(unchanged) == marked
    again = grade(LESSON, there, options=Options(force=True))
    assert all(one.fresh for one in again)
    assert scores(again) == marked


def test_the_programs_and_the_rules_of_points_come_back(
    course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    manifest = write_archive(course, cohort, tmp_path / "a.zip", quiet)
    restore(tmp_path / "a.zip", tmp_path / "back", GIGA, quiet)
    kept = tmp_path / "back/.archive"
    assert (kept / "grading/points.yml").read_bytes() == (ROOT / "grading/points.yml").read_bytes()
    script = (
        "import json; from grading.archive.manifest import this_kit; from grading import rules;"
        "print(json.dumps([rules.__file__, this_kit().model_dump()]))"
    )
    env = {**os.environ, "PYTHONPATH": str(kept), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", script], env=env, cwd=tmp_path, capture_output=True, check=True
    ).stdout
    assert json.loads(told) == [str(kept / "grading/rules.py"), manifest.kit.model_dump()]


def test_what_is_no_plain_file_is_said_and_the_rest_comes_back(
    course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    (course.path / "submitted/li\x1bnk").symlink_to(tmp_path / "nothing")
    os.mkfifo(course.path / "submitted/pipe")
    handed_in = next(course.path.glob("submitted/*/*"))
    linked = (handed_in / "link").relative_to(course.path).as_posix()
    (course.path / linked).symlink_to(course.path / "cohort.json")
    odd = os.fsdecode(b"submitted/\xff %41")
    (course.path / odd / "empty").mkdir(parents=True)
    (course.path / odd / "x.txt").write_bytes(b"no name")
    done = camp(course.path.parent, "archive", COHORT, "--output", "a.zip")
    assert done.returncode == 0
    assert done.stderr == "".join(
        f"left out, no plain file: {name}\n"
        for name in (linked, "submitted/li�nk", "submitted/pipe", "submitted/� %41/empty")
    )
    restore(course.path.parent / "a.zip", tmp_path / "back", GIGA, quiet)
    kept = digests(course.path)
    for name in ("gradebook.db", linked):
        del kept[name]
    back = digests(tmp_path / "back")
    del back["gradebook.db"]
    assert back == kept
    assert {"gradebook.db.backup", f"{odd}/x.txt"} <= back.keys()
    assert (tmp_path / "back/submitted/nobody/01_x").is_dir()
    assert (tmp_path / "back/.archive/requirements.lock").is_file()
    once_more = write_archive(Course.open(tmp_path / "back"), cohort, tmp_path / "again.zip", quiet)
    assert not any(".archive" in one.path for one in once_more.files)


@pytest.mark.parametrize("name", ["submitted", "submitted/more", "cohort.json"])
def test_what_lies_on_another_disk_is_not_left_out_in_silence(
    name: str, course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    if (course.path / name).exists():
        (course.path / name).rename(disk)
    else:
        disk.mkdir()
    (course.path / name).symlink_to(disk)
    done = camp(course.path.parent, "archive", cohort.name)
    assert done.returncode == 1
    assert done.stderr == (
        f"camp: {course.path / name} is a link, and an archive would lack what it leads to: put "
        "that itself in its place, or take the link away\n"
    )
    assert not list(course.path.parent.glob("*.zip"))


def test_what_could_not_come_back_is_not_archived(
    course: Course, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = course.path / "submitted" / "/".join("d" * 61) / "x"
    deep.mkdir(parents=True)
    write_archive(course, cohort, tmp_path / "a.zip", quiet)
    restore(tmp_path / "a.zip", tmp_path / "back", GIGA, quiet)
    assert (tmp_path / "back" / deep.relative_to(course.path)).is_dir()
    (deep / "x").mkdir()
    with pytest.raises(CampError, match="lies too deep, or its name is too long: move it out"):
        write_archive(course, cohort, tmp_path / "b.zip", quiet)
    (deep / "x").rmdir()
    monkeypatch.setattr("grading.archive.write.MOST_FILES", 3)
    with pytest.raises(CampError, match="files, more than an archive takes: move out of it"):
        write_archive(course, cohort, tmp_path / "b.zip", quiet)
    assert not (tmp_path / "b.zip").exists()


def test_nothing_is_built_while_it_is_archived(
    course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    with (
        building(course.path),
        pytest.raises(CampError, match="another camp command is building in"),
    ):
        write_archive(course, cohort, tmp_path / "a.zip", quiet)
    assert not (tmp_path / "a.zip").exists()
    (course.path / ".build/01_x.json").write_text("{}")
    manifest = write_archive(course, cohort, tmp_path / "a.zip", quiet)
    own = {one.path for one in manifest.files if "/." in one.path}
    assert own == {"course/.build/01_x.json"}


def test_a_gradebook_that_a_crash_left_half_written_is_rolled_back(
    course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    book = course.path / "gradebook.db"
    with sqlite3.connect(book) as writer:
        writer.execute("INSERT INTO student (id) VALUES ('settled')")
        writer.commit()
        writer.execute("PRAGMA cache_size=1")  # what does not fit is written at once
        rows = ((f"half {number}", "x" * 2000) for number in range(200))
        writer.executemany("INSERT INTO student (id, first_name) VALUES (?, ?)", rows)
        for end in ("", "-journal"):
            crashed = tmp_path / f"crashed{end}"
            crashed.write_bytes(Path(f"{book}{end}").read_bytes())
        writer.rollback()
    for end in ("", "-journal"):
        (tmp_path / f"crashed{end}").rename(f"{book}{end}")
    write_archive(course, cohort, tmp_path / "a.zip", quiet)
    restore(tmp_path / "a.zip", tmp_path / "back", GIGA, quiet)
    with sqlite3.connect(tmp_path / "back/gradebook.db") as copy:
        assert copy.execute("SELECT id FROM student").fetchall() == [("settled",)]


def test_a_gradebook_of_another_name_is_taken_once(
    course: Course, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course.path / "gradebook.db").rename(course.path / "mine.db")
    monkeypatch.setenv("CAMP_DB", f"sqlite:///{course.path / 'mine.db'}")
    with sqlite3.connect(course.path / "mine.db") as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO student (id) VALUES ('mei')")
        writer.commit()
        manifest = write_archive(Course.open(course.path), cohort, tmp_path / "a.zip", quiet)
    names = {one.path for one in manifest.files}
    assert "course/gradebook.db" in names
    assert not [name for name in names if "mine.db" in name]
    restore(tmp_path / "a.zip", tmp_path / "back", GIGA, quiet)
    with sqlite3.connect(tmp_path / "back/gradebook.db") as copy:
        assert copy.execute("SELECT id FROM student").fetchall() == [("mei",)]


def test_another_gradebook_than_the_one_with_the_scores_is_refused(
    course: Course, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal(course.state / "01_x").write("li mei", Record(stage="done"))
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("CAMP_DB", elsewhere)
    with Course.open(course.path).gradebook() as book:
        book.add_student("li mei")
        book.add_assignment("01_x")
        book.add_submission("01_x", "li mei")
    monkeypatch.setenv("CAMP_DB", "")
    here = course.path.parent
    done = camp(here, "archive", cohort.name, "--output", "a.zip")
    assert done.returncode == 1
    assert done.stderr == (
        "camp: the gradebook lacks 1 of 1 submissions that were graded (such as li mei, 01_x): "
        "name the one that has them with --db, or run camp grade --force\n"
    )
    assert not (here / "a.zip").exists()
    done = camp(here, "archive", cohort.name, "--output", "a.zip", "--db", elsewhere)
    assert done.returncode == 0, done.stderr
    restore(here / "a.zip", tmp_path / "back", GIGA, quiet)
    with sqlite3.connect(tmp_path / "back/gradebook.db") as copy:
        assert copy.execute("SELECT student_id FROM submitted_assignment").fetchall() == [
            ("li mei",)
        ]


@pytest.mark.parametrize("name", ["course_lib/mini/weights/model.safetensors", "grading/x.txt"])
def test_other_data_are_other_programs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights and templates decide scores as programs do; what Python cached does not."""
    for made in ("course_lib/__init__.py", "grading/__init__.py", name):
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).write_text("1")
    monkeypatch.setattr("course_lib.__file__", str(tmp_path / "course_lib/__init__.py"))
    code = this_kit.__wrapped__().code
    (tmp_path / "grading/__pycache__").mkdir()
    (tmp_path / "grading/__pycache__/x.pyc").write_text("1")
    (tmp_path / "grading/tools.lock").write_text("1")
    assert this_kit.__wrapped__().code == code
    (tmp_path / name).write_text("2")
    assert this_kit.__wrapped__().code != code


def test_the_gradebook_is_taken_as_it_stands_while_somebody_writes(
    course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    with sqlite3.connect(course.path / "gradebook.db") as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO student (id) VALUES ('settled')")
        writer.commit()
        writer.execute("INSERT INTO student (id) VALUES ('half entered')")
        write_archive(course, cohort, tmp_path / "a.zip", quiet)
        writer.rollback()
    restore(tmp_path / "a.zip", tmp_path / "back", GIGA, quiet)
    assert not list((tmp_path / "back").glob("gradebook.db-*"))
    with sqlite3.connect(tmp_path / "back/gradebook.db") as copy:
        assert copy.execute("SELECT id FROM student").fetchall() == [("settled",)]
    with Course.open(tmp_path / "back").gradebook() as gradebook:
        assert [one.id for one in gradebook.students] == ["settled"]


def test_nothing_is_overwritten_and_secrets_stay_in_their_places(
    course: Course, cohort: Cohort, tmp_path: Path
) -> None:
    here = course.path.parent
    (here / "mine.zip").write_text("mine")
    (here / "work/.git").mkdir(parents=True)
    create_cohort("other")
    for words, says in (
        ((COHORT, "--output", "mine.zip"), "mine.zip is there already: name another file"),
        ((COHORT, "--output", "course/a.zip"), "lies in the course itself"),
        ((COHORT, "--output", "work/a.zip"), "must lie outside git"),
        ((COHORT, "--output", "nowhere/a.zip"), "is no folder: make it"),
        (("other",), "belongs to cohort '2026a'"),
        (("lost",), "no seed for cohort 'lost'"),
        ((COHORT, "--course", "work"), "work is no course directory"),
    ):
        done = camp(here, "archive", *words)
        assert done.returncode in (1, 2)
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert (here / "mine.zip").read_text() == "mine"
    assert not list(here.glob(".*"))
    write_archive(course, cohort, here / "a.zip", quiet)
    before = digests(course.path)
    for words, says in (
        (("a.zip", "course"), "course is there already: name a folder that is not"),
        (("a.zip", "new", "--sha256", "0" * 64), "is not the archive with that SHA-256"),
        (("a.zip", "new", "--max-gb", "0.000001"), "if that is to be expected, add --max-gb 1"),
        (("lost.zip", "new"), "lost.zip: No such file or directory"),
    ):
        done = camp(here, "restore", *words)
        assert done.returncode in (1, 2)
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    for size in ("inf", "nan"):
        done = camp(here, "restore", "a.zip", "new", "--max-gb", size)
        assert done.returncode == 2
        assert "Invalid value for '--max-gb'" in done.stderr
    assert digests(course.path) == before
    (seed,) = (here / "seeds").glob("2026a.seed")
    seed.write_text("22" * 32 + "\n")
    with pytest.raises(CampError, match="is another seed of cohort '2026a': move it away"):
        restore(here / "a.zip", here / "new", GIGA, quiet)
    assert seed.read_text() == "22" * 32 + "\n"
    with pytest.raises(CampError, match="belongs to cohort '2026a' with another seed"):
        write_archive(course, find_cohort(COHORT), here / "b.zip", quiet)
    assert not (here / "new").exists()
    assert not list(here.glob(".*"))


def test_other_programs_and_another_place_of_the_gradebook_are_said(
    course: Course, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    database.prepare(f"sqlite:///{elsewhere}")
    with sqlite3.connect(elsewhere) as book:
        book.execute("INSERT INTO student (id) VALUES ('mei')")
    monkeypatch.setenv("CAMP_DB", f"sqlite:///{elsewhere}")
    manifest = write_archive(Course.open(course.path), cohort, tmp_path / "a.zip", quiet)
    assert manifest.elsewhere == "SQLite"
    monkeypatch.delenv("CAMP_DB")
    other = {"code": "x", "version": "0.1\x1b[2J", "python": "3\n.11"}
    forged = changed(
        (tmp_path / "a.zip").read_bytes(), kit=this_kit().model_dump() | other,
        elsewhere="SQL\x1b[2Jite", made="2026-03-01T01:30:00+08:00",
    )  # fmt: skip
    (tmp_path / "b.zip").write_bytes(forged)
    done = camp(tmp_path, "restore", "b.zip", "back")
    assert done.returncode == 0, done.stderr
    assert "cohort 2026a as archived on 2026-02-28 17:30 UTC, " in done.stdout
    assert "its gradebook lay elsewhere (SQL�[2Jite); the copy is back/gradebook.db" in done.stdout
    assert "its scores came from other programs (kit 0.1�[2J, Python 3�.11)" in done.stdout
    with sqlite3.connect(tmp_path / "back/gradebook.db") as copy:
        assert copy.execute("SELECT id FROM student").fetchall() == [("mei",)]


def test_a_broken_ledger_is_not_archived(course: Course, cohort: Cohort, tmp_path: Path) -> None:
    ledger = Ledger(course.path)
    with ledger.locked():
        ledger.append([Booking("mei", "L1-1", Kind.CREDIT, 100, "passed")])
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b"100", b"900"))
    with pytest.raises(CampError, match="is broken: line 1 was changed"):
        write_archive(course, cohort, tmp_path / "a.zip", quiet)
    assert not (tmp_path / "a.zip").exists()


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist()}


def zipped(files: dict[str, bytes], modes: dict[str, int] | None = None, kind: int = 8) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as new:
        for name, raw in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0o100644) << 16
            new.writestr(entry, raw, kind)
    return data.getvalue()


def changed(
    data: bytes, files: dict[str, bytes | None] | None = None, *, listed: bool = True, **fields: Any
) -> bytes:
    """Return an archive after a change by hand.

    Args:
        data: the archive.
        files: other contents; None takes a file out.
        listed: whether the manifest is made to say the same.
        fields: other fields of the manifest.
    """
    found = unzipped(data)
    manifest = json.loads(found.pop("archive.json"))
    for name, raw in (files or {}).items():
        found.pop(name, None)
        if raw is not None:
            found[name] = raw
    if listed:
        manifest["files"] = [
            {"path": name, "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
            for name, raw in found.items()
        ]
    found["archive.json"] = json.dumps(manifest | fields).encode()
    return zipped(found)


def lying(data: bytes) -> bytes:
    """Return an archive with 30 MB of zeros whose headers say 10 bytes."""
    bomb = changed(data, {"course/zeros": bytes(30_000_001)})
    files = unzipped(bomb)
    files["archive.json"] = files["archive.json"].replace(b"30000001", b"10")
    return zipped(files).replace(struct.pack("<L", 30_000_001), struct.pack("<L", 10))


def flipped(data: bytes) -> bytes:
    raw = bytearray(zipped(unzipped(data), kind=zipfile.ZIP_STORED))
    raw[raw.index(b"hidden")] ^= 1
    return bytes(raw)


def twice(data: bytes) -> bytes:
    raw = io.BytesIO(data)
    with zipfile.ZipFile(raw, "a") as found, pytest.warns(UserWarning, match="Duplicate"):
        found.writestr("seed", b"other")
    return raw.getvalue()


SOURCE = "course/source/01_x/01_x.ipynb"
FORGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a file changed": (lambda a: changed(a, {SOURCE: b"easier"}, listed=False), f"{SOURCE} was changed"),
    "a file added": (lambda a: changed(a, {"course/x.py": b"1"}, listed=False), "course/x.py: archive.json and the zip disagree"),
    "a file taken out": (lambda a: changed(a, {SOURCE: None}, listed=False), "disagree"),
    "a bit flipped": (flipped, "damaged"),
    "cut off": (lambda a: a[:-40], "not a whole zip"),
    "no zip": (lambda a: b"PK but not really", "not a whole zip"),
    "no manifest": (lambda a: zipped({"seed": b"x"}), "there is no archive.json in it"),
    "manifest is no JSON": (lambda a: zipped({"archive.json": b"{"}), "JSON is wrong"),
    "a later format": (lambda a: changed(a, format=2), "archive.json: format is wrong"),
    "up": (lambda a: changed(a, {"course/../../x": b"1"}), "may not be called course/../../x"),
    "absolute": (lambda a: changed(a, {"/tmp/x": b"1"}), "may not be called /tmp/x"),
    "programs up": (lambda a: changed(a, {"grading/../../x": b"1"}), "may not be called grading/../../x"),
    "beside the course": (lambda a: changed(a, {"x.pth": b"1"}), "may not be called x.pth"),
    "over what it said": (lambda a: changed(a, {"course/.archive/archive.json": b"1"}), "may not be called"),
    "up, encoded": (lambda a: changed(a, {"odd/%2e%2e/%2e%2e/x": b"1"}), "may not be called odd/%2e%2e/"),
    "absolute, encoded": (lambda a: changed(a, {"odd/%2Ftmp%2Fx": b"1"}), "may not be called odd/%2F"),
    "encoded with a zero": (lambda a: changed(a, {"odd/x%00": b"1"}), "may not be called odd/x%00"),
    "over what it said, encoded": (lambda a: changed(a, {"odd/.archiv%65/x": b"1"}), "may not be called"),
    "a file twice, encoded": (lambda a: changed(a, {f"odd/{SOURCE[7:]}": b"1"}), "is a file and a folder"),
    "a folder up": (lambda a: changed(a, folders=["a/../../x"]), "a folder may not be called"),
    "a file as a folder": (lambda a: changed(a, {f"{SOURCE}/x": b"1"}), "is a file and a folder"),
    "a file for a folder": (lambda a: changed(a, folders=["source/01_x/01_x.ipynb"]), "is a file and a folder"),
    "a file too deep": (lambda a: changed(a, {"course/" + "a/" * 30_000 + "x": b"1"}), "a file may not be called course/a/a"),
    "a folder too deep": (lambda a: changed(a, folders=["a/" * 1500 + "x"]), "a folder may not be called a/a"),
    "a name too long": (lambda a: changed(a, {"course/" + f"{'a' * 99}/" * 41 + "x": b"1"}), "a file may not be called course/aaa"),
    "too many folders": (lambda a: changed(a, folders=["a"] * 250_001), "archive.json: folders is wrong"),
    "a manifest too large": (lambda a: zipped(unzipped(a) | {"archive.json": bytes(50_000_001)}), "archive.json is too large"),
    "a word too long": (lambda a: changed(a, elsewhere="x" * 101), "archive.json: elsewhere is wrong"),
    "no such time": (lambda a: changed(a, made="0001-01-01T00:00:00+14:00"), "archive.json: made is wrong"),
    "a link": (lambda a: zipped(unzipped(a), {SOURCE: stat.S_IFLNK | 0o777}), f"{SOURCE} is a link"),
    "another compression": (lambda a: zipped(unzipped(a), kind=zipfile.ZIP_LZMA), "compressed in another way"),
    "a file twice": (twice, "holds a file twice"),
    "no seed": (lambda a: changed(a, {"seed": None}), "the cohort's seed is not in it"),
    "another seed": (lambda a: changed(a, {"seed": b"33" * 32}), "its seed is not the cohort's"),
    "a seed that is none": (lambda a: changed(a, {"seed": b"secret"}), "seed is damaged"),
    "a cohort up": (lambda a: changed(a, cohort="../x"), "cohort '../x': use letters"),
    "a bomb": (lambda a: changed(a, {"course/zeros": bytes(30_000_001)}), "it unpacks to 0.0 GB, more than 0.02 GB"),
    "a lying bomb": (lying, "damaged|was changed|disagree"),
    "an endless list": (
        lambda a: a[:-10] + struct.pack("<L", 600_000_000) + a[-6:], "its list of files is too long",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_archive_is_one_line_and_leaves_nothing(
    case: str, course: Course, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = FORGED[case]
    monkeypatch.setattr("grading.archive.write.programs", dict)  # 13 MB, which take seconds
    write_archive(course, cohort, tmp_path / "a.zip", quiet)
    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "there/seeds"))
    (tmp_path / "b.zip").write_bytes(make((tmp_path / "a.zip").read_bytes()))
    with pytest.raises(CampError, match=says) as caught:
        restore(tmp_path / "b.zip", tmp_path / "there/course", 20_000_000, quiet)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert list((tmp_path / "there").iterdir()) == []
    assert not (tmp_path / "x").exists()


def test_an_archive_on_a_disk_without_links_appears_whole(
    course: Course, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_archive(course, cohort, tmp_path / "a.zip", quiet)
    assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o600
    restore(tmp_path / "a.zip", tmp_path / "back", GIGA, quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "back", "here"]
