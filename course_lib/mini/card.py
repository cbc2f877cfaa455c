"""The model cards of the shipped models, zh and en: ``card_*.md`` and what was measured."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import LANGUAGES, Language, Text
from course_lib.mini.evaluate import Result
from course_lib.mini.run import Entry, Settings

NAMES: dict[Language, str] = {"zh": "README.zh.md", "en": "README.md"}
RESULTS = "results.json"


@dataclass(frozen=True)
class Measured:
    """What stands in a card: how a stage was trained and how its model did."""

    stage: str
    parameters: int
    steps: int
    tokens: int
    loss: float
    hours: float
    cpu_hours: float
    results: tuple[Result, ...]

    def save(self, folder: Path) -> None:
        """Write ``results.json``, which tests and lessons read."""
        data = asdict(self) | {"results": [asdict(result) for result in self.results]}
        write_atomic(folder / RESULTS, json.dumps(data, indent=1) + "\n")


def load_measured(folder: Path) -> Measured:
    """Read ``results.json`` of a shipped model."""
    try:
        data = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        return Measured(**data | {"results": tuple(Result(**r) for r in data["results"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CampError(f"{folder / RESULTS}: not the results of a shipped model") from error


def measured(settings: Settings, parameters: int, last: Entry, results: list[Result]) -> Measured:
    """Return what a card says of a finished run."""
    return Measured(
        settings.stage,
        parameters,
        last.step,
        last.tokens,
        round(last.loss, 4),
        round(last.seconds / 3600, 2),
        round(last.cpu_seconds / 3600, 2),
        tuple(results),
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


def card(found: Measured, size: int, language: Language) -> str:
    """Return a model card; ``size`` is that of the weights in bytes."""
    template = Path(__file__).with_name(f"card_{found.stage}.{language}.md")
    return template.read_text(encoding="utf-8").format(
        parameters=found.parameters / 1e6,
        megabytes=size / 1e6,
        steps=found.steps,
        tokens=found.tokens / 1e6,
        cpu=found.cpu_hours,
        hours=found.hours,
        loss=found.loss,
        table=table(found.results, language),
        right={result.name: result.accuracy for result in found.results},
    )


def write_cards(folder: Path, found: Measured) -> None:
    """Write both cards and ``results.json`` beside the weights."""
    size = (folder / "model.safetensors").stat().st_size
    for language in LANGUAGES:
        write_atomic(folder / NAMES[language], card(found, size, language))
    found.save(folder)
