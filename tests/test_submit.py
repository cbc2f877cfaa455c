"""``camp submit``: what stops it, what it says, what it packs, and where that goes."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pexpect
import pytest
from nbgrader.utils import notebook_hash

from course_lib import bundle
from course_lib.errors import CampError
from course_lib.learner.home import Home
from course_lib.learner.secrets import find_keys
from course_lib.learner.sent import all_sent
from course_lib.submit import form, submit
from grading.course import Course
from tests.conftest import ROOT, free_port, isolated_home
from tests.kits import LESSON, camp, cell, make_kit, sample, work

WHO = ("--id", "camp3_42", "--nickname", "小书")
KEY = "sk-" + "a1B2c3D4" * 4


@pytest.fixture
def kit(tmp_path: Path) -> Home:
    return make_kit(tmp_path / "kit")


def only_line(text: str) -> str:
    assert text.startswith("camp: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_first_use_asks_once_and_packs_what_belongs(kit: Home) -> None:
    path = work(kit, "li_mei")
    nobody = camp(kit.path, "submit", LESSON)
    assert nobody.returncode == 2
    assert "--id YOUR_ID --nickname NAME" in only_line(nobody.stderr)
    assert not kit.bundles.exists()
    assert camp(kit.path, "submit", "L1-1", *WHO, "--cohort", "2026a").returncode == 0
    said = bundle.unpack(kit.bundles / f"{LESSON}-camp3_42-1.zip", kit.path / "out")
    assert (said.learner, said.nickname, said.cohort, said.number) == (
        "camp3_42",
        "小书",
        "2026a",
        1,
    )
    assert [one.path for one in said.files] == ["01_intro.ipynb", "note.md"]
    assert (kit.path / "out/01_intro.ipynb").read_bytes() == path.read_bytes()
    note = cell(nbformat.read(path, as_version=4), "note_hello_intern").source
    assert (kit.path / "out/note.md").read_text(encoding="utf-8") == note
    same = camp(kit.path, "submit", LESSON)  # known by now
    assert "submission 1 (nothing changed since)" in same.stdout
    assert [one.name for one in kit.bundles.iterdir()] == [f"{LESSON}-camp3_42-1.zip"]


def test_a_change_is_a_new_submission_and_a_lost_bundle_comes_back_the_same(kit: Home) -> None:
    work(kit, "wang_fang")
    camp(kit.path, "submit", LESSON, *WHO)
    first = kit.bundles / f"{LESSON}-camp3_42-1.zip"
    before = first.read_bytes()
    first.unlink()
    camp(kit.path, "submit", LESSON)
    assert first.read_bytes() == before
    work(kit, "li_mei")
    told = camp(kit.path, "submit", LESSON)
    assert "submission 2:" in told.stdout
    assert first.read_bytes() == before
    assert bundle.verify(kit.bundles / f"{LESSON}-camp3_42-2.zip").number == 2
    for one in (kit.state / "submissions" / LESSON).iterdir():
        one.unlink()  # .camp was lost; the numbers go on
    assert "submission 3:" in camp(kit.path, "submit", LESSON).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("../x", "a"), "the id '../x' cannot be"),
        (("a" * 201, "a"), "cannot be"),
        ((" ", "a"), "cannot be"),
        (("a1", "two\nlines"), "nickname 'two\\nlines' cannot be"),
        (("a1", "x" * 81), "1 to 80 characters"),
    ],
)
def test_an_id_or_nickname_that_cannot_be(kit: Home, words: tuple[str, str], says: str) -> None:
    work(kit, "li_mei")
    told = camp(kit.path, "submit", LESSON, "--id", words[0], "--nickname", words[1])
    assert told.returncode == 2
    assert says in only_line(told.stderr)
    assert not (kit.state / "learner.json").exists()


def test_the_untouched_template_is_not_packed(kit: Home) -> None:
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert told.returncode == 1
    assert "en/01_intro.ipynb is the untouched template" in only_line(told.stderr)
    assert camp(kit.path, "submit", LESSON, *WHO, "--anyway").returncode == 1
    told = camp(kit.path, "submit", LESSON, *WHO, language="zh")
    assert "zh/01_intro.ipynb 还是原来的模板" in only_line(told.stderr)
    assert not kit.bundles.exists()


def test_a_copy_with_the_answers_is_named(kit: Home) -> None:
    path = work(kit, "li_mei")
    copy = path.rename(path.with_name("01_intro-Copy1.ipynb"))
    fresh = ROOT / "notebooks/zh/01_intro.ipynb"
    path.write_bytes(fresh.read_bytes())
    told = only_line(camp(kit.path, "submit", LESSON, *WHO).stderr)
    assert f"your answers are in {copy}; it must be called 01_intro.ipynb" in told
    named = camp(kit.path, "submit", LESSON, *WHO, "--notebook", str(copy))
    assert "called 01_intro-Copy1.ipynb; it must be called 01_intro.ipynb" in only_line(
        named.stderr
    )
    other = camp(kit.path, "submit", "02_demo", *WHO, "--notebook", str(path))
    assert "is the notebook of 01_intro, not of 02_demo" in only_line(other.stderr)
    gone = camp(kit.path, "submit", LESSON, *WHO, "--notebook", "nowhere.ipynb")
    assert "no notebook nowhere.ipynb" in only_line(gone.stderr)


def test_answers_in_both_languages_need_a_word(kit: Home) -> None:
    work(kit, "li_mei", "zh")
    english = work(kit, "sam_okoro", "en")
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert "both languages hold answers: name one with --notebook" in only_line(told.stderr)
    assert camp(kit.path, "submit", LESSON, *WHO, "--notebook", str(english)).returncode == 0
    work(kit, "zhao_lei", "zh")  # fewer answers there: no question
    assert str(english) in camp(kit.path, "submit", LESSON).stdout


def test_a_damaged_or_large_notebook(kit: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = work(kit, "li_mei")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert "is no readable notebook" in only_line(told.stderr)
    path.write_bytes(whole)
    monkeypatch.setattr("course_lib.learner.notebook.MAX_NOTEBOOK", 50_000)
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert "clear its outputs" in only_line(told.stderr)


def test_keys_in_cells_outputs_and_evidence_stop_it(kit: Home) -> None:
    path = work(kit, "li_mei", changes={"ladder": f'api_key = "{KEY}"'})
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert re.search(r"cell \d+ holds a key \(sk-a1B2c…\)", only_line(told.stderr))
    assert KEY not in told.stderr + told.stdout
    assert "(if it is none: --anyway, in a notebook anyway=True)" in told.stderr
    work(kit, "li_mei")
    book = nbformat.read(path, as_version=4)
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text=f"key: {KEY}\n")]
    nbformat.write(book, path)
    assert "cell 3 holds a key" in camp(kit.path, "submit", LESSON, *WHO).stderr
    for output in (
        nbformat.v4.new_output("error", ename="E", evalue="no", traceback=["E", f"f('{KEY}')"]),
        nbformat.v4.new_output("display_data", data={"text/html": f"<b>{KEY}</b>"}),
    ):
        book.cells[2].outputs = [output]
        nbformat.write(book, path)
        assert "cell 3 holds a key" in only_line(camp(kit.path, "submit", LESSON, *WHO).stderr)
    book.cells[2].outputs, written = [], cell(book, "note_hello_intern").source
    cell(book, "note_hello_intern").source = ""  # then the file beside it counts
    nbformat.write(book, path)
    note = path.with_name("note.md")
    note.write_text(f"my note {KEY}\n", encoding="utf-8")
    assert "note.md holds a key" in only_line(camp(kit.path, "submit", LESSON, *WHO).stderr)
    note.unlink()
    cell(book, "note_hello_intern").source = written
    nbformat.write(book, path)
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text=f"key: {KEY}\n")]
    nbformat.write(book, path)
    assert camp(kit.path, "submit", LESSON, *WHO, "--anyway").returncode == 0


@pytest.mark.parametrize(
    "text",
    [KEY, "hf_" + "aB3" * 12, "ghp_" + "x1" * 18, "AKIA" + "ABCD" * 4, "camp_" + "aB_3-" * 9,
     "eyJ0eXBlIjoiSldUIn0.eyJqdGkiOiI1MDA3Mjc2In0.abcdefghijklmnop",
     "-----BEGIN PRIVATE KEY-----", 'secret_token: "0123456789abcdefghij"',
     f'os.environ["SERPER_API_KEY"] = "{"0a1b2c3d" * 5}"', f"export X_API_KEY={'0a1b2c3d' * 4}",
     f"%env X_API_KEY={'0a1b2c3d' * 4}", f"X_TOKEN={'0a1b2c3d' * 4} python run.py",
     f'OPENAI_KEY = "{"0a1b2c3d" * 3}"', f'{{"Authorization": "Bearer {"0a1b2c3d" * 3}"}}',
     f"client = OpenAI(api_key='{'0a1b2c3d' * 3}')", f'aws_secret_access_key="{"0a1b2c3d" * 3}"',
     f"api_key: {'0a1b2c3d' * 4}", f"search:\n  - SERPER_API_KEY: {'0a1b2c3d' * 4}  # mine",
     f"curl -H 'X-API-KEY: {'0a1b2c3d' * 4}' $URL", f"X-API-KEY:{'0a1b2c3d' * 4}",
     f"os.environ.setdefault('SERPER_API_KEY', '{'0a1b2c3d' * 4}')",
     f'os.getenv("X_API_KEY", "{"0a1b2c3d" * 4}")', f'api_keys = ["{"0a1b2c3d" * 4}"]',
     f'token = (\n    "{"0a1b2c3d" * 4}"\n)', f"!python run.py --api-key {'0a1b2c3d' * 4}",
     f"!python run.py --hf-token={'0a1b2c3d' * 4}", "!git push https://me:hunter2@github.com/me/x",
     "!git push https://user:hunter2@github.com/me/x", f"api_key: {'0a1b2c3d' * 3}/{'0a1b2c3d' * 2}",
     f"api_key: /{'0a1b2c3d' * 3}", "postgresql://me:hunter2@db.example.org/x"],
)  # fmt: skip
def test_keys_are_known(text: str) -> None:
    assert list(find_keys(f"x = 1\n{text}\n"))


@pytest.mark.parametrize(
    "text",
    ["tokenizer = 'Shanghai_AI_Laboratory/internlm2_5-1_8b-chat'",
     '"tokenizer_class": "InternLM2TokenizerFast"',
     "tokenizer_path='/root/share/new_models/Shanghai_AI_Laboratory/internlm2_5-1_8b-chat'",
     '{"token": "eos", "tokens_per_second": "12345678901234567890a"}',
     'headers = {"Authorization": f"Bearer {key}"}', "sort_key = 'internlm2_5-1_8b-chat-sft'",
     "api_key = load_settings_of_2026()", "    token=tokens_of_camp_2026_in_order", "Bearer of good news about internlm2",
     "ms_per_token: 1.2345678901234567e-05", '{"seconds_per_token": 1.2345678901234567e-05}',
     "    token: InternLM2TokenizerFastest,", "--max-new-tokens 128 --model internlm2_5-1_8b-chat",
     'f"https://{user}:{token}@github.com/me/x"', "https://example.org:8080/@me internlm2_5-1_8b",
     'os.getenv("X_API_KEY", "PUT-YOUR-OWN-KEY-HERE")', "-" * 50_000,
     "!git clone https://user:password@host/x", "https://username:YOUR_TOKEN@github.com/me/x",
     "https://用户名:密码@主机/x", "postgresql://postgres:postgres@localhost/x",
     "docker://nginx:1.2@sha256:0a1b2c3d", "eos_token: /root/models/internlm2-chat-7b",
     '["token", "internlm/internlm2_5-1_8b-chat"]', "--tokens internlm/internlm2_5-1_8b-chat",
     "stop_tokens = ['Shanghai_AI_Laboratory internlm2_5-1_8b-chat']"],
)  # fmt: skip
def test_what_is_no_key_stops_nobody(text: str) -> None:
    assert not list(find_keys(f"x = 1\n{text}\n"))


def test_the_lessons_themselves_hold_no_key() -> None:
    for path in (ROOT / "notebooks").glob("*/*.ipynb"):
        assert not list(find_keys(path.read_text(encoding="utf-8"))), path
    assert not list(
        find_keys('api_key = os.environ["OPENAI_API_KEY"]\nkey = "YOUR_API_KEY_GOES_HERE"')
    )


def test_what_a_ta_would_miss_is_said(kit: Home) -> None:
    work(kit, "wang_fang")  # the note has the lecture's link
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert told.returncode == 0
    assert "🔗 this is the lecture's link, not your own note's" in told.stdout
    assert re.search(r"❔ written, not checked: count_params", told.stdout)
    assert re.search(r"⬜ not attempted: \w+", told.stdout)
    again = camp(kit.path, "submit", LESSON, "--check", language="zh")
    assert "🔗 这是课程视频的链接，不是你自己的笔记" in again.stdout
    assert "📦" not in again.stdout


def test_a_password_in_the_notes_link_stops_it(kit: Home) -> None:
    note = sample("li_mei").answers["note_hello_intern"]
    for link in ("https://me:hunter2@zhuanlan.zhihu.com/p/1", "https://a.example/1?token=hunter2"):
        written = re.sub(r"https://\S+", link, note)
        assert link in written
        work(kit, "li_mei", changes={"note_hello_intern": written})
        told = camp(kit.path, "submit", LESSON, *WHO)
        assert told.returncode == 1
        assert "the link holds a password or token: remove it" in only_line(told.stderr)
        assert not kit.bundles.exists()


def test_a_note_that_has_no_line_for_a_link_needs_none(kit: Home) -> None:
    demo_lesson(kit, "Stop tokens end an answer; without them mine went on and on.")
    assert "🔗" not in camp(kit.path, "submit", "02_demo", "--check").stdout
    demo_lesson(kit, "Stop tokens end an answer.\n\n链接 / Link:")
    told = camp(kit.path, "submit", "02_demo", "--check")
    assert "🔗 no link to your note found" in told.stdout


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("https://www.bilibili.com/video/BV18x4y147SU/?p=2", True),
        ("https://m.bilibili.com/video/BV18x4y147SU", True),
        ("https://www.bilibili.com/opus/9", False),
        ("https://notbilibili.com/video/BV18x4y147SU/", False),
        ("https://zhuanlan.zhihu.com/p/1", False),
    ],
)
def test_a_video_in_place_of_the_note_is_asked_about(kit: Home, link: str, asked: bool) -> None:
    demo_lesson(kit, f"My note\n\n链接 / Link: {link}")
    told = camp(kit.path, "submit", "02_demo", "--check")
    assert told.returncode == 0
    assert ("🔗 the link is a bilibili video" in told.stdout) == asked
    note = re.sub(r"https://\S+", link, sample("li_mei").answers["note_hello_intern"])
    work(kit, "li_mei", changes={"note_hello_intern": note})
    assert "bilibili video" not in camp(kit.path, "submit", LESSON, "--check").stdout


def demo_lesson(kit: Home, note: str = "") -> Path:
    """Answer something in lesson 02, which asks for evidence."""
    path = kit.notebook("02_demo", "en")
    book = nbformat.read(path, as_version=4)
    cell(book, "clean_turn").source = "def clean_turn(text):\n    return text"
    if note:
        cell(book, "note_demo").source = note
    nbformat.write(book, path)
    return path.parent / "evidence/02_demo"


def test_evidence_is_packed_and_extra_files_are_named(kit: Home, tmp_path: Path) -> None:
    folder = demo_lesson(kit)
    told = camp(kit.path, "submit", "02_demo", *WHO)
    assert f"📎 no evidence: there is nothing in {folder}" in told.stdout
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / ".ipynb_checkpoints/story-checkpoint.json").write_text("{}")
    (folder / "story.json").write_text("[]")
    (folder / "model.bin").write_bytes(b"pickle")
    (folder / "secret.txt").symlink_to("/etc/passwd")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/log.txt").write_text("1")
    (folder / "run").symlink_to(tmp_path / "run")
    told = camp(kit.path, "submit", "02_demo")
    assert "🧹 left out: .ipynb_checkpoints/, run/, model.bin, secret.txt" in told.stdout
    said = bundle.verify(kit.bundles / "02_demo-camp3_42-2.zip")
    assert [one.path for one in said.files] == ["02_demo.ipynb", "evidence/02_demo/story.json"]
    (folder / "story.json").write_text(json.dumps({"headers": f"Bearer {KEY}"}))
    told = camp(kit.path, "submit", "02_demo")
    assert "evidence/02_demo/story.json holds a key" in only_line(told.stderr)


@pytest.mark.parametrize("lesson", ["04_lmdeploy", "07_rag"])
def test_what_an_evidence_cell_lacks_is_named(kit: Home, lesson: str) -> None:
    path = kit.notebook(lesson, "en")
    book = nbformat.read(path, as_version=4)
    answer = next(one for one in book.cells if one.metadata.get("nbgrader", {}).get("solution"))
    answer.source += "\n# mine"
    nbformat.write(book, path)
    folder = path.parent / "evidence" / lesson
    (folder / "pages").mkdir(parents=True)
    says, names = {
        "04_lmdeploy": (
            [f"📎 deploy: {folder} lacks packed.safetensors, talk.json, calls.json"],
            ["config.json", "packed.safetensors", "talk.json", "calls.json"],
        ),
        "07_rag": (
            [
                f"📎 rag: {folder} lacks pages/*.md, llamaindex.json",
                f"📎 huixiangdou: {folder} lacks pages/*.md, huixiangdou.json",
            ],
            ["task.json", "pages/team.md", "llamaindex.json", "huixiangdou.json"],
        ),
    }[lesson]
    (folder / names[0]).write_text("{}")
    told = camp(kit.path, "submit", lesson, *WHO, "--check").stdout.splitlines()
    assert [line for line in told if line.startswith("📎")] == says
    for name in names:
        (folder / name).write_text("{}")
    assert "📎" not in camp(kit.path, "submit", lesson, *WHO, "--check").stdout


def test_hints_that_were_opened_are_told_to_learner_and_course(kit: Home) -> None:
    path = work(kit, "li_mei")
    book = nbformat.read(path, as_version=4)
    hints = [one for one in book.cells if "<details" in one.source]
    marks: list[Any] = [[1, 0, 7, "0", None], [0], "all", {"0": 0}, 1]
    for one, opened in zip(hints, marks, strict=False):
        one.metadata["hints_opened"] = opened  # the first cell holds two hints
    book.cells[0].metadata["hints_opened"] = [0, 1]  # and this one none
    nbformat.write(book, path)
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert "💡 hints opened: count_params 2, weight_bytes 1 (TAs see how many" in told.stdout
    said = bundle.verify(kit.bundles / f"{LESSON}-camp3_42-1.zip")
    assert said.hints == {"count_params": 2, "weight_bytes": 1}
    assert "nothing changed since" in camp(kit.path, "submit", LESSON).stdout


def test_a_name_that_may_not_be_is_to_be_changed(kit: Home) -> None:
    folder = demo_lesson(kit)
    folder.mkdir(parents=True)
    (folder / "Screenshot 2026-11-28 at 10.20.30\u202fAM.png").write_bytes(b"x")  # as macOS does
    told = camp(kit.path, "submit", "02_demo", *WHO)
    assert only_line(told.stderr).endswith("at 10.20.30�AM.png: rename it\n")


def test_how_far_other_lessons_are_is_told_to_learner_and_course(kit: Home) -> None:
    work(kit, "li_mei")
    assert "🧭" not in camp(kit.path, "submit", LESSON, *WHO).stdout
    assert bundle.verify(kit.bundles / f"{LESSON}-camp3_42-1.zip").elsewhere == {}
    demo_lesson(kit)
    told = camp(kit.path, "submit", LESSON)
    assert "🧭 told with it: how far you are elsewhere (02_demo tried; TAs see" in told.stdout
    assert "nothing changed since" in told.stdout  # of this lesson
    camp(kit.path, "submit", "02_demo")
    said = bundle.verify(kit.bundles / "02_demo-camp3_42-1.zip")
    assert said.elsewhere == {LESSON: "tried"}


def test_too_much_evidence(kit: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = demo_lesson(kit)
    folder.mkdir(parents=True)
    (folder / "big.json").write_bytes(b" " * 300_000)
    monkeypatch.setattr("course_lib.learner.preflight.MAX_BUNDLE", 300_000)
    told = camp(kit.path, "submit", "02_demo", *WHO)
    assert f"too much in {folder}" in only_line(told.stderr)


def test_a_shared_folder_gets_it_and_loses_nothing(kit: Home, tmp_path: Path) -> None:
    work(kit, "li_mei")
    shared = tmp_path / "shared"
    told = camp(kit.path, "submit", LESSON, *WHO, "--to", str(shared))
    assert f"no folder {shared}" in only_line(told.stderr)
    shared.mkdir()
    for _ in range(2):
        told = camp(kit.path, "submit", LESSON, "--to", str(shared))
        assert f"📮 it is in {shared / (LESSON + '-camp3_42-1.zip')}" in told.stdout
    bundle.verify(shared / f"{LESSON}-camp3_42-1.zip")
    (shared / f"{LESSON}-camp3_42-1.zip").write_bytes(b"somebody else's")
    sha256 = hashlib.sha256((kit.bundles / f"{LESSON}-camp3_42-1.zip").read_bytes()).hexdigest()
    other = shared / f"{LESSON}-camp3_42-1-{sha256[:8]}.zip"
    for _ in range(2):
        told = camp(kit.path, "submit", LESSON, "--to", str(shared))
        assert f"📮 it is in {other}" in told.stdout
    bundle.verify(other)
    other.write_bytes(b"this, too")
    told = camp(kit.path, "submit", LESSON, "--to", str(shared))
    assert "was not overwritten" in only_line(told.stderr)


def test_a_new_kits_folder_hands_in_beside_the_old_ones_work(kit: Home, tmp_path: Path) -> None:
    shared, again = tmp_path / "shared", make_kit(tmp_path / "kit2")
    shared.mkdir()
    for home, learner in ((kit, "wang_fang"), (again, "li_mei")):
        work(home, learner)
        told = camp(home.path, "submit", LESSON, *WHO, "--to", str(shared))
        assert (told.returncode, told.stderr) == (0, "")
    (tmp_path / "course/source" / LESSON).mkdir(parents=True)
    told = camp(tmp_path, "collect", "shared", "--course", "course").stdout
    assert "2 collected, 0 known, 0 not taken" in told


def test_an_exchange_gets_it_as_nbgrader_would(kit: Home, tmp_path: Path) -> None:
    work(kit, "li_mei")
    inbound = tmp_path / "exchange/camp/inbound"
    inbound.mkdir(parents=True)
    for place in (inbound, inbound.parent):
        assert camp(kit.path, "submit", LESSON, *WHO, "--to", str(place)).returncode == 0
    (name,) = [one.name for one in inbound.iterdir()]
    assert re.fullmatch(
        r"camp3_42\+01_intro\+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} UTC\+[0-9a-f]{16}", name
    )
    assert sorted(one.name for one in (inbound / name).iterdir()) == [
        "01_intro.ipynb", "note.md", "submission.json", "submission_secret.txt", "timestamp.txt",
    ]  # fmt: skip


@dataclass
class StandIn:
    """Answers as the inbox's API says, and keeps what came."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    came: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def receipt(self, body: bytes, learner: str = "camp3_42") -> dict[str, Any]:
        return {
            "id": "s1", "learner": learner, "lesson": LESSON, "cohort": "2026a", "number": 1,
            "sha256": hashlib.sha256(body).hexdigest(), "received": "2026-11-28T09:30:00Z",
            "place": "bundles/s1.zip", "queue": 7, "signature": "00" * 32,
        }  # fmt: skip


