"""The OpenAI-compatible server: real clients, a client that leaves, ports and processes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from openai import OpenAI

from course_lib import models, ports, serving
from course_lib.chat import ChatModel
from course_lib.errors import CampError
from course_lib.serving import Server, serve
from course_lib.template import Message
from tests import stand_in
from tests.conftest import free_port

TALE = [{"role": "user", "content": "请写一个300字的小故事，主角是小兔子，地点是森林。"}]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What the server has shown of its log."""
    return []


@pytest.fixture(scope="module")
def server(lines: list[str]) -> Iterator[Server]:
    with serve(port=free_port(), log=lines.append) as running:
        yield running
    assert not running.running
    assert ports.is_free(running.port)
    assert "\n".join(lines) == running.log.read_bytes().decode().rstrip("\n")  # to the last one


@pytest.fixture(scope="module")
def client(server: Server) -> OpenAI:
    return OpenAI(base_url=server.url, api_key=server.key, max_retries=0)


def ask(client: OpenAI, server: Server, messages: list[dict[str, str]], **options):
    return client.chat.completions.create(
        model=server.model, messages=messages, temperature=0, **options
    )


def test_it_lists_its_model_under_a_name_that_lagent_takes(client: OpenAI, server: Server) -> None:
    assert [model.id for model in client.models.list().data] == [server.model]
    assert server.model == "internlm2-camp-mini"


def test_a_reply_is_the_one_of_this_process(
    client: OpenAI, server: Server, mini: ChatModel
) -> None:
    for messages in (
        [{"role": "user", "content": "你是谁？"}],
        [{"role": "system", "content": "你是王小明。"}, {"role": "user", "content": "你是谁？"}],
    ):
        made = ask(client, server, messages, max_tokens=60)
        own = mini.chat(messages)
        assert made.choices[0].message.content == own.text
        assert made.choices[0].finish_reason == "stop"


def test_tool_calls_keep_their_markers_and_results_their_turn(
    client: OpenAI, server: Server, mini: ChatModel
) -> None:
    turns = [
        Message("system", "可用工具：\nadd(a, b)：计算两个数的和"),
        Message("user", "37加58等于多少？"),
    ]
    sent = [turn.as_dict() for turn in turns]
    call = ask(client, server, sent, max_tokens=80).choices[0].message.content
    assert call == mini.chat(turns).text
    turns += [Message("assistant", call), Message("environment", "95", "plugin")]
    final = ask(client, server, [turn.as_dict() for turn in turns], max_tokens=80)
    assert final.choices[0].message.content == mini.chat(turns).text


def test_a_stream_carries_finish_reason_in_every_chunk(server: Server, mini: ChatModel) -> None:
    body = {"model": server.model, "messages": TALE, "stream": True, "temperature": 0}
    answer = requests.post(server.chat_url, json=body | {"max_tokens": 20}, stream=True, timeout=60)
    lines = [line for line in answer.iter_lines(decode_unicode=True) if line]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if "[DONE]" not in line]
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert reasons[:-1] == [None] * (len(reasons) - 1)
    assert reasons[-1] == "length"
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
    assert mini.chat(TALE).text.startswith(text)
    assert len(text) > 5


def test_clients_at_the_same_time_get_their_own_answers(
    client: OpenAI, server: Server, mini: ChatModel
) -> None:
    names = ["王小明", "李大海", "张三丰", "赵子龙", "Alice Brown", "Bob Smith"]
    questions = [
        [{"role": "system", "content": f"你是{name}。"}, {"role": "user", "content": "你是谁？"}]
        for name in names
    ]
    with ThreadPoolExecutor(len(names)) as pool:
        made = list(pool.map(lambda q: ask(client, server, q, max_tokens=60), questions))
    assert [m.choices[0].message.content for m in made] == [mini.chat(q).text for q in questions]


def test_a_client_that_leaves_disturbs_nobody(client: OpenAI, server: Server) -> None:
    body = json.dumps(
        {"model": server.model, "messages": TALE, "stream": True, "max_tokens": 400}
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {ports.LOOPBACK}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(3):
        with socket.create_connection((ports.LOOPBACK, server.port), timeout=30) as wire:
            wire.sendall(head.encode() + body)
            assert wire.recv(64).startswith(b"HTTP/1.1 200")
    began = time.monotonic()
    made = ask(client, server, [{"role": "user", "content": "你好"}], max_tokens=40)
    assert made.choices[0].message.content
    assert time.monotonic() - began < 20
    assert server.running


def test_its_log_is_kept_and_shown(server: Server, lines: list[str]) -> None:
    requests.get(f"{server.url}/models?seen=now", timeout=60)
    deadline = time.monotonic() + 20
    while not any("seen=now" in line for line in lines) and time.monotonic() < deadline:
        time.sleep(0.05)
    shown = "\n".join(lines)
    for told in ("Uvicorn running", "POST /v1/chat/completions", "GET /v1/models?seen=now"):
        assert told in shown
        assert told in server.log.read_text()
    assert server.tail(1) == server.log.read_text().rstrip().splitlines()[-1]


def test_a_taken_port_is_named_with_its_holder() -> None:
    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(CampError, match=rf"{port}.*py"):
            serve("camp-mini", port=port)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    for path in models.BUILT_IN["camp-mini"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": 100}))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    port, lines = free_port(), []
    with pytest.raises(CampError, match=r"did not start|没有启动") as raised:
        serve(tmp_path, port=port, log=lines.append)
    assert "server.log" in str(raised.value)
    assert lines[-1].strip() in str(raised.value)
    assert ports.is_free(port)
    assert not {c.pid for c in psutil.Process().children(recursive=True)} - before


OWNER = """
import sys
from course_lib.serving import serve
serve(port=int(sys.argv[1]))
"""


def test_no_server_outlives_its_owner() -> None:
    """Not even one that is still loading."""
    port = free_port()
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(port)])
    family: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while len(family) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
        family = psutil.Process(owner.pid).children(recursive=True)
    assert "course_lib.serve_cpu" in family[1].cmdline()  # the first is its tether
    owner.kill()
    owner.wait(timeout=30)
    deadline = time.monotonic() + 20
    while any(is_alive(p) for p in family) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [p for p in family if is_alive(p)]
    assert ports.is_free(port)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_lmdeploy_is_found_in_the_toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert serving.lmdeploy() is None
    on_path = tmp_path / "lmdeploy"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    assert serving.lmdeploy() == on_path
    folder = stand_in.make(tmp_path / "tools", "lmdeploy", "")
    assert serving.lmdeploy() == folder / "bin" / "lmdeploy"


def test_names_begin_as_lagent_s_client_wants() -> None:
    assert serving.served_name(Path("/models/my-model")) == "internlm2-my-model"
    assert serving.served_name(Path("/models/qwen3")) == "qwen3"
