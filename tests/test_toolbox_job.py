"""Jobs of the toolbox: proof, progress, interruption, running again. The tool is a stand-in."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_lib import toolbox
from course_lib.deploy import recipe
from course_lib.errors import CampError
from course_lib.evaluate import exam
from course_lib.toolbox import job, records
from course_lib.toolbox.explain import explain
from course_lib.toolbox.records import Outcome
from course_lib.toolbox.steps import judge
from course_lib.toolbox.tool_steps import step_of
from tests import stand_in
from tests.small_disk import with_small_disk

TRAIN = ("xtuner", "train", "cfg.py", "--work-dir", "work")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which the stand-in for XTuner trains as ``cfg.py`` says."""
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("CAMP_LANG", "en")
    stand_in.make(tmp_path / "tools", "xtuner", stand_in.TRAINING)
    work = tmp_path / "folder with blanks"
    work.mkdir()
    (work / "cfg.py").write_text("pass")
    return work


def set_mode(folder: Path, mode: str) -> None:
    (folder / "cfg.py").write_text(mode)


def last_record(folder: Path) -> records.Record:
    path = sorted((folder / records.FOLDER).glob("*.json"))[-1]
    record = records.read(path)
    assert record is not None
    return record


def test_a_step_that_proves_success_returns_its_losses_and_files(folder: Path) -> None:
    run = toolbox.run(*TRAIN, folder=folder)
    assert run.losses == [(10, 3.5), (20, 3.0), (30, 2.5), (40, 2.0)]
    assert set(run.record.files) == {"work/last_checkpoint", "work/iter_20.pth", "work/iter_40.pth"}
    assert run.record.outcome is Outcome.PASSED
    assert "Map: 100%" in run.log.read_text()
    assert "Map:  50%" not in run.log.read_text()  # a bar's earlier states are not kept


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("traceback", "it stopped with an error"),
        ("killed", "it ended at iteration 20 of 40"),
        ("nan", "the loss became nan"),
    ],
)
def test_exit_code_0_is_not_believed(folder: Path, mode: str, said: str) -> None:
    set_mode(folder, mode)
    with pytest.raises(toolbox.ToolError) as caught:
        toolbox.run(*TRAIN, folder=folder)
    assert f"xtuner train cfg.py failed: {said}" in str(caught.value)
    assert last_record(folder).outcome is Outcome.FAILED
    assert last_record(folder).exit_code == 0


def test_what_a_signal_ended_is_no_success_whatever_its_log_says(tmp_path: Path) -> None:
    step = step_of("xtuner", ("chat", "merged"), tmp_path)
    asks, ends = "(double enter to end input, ...): ", "Log: Exit!"
    assert judge(step, tmp_path, [asks, ends], 0, 0).missing is None
    for log, code in (([asks], 0), ([asks, ends], 137), ([asks, ends], -9)):
        assert judge(step, tmp_path, log, 0, code).missing is not None


HIDES_THE_END = """
import os, subprocess, sys
child = "import os, sys; print('loading', flush=True); os.kill(os.getpid(), int(sys.argv[1]))"
done = subprocess.run([sys.executable, "-c", child, sys.argv[2]])
sys.exit(128 - done.returncode if sys.argv[1] == "telling" else 0)
"""


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("silent 9", "ended-without-a-word"),  # XTuner's launcher hides the exit code
        ("silent 11", "ended-without-a-word"),
        ("telling 9", "out-of-memory"),
        ("telling 11", "segmentation-fault"),
    ],
)
def test_what_a_signal_ended_is_explained(folder: Path, words: str, known: str) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", HIDES_THE_END)
    with pytest.raises(toolbox.ToolError) as caught:
        toolbox.run("xtuner", *words.split(), folder=folder, files=["result"])
    assert caught.value.explanation.name == known
    found = explain(caught.value.log.read_text().splitlines(), ended=True)  # as `camp explain` does
    assert found == caught.value.explanation


def test_an_unknown_failure_shows_the_lines_that_matter(folder: Path) -> None:
    set_mode(folder, "traceback")
    with pytest.raises(toolbox.ToolError) as caught:
        toolbox.run(*TRAIN, folder=folder)
    assert caught.value.explanation.name is None
    assert caught.value.explanation.lines[-1] == "ZeroDivisionError: division by zero"
    assert "camp doctor" in str(caught.value)


