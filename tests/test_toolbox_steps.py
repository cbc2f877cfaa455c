"""Each step of each tool in its failures: one clear end, whatever its exit code says.

The tool is a small shell script, a process like any other; what a whole step writes and prints is
told by the table, as the tools do it (tests/test_toolbox_tools.py runs them).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from course_lib import toolbox
from course_lib.deploy.proxy import Proxy
from course_lib.errors import CampError
from course_lib.toolbox import catalogue, job, records
from course_lib.toolbox.records import Outcome
from course_lib.toolbox.view import Plain, State
from tests import stand_in
from tests.conftest import free_port
from tests.small_disk import with_small_disk

TABLE = "dataset,version,metric,mode,m\nceval,1,accuracy,gen,50.0\n"
NO_SCORES = "dataset,version,metric,mode,m\nceval,-,-,-,-\n"
TRACEBACK = """Traceback (most recent call last):
  File "tool.py", line 3, in main
    boom()
ValueError: boom"""
SUMMARY = "out/20261128_220000/summary/summary_20261128_220000.csv"


@dataclass(frozen=True)
class Step:
    """A command line, the files that it writes with what a failure calls them, its lines."""

    name: str
    words: str
    files: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, list[str]] = field(default_factory=dict)
    text: str = "x"

    def run(self, folder: Path, **options: str) -> toolbox.Run:
        return toolbox.run(*self.words.split(), folder=folder, **self.asked, **options)


def weights(folder: str) -> tuple[str, str]:
    return f"{folder}/model.safetensors", f"{folder}/*.safetensors / {folder}/*.bin"


STEPS = [
    Step("copy-cfg", "xtuner copy-cfg a .", {"a_copy.py": "a_copy.py"},
         {"Copy to ./a_copy.py": "^Copy to "}),
    Step("train", "xtuner train a.py --work-dir w",
         {"w/last_checkpoint": "w/last_checkpoint", "w/iter_4.pth": "w/iter_*.pth / w/epoch_*.pth"},
         {"INFO - Saving checkpoint at 4 iterations": r"Saving checkpoint at \d+ (iterations|epochs)"}),
    Step("pth_to_hf", "xtuner convert pth_to_hf a.py w/iter_4.pth hf --fp32",
         {"hf/adapter_config.json": "hf/adapter_config.json / hf/config.json",
          "hf/adapter_model.safetensors": weights("hf")[1]}, {"All done!": "All done!"}),
    Step("merge", "xtuner convert merge base hf merged --max-shard-size 2GB",
         {"merged/config.json": "merged/config.json",
          "merged/tokenizer_config.json": "merged/tokenizer_config.json",
          **dict([weights("merged")])}, {"All done!": "^All done!"}),
    Step("chat", "xtuner chat merged --torch-dtype fp32", {},
         {"double enter to end input (EXIT: exit chat) >>>": "double enter to end input",
          "Log: Exit!": "Log: Exit!"}),
    Step("opencompass", "opencompass gen.py -w out --debug",
         {SUMMARY: "out/*/summary/summary_*.csv"}, text=TABLE),
    Step("auto_awq", "lmdeploy lite auto_awq base --work-dir q",
         {"q/config.json": "q/config.json", **dict([weights("q")])}),
    Step("smooth_quant", "lmdeploy lite smooth_quant base --work-dir=q",
         {"q/config.json": "q/config.json", **dict([weights("q")])}),
    Step("check_env", "lmdeploy check_env", {}, {"LMDeploy: 0.18.0": "^LMDeploy: "},
         {"lines": ["^LMDeploy: "]}),
    Step("llamaindex", "llamaindex job.py find-job.json", {"find.json": "find.json"},
         asked={"files": ["find.json"]}),
    Step("llamacpp", "llamacpp -m job savings-job.json", {"savings.json": "savings.json"},
         asked={"files": ["savings.json"]}),
    Step("huixiangdou", "huixiangdou job.py judged-job.json", {"judged.json": "judged.json"},
         asked={"files": ["judged.json"]}),
    Step("mineru", "mineru parse page.pdf -o out", {"out/page/page.md": "out/**/*.md"}),
    Step("labelu", "labelu --help"),
]  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """What a step does: what of it is left out, how it begins and ends, what is said of it."""

    name: str
    said: str
    without: str = ""
    first: str = ""
    then: str = ""
    text: str | None = None


def failures(step: Step) -> Iterator[Failure]:
    missing = [f"it wrote no {called}" for called in step.files.values()]
    missing += [f"its log has no line like “{pattern}”" for pattern in step.lines.values()]
    stopped = "it stopped with an error"
    error = f"cat <<'END'\n{TRACEBACK}\nEND\n"
    for number, (one, said) in enumerate(zip([*step.files, *step.lines], missing, strict=True)):
        yield Failure(f"without {number}", said, without=one)
    yield Failure("traceback, exit 0", (missing or [stopped])[0], first=f"{error}exit 0\n")
    yield Failure("late traceback, exit 0", stopped, then=f"{error}exit 0\n")
    yield Failure("killed", "it was killed (exit code 137)", then="kill -9 $$\n")
    if not missing:
        yield Failure("exit 2", "its exit code is 2", then="exit 2\n")
    if step.name == "opencompass":
        yield Failure("no scores", "its table has not one score", text=NO_SCORES)
    if step.name == "train":
        yield Failure("half", "it ended at iteration 4 of 9", first=f"echo '{iteration(9, 1.0)}'\n")
        yield Failure("nan", "the loss became nan", first=f"echo '{iteration(4, float('nan'))}'\n")


def iteration(total: int, loss: float) -> str:
    return f"mmengine - INFO - Iter(train) [4/{total}]  lr: 1e-03  loss: {loss}"


def script(step: Step, what: Failure) -> str:
    lines = [what.first]
    for path in step.files:
        if path != what.without:
            text = shlex.quote(what.text or step.text)
            lines.append(f"mkdir -p $(dirname {path}); printf %s {text} > {path}\n")
    lines += [f"echo {shlex.quote(line)}\n" for line in step.lines if line != what.without]
    return "".join([*lines, what.then])


def prepare(step: Step, what: Failure, folder: Path) -> None:
    made = f"echo before\n{script(step, what)}"
    stand_in.make(folder / "tools", step.words.split()[0], made, "/bin/sh")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("CAMP_LANG", "en")
    (tmp_path / "work").mkdir()
    return tmp_path


def record_in(folder: Path) -> records.Record:
    (path,) = (folder / records.FOLDER).glob("*.json")
    found = records.read(path)
    assert found is not None
    return found


def test_the_table_has_every_tool() -> None:
    assert {step.words.split()[0] for step in STEPS} == set(catalogue.tools())


@pytest.mark.parametrize(
    ("step", "what"),
    [
        pytest.param(step, what, id=f"{step.name}: {what.name}")
        for step in STEPS
        for what in failures(step)
    ],
)
def test_a_failed_step_names_what_is_missing_and_shows_its_last_lines(
    step: Step, what: Failure, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(step, what, place)
    with pytest.raises(toolbox.ToolError) as caught:
        step.run(place / "work")
    title = " ".join(step.words.split()[:3])
    assert str(caught.value).startswith(f"{title} failed: {what.said}\n")
    printed = caught.value.log.read_text().splitlines()[1:]
    shown = caught.value.explanation
    assert shown.lines[-1] == printed[-1] or (shown.name and shown.lines[-1] in printed)
    assert str(caught.value).endswith(f"whole log: {caught.value.log}")
    assert record_in(place / "work").outcome is Outcome.FAILED
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{title}: ")


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_step_without_its_tool_is_one_line_with_the_command(step: Step, place: Path) -> None:
    with pytest.raises(CampError) as caught:
        step.run(place / "work")
    (line,) = str(caught.value).splitlines()
    tool = step.words.split()[0]
    assert line.endswith(f" is not installed: run `camp tools install {tool}` in a terminal")
    assert not list((place / "work").iterdir())


class Impatient(Plain):
    """A learner who interrupts at the first line."""

    pressed = False

    def update(self, state: State) -> None:
        super().update(state)
        if state.lines and not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_an_interrupted_step_ends_whole_and_runs_again(
    step: Step, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(step, Failure("waits", "", then="sleep 600\n"), place)
    with monkeypatch.context() as patch:
        patch.setattr(job, "choose", Impatient)
        with pytest.raises(KeyboardInterrupt):
            step.run(place / "work")
    assert record_in(place / "work").outcome is Outcome.INTERRUPTED
    said = capsys.readouterr().out.splitlines()[-1]
    ended = r"interrupted after \d+ s, all its processes have ended; the next run starts over$"
    assert re.search(ended, said)
    left = [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(place / "work")]
    assert left == []
    prepare(step, Failure("whole", ""), place)
    assert step.run(place / "work").record.outcome is Outcome.PASSED


FILLS_THE_DISK = "head -c 1000000 /dev/zero > filler || exit"
ON_A_FULL_DISK = """
import json, sys
from pathlib import Path
from tests.test_toolbox_steps import on_a_full_disk
print(json.dumps(on_a_full_disk(Path(sys.argv[1]))))
"""


def on_a_full_disk(disk: Path) -> dict[str, str]:
    """Return how each step ends that fills the disk, by the name of the problem or its error.

    The tool's exit code is 0 then, as XTuner's is, but where that code is all there is to go by.
    """
    said = {}
    for step in STEPS:
        place = disk / step.name
        place.mkdir()
        code = 0 if step.files or step.lines else 1
        prepare(step, Failure("full", "", first=f"{FILLS_THE_DISK} {code}\n"), disk.parent)
        try:
            step.run(place)
        except toolbox.ToolError as error:
            said[step.name] = error.explanation.name or str(error)
        (place / "filler").unlink()
    return said


@pytest.fixture(scope="module")
def full_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return how each step ends on a disk of 64 KiB, which it fills: log and record included."""
    place = tmp_path_factory.mktemp("full")
    (place / "disk").mkdir()
    command = [*with_small_disk(place / "disk", "64k"), sys.executable, "-c", ON_A_FULL_DISK]
    own = {"CAMP_TOOLS": str(place / "tools"), "CAMP_LANG": "en", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*command, str(place / "disk")], env=os.environ | own, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_a_full_disk_is_named_at_every_step(name: str, full_disk: dict[str, str]) -> None:
    assert full_disk.get(name) == "disk-full"


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (f"cat <<'END'\n{TRACEBACK}\nEND\nexit 0\n", "did not start: ValueError: boom"),
        ("echo starting; kill -9 $$\n", "did not start: starting"),
        ("exit 0\n", "did not start: no output"),
        ("echo starting; sleep 600\n", "did not answer in 1 s"),
    ],
    ids=["traceback, exit 0", "killed", "silent", "never ready"],
)
def test_a_proxy_that_does_not_come_up_says_why(then: str, said: str, place: Path) -> None:
    stand_in.make(place / "tools", "lmdeploy", then, "/bin/sh")
    with Proxy(free_port()) as proxy, pytest.raises(CampError, match=f"the proxy {said}") as caught:
        proxy.wait(1)
    assert str(proxy.log) in str(caught.value)
    assert not proxy.running
