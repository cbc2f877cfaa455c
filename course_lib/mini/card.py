"""The model cards of the shipped models, zh and en: ``card_*.md`` and what was measured."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import LANGUAGES, Language, Text
from course_lib.mini.evaluate import Result
from course_lib.mini.run import Entry

NAMES: dict[Language, str] = {"zh": "README.zh.md", "en": "README.md"}
RESULTS = "results.json"


@dataclass(frozen=True)
class Run:
    """One stage of a training; the loss is in nats per token, a running mean."""

    stage: str
    steps: int
    tokens: int
    loss: float
    hours: float
    cpu_hours: float

    @property
    def picture(self) -> str:
        """Return the name of the file that shows the loss."""
        return f"loss_{self.stage}.png"


@dataclass(frozen=True)
class Measured:
    """What is known about a shipped model: ``stage`` is base or chat."""

    stage: str
    parameters: int
    runs: tuple[Run, ...]
    results: tuple[Result, ...]

    def save(self, folder: Path) -> None:
        """Write ``results.json``, which tests and lessons read."""
        data = asdict(self)
        write_atomic(folder / RESULTS, json.dumps(data, indent=1) + "\n")


def load_measured(folder: Path) -> Measured:
    """Read ``results.json`` of a shipped model."""
    try:
        data = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        results = tuple(Result(**r) for r in data["results"])
        runs = tuple(Run(**r) for r in data["runs"])
        return Measured(data["stage"], data["parameters"], runs, results)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CampError(f"{folder / RESULTS}: not the results of a shipped model") from error


def run_of(stage: str, last: Entry) -> Run:
    """Return what the last line of a log says about a stage."""
    return Run(
        stage,
        last.step,
        last.tokens,
        round(last.loss, 4),
        round(last.seconds / 3600, 2),
        round(last.cpu_seconds / 3600, 2),
    )


_COLUMNS = Text(
    "| 技能 | n | 正确率 | 95 % 区间 | 目标 |", "| skill | n | accuracy | 95 % interval | target |"
)


def table(results: tuple[Result, ...], language: Language) -> str:
    """Return the results as a Markdown table."""
    lines = [_COLUMNS.in_language(language), "|---|---|---|---|---|"]
    for r in results:
        low, high = r.interval
        missed = " ✗" if r.target is not None and r.accuracy < r.target else ""
        target = f"{r.target:.2f}" if r.target is not None else ""
        shown = f"{r.accuracy:.3f}{missed} | {low:.3f}–{high:.3f} | {target}"
        lines.append(f"| {r.name} | {r.count} | {shown} |")
    return "\n".join(lines) + "\n"


_RUN_COLUMNS = Text(
    "| 阶段 | 步数 | token（百万） | 最后的损失 | CPU 小时 | 实际小时 |",
    "| stage | steps | tokens (million) | last loss | CPU hours | hours |",
)


def run_table(runs: tuple[Run, ...], language: Language) -> str:
    """Return the stages as a Markdown table, and below it their losses as pictures."""
    lines = [_RUN_COLUMNS.in_language(language), "|---|---|---|---|---|---|"]
    for r in runs:
        cost = f"{r.cpu_hours:.1f} | {r.hours:.1f}"
        lines.append(f"| {r.stage} | {r.steps:,} | {r.tokens / 1e6:.1f} | {r.loss:.3f} | {cost} |")
    pictures = [f"![{r.stage}]({r.picture})" for r in runs]
    return "\n".join([*lines, "", *pictures]) + "\n"


def card(found: Measured, size: int, language: Language) -> str:
    """Return a model card; ``size`` is that of the weights in bytes."""
    template = Path(__file__).with_name(f"card_{found.stage}.{language}.md")
    return template.read_text(encoding="utf-8").format(
        parameters=found.parameters / 1e6,
        megabytes=size / 1e6,
        runs=run_table(found.runs, language),
        table=table(found.results, language),
    )


def write_cards(folder: Path, found: Measured) -> None:
    """Write both cards and ``results.json`` beside the weights."""
    size = (folder / "model.safetensors").stat().st_size
    for language in LANGUAGES:
        write_atomic(folder / NAMES[language], card(found, size, language))
    found.save(folder)
