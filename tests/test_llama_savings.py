"""Lesson 04's table by llama.cpp: sizes, speeds and scores, and its job's failures.

What is marked ``tools`` runs llama.cpp in its own environment; the rest a stand-in.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean

import psutil
import pytest

from course_lib import toolbox
from course_lib.chat import ChatModel
from course_lib.deploy import llama, savings
from course_lib.errors import CampError
from course_lib.template import END, render
from course_lib.toolbox import catalogue, install, records
from course_lib.toolbox.records import Outcome
from tests import stand_in

pytestmark = pytest.mark.usefixtures("english")

STAND_IN = """
import json, math, sys
from pathlib import Path

assert sys.argv[1] == "-m"
if sys.argv[2].endswith(".export"):
    for path in sys.argv[5::2]:
        Path(path).write_text("GGUF")
else:
    job = json.loads(Path(sys.argv[3]).read_text())
    replies = [[[-math.log(2), True] for _ in one["reply"]] for one in job["questions"]]
    replies[0][0][1] = False
    sizes = {"F16.gguf": 560, "Q8_0.gguf": 380, "Q4_0.gguf": 280}
    rows = [
        {"weights": sizes[path], "kv": len(kv), "speed": 9.5, "scores": replies}
        for path, kv in job["ways"]
    ]
    Path(job["out"]).write_text(json.dumps(rows))
"""


def test_without_llama_cpp_one_line_says_so(
    mini: ChatModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "none"))
    assert llama.measured(mini, tmp_path / "work") == {}
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "torch's kernels" in said
    assert "camp tools install llamacpp" in said
    assert not (tmp_path / "work").exists()
    with pytest.raises(CampError, match=r"llama.cpp is not installed: run `camp tools install lla"):
        llama.measure(mini, savings.questions(1), tmp_path)


def test_what_the_job_finds_becomes_the_tables_rows(
    mini: ChatModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    stand_in.make(tmp_path / "tools", "llamacpp", STAND_IN)
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setattr(savings, "QUESTIONS", 1)
    rows = llama.measured(mini, tmp_path / "work")
    assert "measured with llama.cpp" in capsys.readouterr().out.splitlines()[-1]
    assert list(rows) == [
        *("W16, KV16", "W8, KV16", "W4, KV16", "W16, KV8", "W16, KV4", "W4, KV4"),
    ]
    assert [row.weights for row in rows.values()] == [560, 380, 280, 560, 560, 280]
    assert [row.kv for row in rows.values()] == [3, 3, 3, 4, 4, 4]  # F16, Q8_0, Q4_0
    for row in rows.values():
        assert row.perplexity == pytest.approx(2)  # each token had one chance in two
        assert row.right == pytest.approx(5 / 6)  # six skills, one reply with a wrong token
        assert row.speed == 9.5
    table = savings.savings({name: savings.Way(mini) for name in rows}, None, measured=rows)  # type: ignore[arg-type]
    assert table.rows == rows


def test_a_job_that_writes_no_result_has_failed(
    mini: ChatModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.make(tmp_path / "tools", "llamacpp", "print('nothing done')")
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    with pytest.raises(toolbox.ToolError, match=r"export failed: it wrote no F16.gguf"):
        llama.measure(mini, savings.questions(1), tmp_path)


@pytest.fixture(scope="module")
def installed() -> None:
    """Install llama.cpp's environment where it is not."""
    install.install(catalogue.find("llamacpp"), print)


@pytest.mark.tools
def test_its_measures_are_torchs_and_fewer_bits_are_worse(
    installed: None, mini: ChatModel, tmp_path: Path
) -> None:
    """Each token's log probability beside torch's, at 32 bits.

    Where the model is wrong, rounding may help by chance; so perplexity is compared where it is
    right.
    """
    asked, way = savings.questions(3), savings.Way(mini)
    rows = dict(zip(llama.WAYS, llama.measure(mini, asked, tmp_path), strict=True))
    perplexity, right = savings.examine(way, asked)
    assert rows[16, 16].perplexity == pytest.approx(perplexity, rel=2e-3)
    assert rows[16, 16].right == right
    assert all(row.speed and 1 < row.speed < 1e5 for row in rows.values())
    assert {bits: row.kv for (_, bits), row in rows.items()} == {
        16: 2 * 6 * 64 * 2, 8: 2 * 6 * 64 / 32 * 34, 4: 2 * 6 * 64 / 32 * 18,
    }  # fmt: skip
    exact = [
        mini.log_probabilities(render(one.prompt), one.reply + END, begin=False) for one in asked
    ]
    mastered = [savings.examine(way, [one])[1] == 1 for one in asked]
    away, loss = {}, {}
    found = json.loads((tmp_path / "savings.json").read_text())
    for bits, row in zip(llama.WAYS, found, strict=True):
        made = [[score for score, _ in reply] for reply in row["scores"]]
        pairs = [pair for both in zip(exact, made, strict=True) for pair in zip(*both, strict=True)]
        away[bits] = mean(abs(wanted - score) for wanted, score in pairs)
        known = [-one for reply, yes in zip(made, mastered, strict=True) if yes for one in reply]
        loss[bits] = mean(known)
    assert away[16, 16] < 2e-3
    assert away[16, 16] < away[8, 16] < away[4, 16] < away[4, 4]
    assert away[16, 16] < away[16, 8] < away[16, 4]
    assert loss[8, 16] < loss[4, 16] < loss[4, 4]


MEASURES = """
from pathlib import Path
from course_lib import chat
from course_lib.deploy import llama, savings
llama.measure(chat.load("camp-mini"), savings.questions(40), Path("work"))
"""


@pytest.mark.tools
def test_an_interrupted_job_leaves_nothing_running(installed: None, tmp_path: Path) -> None:
    caller = subprocess.Popen([sys.executable, "-c", MEASURES], cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("work/tool-logs/*savings_job.log")):
        assert time.monotonic() < deadline
        assert caller.poll() is None
        time.sleep(0.1)
    caller.send_signal(signal.SIGINT)
    caller.wait(timeout=30)
    work = str(tmp_path / "work")
    assert not [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == work]
    (path,) = tmp_path.glob("work/tool-logs/*savings_job.json")
    record = records.read(path)
    assert record
    assert record.outcome is Outcome.INTERRUPTED
    assert not (tmp_path / "work" / "savings.json").exists()