def test_a_file_of_an_earlier_run_proves_nothing(folder: Path) -> None:
    (folder / "a_copy.py").write_text("old")
    os.utime(folder / "a_copy.py", (1, 1))
    with pytest.raises(toolbox.ToolError, match=r"it wrote no a_copy\.py"):
        toolbox.run("xtuner", "copy-cfg", "a", ".", folder=folder)


def test_own_proof_is_asked_for_besides_the_known(folder: Path) -> None:
    with pytest.raises(toolbox.ToolError, match=r"it wrote no work/report\.txt"):
        toolbox.run(*TRAIN, folder=folder, files=["work/report.txt"])
    with pytest.raises(toolbox.ToolError, match="no line like “all is well”"):
        toolbox.run(*TRAIN, folder=folder, lines=["all is well"], again="over")


def test_what_passed_is_not_done_again_until_its_input_changes(folder: Path) -> None:
    (folder / "data.json").write_text("[]")
    set_mode(folder, "# 'data.json'")
    first = toolbox.run(*TRAIN, folder=folder)
    assert toolbox.run(*TRAIN, folder=folder).log == first.log
    (folder / "data.json").write_text("[1]")  # read by the configuration
    second = toolbox.run(*TRAIN, folder=folder)
    assert second.log != first.log
    assert (folder / "work.1" / "iter_40.pth").is_file()  # the first result is kept
    (folder / "work" / "iter_40.pth").unlink()
    assert toolbox.run(*TRAIN, folder=folder).log != second.log


@pytest.mark.parametrize("size", [1, 1 << 21])  # a large file is told by its size and time
def test_what_another_run_wrote_over_is_done_again(folder: Path, size: int) -> None:
    writes = f'path.write_text(Path("data.json").read_text() * {size})'
    script = stand_in.TRAINING.replace('path.write_text("weights")', writes)
    stand_in.make(folder.parent / "tools", "xtuner", script)
    set_mode(folder, "# 'data.json'")
    for name in "ABA":
        (folder / "data.json").write_text(name)
        toolbox.run(*TRAIN, folder=folder)
        assert (folder / "work" / "iter_40.pth").read_text() == name * size
    (folder / "work" / "iter_40.pth").write_text("by hand")
    toolbox.run(*TRAIN, folder=folder)
    assert (folder / "work" / "iter_40.pth").read_text() == "A" * size


SHOWS = (
    "import os, sys; print(os.environ.get('MODE'), sys.stdin.read()); open('made', 'w').write('x')"
)


QUANTISES = """
import sys
from pathlib import Path
work = Path(sys.argv[sys.argv.index("--work-dir") + 1])
work.mkdir(exist_ok=True)
for name in ("config.json", "model.safetensors"):
    (work / name).write_text("1")
"""
EXAMINES = """
import sys
from pathlib import Path
summary = Path(sys.argv[sys.argv.index("-w") + 1], "now", "summary", "summary_1.csv")
summary.parent.mkdir(parents=True, exist_ok=True)
summary.write_text("dataset,mine\\nceval,25\\n")
"""


@pytest.mark.parametrize(
    ("script", "words", "read"),
    [
        (QUANTISES, ("lmdeploy", *recipe.words("auto_awq", "q")), "wikitext/train.txt"),
        (EXAMINES, ("opencompass", "cfg.py", "-w", "gen"),
         "data/ceval/formal_ceval/val/general_val.csv"),
    ],
    ids=["calibration", "exam"],
)  # fmt: skip
def test_what_a_tool_reads_under_another_name_counts_as_input(
    folder: Path, script: str, words: tuple[str, ...], read: str
) -> None:
    stand_in.make(folder.parent / "tools", words[0], script)
    recipe.write_calibration(folder, 5)
    exam.write(folder)
    first = toolbox.run(*words, folder=folder)
    recipe.write_calibration(folder, 5)
    exam.write(folder)
    assert toolbox.run(*words, folder=folder).log == first.log
    (folder / read).write_text("other")
    assert toolbox.run(*words, folder=folder).log != first.log


