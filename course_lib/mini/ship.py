"""Put trained models in their place in the package: weights, tokenizer, results, cards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tokenizers import Tokenizer

from course_lib import chat, models
from course_lib.errors import CampError
from course_lib.mini import card, evaluate, likelihood
from course_lib.mini.export import export
from course_lib.mini.mixture import Stage
from course_lib.mini.run import load_checkpoint

MODELS: Mapping[str, tuple[Stage, ...]] = {
    "base": ("base",),
    "chat": ("chat", "practice", "polish"),
}
"""The shipped models and the stages that make each, in their order."""


def ship(out: Path, count: int, show: Callable[[str], None]) -> None:
    """Export the runs in ``out``, examine them on ``count`` questions a skill, write the cards.

    A model that ``out`` does not train further stays as it is. Stages that came before those in
    ``out`` (they began with the shipped weights) keep their lines in the card.
    """
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    shipped = False
    for name, stages in MODELS.items():
        made = [stage for stage in stages if (out / stage / "checkpoint.pt").exists()]
        if not made:
            continue
        shipped = True
        folder = models.BUILT_IN["camp-mini" if name == "chat" else "camp-mini-base"]
        runs = []
        if made[0] != stages[0]:
            earlier = stages[: stages.index(made[0])]
            runs = [run for run in card.load_measured(folder).runs if run.stage in earlier]
        for stage in made:
            checkpoint = load_checkpoint(out / stage / "checkpoint.pt")
            run = card.run_of(stage, checkpoint.log[-1])
            shutil.copyfile(out / stage / "loss.png", folder / run.picture)
            runs.append(run)
        network = checkpoint.network()
        export(network, tokenizer, folder)
        loaded = chat.load(folder)
        results = likelihood.examine(loaded, chat=name == "chat")
        if name == "chat":
            answerer = evaluate.Answerer(loaded.model, loaded.tokenizer)
            results = [
                *evaluate.evaluate(
                    answerer, count, report=lambda r, _: show(f"{r.name}: {r.accuracy:.3f}")
                ),
                *results,
            ]
        parameters = sum(p.numel() for p in network.parameters())
        card.write_cards(folder, card.Measured(name, parameters, tuple(runs), tuple(results)))
        show(f"{name}: {folder}")
    if not shipped:
        raise CampError(f"{out}: no finished run of camp mini train here")