@pytest.fixture
def inbox() -> Iterator[StandIn]:
    found = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.came.append((self.command, self.path, dict(self.headers), body))
            status, said = found.answers.pop(0) if found.answers else (201, found.receipt(body))
            raw = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if raw[:1] == b"<" else "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self) -> None:
            self.headers["Content-Length"] = "0"
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def test_an_inbox_gets_the_very_bytes_and_its_receipt_is_kept(kit: Home, inbox: StandIn) -> None:
    work(kit, "li_mei")
    nobody = camp(kit.path, "submit", LESSON, *WHO, "--to", inbox.url)
    assert "no token for the inbox" in only_line(nobody.stderr)
    told = camp(kit.path, "submit", LESSON, "--to", inbox.url + "/", CAMP_TOKEN="camp_x")
    assert told.returncode == 0
    assert f"📮 {inbox.url} has it" in told.stdout
    assert "number 1, place 7 in the queue); receipt" in told.stdout
    file = kit.bundles / f"{LESSON}-camp3_42-1.zip"
    ((method, path, headers, body),) = inbox.came
    assert (method, path) == ("POST", f"/v1/submissions/{LESSON}")
    assert body == file.read_bytes()
    assert headers["Authorization"] == "Bearer camp_x"
    assert headers["X-Content-SHA256"] == hashlib.sha256(body).hexdigest()
    assert headers["Accept-Language"] == "en"
    kept = json.loads(file.with_suffix(".receipt.json").read_text())
    assert kept == inbox.receipt(body)
    _token_file(kit, inbox).write_text("camp_kept\n")
    inbox.answers.append((200, inbox.receipt(body, learner="camp3_43")))
    told = camp(kit.path, "submit", LESSON, "--to", inbox.url)
    assert inbox.came[1][2]["Authorization"] == "Bearer camp_kept"
    assert "by your token the inbox has it as camp3_43, not camp3_42" in told.stdout
    assert json.loads(file.with_suffix(".receipt.json").read_text()) == kept
    (second,) = kit.bundles.glob(f"{LESSON}-camp3_42-1.*.receipt.json")
    assert json.loads(second.read_text())["learner"] == "camp3_43"