def test_what_passed_is_done_again_when_it_is_asked_otherwise(folder: Path) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", SHOWS)
    (folder / "show").write_text(SHOWS)
    asked: list[dict[str, Any]] = [
        {},
        {"variables": {"MODE": "a"}},
        {"variables": {"MODE": "b"}},
        {"stdin": "hi"},
        {"program": "python"},
        {"files": ["made"]},
        {"lines": ["None"]},
    ]
    logs = {toolbox.run("xtuner", "show", folder=folder, **how).log for how in asked * 2}
    assert len(logs) == len(asked)
    with pytest.raises(toolbox.ToolError, match="its log has no line like “never there”"):
        toolbox.run("xtuner", "show", folder=folder, lines=["never there"])


COPIES = """
from pathlib import Path
Path("a_copy.py").write_text("as it was")
print("Copy to ./a_copy.py")
"""


def test_a_copy_that_was_edited_is_kept_beside_a_fresh_one(folder: Path) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", COPIES)
    copied = ("xtuner", "copy-cfg", "a", ".")
    first = toolbox.run(*copied, folder=folder)
    assert toolbox.run(*copied, folder=folder).log == first.log
    (folder / "a_copy.py").write_text("edited")
    toolbox.run(*copied, folder=folder)
    assert (folder / "a_copy.py").read_text() == "as it was"
    assert (folder / "a_copy.py.1").read_text() == "edited"


def test_a_new_start_sets_the_old_result_aside(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toolbox.run(*TRAIN, folder=folder)
    toolbox.run(*TRAIN, folder=folder, again="over")
    toolbox.run(*TRAIN, folder=folder, again="over")
    assert {path.name for path in folder.glob("work*")} == {"work", "work.1", "work.2"}
    assert f"the old work is kept as {folder / 'work.2'}" in capsys.readouterr().out


INTERRUPTED = """
import sys
from course_lib import toolbox
toolbox.run(*sys.argv[2:], folder=sys.argv[1])
"""


TREE = """
import os, subprocess, sys, time
own = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
subprocess.Popen(own)
subprocess.Popen(own, start_new_session=True)
open("started", "w").write("1")
time.sleep(600 if sys.argv[1] == "wait" else 1)
"""


EATS = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "x = bytearray(300_000_000); x[::4096] = bytes(len(x[::4096]))"])
"""


def test_the_memory_of_the_largest_process_is_measured(folder: Path) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", EATS)
    run = toolbox.run("xtuner", "eat", folder=folder)
    assert 300e6 < run.record.memory < 400e6


def test_nothing_stays_behind_a_step_that_ended(folder: Path) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", TREE)
    toolbox.run("xtuner", "end", folder=folder)  # leaves two processes that ignore SIGTERM
    assert running_inside(folder) == []


FILLS_THE_DISK = """
for number in range(3000):
    print("a line of a talkative tool", number, flush=True)
open("result", "wb").write(bytes(1_000_000))
"""


RUNS_IT = """
import sys
from course_lib import toolbox
try:
    toolbox.run("xtuner", "fill", folder=sys.argv[1])
except toolbox.ToolError as error:
    sys.exit(f"explained: {error.explanation.name}")
