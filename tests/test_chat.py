"""Chatting in this process: replies, streaming, limits, history, and the command-line demo."""

from __future__ import annotations

import copy
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib import chat, models
from course_lib.chat import ChatModel
from course_lib.decoding import CAMP, Sampling
from course_lib.errors import CampError
from course_lib.history import clean_turn, trim_history
from course_lib.template import END, Message

U, A, S = "user", "assistant", "system"


def test_a_reply_streams_in_deltas_and_is_the_same_as_whole(mini: ChatModel) -> None:
    whole = mini.chat("你好")
    parts = list(mini.stream("你好"))
    assert "".join(part.text for part in parts) == whole.text
    assert len(parts) == whole.new_tokens > 5
    assert [p.seconds for p in parts] == sorted(p.seconds for p in parts)
    assert whole.finish == "stop"
    assert END not in whole.text
    assert whole.prompt_tokens == mini.count(mini.prompt("你好"))
    assert 0 < whole.first_token_seconds < 5
    assert whole.tokens_per_second > 5


def test_loading_shows_no_bar_and_leaves_transformers_as_it_was(capfd) -> None:
    from transformers.utils import logging as bars

    assert bars.is_progress_bar_enabled()
    chat.load("camp-mini")
    assert capfd.readouterr().err == ""
    assert bars.is_progress_bar_enabled()


def test_a_closed_stream_computes_no_further(mini: ChatModel, monkeypatch) -> None:
    calls = []
    forward = mini.model.forward
    monkeypatch.setattr(mini.model, "forward", lambda *a, **k: calls.append(1) or forward(*a, **k))
    stream = mini.stream("讲一个故事。")
    next(stream)
    stream.close()
    assert len(calls) == 1


def test_the_same_seed_gives_the_same_reply(mini: ChatModel) -> None:
    hot = replace(CAMP, temperature=1.5, top_p=1.0, max_new_tokens=40, seed=7)
    made = {mini.chat("讲一个故事。", hot).text for _ in range(2)}
    assert len(made) == 1
    others = {mini.chat("讲一个故事。", replace(hot, seed=seed)).text for seed in range(6)}
    assert len(others) > 1


def test_greedy_is_what_transformers_generates(mini: ChatModel) -> None:
    text = mini.prompt("请介绍一下你自己。")
    import torch

    ids = torch.tensor([mini.encode(text)])
    made = mini.model.generate(input_ids=ids, do_sample=False, max_new_tokens=40)
    wanted = mini.tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    assert mini.complete(text, Sampling(max_new_tokens=40)).text == wanted


def test_log_probabilities_are_those_of_the_tokens(mini: ChatModel) -> None:
    import torch

    text, rest = mini.prompt("你是谁？"), "我是小浦"
    made = mini.log_probabilities(text, rest, begin=False)
    ids = torch.tensor([mini.encode(text + rest, begin=False)])
    with torch.no_grad():
        labels = torch.full_like(ids, -100)
        labels[0, -len(made) :] = ids[0, -len(made) :]
        loss = mini.model(input_ids=ids, labels=labels).loss
    assert -sum(made) / len(made) == pytest.approx(float(loss), rel=1e-3)
    other = "我叫王小明，很高兴"
    both = mini.log_probabilities_of_each(text, [rest, other], begin=False)
    assert both[0] == pytest.approx(made, rel=1e-3, abs=1e-4)
    assert both[1] == pytest.approx(
        mini.log_probabilities(text, other, begin=False), rel=1e-3, abs=1e-4
    )


def test_it_stops_at_the_limits(mini: ChatModel) -> None:
    cut = mini.chat("讲一个故事。", Sampling(max_new_tokens=3))
    assert (cut.new_tokens, cut.finish) == (3, "length")
    full = "你" * (mini.context - mini.count(mini.prompt("")) - 4)
    assert mini.chat(full).new_tokens <= 4
    with pytest.raises(CampError, match=str(mini.context)):
        mini.chat("你" * mini.context)


@pytest.mark.parametrize(
    ("messages", "budget", "kept"),
    [
        ([(S, "S"), (U, "aaaa"), (A, "bbbb"), (U, "cc")], 6, [(S, "S"), (U, "cc")]),
        ([(U, "aaaa")], 2, [(U, "aaaa")]),
        ([(U, "a"), (A, "b"), (U, "c")], 100, [(U, "a"), (A, "b"), (U, "c")]),
        ([(A, "hello"), (U, "a"), (A, "b"), (U, "c")], 3, [(U, "a"), (A, "b"), (U, "c")]),
        ([(U, "a"), (A, "b"), ("environment", "ee"), (A, "d"), (U, "c")], 3, [(U, "c")]),
        ([(U, "aa"), (A, "bb"), (U, "c")], 5, [(U, "aa"), (A, "bb"), (U, "c")]),
    ],
)
def test_old_turns_go_first(
    messages: Sequence[tuple[str, str]], budget: int, kept: Sequence[tuple[str, str]]
) -> None:
    turns = [Message(role, content) for role, content in messages]
    assert [(t.role, t.content) for t in trim_history(turns, budget)] == list(kept)


def test_many_short_turns_leave_room_for_the_reply(mini: ChatModel) -> None:
    """Their markers are tokens, too: a third of the prompt."""
    turns = [Message(U, "你好"), Message(A, "你好！")] * 200 + [Message(U, "你是谁？")]
    room = mini.context - 512
    sent = trim_history(turns, room, mini.size)
    assert mini.size(sent) == mini.chat(sent, Sampling(max_new_tokens=1)).prompt_tokens <= room
    assert mini.size([*turns[:2], *sent]) > room  # no more is left out than has to be


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("  Tell me a story \n", "Tell me a story"),
        ("EXIT", None),
        ("exit the room", "exit the room"),
        ("exit.", "exit."),
        ("\t你好　世界 ", "你好　世界"),
    ],
)
def test_spaces_inside_stay_and_exit_ends(typed: str, said: str | None) -> None:
    assert clean_turn(typed) == said


