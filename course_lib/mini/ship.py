"""Put trained models in their place in the package: weights, tokenizer, results, cards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from course_lib import chat, models
from course_lib.errors import CampError
from course_lib.mini import card, evaluate, likelihood
from course_lib.mini.export import export
from course_lib.mini.run import load_checkpoint

FOLDERS = {"base": models.BUILT_IN["camp-mini-base"], "chat": models.BUILT_IN["camp-mini"]}
"""Where the model of each stage stands in the package."""


def ship(out: Path, count: int, show: Callable[[str], None]) -> None:
    """Export the runs in ``out``, examine them on ``count`` questions a skill, write the cards.

    A stage without a run there keeps the model that it has.

    Raises:
        CampError: there is no run at all, or no tokenizer.
    """
    vocabulary = out / "tokenizer.json"
    runs = {stage: run for stage in FOLDERS if (run := out / stage / "checkpoint.pt").exists()}
    if not runs or not vocabulary.exists():
        raise CampError(
            f"{out}: no finished run there (tokenizer.json and base/ or chat/checkpoint.pt): "
            "make one with 'camp mini train'"
        )
    tokenizer = Tokenizer.from_file(str(vocabulary))
    for stage, run in runs.items():
        folder = FOLDERS[stage]
        checkpoint = load_checkpoint(run)
        export(checkpoint.network(), tokenizer, folder)
        shutil.copyfile(out / stage / "loss.png", folder / "loss.png")
        loaded = chat.load(folder)
        results = likelihood.examine(loaded, chat=stage == "chat")
        if stage == "chat":
            answerer = evaluate.Answerer(loaded)
            results = [
                *evaluate.evaluate(
                    answerer, count, report=lambda r, _: show(f"{r.name}: {r.accuracy:.3f}")
                ),
                *results,
            ]
        parameters = sum(p.numel() for p in checkpoint.network().parameters())
        found = card.measured(checkpoint.settings, parameters, checkpoint.log[-1], results)
        card.write_cards(folder, found)
        show(f"{stage}: {folder}")