@pytest.mark.parametrize(
    ("status", "said", "says"),
    [
        (401, {"detail": "no such token"}, "does not take this token: no such token"),
        (413, {"detail": "larger than 64 MB"}, "the inbox refused: larger than 64 MB"),
        (422, {"detail": "two\nlines \x1b[31m"}, "the inbox refused: two lines �[31m"),
        (404, b"<html>not here</html>", "does not answer like an inbox (HTTP 404)"),
        (200, b"{}", "does not answer like an inbox (HTTP 200)"),
        (500, {"detail": [1]}, "does not answer like an inbox (HTTP 500)"),
        (404, {"detail": "Not Found"}, "does not answer like an inbox (HTTP 404): check the"),
        (502, b"<html>bad gateway</html>", "is away (HTTP 502): run it again in some minutes; n"),
        (503, b"", "is away (HTTP 503)"),
        (503, {"detail": "the database is away"}, "the inbox refused: the database is away"),
        (302, b"", "does not answer like an inbox (HTTP 302)"),
    ],
)
def test_what_an_inbox_says_comes_as_one_line(
    kit: Home, inbox: StandIn, status: int, said: Any, says: str
) -> None:
    work(kit, "li_mei")
    inbox.answers.append((status, said))
    told = camp(kit.path, "submit", LESSON, *WHO, "--to", inbox.url, CAMP_TOKEN="camp_x")
    assert told.returncode == 1
    assert says in only_line(told.stderr)
    assert (kit.bundles / f"{LESSON}-camp3_42-1.zip").exists()
    assert not (kit.bundles / f"{LESSON}-camp3_42-1.receipt.json").exists()