def demo(words: Sequence[str], typed: str, patch: pytest.MonkeyPatch) -> int:
    """Run the demo in this process; return its exit code."""
    patch.setenv("CAMP_LANG", "en")
    patch.setattr(sys, "argv", ["chat", *words])
    patch.setattr(sys, "stdin", io.StringIO(typed))
    with pytest.raises(SystemExit) as ended:
        chat.main()
    return int(ended.value.code or 0)


def test_the_demo_remembers_earlier_turns_and_ends_at_exit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.chat", "--temperature", "0"],
        input="My name is Alice Brown.\n\nWhat is my name?\nexit\nHello\n",
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "", "CAMP_LANG": "en", "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    replies = [line for line in done.stdout.splitlines() if line.startswith("> ")]
    assert len(replies) == 3  # the empty line is no turn; nothing after exit
    assert "Alice Brown" in replies[1]


def test_the_demo_ends_at_the_end_of_input(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert demo(["--model", "camp-mini-base", "--max-new-tokens", "2"], "Hi\n", monkeypatch) == 0
    first, talk = capsys.readouterr().out.split("it goes on; exit ends.\n")
    assert first.startswith("Model: ")
    assert "Earlier turns count; temperature 0.8." in first
    assert talk.count("> ") == 2


def test_a_turn_of_several_lines_goes_on_after_backslashes(
    monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    options = "\\\n".join(
        ["法国的首都是哪里？", "A. 伦敦", "B. 罗马", "C. 巴黎", "D. 柏林", "答案："]
    )
    assert demo(["--model", "camp-mini", "--temperature", "0"], f"{options}\n", monkeypatch) == 0
    assert "巴黎，选C\n" in capsys.readouterr().out


def test_the_demo_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    assert demo(["--model", str(tmp_path)], "Hi\n", monkeypatch) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"chat: {tmp_path}: has no readable config.json")
    assert told.err.count("\n") == 1


def copy_of_camp_mini(folder: Path) -> Path:
    for path in models.BUILT_IN["camp-mini"].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def edit(path: Path, **changed: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


OTHER_FORMAT = (
    "{{ bos_token }}{% for m in messages %}[{{ m.role | upper }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[ASSISTANT] {% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system turn') }}"
    "{% endif %}({{ m.role }}) {{ m.content }} {% endfor %}"
)
INTERNLM2_5 = (
    "{{ bos_token }}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""That of internlm2_5-1_8b-chat: it knows no tool's turn by its name."""


def test_a_folder_s_own_template_writes_its_prompts(tmp_path: Path) -> None:
    folder = copy_of_camp_mini(tmp_path)
    edit(folder / "tokenizer_config.json", chat_template=OTHER_FORMAT)
    foreign = chat.load(folder)
    turns = [Message(S, "Be brief."), Message(U, "Hi"), Message(A, "Hello"), Message(U, "你好")]
    text = "<s>[SYSTEM] Be brief.\n[USER] Hi\n[ASSISTANT] Hello\n[USER] 你好\n[ASSISTANT] "
    assert foreign.prompt(turns) == text
    assert foreign.prompt("Hi", meta="Be brief.") == (
        "<s>[SYSTEM] Be brief.\n[USER] Hi\n[ASSISTANT] "
    )
    assert foreign.prompt([Message(U, "Hi"), Message(A, "Hel")]) == "<s>[USER] Hi\n[ASSISTANT] Hel"
    ids = foreign.encode(text, begin=False)
    assert ids.count(foreign.tokenizer.bos_token_id) == 1
    limited = Sampling(max_new_tokens=8)
    said = foreign.chat(turns, limited)
    assert said.prompt_tokens == len(ids)
    assert said.text == foreign.complete(text.removeprefix("<s>"), limited).text


def test_what_a_template_refuses_is_one_clear_line(mini: ChatModel) -> None:
    tokenizer = copy.deepcopy(mini.tokenizer)
    tokenizer.chat_template = NO_SYSTEM
    foreign = ChatModel(mini.model, tokenizer, Path("/models/strange"))
    assert foreign.prompt([Message(U, "a"), Message(A, "b"), Message(U, "c")]) == (
        "(user) a (assistant) b (user) c "
    )
    with pytest.raises(CampError, match=r"^/models/strange.*no system turn") as raised:
        foreign.prompt("a", meta="b")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("template", "before"), [(INTERNLM2_5, "<s>"), (None, "")])
def test_internlm2_s_format_keeps_the_turns_of_tools(
    mini: ChatModel, template: str | None, before: str
) -> None:
    tokenizer = copy.deepcopy(mini.tokenizer)
    tokenizer.chat_template = template
    turns = [Message(U, "a"), Message("environment", "22", "plugin")]
    bot = ChatModel(mini.model, tokenizer, mini.folder)
    assert bot.prompt(turns) == before + mini.prompt(turns)
    assert "environment name=<|plugin|>\n22" in mini.prompt(turns)


def test_a_model_that_transformers_cannot_read_is_one_clear_line(tmp_path: Path) -> None:
    edit(copy_of_camp_mini(tmp_path) / "config.json", model_type="unheard-of")
    with pytest.raises(CampError, match="CAMP_MODEL=camp-mini") as raised:
        chat.load(tmp_path)
    assert "\n" not in str(raised.value)