"""


def test_a_full_disk_is_named(folder: Path) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", FILLS_THE_DISK)
    small = folder / "small"
    small.mkdir()
    command = [*with_small_disk(small, "32k"), sys.executable, "-c", RUNS_IT, str(small)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "explained: disk-full", done.stderr


@pytest.mark.parametrize(
    ("number", "known"), [(errno.ENOSPC, "disk-full"), (errno.ENOMEM, "out-of-memory")]
)
def test_what_the_machine_refuses_is_a_failure_with_its_cause(
    folder: Path, number: int, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(job, "Process", refuse)
    with pytest.raises(toolbox.ToolError, match="this machine could not run it") as caught:
        toolbox.run(*TRAIN, folder=folder)
    assert caught.value.explanation.name == known
    assert last_record(folder).outcome is Outcome.FAILED


def test_an_error_of_the_course_is_not_called_an_interrupt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "judge", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        toolbox.run(*TRAIN, folder=folder)
    assert last_record(folder).outcome is Outcome.FAILED
    assert "xtuner train cfg.py: loss 3.5 → 2, failed after" in capsys.readouterr().out


def test_a_folder_for_the_log_that_cannot_be_made_is_one_line(folder: Path) -> None:
    (folder / records.FOLDER).write_text("in the way")
    with pytest.raises(CampError, match=r"cannot write .*tool-logs: File exists"):
        toolbox.run(*TRAIN, folder=folder)


def running_inside(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "pid"]):
        if process.info["cwd"] == str(folder) and process.pid != os.getpid():
            found.append(process)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_tree_ends_with_an_interrupt_or_its_caller(folder: Path, number: int) -> None:
    set_mode(folder, "wait")
    caller = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(folder), *TRAIN],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (folder / "work" / "iter_20.pth").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert running_inside(folder)
    caller.send_signal(number)
    caller.wait(timeout=20)
    while running_inside(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running_inside(folder) == []
    if number == signal.SIGINT:
        assert last_record(folder).outcome is Outcome.INTERRUPTED


def test_a_training_goes_on_where_it_stopped(folder: Path) -> None:
    set_mode(folder, "killed")
    with pytest.raises(toolbox.ToolError):
        toolbox.run(*TRAIN, folder=folder)
    set_mode(folder, "pass")
    run = toolbox.run(*TRAIN, folder=folder, again="continue")
    assert run.losses == [(30, 2.5), (40, 2.0)]
    assert "resumed from" in run.log.read_text()
    assert not (folder / "work.1").exists()


def test_where_there_is_nothing_to_go_on_from_it_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = toolbox.run(*TRAIN, folder=folder, again="continue")
    assert run.losses[0][0] == 10
    assert capsys.readouterr().out.startswith("no checkpoint to go on from: it starts over\n$ cd")


def test_the_command_shown_is_one_that_a_shell_runs(folder: Path) -> None:
    run = toolbox.run(*TRAIN, folder=folder)
    command = run.log.read_text().splitlines()[0].removeprefix("$ ")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Saving checkpoint at 40 iterations" in done.stdout
    assert shlex.split(command)[:2] == ["cd", str(folder)]


ECHO = """
import os, sys
print(repr(sys.stdin.read()), os.environ["OMP_NUM_THREADS"], "MPLBACKEND" in os.environ,
      "PYTHONDONTWRITEBYTECODE" in os.environ)
"""


def test_input_and_variables_reach_the_tool(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", ECHO)
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    said = "100% 你好\n\nEXIT\\n"
    run = toolbox.run("xtuner", "echo", stdin=said, folder=folder)
    assert run.lines[-1] == f"{said!r} 1 False False"
    monkeypatch.delenv("MPLBACKEND")  # a terminal has none
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    shown = subprocess.run(["bash", "-c", run.record.command], capture_output=True, text=True)
    assert shown.stdout.splitlines() == run.lines[-1:]


def test_another_program_of_the_environment_runs_a_script(folder: Path) -> None:
    stand_in.make(folder.parent / "tools", "xtuner", "raise SystemExit(1)")
    (folder / "job.py").write_text("import sys\nprint('asked', *sys.argv[1:])\n")
    run = toolbox.run("xtuner", "job.py", "a b", folder=folder, lines=["^asked"], program="python")
    assert run.lines[-1] == "asked a b"
    shown = subprocess.run(["bash", "-c", run.record.command], capture_output=True, text=True)
    assert shown.stdout == "asked a b\n"
    (folder / "job.py").write_text("raise SystemExit(3)")
    with pytest.raises(toolbox.ToolError, match="its log has no line like"):
        toolbox.run("xtuner", "job.py", folder=folder, lines=["^asked"], program="python")


def test_a_tool_that_is_not_installed_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path))
    monkeypatch.setenv("CAMP_LANG", "en")
    with pytest.raises(CampError) as caught:
        toolbox.run("xtuner", "train", "cfg.py")
    assert str(caught.value) == (
        "XTuner is not installed: run `camp tools install xtuner` in a terminal"
    )
    assert not toolbox.has("xtuner")
    monkeypatch.setenv("CAMP_LANG", "zh")
    with pytest.raises(CampError, match="在终端运行 camp tools install xtuner"):
        toolbox.need("xtuner")