def test_a_token_that_the_inbox_does_not_know_is_asked_for_again(
    kit: Home, inbox: StandIn, tmp_path: Path
) -> None:
    work(kit, "li_mei")
    kept = _token_file(kit, inbox)
    kept.write_text("camp_old\n")
    older = kit.state / "token"  # where an earlier version kept it
    older.write_text("camp_older\n")
    words = ("submit", LESSON, *WHO, "--to", inbox.url)
    inbox.answers += [(401, {"detail": "no such token"}), (403, {"detail": "not for a ta"})]
    camp(kit.path, *words, CAMP_TOKEN="camp_x")  # not the one that is kept
    camp(kit.path, *words)
    assert kept.exists()
    inbox.answers.append((401, {"detail": "no such token"}))
    told = only_line(camp(kit.path, *words).stderr)
    assert "no such token (it is no longer kept in .camp/tokens: run it again, which asks)" in told
    assert inbox.came[-1][2]["Authorization"] == "Bearer camp_old"
    env = isolated_home(tmp_path / "home") | {"CAMP_LANG": "en"}
    command = str(Path(sys.executable).parent / "camp")
    asked = pexpect.spawn(command, [*words], cwd=kit.path, env=env, timeout=120, encoding="utf-8")
    asked.expect(f"your inbox token for {inbox.url} .*: ")
    asked.sendline("camp_new")
    asked.expect(pexpect.EOF)
    assert inbox.came[-1][2]["Authorization"] == "Bearer camp_new"
    assert kept.read_text() == "camp_new\n"
    assert not older.exists()


