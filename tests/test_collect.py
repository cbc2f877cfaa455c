"""``camp collect``: each way in, what is refused, and what becomes of who hands in twice."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from course_lib import bundle
from course_lib.errors import CampError
from grading.collect.archive import Archive
from grading.collect.command import collect as collect_all
from grading.collect.export import Export, find_columns
from grading.collect.links import Link, given_link, keep_links
from grading.collect.sources import Offer
from grading.course import Course
from grading.journal import received_at
from tests.kits import LESSON, camp, make_kit, work
from tests.test_bundle import listed

FORM = ["提交人", "学员编号", "微信昵称", "关卡", "笔记链接", "压缩包（附件）", "提交时间", "备注"]
LECTURE = "https://www.bilibili.com/video/BV18142187g5/"


def a_bundle(
    learner: str, number: int = 1, text: str = "{}", lesson: str = LESSON, hour: int = 9
) -> bytes:
    return bundle.pack(
        {f"{lesson}.ipynb": text.encode(), f"evidence/{lesson}/a.json": b"[]"},
        learner=learner, nickname="N", lesson=lesson, number=number, kit="0.1.0",
        time=datetime(2026, 11, 2, hour, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Return a course directory with one lesson, nothing in it."""
    (tmp_path / "course/source" / LESSON).mkdir(parents=True)
    return Course(tmp_path / "course")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def notebook(course: Course, learner: str) -> str:
    return (course.submitted(learner, LESSON) / f"{LESSON}.ipynb").read_text("utf-8")


def collect(course: Course, source: Path, *words: str) -> tuple[str, list[str]]:
    """Run the command and return the summary and the lines on what was not taken."""
    done = camp(course.path.parent, "collect", str(source), "--course", str(course.path), *words)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert all(line.startswith("✗ ") for line in lines), done.stderr
    return done.stdout.strip().splitlines()[-1], lines


def test_a_folder_of_bundles_goes_where_it_is_graded(course: Course, inbox: Path) -> None:
    (inbox / "wechat").mkdir()
    (inbox / "wechat/x.zip").write_bytes(a_bundle("a"))
    (inbox / "renamed by somebody (1).zip").write_bytes(a_bundle("学员7"))
    (inbox / ".hidden.zip").write_bytes(b"")
    assert collect(course, inbox) == ("2 collected, 0 known, 0 not taken", [])
    assert course.learners(LESSON) == ["a", "学员7"]
    names = sorted(one.name for one in course.submitted("a", LESSON).iterdir())
    assert names == ["01_intro.ipynb", "evidence", "submission.json", "timestamp.txt"]
    stamp = (course.submitted("a", LESSON) / "timestamp.txt").read_text()
    assert stamp == "2026-11-02 09:00:00 UTC\n"
    assert collect(course, inbox) == ("0 collected, 2 known, 0 not taken", [])


def test_the_newest_is_graded_and_none_is_lost(course: Course, inbox: Path) -> None:
    (inbox / "b.zip").write_bytes(a_bundle("a", 2, '{"second": 2}', hour=11))
    (inbox / "c.zip").write_bytes(a_bundle("a", 1, '{"first": 1}', hour=10))
    assert collect(course, inbox) == ("2 collected, 0 known, 0 not taken", [])
    assert "second" in notebook(course, "a")
    (inbox / "a.zip").write_bytes(a_bundle("a", 3, '{"third": 3}', hour=12))
    told = camp(course.path.parent, "collect", str(inbox), "--course", str(course.path)).stdout
    assert re.search(r"│ 3 +│ 2026-11-02 12:00 +│ new, to be graded", told)
    assert "third" in notebook(course, "a")
    kept = sorted((course.path / "collected" / LESSON / "a").iterdir())
    texts = [(one / f"files/{LESSON}.ipynb").read_text() for one in kept]
    assert texts == ['{"second": 2}', '{"first": 1}', '{"third": 3}']
    (inbox / "late.zip").write_bytes(a_bundle("a", 1, '{"late": 0}', hour=8))
    told = camp(course.path.parent, "collect", str(inbox), "--course", str(course.path)).stdout
    assert "archived (there is a newer one)" in told
    assert "third" in notebook(course, "a")


