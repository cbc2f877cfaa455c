"""Chatting in this process: replies, streaming, limits, history, and the command-line demo."""

from __future__ import annotations

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


def demo(words: Sequence[str], typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "course_lib.chat", *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "", "CAMP_LANG": "en", "HOME": "/nonexistent"},
    )


def test_the_demo_remembers_earlier_turns_and_ends_at_exit() -> None:
    done = demo(
        ["--temperature", "0"], "My name is Alice Brown.\n\nWhat is my name?\nexit\nHello\n"
    )
    assert done.returncode == 0, done.stderr
    replies = [line for line in done.stdout.splitlines() if line.startswith("> ")]
    assert len(replies) == 3  # the empty line is no turn; nothing after exit
    assert "Alice Brown" in replies[1]


def test_the_demo_ends_at_the_end_of_input_and_says_what_is_wrong(tmp_path: Path) -> None:
    assert demo(["--model", "camp-mini-base", "--max-new-tokens", "2"], "Hi\n").returncode == 0
    done = demo(["--model", str(tmp_path)], "Hi\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"chat: {tmp_path}: has no readable config.json")
    assert done.stderr.count("\n") == 1


def test_a_model_that_transformers_cannot_read_is_one_clear_line(tmp_path: Path) -> None:
    folder = models.BUILT_IN["camp-mini"]
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"llama"', '"unheard-of"'))
    with pytest.raises(CampError, match="CAMP_MODEL=camp-mini") as raised:
        chat.load(tmp_path)
    assert "\n" not in str(raised.value)