def _token_file(kit: Home, inbox: StandIn) -> Path:
    """Return where the token for an inbox is kept."""
    file = kit.state / "tokens" / quote(inbox.url, safe="")
    file.parent.mkdir(parents=True)
    return file


def test_a_kept_token_goes_to_its_own_inbox_alone(kit: Home, inbox: StandIn) -> None:
    work(kit, "li_mei")
    _token_file(kit, inbox).write_text("camp_kept\n")
    there = inbox.url.replace("127.0.0.1", "localhost")  # the same server, by another name
    told = camp(kit.path, "submit", LESSON, *WHO, "--to", there)
    assert "no token for the inbox" in only_line(told.stderr)
    assert inbox.came == []
    camp(kit.path, "submit", LESSON, "--to", inbox.url + "/below")
    assert [one[2]["Authorization"] for one in inbox.came] == ["Bearer camp_kept"]
    far = inbox.url.replace("127.0.0.1", "127.0.0.2")
    told = camp(kit.path, "submit", LESSON, "--to", far)
    assert "http is not encrypted, so no kept token goes there" in only_line(told.stderr)
    told = camp(kit.path, "result", LESSON, "--from", far, CAMP_TOKEN="camp_x")
    assert "⚠️ http is not encrypted: others can read the token\n" in told.stderr


