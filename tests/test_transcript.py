"""Transcripts and the story's evidence: written whole, read strictly, judged by stated rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib import transcript as transcripts
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.errors import CampError
from course_lib.findings import earned, read_report
from course_lib.language import use_language
from course_lib.mini import story as mini_story
from course_lib.mini.world import World
from course_lib.talk import story
from course_lib.talk.story import check_story, examine, grade_story, length, variety
from course_lib.template import Message
from course_lib.transcript import (
    Exchange,
    Recorder,
    Transcript,
    add_to,
    read_transcript,
    show_stream,
)
from course_lib.verdicts import NotPassed
from tests.conftest import SOURCES
from tests.evidence import ASKED, exchange, tale, transcript


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", 0),
        ("从前，有一只猫。", 8),  # six characters, two full-width marks
        ("Once upon a time, don't ask.", 6),
        ("小猫 said “hi”。", 5),  # 小 猫 said hi 。
        ("3.14 是 π", 2),
    ],
)
def test_length_counts_as_a_word_processor_does(text: str, wanted: int) -> None:
    assert length(text) == wanted


def test_variety_tells_a_tale_from_a_broken_record() -> None:
    assert variety("abc") == 1.0
    assert variety("多" * 300) == pytest.approx(1 / 297)
    assert variety("一二三四五一二三四五") == pytest.approx(5 / 7)  # of 7 runs of four, 5 differ
    assert variety(tale(300)) == 1.0


def test_what_the_built_in_model_learns_to_write_is_good_evidence() -> None:
    for number in range(40):
        text = mini_story.tale(World(f"evidence {number}"), "小兔子", "森林", "乐乐", 300)
        assert story.SHORTEST <= length(text) <= story.LONGEST
        assert variety(text) > 0.7


def test_a_recorder_keeps_what_was_said_and_how(mini: ChatModel, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "story.json"
    sampling = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=12, seed=3)
    recorder = Recorder(mini, file)
    made = recorder.ask("你好", sampling)
    again = Recorder(mini, file).ask(
        [Message("system", "你是猫。"), Message("user", "喵")], sampling
    )
    kept = read_transcript(file)
    assert kept.exchanges == (made, again)
    assert made.reply == mini.chat("你好", sampling).text
    assert made.model == "camp-mini"
    assert made.settings.model_dump() == {
        "temperature": 0.7, "top_k": 0, "top_p": 0.9, "repetition_penalty": 1.0,
        "max_new_tokens": 12, "seed": 3,
    }  # fmt: skip
    assert again.question == "喵"
    assert [one.role for one in again.messages] == ["system", "user"]
    assert made.prompt_tokens == mini.count(mini.prompt("你好"))
    assert 0 < made.first_token_seconds <= made.seconds
    assert made.new_tokens <= 12


def test_finish_says_why_a_reply_ended(mini: ChatModel) -> None:
    recorder = Recorder(mini)
    for _ in recorder.stream("讲一个故事。", Sampling(max_new_tokens=3)):
        pass
    cut = recorder.stream("讲一个故事。", Sampling(max_new_tokens=30))
    next(cut)
    cut.close()
    assert [one.finish for one in recorder.exchanges] == ["length", "cut"]
    assert recorder.exchanges[1].new_tokens == 1
    greeting = recorder.ask("你好", Sampling(max_new_tokens=200))
    assert greeting.finish == "stop"


def test_nothing_is_lost_and_nothing_foreign_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    for number in range(3):
        add_to(file, exchange(f"故事{number}", at=number))
    assert [one.reply for one in read_transcript(file).exchanges] == ["故事0", "故事1", "故事2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["story.json"]
    file.write_text("my own notes", encoding="utf-8")
    with pytest.raises(CampError, match="rename it"):
        add_to(file, exchange("故事"))
    assert file.read_text(encoding="utf-8") == "my own notes"


def damage(**changes: object) -> str:
    data = json.loads(transcript(exchange(tale(300))))
    data["exchanges"][0] |= changes
    return json.dumps(data)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"format": 2}',
        damage(seconds=-1),
        damage(seconds=float("nan")),
        damage(finish="done"),
        damage(at="2026-11-20T08:00:00"),  # no time zone
        damage(messages=[{"role": "robot", "content": "x"}]),
        damage(extra=1),
    ],
)
def test_a_damaged_transcript_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CampError) as refused:
        read_transcript(file)
    assert "\n" not in str(refused.value)
    with pytest.raises(NotPassed) as verdict:
        grade_story(file, points=20)
    assert verdict.value.kind == "wrong"


def test_a_transcript_that_is_too_large_or_missing(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "story.json"
    with pytest.raises(NotPassed) as verdict:
        grade_story(file, points=20)
    assert verdict.value.kind == "not attempted"
    file.write_text(transcript(exchange("x")), encoding="utf-8")
    monkeypatch.setattr(transcripts, "MAX_BYTES", 10)
    with pytest.raises(CampError, match="bytes"):
        read_transcript(file)


GOOD = exchange(tale(300))
HOT = exchange(tale(150), temperature=0.8, at=1)


def replace_settings(one: Exchange, **changes: object) -> Exchange:
    return one.model_copy(update={"settings": one.settings.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("exchanges", "points"),
    [
        ((), 0),
        ((GOOD,), 16),  # only one setting
        ((GOOD, HOT), 20),
        ((HOT,), 4),
        ((exchange(tale(240)), HOT), 20),
        ((exchange(tale(360)), HOT), 20),
        ((exchange(tale(239)), HOT), 8),
        ((exchange(tale(361)), HOT), 8),
        ((GOOD.model_copy(update={"finish": "length"}), HOT), 16),
        ((exchange("多" * 300), exchange("多" * 300, temperature=1.0)), 8),
        ((GOOD, exchange(tale(300), at=5)), 16),  # another seed is no other setting
        ((GOOD, replace_settings(GOOD, max_new_tokens=256)), 16),  # nor is another limit
        ((GOOD, HOT.model_copy(update={"messages": (Message("user", "别的"),)})), 16),
        ((GOOD.model_copy(update={"messages": ()}), HOT), 4),  # nobody asked for it
    ],
)
def test_points_of_the_evidence(exchanges, points: float, tmp_path: Path, capsys) -> None:
    file = tmp_path / "story.json"
    file.write_text(transcript(*exchanges), encoding="utf-8")
    assert grade_story(file, points=20) == pytest.approx(points)
    told = capsys.readouterr().out
    check_story(file)
    findings, _, _ = told.partition("🔑")  # marks of the exchanges are for the grader alone
    assert capsys.readouterr().out.startswith(findings)
    assert len(read_report(told)[1]) == told.count("🔑") == len(exchanges)


def test_the_closest_story_counts_and_is_described() -> None:
    use_language("en")
    found = examine(Transcript(exchanges=(HOT, exchange("多" * 310), exchange(tale(200)))))
    assert "200 characters" in str(found[0])
    assert not found[0].passed
    only = examine(Transcript(exchanges=(exchange("多" * 310),)))
    assert "repetition" in str(only[0])


def test_the_lesson_s_own_prompt_costs_nothing_and_is_shown() -> None:
    use_language("en")
    source = (SOURCES / "02_demo.py").read_text(encoding="utf-8")
    assert f'prompt = "{story.EXAMPLE}"' in source
    given = exchange(tale(300), messages=(Message("user", story.EXAMPLE),))
    hot = replace_settings(given, temperature=0.8)
    found = examine(Transcript(exchanges=(given, hot)))
    assert earned(found, 20) == 20
    assert str(found[-1]) == "👀 the prompt is still the lesson's example: write one of your own"
    assert len(examine(Transcript(exchanges=(GOOD, HOT)))) == len(found) - 1


def test_check_story_without_a_file_says_what_to_do(tmp_path: Path, capsys) -> None:
    check_story(tmp_path / "none.json")
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "run the cell that writes it" in told


def test_the_task_is_the_camps() -> None:
    assert (story.SHORTEST, story.LONGEST) == (240, 360)
    assert length(tale(300)) == 300
    assert ASKED in transcript(GOOD)


def test_a_notebook_shows_one_output_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Handle:
        def update(self, shown: object) -> None:
            seen.append(shown._repr_html_())

    monkeypatch.setattr(transcripts, "get_ipython", InteractiveShell.instance)
    monkeypatch.setattr(transcripts, "display", lambda *_, **__: Handle())
    show_stream(["a<", "b"])
    InteractiveShell.clear_instance()
    assert seen[-1] == '<div style="white-space:pre-wrap">a&lt;b</div>'
