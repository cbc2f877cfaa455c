"""What a learner sees of a tool: in a notebook's kernel, in a terminal, in a pipe."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib import toolbox
from course_lib.toolbox import job, progress
from course_lib.toolbox.view import Plain, State
from tests import stand_in

RUN = 'from course_lib import toolbox\nrun = toolbox.run("xtuner", "train", "cfg.py", "--work-dir", "work")\nrun'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    stand_in.make(tmp_path / "tools", "xtuner", stand_in.TRAINING)
    (tmp_path / "cfg.py").write_text("pass")
    return tmp_path


def execute(folder: Path, *cells: str, meanwhile: Callable[[], None] = lambda: None) -> list[Any]:
    """Run cells in a kernel, errors allowed; ``meanwhile`` runs beside. Return the cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    place = {"metadata": {"path": str(folder)}}
    beside = threading.Thread(target=meanwhile)
    beside.start()
    NotebookClient(notebook, timeout=120, allow_errors=True, resources=place).execute()
    beside.join()
    return list(notebook.cells)


def test_a_notebook_keeps_the_result_the_plot_and_the_log_folded(folder: Path) -> None:
    (cell,) = execute(folder, RUN)
    shown = [out["data"]["text/html"] for out in cell.outputs if "text/html" in out.get("data", {})]
    assert len(shown) == 1
    assert "xtuner train cfg.py: loss 3.5 → 2, done in" in shown[0]
    assert 'alt="loss 3.5 at iteration 10, 2 at 40" src="data:image/png;base64,' in shown[0]
    assert "<details><summary>log (7 lines" in shown[0]
    assert "Saving checkpoint at 40 iterations" in shown[0]
    assert not any("widget-view" in kind for out in cell.outputs for kind in out.get("data", {}))
    printed = "".join(out["text"] for out in cell.outputs if out["output_type"] == "stream")
    assert re.fullmatch(r"\$ cd \S+ && PATH=\S+ .*xtuner train cfg\.py --work-dir work\n", printed)


def test_a_cell_whose_step_was_done_before_shows_its_plot_again(folder: Path) -> None:
    first, second = execute(folder, RUN, RUN)
    html = [
        [out["data"]["text/html"] for out in cell.outputs if "text/html" in out.get("data", {})]
        for cell in (first, second)
    ]
    plot = r'<img alt="loss 3\.5 at iteration 10, 2 at 40" src="[^"]+">'
    (before,) = re.findall(plot, html[0][0])
    assert html[1] == [before]
    assert "does not run again" in second.outputs[0]["text"]


def test_a_failed_cell_says_cause_and_log_without_a_traceback(folder: Path) -> None:
    (folder / "cfg.py").write_text("traceback")
    (cell,) = execute(folder, RUN)
    error = cell.outputs[-1]
    assert error["ename"] == "ToolError"
    lines = "\n".join(error["traceback"]).splitlines()
    assert lines[0] == "xtuner train cfg.py failed: it stopped with an error"
    assert lines[1].startswith("Cause: unknown to the course.")
    assert "  ZeroDivisionError: division by zero" in lines
    assert lines[-1].startswith(f"whole log: {folder}/tool-logs/")
    assert not any("job.py" in line for line in lines)


def test_an_interrupted_cell_ends_the_tool_and_the_kernel_lives(folder: Path) -> None:
    (folder / "cfg.py").write_text("wait")

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not (folder / "work" / "iter_20.pth").is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        kernel = next(iter(children(os.getpid(), "ipykernel")))
        os.killpg(os.getpgid(kernel), 2)  # as Jupyter's button does

    first, second = execute(folder, RUN, "print('alive')", meanwhile=interrupt)
    assert first.outputs[-1]["ename"] == "KeyboardInterrupt"
    html = next(o["data"]["text/html"] for o in first.outputs if "text/html" in o.get("data", {}))
    assert "interrupted after" in html
    assert "again=&quot;continue&quot; goes on" in html
    assert second.outputs[0]["text"] == "alive\n"


class Deaf(Plain):
    """Loses the interrupt that comes while it shows something, as matplotlib's drawing may."""

    def update(self, state: State) -> None:
        """Show what is new, and be interrupted meanwhile."""
        super().update(state)
        if any("Saving checkpoint at 20 iterations" in line for line in state.lines):
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)


def test_an_interrupt_lost_in_a_drawing_is_heard_after_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cfg.py").write_text("wait")
    monkeypatch.setattr(job, "choose", Deaf)
    with pytest.raises(KeyboardInterrupt):
        toolbox.run("xtuner", "train", "cfg.py", "--work-dir", "work", folder=folder)
    assert children(os.getpid(), "xtuner") == []


def children(pid: int, word: str) -> list[int]:
    import psutil

    found = psutil.Process(pid).children(recursive=True)
    return [child.pid for child in found if any(word in part for part in child.cmdline())]


TERMINAL = """
from course_lib import toolbox
toolbox.run("xtuner", "train", "cfg.py", "--work-dir", "work")
"""


def test_a_terminal_shows_lines_and_a_bar(folder: Path) -> None:
    parent, child = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL], cwd=folder, env=environment, stdin=child, stdout=child
    )
    os.close(child)
    shown = b""
    while select.select([parent], [], [], 60)[0]:
        try:
            shown += os.read(parent, 65536)
        except OSError:  # all has been read
            break
    os.close(parent)
    assert process.wait() == 0
    text = shown.decode()
    assert "Saving checkpoint at 40 iterations" in text
    assert "40/40" in text
    assert "loss 2" in text
    assert "xtuner train cfg.py: loss 3.5 → 2, done in" in text


def test_a_pipe_gets_plain_lines(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL], cwd=folder, capture_output=True, text=True, check=True
    )
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("xtuner train cfg.py: loss 3.5 → 2, done")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "11/25 06:12:39 - mmengine - INFO - Iter(train) [10/40]  lr: 1.9063e-03  eta: 0:00:05"
            "  time: 0.1939  data_time: 0.0038  grad_norm: 1.2421  loss: 4.9201",
            progress.Progress(10, 40, 4.9201, training=True),
        ),
        (
            "04/02 10:00:00 - mmengine - INFO - Epoch(train) [2][  50/1200]  lr: 2.0e-05  loss: 0.5",
            progress.Progress(50, 1200, 0.5, training=True),
        ),
        (
            "Map (num_proc=1):  45%|████▌     | 9/20 [00:05<00:06,  1.7it/s]",
            progress.Progress(9, 20),
        ),
        ("11/25 06:12:42 - mmengine - INFO - Saving checkpoint at 20 iterations", None),
        ("accuracy 45% of 9/20", None),
    ],
)
def test_progress_is_read_from_the_tools_lines(
    line: str, expected: progress.Progress | None
) -> None:
    assert progress.read(line) == expected