def test_a_receipt_for_something_else_is_none(kit: Home, inbox: StandIn) -> None:
    work(kit, "li_mei")
    inbox.answers.append((201, inbox.receipt(b"other")))
    told = camp(kit.path, "submit", LESSON, *WHO, "--to", inbox.url, CAMP_TOKEN="camp_x")
    assert "is for something else" in only_line(told.stderr)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://127.0.0.1:PORT", "cannot reach http://127.0.0.1:"),
        ("http://", "is no address of an inbox"),
        ("https://me:pw@example.org", "is no address of an inbox"),
    ],
)
def test_an_address_where_nobody_is(kit: Home, address: str, says: str) -> None:
    work(kit, "li_mei")
    address = address.replace("PORT", str(free_port()))
    told = camp(kit.path, "submit", LESSON, *WHO, "--to", address, CAMP_TOKEN="camp_x")
    assert says in only_line(told.stderr)


def test_the_result_is_fetched_when_it_is_out(kit: Home, inbox: StandIn) -> None:
    work(kit, "li_mei")
    alone = camp(kit.path, "result", LESSON, CAMP_TOKEN="camp_x")
    assert "was not handed in with --to" in only_line(alone.stderr)
    camp(kit.path, "submit", LESSON, *WHO, "--to", inbox.url, CAMP_TOKEN="camp_x")
    work(kit, "wang_fang")
    camp(kit.path, "submit", LESSON, *WHO)  # packed, and not handed in yet
    inbox.answers.append((404, {"detail": "no feedback yet"}))
    assert camp(kit.path, "result", LESSON, CAMP_TOKEN="camp_x").stdout == "⏳ no feedback yet\n"
    inbox.answers.append((404, {"detail": "Not Found"}))
    wrong = camp(
        kit.path, "result", LESSON, "--from", inbox.url + "/wrong/path", CAMP_TOKEN="camp_x"
    )
    assert wrong.returncode == 1
    assert "/wrong/path does not answer like an inbox" in only_line(wrong.stderr)
    head = '<!doctype html><p class="total">得分 70.5 / 100</p>'
    page = f'{head}<pre class="mine"><p class="total">得分 99 / 100</p>做得好'.encode()
    points = {"learner": "camp3_42", "total": 150, "levels": {"L1-1": 100, "L1-2": 50}}
    inbox.answers += [(200, page), (200, points)]
    told = camp(kit.path, "result", LESSON, CAMP_TOKEN="camp_x")
    assert "🎓 01_intro: feedback is out, 100 compute points\n📊 score 70.5 / 100\n" in told.stdout
    assert (kit.feedback / "01_intro.html").read_bytes() == page
    assert [one[1] for one in inbox.came[-2:]] == [f"/v1/feedback/{LESSON}", "/v1/points"]
    assert "🎓 graded" in camp(kit.path, "status").stdout


