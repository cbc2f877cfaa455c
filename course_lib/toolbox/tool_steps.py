"""Which step of a tool a command line is, and so what proves it."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from course_lib.language import Text
from course_lib.toolbox import progress
from course_lib.toolbox.steps import Step

_SAVED = re.compile(r"Saving checkpoint at (\d+) iterations")
_EXAM, _CALIBRATION = ("data/ceval/**/*",), ("wikitext/*",)
"""Where the two look for what their words call ``ceval-exam`` and ``wikitext2``."""
_WEIGHTS = ("*.safetensors", "*.bin")


def step_of(tool: str, words: Sequence[str], folder: Path) -> Step:
    """Return the step; one that the course does not know has no proof but its exit code."""
    match (tool, *words):
        case ("xtuner", "copy-cfg", name, *rest):
            copy = Path(rest[0] if rest else ".", f"{name}_copy.py")
            return Step(files=((str(copy),),), lines=(r"^Copy to ",), output=copy)
        case ("xtuner", "train", config, *rest):
            return _training(folder, config, rest)
        case ("xtuner", "convert", "pth_to_hf", *rest) if len(values := _values(rest)) >= 3:
            output = values[2]
            adapter = (f"{output}/adapter_config.json", f"{output}/config.json")
            return Step((adapter, _weights(output)), (r"All done!",), Path(output))
        case ("xtuner", "convert", "merge", *rest) if len(values := _values(rest)) >= 3:
            output = values[2]
            files = ((f"{output}/config.json",), (f"{output}/tokenizer_config.json",))
            return Step((*files, _weights(output)), (r"^All done!",), Path(output))
        case ("xtuner", "chat", *_):
            return Step(lines=(r"double enter to end input", r"Log: Exit!"))
        case ("opencompass", *_):
            output = _option(words, "-w", "--work-dir") or "outputs/default"
            return Step(
                ((f"{output}/*/summary/summary_*.csv",),), wrong=_no_score(output), reads=_EXAM
            )
        case ("lmdeploy", "lite", "auto_awq" | "smooth_quant", *_):
            output = _option(words, "--work-dir") or "work_dir"
            written = (f"{output}/config.json",), _weights(output)
            return Step(written, output=Path(output), reads=_CALIBRATION)
        case ("mineru", "parse", *_) if pages := _option(words, "-o", "--output"):
            return Step(((f"{pages}/**/*.md",),), output=Path(pages))
    return Step()


def _training(folder: Path, config: str, rest: Sequence[str]) -> Step:
    output = Path(_option(rest, "--work-dir") or Path("work_dirs", Path(config).stem))
    try:
        last = (folder / output / "last_checkpoint").read_text(encoding="utf-8").strip()
    except OSError:
        last = ""
    return Step(
        files=((f"{output}/last_checkpoint",), (f"{output}/iter_*.pth", f"{output}/epoch_*.pth")),
        lines=(r"Saving checkpoint at \d+ (iterations|epochs)",),
        output=output,
        resume=("--resume", last) if last and (folder / last).exists() else (),
        # MMEngine 0.10 saves its log buffers with the weights, which torch 2.6 and later only
        # reads when told that the file is trusted: it is the learner's own checkpoint.
        resume_variables={"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        wrong=_unfinished,
    )


def _unfinished(_folder: Path, log: Sequence[str]) -> Text | None:
    """Tell what is wrong with a training: a loss that is no number, or an end too early."""
    seen = [found for found in map(progress.read, log) if found and found.training]
    if any(found.loss is not None and not math.isfinite(found.loss) for found in seen):
        return Text("损失变成了 nan", "the loss became nan")
    saved = [int(found[1]) for found in map(_SAVED.search, log) if found]
    if seen and saved and saved[-1] < seen[-1].total:
        return Text(
            f"只训练到第 {saved[-1]} 步，共 {seen[-1].total} 步",
            f"it ended at iteration {saved[-1]} of {seen[-1].total}",
        )
    return None


def _no_score(output: str) -> Callable[[Path, Sequence[str]], Text | None]:
    """Return the look for a table without a single score."""

    def look(folder: Path, _log: Sequence[str]) -> Text | None:
        newest = max((folder / output).glob("*/summary/summary_*.csv"))
        with newest.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        if any(any(char.isdigit() for char in row[-1]) for row in rows if row):
            return None
        return Text("结果表里没有一个分数", "its table has not one score")

    return look


def _weights(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in _WEIGHTS)


def _option(words: Sequence[str], *names: str) -> str | None:
    """Return the value of an option, written ``--name value`` or ``--name=value``."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names and equals:
            return value
        if word in names and number + 1 < len(words):
            return words[number + 1]
    return None


_FLAGS = {"--fp32", "--safe-serialization", "--is-clip"}


def _values(words: Sequence[str]) -> list[str]:
    """Return the positional words of an XTuner conversion."""
    found, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = "=" not in word and word not in _FLAGS
        else:
            found.append(word)
    return found