def test_another_spelling_of_an_id_makes_no_second_learner(course: Course, inbox: Path) -> None:
    (inbox / "1.zip").write_bytes(a_bundle("wei"))
    (inbox / "2.zip").write_bytes(a_bundle("Wei"))
    (inbox / "3.zip").write_bytes(a_bundle("wei2"))
    summary, (line,) = collect(course, inbox)
    assert summary == "2 collected, 0 known, 1 not taken"
    assert line.startswith("✗ 2.zip: the id is Wei, the course has wei: ask whether")
    course.submitted("ＭEI", LESSON).mkdir(parents=True)  # put there by hand
    (inbox / "4.zip").write_bytes(a_bundle("mei"))
    summary, (_, line) = collect(course, inbox)
    assert summary == "0 collected, 2 known, 2 not taken"
    assert "the id is mei, the course has ＭEI" in line
    assert course.learners(LESSON) == ["wei", "wei2", "ＭEI"]


def test_no_id_is_the_collectors_own(course: Course, inbox: Path) -> None:
    for name in ("Files", "collected.json"):  # as what a run writes is called
        (inbox / f"{name}.zip").write_bytes(a_bundle(name))
    assert collect(course, inbox) == ("2 collected, 0 known, 0 not taken", [])


def test_an_interrupted_run_is_made_good(course: Course, inbox: Path) -> None:
    (inbox / "a.zip").write_bytes(a_bundle("a"))
    collect(course, inbox)
    shutil.rmtree(course.submitted("a", LESSON))  # killed between two renames
    (course.path / "collected/.part-x").mkdir()
    assert collect(course, inbox)[0] == "0 collected, 1 known, 0 not taken"
    assert notebook(course, "a") == "{}"
    assert [one.name for one in (course.path / "collected").iterdir()] == [LESSON]


def test_what_somebody_put_there_by_hand_stays(course: Course, inbox: Path) -> None:
    place = course.submitted("a", LESSON)
    place.mkdir(parents=True)
    (place / f"{LESSON}.ipynb").write_text("by hand")
    (inbox / "a.zip").write_bytes(a_bundle("a"))
    _, lines = collect(course, inbox)
    assert lines == [
        f"✗ a {LESSON}: {place} was not collected and stays: move it away and run this again"
    ]
    assert notebook(course, "a") == "by hand"
    place.rename(course.path / "by-hand")
    assert collect(course, inbox) == ("0 collected, 1 known, 0 not taken", [])
    assert notebook(course, "a") == "{}"


def test_broken_ones_are_listed_and_the_others_go_on(course: Course, inbox: Path) -> None:
    (inbox / "1.zip").write_bytes(a_bundle("a")[:-30])
    (inbox / "2.zip").write_bytes(listed("evidence/../../x.txt"))
    (inbox / "3.zip").write_bytes(a_bundle("c", lesson="09_none"))
    (inbox / "4.ipynb").write_text("{}")
    (inbox / "5\x1b[31m.zip").write_bytes(b"")
    (inbox / "6.zip").write_bytes(a_bundle("good"))
    (inbox / "7.zip").symlink_to("/nowhere")
    summary, lines = collect(course, inbox)
    assert summary == "1 collected, 0 known, 6 not taken"
    says = [
        "1.zip: this is no bundle of camp submit (not a whole zip file)",
        "2.zip: a file may not be called evidence/../../x.txt",
        f"3.zip: no lesson '09_none' here (there are: {LESSON})",
        "4.ipynb: no bundle of camp submit: ask the learner to hand in with camp submit",
        "5�[31m.zip: this is no bundle",
        "7.zip: cannot be read: No such file or directory",
    ]
    assert len(lines) == len(says)
    found = sorted(line.removeprefix("✗ ") for line in lines)
    assert all(line.startswith(text) for line, text in zip(found, says, strict=True)), found
    assert course.learners(LESSON) == ["good"]
    assert not list(course.path.rglob("x.txt"))