HEAD = '<!doctype html><p class="total">得分 {} / 100</p>'


def test_a_result_lies_in_a_folder_that_was_given_out(kit: Home, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    work(kit, "li_mei")
    camp(kit.path, "submit", LESSON, *WHO, "--to", str(shared))
    told = camp(kit.path, "result", LESSON)
    assert told.stdout == f"⏳ no feedback on {LESSON} for you in {shared} yet\n"
    for learner, score in (("camp3_42", 70), ("other", 1)):
        (shared / learner / LESSON).mkdir(parents=True)
        (shared / learner / LESSON / f"{LESSON}.html").write_text(HEAD.format(score))
    told = camp(kit.path, "result", LESSON)
    assert "🎓 01_intro: feedback is out\n📊 score 70 / 100\n" in told.stdout
    assert (kit.feedback / f"{LESSON}.html").read_text() == HEAD.format(70)
    assert "🎓 graded" in camp(kit.path, "status").stdout
    own = (shared / "camp3_42").rename(tmp_path / "sent by mail")
    (own / LESSON / f"{LESSON}.html").write_text(HEAD.format(80))
    assert "score 80" in camp(kit.path, "result", LESSON, "--from", str(own)).stdout
    gone = camp(kit.path, "result", LESSON, "--from", str(tmp_path / "nowhere"))
    assert f"no folder {tmp_path / 'nowhere'}" in only_line(gone.stderr)


def test_what_was_handed_in_after_the_feedback_is_not_graded(kit: Home, tmp_path: Path) -> None:
    page = tmp_path / f"shared/camp3_42/{LESSON}/{LESSON}.html"
    page.parent.mkdir(parents=True)
    page.write_text(HEAD.format(10))
    to = ("--to", str(tmp_path / "shared"))
    work(kit, "wang_fang")
    camp(kit.path, "submit", LESSON, *WHO, *to)
    camp(kit.path, "result", LESSON)
    assert "🎓 graded" in camp(kit.path, "status").stdout
    kept = kit.state / f"results/{LESSON}.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"time": "2026-01-01T00:00:00Z"}))
    work(kit, "li_mei")
    camp(kit.path, "submit", LESSON, *to)
    assert re.search(r"📮 handed in +│\n.* number 2, ", camp(kit.path, "status").stdout)
    assert "score 10 / 100" in camp(kit.path, "result", LESSON).stdout  # still that of the first
    assert "🎓" not in camp(kit.path, "status").stdout
    page.write_text(HEAD.format(70))
    assert "score 70 / 100" in camp(kit.path, "result", LESSON).stdout
    assert "🎓 graded" in camp(kit.path, "status").stdout


def test_a_page_that_names_an_earlier_submission_grades_no_later_one(
    kit: Home, tmp_path: Path
) -> None:
    page = tmp_path / f"shared/camp3_42/{LESSON}/{LESSON}.html"
    page.parent.mkdir(parents=True)
    work(kit, "li_mei")
    camp(kit.path, "submit", LESSON, *WHO, "--to", str(tmp_path / "shared"))
    (sent,) = all_sent(kit, LESSON)
    named = '<!doctype html><p class="submission"><time datetime="{}">submission 1</time></p>'
    earlier = named.format((sent.submission.time - timedelta(hours=1)).isoformat())
    page.write_text(earlier + HEAD.format(10))  # its first coming is later than the submission
    told = camp(kit.path, "result", LESSON).stdout
    assert "score 10 / 100\n⏳ this is of an earlier submission: your last one is not" in told
    assert re.search(r"📮 handed in +│\n.* number 1, ", camp(kit.path, "status").stdout)
    page.write_text(named.format(sent.submission.time.isoformat()) + HEAD.format(10))
    assert "⏳" not in camp(kit.path, "result", LESSON).stdout
    assert "🎓 graded" in camp(kit.path, "status").stdout


def test_a_result_lies_in_an_exchange_where_nbgrader_would_put_it(
    kit: Home, tmp_path: Path
) -> None:
    exchange = tmp_path / "exchange/camp"
    (exchange / "inbound").mkdir(parents=True)
    names = []
    for learner in ("wang_fang", "li_mei"):
        work(kit, learner)
        camp(kit.path, "submit", LESSON, *WHO, "--to", str(exchange))
        handed_in = max((exchange / "inbound").iterdir(), key=lambda one: one.stat().st_mtime_ns)
        secret = (handed_in / "submission_secret.txt").read_text()
        names.append(f"{notebook_hash(secret=secret, notebook_id=LESSON)}.html")
    assert len(set(names)) == 2
    assert "⏳ no feedback" in camp(kit.path, "result", LESSON).stdout
    (exchange / "feedback").mkdir()
    for name, score in zip(names, (10, 70), strict=True):
        (exchange / "feedback" / name).write_text(HEAD.format(score))
        told = camp(kit.path, "result", LESSON)  # of the newest that has a page
        assert f"score {score} / 100" in told.stdout
    assert "🎓 graded" in camp(kit.path, "status").stdout


def test_in_a_notebook_it_is_a_function_and_a_form(
    kit: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import IPython.display

    work(kit, "li_mei")
    monkeypatch.chdir(kit.notebooks / "zh")
    monkeypatch.setenv("CAMP_LANG", "en")
    with pytest.raises(CampError, match="who are you"):
        submit(LESSON)
    shown: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    form(LESSON)
    box = shown[0]
    learner, nickname, to, anyway, button, said = box.children
    learner.value, nickname.value = "camp3_42", "小书"
    to.value = "nowhere"
    button.click()
    assert "📦 submission 1" in said.value
    assert "❌ no folder nowhere" in said.value
    assert submit(LESSON) == kit.bundles / f"{LESSON}-camp3_42-1.zip"
    assert "nothing changed since" in capsys.readouterr().out
    work(kit, "li_mei", changes={"ladder": f'api_key = "{KEY}"'})
    to.value = ""
    button.click()
    assert "holds a key" in said.value
    assert "📦" not in said.value
    anyway.value = True
    button.click()
    assert "📦 submission 2" in said.value


def test_a_note_in_a_file_beside_is_handed_in_and_said(kit: Home) -> None:
    path = work(kit, "li_mei", changes={"note_hello_intern": _template()})
    told = camp(kit.path, "submit", LESSON, *WHO)
    assert "📝 the note is the untouched template" in told.stdout
    note = sample("li_mei").answers["note_hello_intern"]
    path.with_name("note.md").write_text(note, encoding="utf-8")
    told = camp(kit.path, "submit", LESSON)
    assert (
        "the note's cell is the template: a TA reads note.md, which is handed in with it"
        in told.stdout
    )
    bundle.unpack(kit.bundles / f"{LESSON}-camp3_42-2.zip", kit.path / "out")
    assert (kit.path / "out/note.md").read_text(encoding="utf-8") == note


def _template() -> str:
    fresh = nbformat.read(ROOT / "notebooks/zh/01_intro.ipynb", as_version=4)
    return str(cell(fresh, "note_hello_intern").source)


def test_a_terminal_is_asked_once(kit: Home, tmp_path: Path) -> None:
    work(kit, "li_mei")
    env = isolated_home(tmp_path / "home") | {"CAMP_LANG": "en"}
    command = [str(Path(sys.executable).parent / "camp"), "submit", LESSON]
    asked = pexpect.spawn(
        command[0], command[1:], cwd=kit.path, env=env, timeout=120, encoding="utf-8"
    )
    asked.expect("your learner's id .*: ")
    asked.sendline("camp3_42")
    asked.expect("your nickname: ")
    asked.sendline("小书")
    asked.expect(pexpect.EOF)
    said = asked.before
    assert "submission 1: " in str(said)
    kept = json.loads((kit.state / "learner.json").read_text("utf-8"))
    assert (kept["learner"], kept["nickname"]) == ("camp3_42", "小书")


def commands(language: str) -> list[list[str]]:
    """Return the commands that the page on handing in shows."""
    name = {"en": "hand-in.md", "zh": "hand-in.zh.md"}[language]
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / name).read_text("utf-8"), re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_commands_of_the_page_on_handing_in(kit: Home, inbox: StandIn, tmp_path: Path) -> None:
    shown = commands("en")
    assert shown == commands("zh")
    assert len(shown) == 12
    work(kit, "li_mei")
    for folder in (tmp_path / "shared", tmp_path / "exchange/camp/inbound"):
        folder.mkdir(parents=True)
    (kit.path / "course/source" / LESSON).mkdir(parents=True)
    (kit.path / "form").mkdir()
    for words in shown:
        if "form/answers.csv" in words:
            shutil.copy(kit.bundles / f"{LESSON}-camp3_42-1.zip", kit.path / "form")
            table = f"学员编号,附件\ncamp3_42,{LESSON}-camp3_42-1.zip\n"
            (kit.path / "form/answers.csv").write_text(table, encoding="utf-8")
        if words[1] == "result":
            inbox.answers = [(200, b"<p>"), (200, {"levels": {"L1-1": 100}})]
        words = [inbox.url if one == "https://inbox.example.org" else one for one in words]
        done = camp(kit.path, *words[1:], CAMP_TOKEN="camp_x")
        assert (done.returncode, done.stderr) == (0, ""), words
    assert Course(kit.path / "course").learners(LESSON) == ["camp3_42"]
    assert len(list((kit.path / "course/collected" / LESSON / "camp3_42").iterdir())) == 1
