"""``camp mini train``, ``camp mini eval`` and ``camp mini bench``."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from course_lib import models
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text

mini_app = typer.Typer(
    help="Train, examine and time the course's small model.", no_args_is_help=True
)
OUT = Path("build/mini")
OUT_SMALL = Path("build/mini-small")


class Part(StrEnum):
    """Which stage to train."""

    BASE = "base"
    CHAT = "chat"
    BOTH = "both"


@mini_app.command()
def train(
    part: Annotated[
        Part, typer.Argument(help="base, chat, or both one after the other")
    ] = Part.BOTH,
    out: Annotated[
        Path | None, typer.Option(help=f"folder of the run; default: {OUT} or {OUT_SMALL}")
    ] = None,
    small: Annotated[bool, typer.Option(help="a smaller model in under 3 minutes")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="steps of each stage")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="default: 2 on CPU, 1 on GPU")
    ] = None,
    seed: Annotated[str, typer.Option(help="the same seed gives the same data")] = "camp",
    compiled: Annotated[
        bool, typer.Option("--compile", help="faster; needs a C++ compiler")
    ] = False,
) -> None:
    """Train camp-mini: first on plain text, then on dialogues. Run it again to go on."""
    from course_lib.mini import recipe

    settings = recipe.SMALL if small else recipe.FULL
    for stage in ("base", "chat"):
        if part not in (stage, Part.BOTH):
            continue
        wanted = replace(settings[stage], seed=seed, compiled=compiled)
        wanted = replace(wanted, steps=steps or wanted.steps)
        wanted = recipe.on_this_machine(wanted, processes)
        recipe.run(wanted, out or (OUT_SMALL if small else OUT), show=typer.echo)


@mini_app.command("eval")
def evaluate(
    model: Annotated[
        str, typer.Argument(help="a model folder, camp-mini or camp-mini-base")
    ] = "camp-mini",
    count: Annotated[int, typer.Option(min=1, help="held-out questions for each skill")] = 500,
    skill: Annotated[
        list[str] | None, typer.Option(help="only this skill; may be repeated")
    ] = None,
    misses: Annotated[int, typer.Option(min=0, help="wrong answers to show for each skill")] = 0,
    out: Annotated[Path | None, typer.Option(help="write the results as JSON")] = None,
) -> None:
    """Examine a model on held-out questions: n, accuracy, 95 % interval for each skill."""
    from course_lib import chat
    from course_lib.mini import evaluate as exam
    from course_lib.mini.exams import EXAMS

    names = tuple(skill or ())
    unknown = set(names) - {e.name for e in EXAMS}
    if unknown:
        known = ", ".join(e.name for e in EXAMS)
        raise CampError(f"--skill {min(unknown)}: no such skill; there are {known}", exit_code=2)
    loaded = chat.load(models.find(model, say=typer.echo))
    console = Console()

    def report(result: exam.Result, missed: list[exam.Miss]) -> None:
        console.print(f"{result.name:18} {result.accuracy:.3f}", highlight=False)
        for miss in missed[:misses]:
            console.print(f"  Q {miss.sample.prompt[-1].content!r}", markup=False)
            console.print(f"  A {miss.reply!r}\n  = {miss.sample.answer!r}", markup=False)

    results = exam.evaluate(exam.Answerer(loaded), count, names, report)
    console.print(_table(results))
    if out:
        rows = [
            {"skill": r.name, "n": r.count, "right": r.right, "target": r.target} for r in results
        ]
        write_atomic(out, json.dumps(rows, indent=1) + "\n")


def _table(results: list[exam.Result]) -> Table:  # type: ignore[name-defined]  # noqa: F821
    heads = [Text("技能", "skill"), "n", Text("正确率", "accuracy"), "95 %", Text("目标", "target")]
    table = Table(*[str(head) for head in heads])
    for result in results:
        low, high = result.interval
        target = f"{result.target:.2f}" if result.target else ""
        met = "" if result.target is None or result.accuracy >= result.target else " ✗"
        table.add_row(
            result.name,
            str(result.count),
            f"{result.accuracy:.3f}{met}",
            f"{low:.3f}-{high:.3f}",
            target,
        )
    return table


@mini_app.command()
def bench(
    model: Annotated[
        str, typer.Argument(help="a model folder, camp-mini or camp-mini-base")
    ] = "camp-mini",
    tokens: Annotated[int, typer.Option(min=2, help="tokens to generate in each run")] = 128,
    runs: Annotated[int, typer.Option(min=1, help="runs; the table shows the median")] = 3,
) -> None:
    """Time loading, the first token, and tokens per second; beside llama.cpp where it is."""
    from course_lib.mini import bench as timing

    found = models.find(model, say=typer.echo)
    timings, lacks = timing.measure(found.folder, tokens, runs)
    Console().print(timing.table(timings))
    if lacks:
        typer.echo(lacks)


@mini_app.command(hidden=True)
def ship(
    out: Annotated[Path, typer.Option(help="folder of the finished training runs")] = OUT,
    count: Annotated[int, typer.Option(min=1, help="held-out questions for each skill")] = 500,
) -> None:
    """Maintainers: put finished runs into the package, examined, with model cards."""
    from course_lib.mini import ship as shipping

    shipping.ship(out, count, show=typer.echo)