def test_an_exchange_from_either_submit(course: Course, tmp_path: Path) -> None:
    inbound = tmp_path / "exchange/camp/inbound"
    plain = inbound / f"b+c@x.org+{LESSON}+2026-11-02 08:00:00.123456 UTC+w0rd-_xyz"
    plain.mkdir(parents=True)
    (plain / f"{LESSON}.ipynb").write_text('{"plain": 1}')
    (plain / "timestamp.txt").write_text("2026-11-02 08:00:00.123456 UTC")
    older = inbound / f"b+c@x.org+{LESSON}+2026-11-01 08:00:00.123456 UTC"
    shutil.copytree(plain, older)
    (older / f"{LESSON}.ipynb").write_text('{"older": 1}')
    linked = inbound / f"d+{LESSON}+2026-11-02 08:00:00.1 UTC"
    linked.mkdir()
    (linked / f"{LESSON}.ipynb").symlink_to("/etc/passwd")
    (inbound / "notes").mkdir()
    (inbound / f"x+{LESSON}+9999-12-31 23:59:59-10:00").mkdir()
    home = make_kit(tmp_path / "kit")
    work(home, "li_mei")
    camp(home.path, "submit", LESSON, "--id", "e", "--nickname", "E", "--to", str(inbound))
    (ours,) = inbound.glob("e+*")
    shutil.copytree(ours, inbound / ours.name.replace("e+", "f+", 1))
    edited = shutil.copytree(
        ours, inbound / f"{ours.name[:-1]}{'0' if ours.name[-1] != '0' else '1'}"
    )
    (edited / "note.md").write_text("edited after packing")

    summary, lines = collect(course, inbound.parent)
    assert summary == "3 collected, 0 known, 5 not taken"
    assert notebook(course, "b+c@x.org") == '{"plain": 1}'
    assert notebook(course, "e") == home.notebook(LESSON, "zh").read_text("utf-8")
    text = "\n".join(lines)
    assert "it came as f, inside it says e: ask whose it is" in text
    assert "files differ from submission.json (changed after packing)" in text
    assert "notes: the folder is not called LEARNER+LESSON+TIME" in text
    assert "is a link: hand in the file itself" in text
    mine = received_at(course, "b+c@x.org", LESSON, [LESSON])  # whatever the folder's name says
    assert (datetime.now(UTC).replace(tzinfo=None) - mine).total_seconds() < 3600
    bundles = home.bundles  # the same, now as files
    assert collect(course, bundles) == ("0 collected, 1 known, 0 not taken", [])


