import re
from typing import Any

import pytest

from course_lib.quiz import Item, choice, item, quiz

SOUND = item(
    zh="一个字节几位？",
    en="How many bits are a byte?",
    choices=[
        choice(zh="8", en="8", why_zh="八位", why_en="eight it is", right=True),
        choice(zh="10", en="10", why_zh="不是十", why_en="not decimal"),
    ],
)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")


def test_an_item_survives_folding_and_does_not_show() -> None:
    folded = SOUND.write()
    assert Item.read(folded) == SOUND
    assert "eight" not in folded


def test_each_choice_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for letter, said in [("A", "A ✅ right: eight it is"), ("b", "B ❌ wrong: not decimal")]:
        quiz("byte", SOUND.write(), answer=letter)
        assert capsys.readouterr().out.strip() == said
    quiz("byte", SOUND.write(), answer="Z")
    assert capsys.readouterr().out.strip() == "pick one of A to B"
    quiz("byte", SOUND.write(), answer="")
    assert capsys.readouterr().out.strip() == "pick one of A to B"


def test_the_question_reads_without_widgets() -> None:
    assert SOUND.markdown("zh") == "**❓** 一个字节几位？\n\n- **A.** 8\n- **B.** 10"


def shown_by(monkeypatch: pytest.MonkeyPatch, item: Item) -> list[Any]:
    shown: list[Any] = []
    monkeypatch.setattr("course_lib.quiz.display", shown.append)
    quiz("byte", item.write())
    return shown


def test_buttons_explain_the_picked_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    text, row = shown_by(monkeypatch, SOUND)
    assert "How many bits are a byte?" in text.data
    assert "- **B.** 10" in text.data
    buttons, reply = row.children
    assert buttons.value is None
    buttons.value = "B"
    assert "not decimal" in reply.value
    buttons.value = "A"
    assert "eight it is" in reply.value


def test_an_explanation_shows_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    less = choice(zh="a", en="a", why_zh="r<d 时", why_en="when r<d", right=True)
    more = choice(zh="b", en="b", why_zh="b", why_en="b")
    _, row = shown_by(monkeypatch, item(zh="?", en="?", choices=[less, more]))
    buttons, reply = row.children
    buttons.value = "A"
    assert "when r&lt;d" in reply.value


def test_where_no_buttons_show_it_says_how_to_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, _ = shown_by(monkeypatch, SOUND)
    (call,) = re.findall("`(quiz.*)`", text.data)
    exec(call.replace("...", "folded"), {"quiz": quiz, "folded": SOUND.write()})
    assert capsys.readouterr().out.strip() == SOUND.explain("B")


def test_an_item_has_one_right_choice() -> None:
    wrong = choice(zh="a", en="a", why_zh="a", why_en="a")
    with pytest.raises(ValueError, match="exactly one right"):
        item(zh="?", en="?", choices=[wrong, wrong])
    with pytest.raises(ValueError, match="2 to 8 choices"):
        item(zh="?", en="?", choices=[wrong])
