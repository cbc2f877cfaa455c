"""An environment with a tool of ours in the place of a real one, for what needs no real tool."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from course_lib.toolbox.catalogue import find
from course_lib.toolbox.environments import MARK, Mark


def make(root: Path, name: str, script: str, program: str = sys.executable) -> Path:
    """Make the environment of the tool ``name`` below ``root``; its command runs ``script``."""
    tool = find(name)
    folder = root / name
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    python.unlink(missing_ok=True)
    python.symlink_to(sys.executable)
    command = folder / "bin" / tool.program
    command.unlink(missing_ok=True)  # it may be that link, to this very Python
    command.write_text(f"#!{program}\n{script}")
    command.chmod(0o755)
    now = datetime.now(UTC)
    mark = Mark(tool=name, version=tool.version, key=tool.key, size=1, made=now, seconds=1)
    (folder / MARK).write_text(mark.model_dump_json())
    return folder


TRAINING = """
import os, sys, time
from pathlib import Path

words = sys.argv[1:]
if words[:1] == ["copy-cfg"]:
    sys.exit("no such config")
work = Path(words[words.index("--work-dir") + 1])
work.mkdir(exist_ok=True)
first = 0
if "--resume" in words:
    saved = words[words.index("--resume") + 1]
    first = int(Path(saved).stem.split("_")[1])
    print(f"resumed from {saved}")
mode = Path(words[1]).read_text().strip() if Path(words[1]).exists() else "pass"


def say(text):
    print(f"11/25 06:12:39 - mmengine - INFO - {text}", flush=True)


print("Map:  50%|#####     | 1/2 [00:00<00:00]\\rMap: 100%|##########| 2/2 [00:00<00:00]", flush=True)
for step in range(first + 10, 41, 10):
    loss = "nan" if mode == "nan" else f"{4.0 - step / 20:.4f}"
    say(f"Iter(train) [{step}/40]  lr: 1.9e-03  eta: 0:00:05  time: 0.1  loss: {loss}")
    if step == 20 or step == 40:
        say(f"Saving checkpoint at {step} iterations")
        path = work / f"iter_{step}.pth"
        path.write_text("weights")
        (work / "last_checkpoint").write_text(str(path.resolve()))
    if step == 20 and mode == "traceback":
        print("Traceback (most recent call last):")
        print('  File "train.py", line 3, in main')
        print("    boom()")
        print("ZeroDivisionError: division by zero")
        sys.exit(0)
    if step == 20 and mode == "killed":
        sys.exit(0)
    if step == 20 and mode == "wait":
        time.sleep(600)
"""
