"""Training camp-mini: the network, its optimiser, export, and a run that is stopped and goes on."""

from __future__ import annotations

import csv
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from course_lib import models
from course_lib.errors import CampError
from course_lib.mini import export, muon, network, run, ship, tokenizer
from course_lib.mini.run import Settings
from course_lib.mini.train import Files, train
from course_lib.template import render
from tests import kits

pytestmark = pytest.mark.slow
SHAPE = network.Shape(hidden=64, layers=2, heads=2, kv_heads=1, ffn=64)
TINY = Settings("chat", steps=6, processes=1, batch_tokens=256, shape=SHAPE)


@pytest.fixture(scope="session")
def own_tokenizer(tmp_path_factory: pytest.TempPathFactory, trained_tokenizer: str) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(trained_tokenizer, encoding="utf-8")
    return path


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_attention_is_pytorch_s(kv_heads: int) -> None:
    torch.manual_seed(1)
    q = torch.randn(2, 4, 9, 8)
    k, v = torch.randn(2, kv_heads, 9, 8), torch.randn(2, kv_heads, 9, 8)
    wanted = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(network.attend(q, k, v), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("device", "known", "wanted"),
    [
        ("cpu", {"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ("cpu", {}, torch.float32),
        ("cpu", {"avx512_bf16": True}, torch.bfloat16),
        ("cpu", {"amx_bf16": True}, torch.bfloat16),
        ("cuda", {}, torch.bfloat16),
    ],
)
def test_bfloat16_is_left_to_hardware_that_knows_it(
    device: str, known: dict[str, bool], wanted: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    assert network.precision(device) is wanted


def test_muon_makes_updates_orthogonal() -> None:
    torch.manual_seed(1)
    made = muon.orthogonalise(torch.randn(3, 32, 80))
    values = torch.linalg.svdvals(made)
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.4


def test_an_exported_model_answers_as_the_network_does(tmp_path: Path, own_tokenizer: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    own = network.Network(SHAPE)
    words = Tokenizer.from_file(str(own_tokenizer))
    export.export(own, words, tmp_path)
    assert models.problem(tmp_path) is None
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = render([{"role": "user", "content": "你好 K-27"}])
    ids = torch.tensor([loaded(text)["input_ids"]])
    assert ids[0].tolist() == [tokenizer.BEGIN, *words.encode(text).ids]
    rounded = network.Network(SHAPE)  # the file holds bfloat16
    rounded.load_state_dict({n: w.bfloat16().float() for n, w in own.state_dict().items()})
    with torch.no_grad():
        wanted = rounded.logits(rounded.hidden(ids))
        torch.testing.assert_close(model(ids).logits, wanted, atol=1e-4, rtol=1e-4)
    assert model.generation_config.eos_token_id == [tokenizer.END_OF_TEXT, tokenizer.TURN_END]


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path, own_tokenizer: Path
) -> None:
    files = Files(own_tokenizer)
    whole = train(TINY, tmp_path / "whole", files)
    halves = replace(TINY, steps=3)
    # the learning rate depends on the number of steps: keep it while stopping early
    first = Settings(**{**vars(TINY), "steps": 6})
    path = tmp_path / "parts"
    stop_after(path, first, files, 3)
    saved = run.load_checkpoint(path / "checkpoint.pt")
    assert saved.step == halves.steps
    done = train(TINY, path, files)
    assert done.step == 6
    for name, weight in whole.weights.items():
        torch.testing.assert_close(done.weights[name], weight)
    rows = list(csv.DictReader((path / "log.csv").open()))
    assert rows[-1]["step"] == "6"
    assert int(rows[-1]["tokens"]) == whole.log[-1].tokens
    assert (path / "loss.png").read_bytes().startswith(b"\x89PNG")


def stop_after(path: Path, settings: Settings, files: Files, step: int) -> None:
    """Train as far as ``step`` of ``settings`` and save there."""
    from course_lib.mini.train import Trainer

    trainer = Trainer(0, settings, path, files, "cpu")
    batches = iter(trainer.stream)
    for _ in range(step):
        trainer.advance(next(batches))
    trainer.save()


def test_another_file_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(CampError, match="no such checkpoint"):
        run.load_checkpoint(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(CampError, match="not a checkpoint"):
        run.load_checkpoint(path)


def test_a_folder_of_another_run_is_not_overwritten(tmp_path: Path, own_tokenizer: Path) -> None:
    files = Files(own_tokenizer)
    train(replace(TINY, steps=1), tmp_path, files)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    for other in (replace(TINY, seed="b"), replace(TINY, shape=replace(SHAPE, layers=1))):
        with pytest.raises(CampError, match="another --out"):
            train(other, tmp_path, files)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def camp(*words: str, **options) -> subprocess.Popen[str]:
    code = "from course_lib.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "mini", "train", *words],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | {"CAMP_LANG": "en"},
        **options,
    )


def test_the_command_says_what_it_needs(tmp_path: Path, own_tokenizer: Path) -> None:
    shutil.copy(own_tokenizer, tmp_path)
    done = kits.camp(tmp_path, "mini", "train", "chat", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "chat training begins from the base" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("there", [(), ("tokenizer.json",), ("chat/checkpoint.pt",)])
def test_without_a_finished_run_nothing_is_shipped(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(CampError, match=f"{tmp_path}: no finished run there .*camp mini train"):
        ship.ship(tmp_path, 1, print)


def test_an_interrupted_training_leaves_no_process(tmp_path: Path, own_tokenizer: Path) -> None:
    shutil.copy(own_tokenizer, tmp_path)  # or the run would begin by training one
    process = camp("base", "--small", "--steps", "5000", "--out", str(tmp_path))
    deadline = time.monotonic() + 90
    while len(meeting(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(2)  # past what comes before the first step
    children = trainers(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "run the same command again" in out
    assert "Traceback" not in out
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(children) == 2
    assert not any(alive(pid) for pid in children)


def meeting(pid: int) -> list[int]:
    """Return the training processes that are connected to each other: their imports are done."""
    return [
        child
        for child in trainers(pid)
        if any(
            one.status == psutil.CONN_ESTABLISHED
            for one in psutil.Process(child).net_connections("tcp")
        )
    ]


def trainers(pid: int) -> list[int]:
    children = psutil.Process(pid).children(recursive=True)
    return [c.pid for c in children if "spawn_main" in " ".join(c.cmdline())]


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def used() -> float:
    """Return the CPU seconds of all processes that this one started and that have ended."""
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime


@pytest.mark.tools
@pytest.mark.timeout(1000)
def test_small_training_learns_in_three_minutes(tmp_path: Path) -> None:
    before, began = used(), time.monotonic()
    process = camp("both", "--small", "--out", str(tmp_path))
    out, _ = process.communicate(timeout=900)
    seconds, cpu = time.monotonic() - began, used() - before
    assert process.returncode == 0, out
    losses = {
        stage: [float(r["loss"]) for r in csv.DictReader((tmp_path / stage / "log.csv").open())]
        for stage in ("base", "chat")
    }
    assert losses["base"][0] > 6
    assert losses["base"][-1] < 3.5
    assert losses["chat"][-1] < losses["chat"][0]
    from course_lib import chat

    small = chat.load(tmp_path / "chat" / "model")
    assert small.chat("你是谁？").text == "我是小浦，这门课程自带的迷你语言模型。"
    alone = 15  # CPU s of the tokenizer and of what starts the two processes
    took = alone + (cpu - alone) / 2
    assert took < 180, f"{took:.0f} s on two free cores; {cpu:.0f} CPU s, here {seconds:.0f} s"
