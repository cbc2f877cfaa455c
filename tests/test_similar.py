"""Who wrote alike: copies are found whatever was changed in them; what all write alike is not."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell
from typer.testing import CliRunner

from course_lib.cli import make_app
from course_lib.errors import CampError
from grading.course import Course
from grading.sanitize import plain
from grading.similar.compare import Part, common, find_alike
from grading.similar.fingerprints import cover, hash_grams, winnow
from grading.similar.handed_in import OTHER, read_handed_in, read_handout
from grading.similar.pages import NO_VERDICT, segments, write_pages
from grading.similar.passages import find_passages
from grading.similar.report import FILE, Report
from grading.similar.run import compare_lesson
from grading.similar.surprise import surprise
from grading.similar.tokens import Kind, read
from tests import toy_course
from tests.alike import (
    SOLUTION,
    TEMPLATE,
    answer,
    hand_in,
    hand_in_many,
    make_lesson,
    note,
    renamed,
    reworded,
)
from tests.toy_course import LESSON, NASTY_NOTE, find, insert_after, instructor, released

SHORT = """def report(rows, floor=0):
    table = dict(rows)
    return {k: [v, v * floor] for k, v in table.items() if v > floor or k in rows}"""
HELPERS = (
    """def tally(rows, floor):
    seen = []
    for who, what in reversed(rows):
        if what is None or not what > floor - 1:
            seen.insert(0, (who, float("nan")))
    return [pair for pair in rows if pair not in seen]""",
    """def means_of(kept):
    names = sorted({who for who, _ in kept}, key=str)
    sums = [sum(v for k, v in kept if k == who) for who in names]
    return dict(zip(names, [round(one / max(1, len(kept)), 3) for one in sums]))""",
)


def words(kind: Kind, text: str) -> list[str]:
    """Return what the tokens cover."""
    tokens = read(kind, text)
    return [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)]


def same(kind: Kind, one: str, other: str) -> bool:
    return read(kind, one).codes.tolist() == read(kind, other).codes.tolist()


# tokens


def test_names_comments_layout_and_docstrings_make_no_difference() -> None:
    one = 'def f(total, n):\n    """Say it."""\n    # why\n    return total / n if n else "none"'
    other = "def f(a, b):\n\n  return a/b if b else  'nothing at all'  # because"
    assert same("code", one, other)
    assert words("code", other)[:4] == ["def", "f", "(", "a"]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("x.append(1)", "y.append(1)", True),
        ("x.append(1)", "x.extend(1)", False),  # what a library calls its things, nobody renames
        ("self.rows = 1", "self.table = 1", True),
        ("len(x)", "sum(x)", False),
        ("x = 1", "x = 2", False),
        ("a = f'{b}'", 'c = r"d"', True),
        ("x = 'a'\n'''b'''", "x = 'a'", True),
        ("x = '''b'''", "x = 1", False),
        ("if a: b", "while a: b", False),
    ],
)
def test_what_counts_as_the_same_code(one: str, other: str, alike: bool) -> None:
    assert same("code", one, other) == alike


def test_chinese_characters_and_words_of_latin_letters_are_tokens() -> None:
    text = "用 InternLM2 微调，loss 降到 0.5！"
    found = ["用", "InternLM2", "微", "调", "loss", "降", "到", "0", "5"]
    assert words("prose", text) == found
    assert same("prose", text, "用ＩｎｔｅｒｎＬＭ２微 调。Loss降到(0,5)")


@pytest.mark.parametrize(
    "text", ["\n " * 50_000, '"' * 100_000, "'''\\" * 25_000, "(" * 100_000, "'''a''' " * 12_000]
)
def test_broken_code_is_cut_in_linear_time(text: str) -> None:
    began = time.process_time()
    tokens = read("code", text)
    assert time.process_time() - began < 5
    assert all(tokens.starts[1:] >= tokens.ends[:-1])


# fingerprints, passages, bits


def test_winnowing_chooses_what_the_paper_says() -> None:
    # Schleimer, Wilkerson, Aiken (2003), figure 2: hashes, windows of 4, chosen with positions
    hashes = [77, 74, 42, 17, 98, 50, 17, 98, 8, 88, 67, 39, 77, 74, 42, 17, 98]
    at = winnow(np.array(hashes, np.uint64), 4)
    assert [(hashes[i], i) for i in at] == [(17, 3), (17, 6), (8, 8), (39, 11), (17, 15)]


def test_what_is_as_long_as_promised_shares_a_fingerprint() -> None:
    k, window, dice = 6, 4, np.random.default_rng(3)
    for _ in range(200):
        shared = dice.integers(0, 9, k + window - 1)
        chosen = []
        for _ in range(2):
            before, after = (dice.integers(0, 9, dice.integers(0, 30)) for _ in range(2))
            grams = hash_grams(np.concatenate([before, shared, after]).astype(np.uint64), k)
            chosen.append({*grams[winnow(grams, window)].tolist()})
        assert chosen[0] & chosen[1]


def test_equal_runs_have_equal_hashes_and_short_texts_none() -> None:
    grams = hash_grams(np.array([1, 2, 3, 1, 2, 3, 2, 1], np.uint64), 3)
    assert len(grams) == 6
    assert grams[0] == grams[3]
    assert len({*grams.tolist()}) == 5
    assert not len(hash_grams(np.array([1, 2], np.uint64), 3))
    assert not len(winnow(np.zeros(0, np.uint64), 4))
    assert cover(np.array([True, False, False, True]), 2, 5).tolist() == [1, 1, 0, 1, 1]


def test_passages_are_found_where_they_were_moved_to_and_count_once() -> None:
    a, b = [1, 2, 3, 4, 9, 5, 6, 7, 8], [5, 6, 7, 8, 0, 1, 2, 3, 4, 1, 2, 3, 4]
    seeds = [
        {at: hash(tuple(codes[at : at + 3])) for at in range(len(codes) - 2)} for codes in (a, b)
    ]
    found = find_passages((a, b), (seeds[0], seeds[1]), 3)
    assert [(one.a, one.b, one.length) for one in found] == [(0, 5, 4), (5, 0, 4)]


def test_where_all_go_on_alike_there_are_no_bits() -> None:
    texts = [np.array([1, 2, 3], np.uint64) for _ in range(7)] + [np.array([1, 2, 4], np.uint64)]
    bits = surprise(texts)
    chance = {4: (1 + 0.1) / (8 + 0.1 * 5), 3: (7 + 0.1) / (8 + 0.1 * 5)}  # of 0, 1, 2, 3, 4
    assert bits[7][2] == pytest.approx(-np.log2(chance[4]))
    assert bits[0][2] == pytest.approx(-np.log2(chance[3]))
    assert bits[0][1] < bits[0][2] < bits[7][2]


@pytest.mark.parametrize(("texts", "most"), [(3, 10), (200, 10), (1000, 50), (50_000, 100)])
def test_from_how_many_on_a_passage_is_common(texts: int, most: int) -> None:
    assert common(texts) == most


def test_an_english_note_with_small_edits_is_found() -> None:
    dice = random.Random(2)
    vocabulary = (
        "the a model memory weights cache tokens were we measured halved because of after it on "
        "longer training attention with small batches and loss fell twice as fast"
    )
    notes = [" ".join(dice.choices(vocabulary.split(), k=200)) for _ in range(30)]
    copied = notes[4].split(" ")
    for at in range(9, 200, 15):
        copied[at] = "indeed"
    texts = {
        who: read("prose", text) for who, text in enumerate([*notes, " ".join(copied).title()])
    }
    (pair,) = find_alike([Part("note", "prose", texts, [])], 9)
    assert (pair.a, pair.b) == (4, 30)
    assert pair.matches[0].shares[0] > 0.8


@pytest.mark.parametrize(("writers", "found"), [(10, True), (11, False)])
def test_what_many_write_is_no_match(writers: int, found: bool) -> None:
    texts = [renamed(SHORT) if number % 2 else SHORT for number in range(writers)]
    texts += [answer(random.Random(number)) for number in range(60)]
    part = Part("report", "code", {who: read("code", text) for who, text in enumerate(texts)}, [])
    assert bool(part.match(0, 1)) == found
    pairs = {(int(key >> 32), int(key & 0xFFFFFFFF)) for key in part.candidates()[0]}
    assert ((0, 1) in pairs) == found


# a cohort of 200 and more


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return make_lesson(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def cohort(course: Course) -> dict[str, dict[str, str]]:
    """Hand in answers written apart, then copies; return the answers."""
    dice = random.Random(99)
    answers = hand_in_many(course, 200)
    of = answers["learner0007"]["report"]
    hand_in(course, "z renamed", {"report": renamed(of), "note_toy": note(dice)})
    noted = reworded(answers["learner0008"]["note_toy"], dice)
    hand_in(course, "张三", {"report": answer(dice), "note_toy": noted})
    one, two = HELPERS
    last = answer(dice)
    hand_in(course, "in-order", {"report": "\n\n".join([one, two, last]), "note_toy": note(dice)})
    moved = "\n\n".join(map(renamed, (two, last, one)))
    hand_in(course, "re@ordered.org", {"report": moved, "note_toy": note(dice)})
    return answers


@pytest.fixture(scope="module")
def report(course: Course, cohort: dict[str, dict[str, str]]) -> Report:
    toy_course.hand_in(course, "broken", b"{")
    toy_course.hand_in(course, "odd <b>", b"{")
    (course.path / "submitted" / "linked").mkdir()
    (course.path / "submitted" / "linked" / LESSON).symlink_to("/etc")
    return write_pages(course, LESSON, compare_lesson(course, LESSON, 40))


def test_copies_rank_above_all_that_was_written_apart(report: Report) -> None:
    top = {(pair.a, pair.b): pair.parts[0] for pair in report.pairs[:3]}
    assert {pair: part.part for pair, part in top.items()} == {
        ("learner0007", "z renamed"): "report",
        ("learner0008", "张三"): "note_toy",
        ("in-order", "re@ordered.org"): "report",
    }
    for pair in (("learner0007", "z renamed"), ("in-order", "re@ordered.org")):
        assert min(top[pair].share_a, top[pair].share_b) > 0.9
    assert min(top["learner0008", "张三"].share_a, top["learner0008", "张三"].share_b) > 0.5
    assert len(report.pairs) == 40


def test_what_cannot_be_read_is_one_line_each_and_the_others_go_on(report: Report) -> None:
    assert report.learners == 200 + 4 + 3
    said = {one.learner: (one.zh, one.en) for one in report.left_out}
    assert sorted(said) == ["broken", "linked", "odd <b>"]
    assert "damaged JSON" in said["broken"][1]
    assert "不是普通文件夹" in said["linked"][0]


def test_a_page_shows_both_texts_whole_with_the_same_passages(
    course: Course, cohort: dict[str, dict[str, str]], report: Report
) -> None:
    (pair,) = [one for one in report.pairs if (one.a, one.b) == ("learner0007", "z renamed")]
    text = (course.similar(LESSON) / pair.page).read_text("utf-8")
    page = BeautifulSoup(text, "html.parser")
    anchors = {mark["id"] for mark in page.find_all("mark") if mark.has_attr("id")}
    links = [link["href"].removeprefix("#") for link in page.select("mark a")]
    assert sorted(links) == sorted(anchors)
    for link in page.select("mark a"):
        link.extract()
    left, right = page.select("#m1 + .sides pre")
    answers = cohort["learner0007"]["report"]
    assert (left.text.strip("\n"), right.text.strip("\n")) == (answers, renamed(answers))
    marked = "".join(mark.text for mark in left.find_all("mark"))
    assert len(marked) > 0.9 * len(answers)


def test_pages_say_that_it_is_no_verdict_and_are_left_alone_by_scripts(
    course: Course, report: Report
) -> None:
    pages = [course.similar(LESSON) / name for name in ("index.html", report.pairs[0].page)]
    for text in (page.read_text("utf-8") for page in pages):
        shown = BeautifulSoup(text, "html.parser").body
        assert str(NO_VERDICT) in " ".join(shown.text.split())[:400]
        assert "default-src 'none'; style-src 'unsafe-inline'" in text
        assert "<script" not in text
    index = pages[0].read_text("utf-8")
    assert "odd &lt;b&gt;" in index
    assert f'<a href="{report.pairs[0].page}">' in index
    file = course.similar(LESSON) / FILE
    assert Report.model_validate_json(file.read_bytes()) == report


# what learners may do to the pages and the files


def small(root: Path, **answers: dict[str, str]) -> Course:
    """Return a course with a few submissions."""
    course = make_lesson(root)
    for learner, given in answers.items():
        hand_in(course, learner, given)
    return course


def test_what_the_lesson_gave_is_no_match(tmp_path: Path) -> None:
    solved = {"report": SOLUTION.replace("means", "average"), "note_toy": f"{TEMPLATE}\n\n好的。"}
    course = small(tmp_path, one=solved, two=solved, three={}, four={})
    for learner in ("three", "four"):
        notebook = released(course)
        notebook.cells[-2].source += "\nprint(shown.e)"  # a demonstration, tried out
        toy_course.hand_in(course, learner, notebook)
    assert not compare_lesson(course, LESSON, 5).pairs


def test_pages_escape_what_learners_wrote(tmp_path: Path) -> None:
    hostile = (
        f"{NASTY_NOTE}</pre></mark><script>alert(1)</script>\x1b[31m\u202e{note(random.Random(1))}"
    )
    code = f'{answer(random.Random(1))}\n    # </pre><img src=x onerror="x()">\n    x = "<script>"'
    given = {"report": code, "note_toy": hostile}
    course = small(tmp_path, one=given, two=given)
    report = write_pages(course, LESSON, compare_lesson(course, LESSON, 5))
    text = (course.similar(LESSON) / report.pairs[0].page).read_text("utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert not page.find_all(["script", "img", "svg", "b", "table"])
    for link in page.select("mark a"):
        link.extract()
    shown = {pre.text.strip() for pre in page.select("pre")}
    assert shown == {plain(code), plain(hostile)}
    assert not {"\x1b", "\u202e"} & {*text}


def test_a_pair_that_is_gone_loses_its_page_and_another_keeps_its_own(tmp_path: Path) -> None:
    code, other = answer(random.Random(1)), answer(random.Random(8))
    course = small(
        tmp_path, a={"report": code}, b={"report": code}, c={"report": other}, d={"report": other}
    )
    before = write_pages(course, LESSON, compare_lesson(course, LESSON, 5))
    assert {(pair.a, pair.b) for pair in before.pairs[:2]} == {("a", "b"), ("c", "d")}
    hand_in(course, "d", {"report": SHORT})
    after = write_pages(course, LESSON, compare_lesson(course, LESSON, 5))
    (kept,) = [pair for pair in before.pairs if (pair.a, pair.b) == ("a", "b")]
    assert after.pairs[0].page == kept.page
    pages = {path.name for path in course.similar(LESSON).iterdir()}
    assert pages == {"index.html", "report.json", *(pair.page for pair in after.pairs)}


def test_the_command_prints_a_table_or_json_in_the_tas_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = answer(random.Random(1))
    course = small(tmp_path, one={"report": code}, two={"report": renamed(code)})
    toy_course.hand_in(course, "broken", b"{")
    monkeypatch.setenv("CAMP_LANG", "zh")
    asked = ["similar", LESSON, "--course", str(course.path)]
    runner = CliRunner(env={"COLUMNS": "160"})
    result = runner.invoke(make_app(asked), asked)
    assert result.exit_code == 0
    (row,) = [line for line in result.stdout.splitlines() if "100% / 100%" in line]
    assert [word.strip() for word in row.split("│")[1:4]] == ["1", "one", "two"]
    assert "相似不是结论" in result.stdout
    assert "✗ broken: " in result.stderr
    assert '<html lang="zh">' in (course.similar(LESSON) / "index.html").read_text("utf-8")
    shown = json.loads(runner.invoke(make_app(asked), [*asked, "--json"]).stdout)
    assert [(pair["a"], pair["b"]) for pair in shown["pairs"]] == [("one", "two")]
    with pytest.raises(CampError, match="no lesson '09_none'"):
        compare_lesson(course, "09_none", 5)


def test_a_note_in_a_file_is_compared_with_one_in_the_notebook(tmp_path: Path) -> None:
    written = note(random.Random(1))
    course = small(tmp_path, cell={"note_toy": written}, odd={}, file={})
    course.submitted("file", LESSON).joinpath("note.md").write_text(written, "gb18030")
    course.submitted("odd", LESSON).joinpath("note.md").write_bytes(bytes(range(256)) * 9)
    found = compare_lesson(course, LESSON, 5)
    (pair,) = found.pairs
    assert {found.learners[pair.a], found.learners[pair.b]} == {"cell", "file"}
    assert [(learner, "note.md" in text.en) for learner, text in found.left_out] == [("odd", True)]


def test_code_moved_into_a_cell_of_ones_own_is_found(tmp_path: Path) -> None:
    course = small(tmp_path)
    for learner, helpers in (("a", "\n".join(HELPERS)), ("b", "\n".join(map(renamed, HELPERS)))):
        notebook = released(course)
        insert_after(notebook, "report", new_code_cell(helpers))
        toy_course.duplicate(notebook, "report", answer(random.Random(learner)))
        toy_course.hand_in(course, learner, notebook)
    (pair,) = compare_lesson(course, LESSON, 5).pairs
    (match,) = [match for match in pair.matches if match.part == OTHER]
    assert min(match.shares) > 0.9


def test_parts_of_several_notebooks_are_named_after_them(tmp_path: Path) -> None:
    folder = tmp_path / "source" / LESSON
    folder.mkdir(parents=True)
    for name in ("p1", "p2"):
        nbformat.write(instructor(), folder / f"{name}.ipynb")
    course = Course(tmp_path)
    handout = read_handout(course, LESSON)
    assert [part for part in handout.parts if "double" in part] == ["p1/double", "p2/double"]
    assert handout.note == "p1/note_toy"
    mine = instructor()
    find(mine, "double").source = "def double(x):\n    return sum([x, x])"
    place = course.submitted("me", LESSON)
    place.mkdir(parents=True)
    nbformat.write(mine, place / "p2.ipynb")
    assert read_handed_in(place, handout).texts == {"p2/double": find(mine, "double").source}


def test_stretches_of_a_page_are_the_whole_text() -> None:
    text = "# 说明\ndef f(a):\n\n    return [b + 1 for b in a if b > 2]  # end\n"
    part = Part("f", "code", {0: read("code", text), 1: read("code", text)}, [])
    found = list(segments(part.documents[0], [(3, 4), (9, 5)]))
    assert "".join(one.text for one in found) == text
    assert [one.passage for one in found if one.first] == [1, 2]