def test_a_folder_of_another_account_is_asked_about(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound = tmp_path / "exchange/camp/inbound"
    (course.path / "source/02_demo").mkdir()

    def put(day: int, lesson: str = LESSON) -> Path:
        folder = inbound / f"a+{lesson}+2026-11-{day:02} 08:00:00.1 UTC"
        folder.mkdir(parents=True)
        (folder / f"{lesson}.ipynb").write_text(f'{{"day": {day}}}')
        return folder

    monkeypatch.setattr("os.getuid", lambda: -1)
    put(1)
    put(2)
    assert collect(course, inbound)[0] == "2 collected, 0 known, 0 not taken"
    for record in course.path.glob("collected/*/*/*/collected.json"):
        said = json.loads(record.read_text())
        assert said["owner"] == inbound.stat().st_uid
        record.write_text(json.dumps(said | {"owner": said["owner"] + 1}))
    asked = [put(3), put(4, "02_demo")]  # whoever is first in another lesson is no other person
    summary, lines = collect(course, inbound)
    assert summary == "0 collected, 2 known, 2 not taken"
    for line in lines:
        assert "another account put it there than a's earlier ones: ask whose it is" in line
        assert line.endswith("copy it into a folder NEW/inbound and run camp collect NEW")
    assert notebook(course, "a") == '{"day": 2}'
    monkeypatch.setattr("os.getuid", lambda: inbound.stat().st_uid)  # whose the copies are
    for folder in asked:
        shutil.copytree(folder, tmp_path / "NEW/inbound" / folder.name)
    assert collect(course, tmp_path / "NEW") == ("2 collected, 0 known, 0 not taken", [])
    assert notebook(course, "a") == '{"day": 3}'
    assert course.learners("02_demo") == ["a"]


def test_one_odd_name_stops_nobody_else(course: Course, tmp_path: Path) -> None:
    exchange = tmp_path / "exchange/camp"
    inbound = exchange / "inbound"
    inbound.mkdir(parents=True)
    home = make_kit(tmp_path / "kit")
    work(home, "li_mei")
    camp(home.path, "submit", LESSON, "--id", "d", "--nickname", "D", "--to", str(inbound))
    (packed,) = inbound.iterdir()
    odd = os.fsdecode("截图.png".encode("gbk"))
    for learner in ("a", "b", os.fsdecode("王".encode("gbk"))):
        folder = inbound / f"{learner}+{LESSON}+2026-11-02 08:00:00.1 UTC"
        folder.mkdir()
        (folder / f"{LESSON}.ipynb").write_text("{}")
    (inbound / f"a+{LESSON}+2026-11-02 08:00:00.1 UTC" / odd).write_bytes(b"x")
    (packed / odd).write_bytes(b"x")
    summary, lines = collect(course, exchange)
    assert summary == "2 collected, 0 known, 2 not taken"
    assert course.learners(LESSON) == ["a", "b"]
    assert (course.submitted("a", LESSON) / odd).read_bytes() == b"x"
    assert "files differ from submission.json (changed after packing)" in lines[0]
    assert "cannot be a learner's id" in lines[1]
    told = camp(tmp_path, "collect", str(exchange), "--course", str(course.path), "--dry-run")
    assert told.returncode == 0
    assert collect(course, exchange)[0] == "0 collected, 2 known, 2 not taken"


def test_names_from_another_system_stop_nobody(course: Course, inbox: Path) -> None:
    odd = os.fsdecode("作业".encode("gbk"))  # as a zip from a Chinese Windows unpacks
    (inbox / odd).mkdir()
    for learner, name in (("a", "a"), ("b", odd), ("c", f"{odd}/c"), ("z", "z")):
        (inbox / f"{name}.zip").write_bytes(a_bundle(learner))
    assert collect(course, inbox) == ("4 collected, 0 known, 0 not taken", [])
    assert course.learners(LESSON) == ["a", "b", "c", "z"]
    assert collect(course, inbox) == ("0 collected, 4 known, 0 not taken", [])
    page = "https://zhuanlan.zhihu.com/p/1"
    table = a_form(inbox / f"{odd}.csv", [["", "c", "", "L1-1", page, "c.zip", "", ""]])
    assert collect(course, table) == ("0 collected, 1 known, 0 not taken", [])
    assert page in (course.path / "collected/links.csv").read_text("utf-8-sig")


def test_a_pipe_is_no_bundle_and_keeps_nobody_waiting(course: Course, inbox: Path) -> None:
    os.mkfifo(inbox / "a.zip")
    (inbox / "b.zip").write_bytes(a_bundle("b"))
    told = camp(inbox, "collect", str(inbox), "--course", str(course.path), "--dry-run").stdout
    assert "📦 a.zip: ✗ is no plain file" in told
    assert f"📦 b.zip: b, {LESSON}, 1" in told
    assert collect(course, inbox) == (
        "1 collected, 0 known, 1 not taken", ["✗ a.zip: is no plain file"],
    )  # fmt: skip
    (inbox / "more").mkdir()
    os.mkfifo(inbox / "more/b.zip")
    table = a_form(inbox / "f.csv", [["", "b", "", "", "", "b.zip", "", ""]])
    assert collect(course, table) == ("0 collected, 1 known, 0 not taken", [])


def test_what_came_before_an_inbox_was_out_of_reach_is_placed(course: Course, inbox: Path) -> None:
    (inbox / "a.zip").write_bytes(a_bundle("a"))

    def offers() -> Iterator[Offer]:
        yield Offer("a.zip", inbox / "a.zip")
        raise CampError("cannot reach it")

    with pytest.raises(CampError, match="cannot reach it"):
        collect_all(course, offers())
    assert course.learners(LESSON) == ["a"]


def test_a_damaged_record_stops_nobody_else(course: Course, inbox: Path) -> None:
    for learner in ("a", "b"):
        (inbox / f"{learner}.zip").write_bytes(a_bundle(learner))
    collect(course, inbox)
    record = course.path / f"collected/{LESSON}/a/001/collected.json"
    whole = record.read_bytes()
    record.write_text("{")
    (inbox / "c.zip").write_bytes(a_bundle("c"))
    assert collect(course, inbox) == (
        "1 collected, 1 known, 1 not taken",
        [f"✗ a.zip: {record} is damaged: restore it from a backup"],
    )
    assert course.learners(LESSON) == ["a", "b", "c"]
    record.write_bytes(whole)
    assert collect(course, inbox) == ("0 collected, 3 known, 0 not taken", [])


def test_an_inboxs_data_folder_tells_when_it_was_received(course: Course, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "bundles").mkdir(parents=True)
    (data / "receipt.key").write_bytes(b"")
    for name, number, text, at in (("s1", 1, "one", 1793610000), ("s2", 2, "two", 1793600000)):
        (data / f"bundles/{name}.zip").write_bytes(a_bundle("a", number, text))
        os.utime(data / f"bundles/{name}.zip", (at, at))
    assert collect(course, data)[0] == "2 collected, 0 known, 0 not taken"
    assert notebook(course, "a") == "one"  # received last, whatever the learner's numbers say
    folder = course.path / "collected" / LESSON / "a"
    record = json.loads((folder / "001/collected.json").read_text())
    assert (record["received"], record["clock"]) == ("2026-11-02T09:00:00Z", "source")
    assert received_at(course, "a", LESSON, [LESSON]) == datetime(2026, 11, 2, 9)


def test_bytes_that_came_another_way_before_get_the_inboxs_time(
    course: Course, inbox: Path, tmp_path: Path
) -> None:
    (inbox / "a.zip").write_bytes(a_bundle("a"))
    collect(course, inbox)
    data = tmp_path / "data"
    (data / "bundles").mkdir(parents=True)
    (data / "receipt.key").touch()
    shutil.copy(inbox / "a.zip", data / "bundles/s1.zip")
    os.utime(data / "bundles/s1.zip", (1793610000, 1793610000))
    assert collect(course, data)[0] == "0 collected, 1 known, 0 not taken"
    assert collect(course, inbox)[0] == "0 collected, 1 known, 0 not taken"
    record = json.loads((course.path / f"collected/{LESSON}/a/001/collected.json").read_text())
    assert (record["received"], record["clock"]) == ("2026-11-02T09:00:00Z", "source")
    assert received_at(course, "a", LESSON, [LESSON]) == datetime(2026, 11, 2, 9)


def test_sending_the_same_again_by_an_inbox_makes_nobody_late(
    course: Course, inbox: Path, tmp_path: Path
) -> None:
    (inbox / "a.zip").write_bytes(a_bundle("a"))
    collect(course, inbox)
    before = received_at(course, "a", LESSON, [LESSON])
    time.sleep(1.1)
    data = tmp_path / "data"
    (data / "bundles").mkdir(parents=True)
    (data / "receipt.key").touch()
    (data / "bundles/s1.zip").write_bytes((inbox / "a.zip").read_bytes())
    assert collect(course, data)[0] == "0 collected, 1 known, 0 not taken"
    record = json.loads((course.path / f"collected/{LESSON}/a/001/collected.json").read_text())
    assert record["clock"] == "source"
    assert datetime.fromisoformat(record["received"]).replace(tzinfo=None) > before
    assert received_at(course, "a", LESSON, [LESSON]) == before


@pytest.mark.parametrize(
    ("source", "clock"),
    [
        ("https://inbox.example.org 7", "source"),
        ("https:/inbox.example.org/a.zip", "learner"),  # in a folder "https:"
        ("f.csv row 2 (a.zip)", "learner"),  # the form may have had no time
    ],
)
def test_a_record_of_the_version_before_tells_its_clock(
    course: Course, inbox: Path, source: str, clock: str
) -> None:
    (inbox / "a.zip").write_bytes(a_bundle("a"))
    collect(course, inbox)
    path = course.path / f"collected/{LESSON}/a/001/collected.json"
    said = json.loads(path.read_text()) | {"source": source}
    del said["clock"]
    path.write_text(json.dumps(said))
    (record,) = Archive(course).records("a", LESSON).values()
    assert record.clock == clock


@pytest.mark.parametrize(
    ("key", "shared", "bundles", "clock"),
    [
        ("none", 0o777, 0o755, "learner"),
        ("a learner's", 0o777, 0o755, "learner"),
        ("a learner's", 0o755, 0o775, "learner"),
        ("a learner's", 0o755, 0o755, "source"),  # a TA's copy
    ],
)
def test_a_folder_that_only_looks_like_an_inbox_tells_no_time(
    course: Course, tmp_path: Path, key: str, shared: int, bundles: int, clock: str
) -> None:
    (tmp_path / "shared/bundles").mkdir(parents=True)
    (tmp_path / "shared").chmod(shared)
    (tmp_path / "shared/bundles").chmod(bundles)
    if key != "none":
        if os.getuid() != 0:
            pytest.skip("only root can make a file of another account")
        (tmp_path / "shared/receipt.key").touch()
        os.chown(tmp_path / "shared/receipt.key", 12345, 12345)
    bundle = tmp_path / "shared/bundles/s1.zip"
    bundle.write_bytes(a_bundle("a", 1, "one"))
    os.utime(bundle, (1793610000, 1793610000))
    (tmp_path / "shared/b.zip").write_bytes(a_bundle("b", 1, "two"))
    count = 1 if clock == "source" else 2
    assert collect(course, tmp_path / "shared")[0] == f"{count} collected, 0 known, 0 not taken"
    record = json.loads((course.path / "collected" / LESSON / "a/001/collected.json").read_text())
    assert record["clock"] == clock


def a_form(path: Path, rows: list[list[str]]) -> Path:
    if path.suffix == ".xlsx":
        book = Workbook()
        for row in [FORM, *rows]:
            book.active.append(row)
        book.save(path)
    else:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([FORM, *rows])
    return path


@pytest.mark.parametrize("name", ["答卷.csv", "export.xlsx"])
def test_a_forms_export_by_the_names_of_its_columns(course: Course, inbox: Path, name: str) -> None:
    (inbox / "files").mkdir()
    (inbox / "files/01_intro-a-1.zip").write_bytes(a_bundle("a", text='{"first": 1}', hour=23))
    (inbox / "files/答卷_12_01_intro-a-2.zip").write_bytes(
        a_bundle("a", 2, '{"second": 2}', hour=1)
    )
    (inbox / "files/b.zip").write_bytes(a_bundle("b"))
    note = "https://zhuanlan.zhihu.com/p/1"
    table = a_form(inbox / name, [
        ["甲", "a", "阿", "L1-1", note, "01_intro-a-1.zip", "2026/11/02 17:00", ""],
        ["甲", " A ", "阿", "L1-1", f"我的笔记 {LECTURE}", "01_intro-a-2.zip", "2026-11-02 18:00:00", ""],
        ["乙", "wrong", "乙", "L1-1", "", "b.zip", "2026年11月2日 18:00", ""],
        ["丙", "c", "丙", "L1-1", note, "", "", ""],
        ["丁", "d", "丁", "L1-1", "", "gone.zip", "", ""],
        ["", "", "戊", "", note, "", "", ""],
        ["己", "f", "己", "L1-1", "没写", "", "", ""],
        ["庚", "b", "庚", "L1-1", "", "b.zip", f"{'9' * 20} 1 1", ""],
        ["", "", "", "", "", "", "", ""],
    ])  # fmt: skip
    summary, lines = collect(course, table)
    assert summary == "3 collected, 0 known, 4 not taken"
    assert [line.removeprefix(f"✗ {name} ") for line in lines] == [
        "row 4 (b.zip): it came as wrong, inside it says b: ask whose it is",
        "row 6: attachment gone.zip not found: download it beside the table, or name its folder with --files",
        "row 7: no learner's id",
        "row 8: neither a file nor a link",
    ]
    assert "second" in notebook(course, "a")  # the form's time counts, not the learner's clock
    stamp = (course.submitted("a", LESSON) / "timestamp.txt").read_text()
    assert stamp == "2026-11-02 10:00:00 UTC\n"  # 18:00 in Beijing
    assert received_at(course, "a", LESSON, [LESSON]) == datetime(2026, 11, 2, 10)
    with (course.path / "collected/links.csv").open(encoding="utf-8-sig") as file:
        links = list(csv.DictReader(file))
    assert [(one["learner"], one["link"]) for one in links] == [
        ("a", note),
        ("A", LECTURE),
        ("c", note),
    ]
    assert [bool(one["problem"]) for one in links] == [False, True, False]
    collect(course, table)
    assert len((course.path / "collected/links.csv").read_text("utf-8-sig").splitlines()) == 4


def test_the_next_export_of_a_form_adds_new_links_alone(course: Course, inbox: Path) -> None:
    kept = course.path / "collected/links.csv"
    secret = "https://me:hunter2@a.example/1?token=abc"
    rows = [
        ["", learner, "", "L1-1", url, "", "2026/11/02 17:00", ""]
        for learner, url in (("b", "https://zhuanlan.zhihu.com/p/1"), ("cat", secret))
    ]
    says = []
    for number in range(2):
        table = a_form(inbox / f"答卷_{number}.csv", [["", "", "", "", "", "", "", ""], *rows])
        words = ("collect", str(table), "--course", str(course.path))
        says.append(camp(inbox, *words).stdout.splitlines()[-2])
        rows.insert(0, ["", "d", "", "L1-1", rows[0][4], "", "2026/11/03 17:00", ""])
    assert says == [f"{number} new links of notes ({kept})" for number in (2, 1)]
    with kept.open(encoding="utf-8-sig") as file:
        links = {one["learner"]: one["link"] for one in csv.DictReader(file)}
    assert links == {
        "b": "https://zhuanlan.zhihu.com/p/1",
        "cat": "https://a.example/1",
        "d": "https://zhuanlan.zhihu.com/p/1",
    }
    assert len(kept.read_text("utf-8-sig").splitlines()) == 1 + len(links)
    assert "holds a password or token" in str(given(course, "cat"))


def test_a_password_that_the_version_before_kept_goes(course: Course) -> None:
    nine = datetime(2026, 11, 2, 9, tzinfo=UTC)
    secret = Link("cat", "", "L1-1", "https://me:hunter2@a.example/1?token=abc", nine, "row 2")
    keep_links(course, [secret, Link("dan", "", "L1-1", "https://a.example/2", nine, "row 3")])
    kept = course.path / "collected/links.csv"
    now = kept.read_text("utf-8-sig")
    problem = "the link holds a password or token: remove it and change it at once"
    before = now.replace("https://a.example/1", secret.url).replace(problem, "")
    assert before.count("hunter2") == 1
    kept.write_text(before, "utf-8-sig")
    assert keep_links(course, [secret]) == 0
    assert kept.read_text("utf-8-sig") == now


def test_a_link_that_a_ta_repaired_is_judged_anew(course: Course) -> None:
    keep_links(course, [Link("cat", "", "L1-1", LECTURE, None, "row 2")])
    kept = course.path / "collected/links.csv"
    assert "lecture" in str(given(course, "cat"))
    mended = "https://zhuanlan.zhihu.com/p/1"
    kept.write_text(kept.read_text("utf-8-sig").replace(LECTURE, mended), "utf-8-sig")
    assert given(course, "cat") == f"the form's link: {mended}"


def test_the_preview_and_a_dry_run_write_nothing(course: Course, inbox: Path) -> None:
    (inbox / "b.zip").write_bytes(a_bundle("b"))
    (inbox / "c.zip").write_bytes(b"no")
    table = a_form(inbox / "f.csv", [["", "b", "", "L1-1", LECTURE, "b.zip", "", ""]])
    words = ("--course", str(course.path), "--dry-run")
    told = camp(inbox, "collect", str(table), *words).stdout
    assert re.search(r"学员编号 +│ learner +│ b", told)
    assert re.search(r"压缩包（附件） +│ file +│ b.zip", told)
    assert re.search(r"备注 +│ +│", told)
    assert f"📦 f.csv row 2 (b.zip): b, {LESSON}, 1" in told
    told = camp(inbox, "collect", str(inbox), *words).stdout
    assert "📦 c.zip: ✗ this is no bundle of camp submit" in told
    assert not (course.path / "collected").exists()


def test_columns_that_cannot_be_told_are_asked_for(course: Course, inbox: Path) -> None:
    path = inbox / "f.csv"
    path.write_text("谁,什么\nb,b.zip\n", encoding="utf-8")
    (inbox / "b.zip").write_bytes(a_bundle("b"))
    words = ("collect", str(path), "--course", str(course.path))
    told = camp(inbox, *words)
    assert told.returncode == 1
    assert "--column learner=学号 --column file=附件; there are: 谁, 什么" in told.stderr
    told = camp(inbox, *words, "--column", "learner=谁", "--column", "file=谁吗")
    assert "no column '谁吗'; there are: 谁, 什么" in told.stderr
    told = camp(inbox, *words, "--column", "who=谁")
    assert "--column who=谁: write FIELD=NAME" in told.stderr
    told = camp(inbox, *words, "--column", "learner=谁", "--column", "file=什么")
    assert told.stdout.strip().endswith("1 collected, 0 known, 0 not taken")


@pytest.mark.parametrize(
    ("heading", "wanted"),
    [
        (FORM, {"learner": 1, "nickname": 2, "lesson": 3, "link": 4, "file": 5, "time": 6}),
        (
            ["Submitted at", "Student ID", "Name", "Level", "Link of your note", "Upload file"],
            {"time": 0, "learner": 1, "nickname": 2, "lesson": 3, "link": 4, "file": 5},
        ),
        (
            ["报名问卷编号", "昵称", "提交关卡", "笔记", "作业", "提交时间（自动）"],
            {"learner": 0, "nickname": 1, "lesson": 2, "link": 3, "file": 4, "time": 5},
        ),
    ],
)
def test_columns_are_found_by_name(heading: list[str], wanted: dict[str, int]) -> None:
    assert find_columns(heading, {}) == wanted


def test_a_form_with_two_files_of_one_name(inbox: Path) -> None:
    for number in (1, 2):
        (inbox / str(number)).mkdir()
        (inbox / str(number) / "a.zip").write_bytes(a_bundle("a", number))
    table = a_form(inbox / "f.csv", [["", "a", "", "", "", "a.zip", "", ""]])
    (only,) = Export(table, inbox, {}).offers()
    assert not isinstance(only, Offer)
    assert "several different a.zip" in only.text.en


def test_no_source_and_no_course(course: Course, tmp_path: Path) -> None:
    told = camp(tmp_path, "collect", "nowhere", "--course", str(course.path))
    assert told.returncode == 1
    assert "nothing at nowhere: name a folder of bundles" in told.stderr
    told = camp(tmp_path, "collect", ".", "--course", str(tmp_path))
    assert "is no course directory" in told.stderr


def test_a_time_to_come_counts_as_now(course: Course, inbox: Path) -> None:
    (inbox / "a.zip").write_bytes(
        bundle.pack({f"{LESSON}.ipynb": b"{}"}, learner="a", nickname="N", lesson=LESSON, number=1,
                    kit="0", time=datetime(2999, 1, 1, tzinfo=UTC))
    )  # fmt: skip
    record, _ = Archive(course).take(Offer("a.zip", inbox / "a.zip"))
    assert record.received <= datetime.now(UTC)


def given(course: Course, learner: str = "ann", lesson: str = "01_intro") -> str | None:
    found = given_link(course, learner, lesson)
    return found and found.text.en


def test_the_newest_link_that_a_form_has_of_a_lesson_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("01_intro", "02_demo", "07_rag"):
        (tmp_path / "source" / name).mkdir(parents=True)
    own = Course(tmp_path)
    assert given(own) is None
    eight, nine = datetime(2026, 11, 2, 8, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC)
    page = "https://zhuanlan.zhihu.com/p/"
    keep_links(own, [
        Link("Ann", "", "关卡 L1-1 全链路", f"{page}2", nine, "row 2"),
        Link("ann", "", "01_intro", f"{page}1", eight, "row 3"),
        Link("ann", "", "L1-10", f"{page}3", nine, "row 4"),
        Link("ann", "", "L2-5", f"{page}4", nine, "row 5"),
        Link("bob", "", "L1-1", f"{page}5", nine, "row 6"),
        Link("cat", "", "L1-1", "https://me:pass@a.example/1", nine, "row 7"),
    ])  # fmt: skip
    assert given(own) == f"the form's link: {page}2"
    assert given(own, lesson="07_rag") == f"the form's link: {page}4"
    unsure = f'the form\'s link: {page}3 (the form does not say of which lesson: "L1-10")'
    assert given(own, lesson="02_demo") == unsure
    assert given(own, "bob", "02_demo") is None
    assert "pass" not in str(given(own, "cat")).replace("password", "")
    monkeypatch.setattr("grading.collect.links.MOST", 100)
    assert str(given(own)).endswith("links.csv has more than 100 bytes: too large to be read")
    monkeypatch.undo()
    for text, says in (("a,b\n1,2\n", "no columns learner and link"), ("\0", "not a CSV text")):
        (tmp_path / "collected/links.csv").write_text(text)
        assert says in str(given(own))
    (tmp_path / "collected/links.csv").write_text("lesson,link,learner\nL1-1,https://a.example\n")
    assert given(own) is None
