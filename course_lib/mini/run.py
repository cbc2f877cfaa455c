"""What a training run is: its settings, its log, its checkpoint on disk."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.mini.mixture import Stage
from course_lib.mini.network import Network, Shape


@dataclass(frozen=True)
class Settings:
    """One run; the same settings give the same data. ``batch_tokens`` is for each process.

    ``compiled`` lets ``torch.compile`` fuse small operations: a fifth faster, needs a C++ compiler.
    """

    stage: Stage = "chat"
    steps: int = 26_000
    processes: int = 2
    batch_tokens: int = 2048
    seed: str = "camp"
    matrix_rate: float = 0.02
    other_rate: float = 5e-3
    decay: float = 0.45
    compiled: bool = False
    shape: Shape = field(default_factory=Shape)

    def factor(self, step: int) -> float:
        """Return the share of the learning rates at ``step``: up, flat, then linearly to 2 %."""
        left = (self.steps - step) / (self.steps * self.decay)
        return min(1.0, (step + 1) / 30, max(0.02, left))


@dataclass(frozen=True)
class Entry:
    """One line of the log: loss in nats per token (running mean), times in seconds."""

    step: int
    tokens: int
    loss: float
    seconds: float
    cpu_seconds: float


@dataclass
class Checkpoint:
    """All that a run needs to go on, and what export needs."""

    settings: Settings
    step: int
    weights: dict[str, torch.Tensor]
    optimiser: dict[str, Any]
    places: list[tuple[int, int, float]]
    log: list[Entry]

    def network(self) -> Network:
        """Return the network with these weights."""
        network = Network(self.settings.shape)
        network.load_state_dict(self.weights)
        return network

    def save(self, path: Path) -> None:
        """Write the checkpoint whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(
            {
                "settings": asdict(self.settings),
                "step": self.step,
                "weights": self.weights,
                "optimiser": self.optimiser,
                "places": self.places,
                "log": [asdict(entry) for entry in self.log],
            },
            part,
        )
        part.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing in it is ever unpickled as code."""
    try:
        raw = torch.load(path, weights_only=True, map_location="cpu")
        settings = raw["settings"] | {"shape": Shape(**raw["settings"]["shape"])}
        return Checkpoint(
            Settings(**settings),
            raw["step"],
            raw["weights"],
            raw["optimiser"],
            [tuple(place) for place in raw["places"]],
            [Entry(**entry) for entry in raw["log"]],
        )
    except FileNotFoundError:
        raise CampError(f"{path}: no such checkpoint; start with camp mini train") from None
    except Exception as error:
        raise CampError(f"{path}: not a checkpoint of camp mini train ({error})") from error


def write_log(folder: Path, log: list[Entry]) -> None:
    """Write ``log.csv`` and the picture ``loss.png``."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([f.name for f in fields(Entry)])
    for entry in log:
        writer.writerow(
            [
                entry.step,
                entry.tokens,
                f"{entry.loss:.4f}",
                f"{entry.seconds:.0f}",
                f"{entry.cpu_seconds:.0f}",
            ]
        )
    write_atomic(folder / "log.csv", table.getvalue())
    write_atomic(folder / "loss.png", loss_picture(log))


def loss_picture(log: list[Entry]) -> bytes:
    """Return the loss over tokens as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.plot([e.tokens / 1e6 for e in log], [e.loss for e in log], color="#2f6fde")
    axes.set(xlabel="tokens (million)", ylabel="loss (nats per token)", yscale="log")
    axes.grid(alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
