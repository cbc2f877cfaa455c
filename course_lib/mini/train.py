"""Train camp-mini: on the CPU in two processes of one thread each, or on one GPU.

A run writes ``checkpoint.pt``, ``log.csv`` and ``loss.png`` into its folder and goes on from the
checkpoint when it is started again.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.mini.batches import Batch, Place, Stream
from course_lib.mini.export import load_network
from course_lib.mini.muon import Muon, all_reduce
from course_lib.mini.network import Network
from course_lib.mini.run import Checkpoint, Entry, Settings, load_checkpoint, write_log
from course_lib.ports import first_free

SAVE_EVERY = 120.0
"""Seconds between checkpoints."""
LOG_EVERY = 25
SMOOTHING = 0.97


@dataclass(frozen=True)
class Files:
    """What a run reads: ``tokenizer.json`` and, if any, a checkpoint or model to start from."""

    tokenizer: Path
    start: Path | None = None


def start_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint, or of a model folder as ``export`` writes it."""
    return load_network(path).state_dict() if path.is_dir() else load_checkpoint(path).weights


class Trainer:
    """One process of a training run."""

    def __init__(
        self, rank: int, settings: Settings, folder: Path, files: Files, device: str
    ) -> None:
        self.rank, self.settings, self.folder, self.device = rank, settings, folder, device
        torch.manual_seed(0)
        self.network = Network(settings.shape)
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
        place = None
        self.step, self.log, saved = 0, [], None
        path = folder / "checkpoint.pt"
        if path.exists():
            saved = load_checkpoint(path)
            self.step, self.log = saved.step, saved.log
            self.network.load_state_dict(saved.weights)
            if len(saved.places) == settings.processes:
                place = Place(*saved.places[rank])
        elif files.start is not None:
            self.network.load_state_dict(start_weights(files.start))
        self.network.to(device)
        if settings.compiled:
            self.network.hidden = torch.compile(self.network.hidden, dynamic=True)  # type: ignore[method-assign]
        self.optimiser = Muon(
            self.network, settings.matrix_rate, settings.other_rate, rank, settings.processes
        )
        if saved is not None:
            self.optimiser.restore(saved.optimiser)
        seed = f"{settings.seed} process {rank}" + (
            f" after {self.step}" if saved and not place else ""
        )
        self.stream = Stream(
            tokenizer,
            settings.stage,
            seed,
            settings.batch_tokens,
            place=place,
        )
        last = self.log[-1] if self.log else None
        self.tokens = last.tokens if last else 0
        self.loss = last.loss if last else 0.0
        self.began = time.monotonic()
        self.stream.progress = self.step / settings.steps
        self.before = (last.seconds, last.cpu_seconds) if last else (0.0, 0.0)

    def run(self, report: Progress | None) -> None:
        """Train to the end, saving now and then."""
        settings = self.settings
        task = None
        if report:
            total = settings.steps
            task = report.add_task(settings.stage, total=total, completed=self.step, loss="")
        saved_at = time.monotonic()
        batches = iter(self.stream)
        while self.step < settings.steps:
            waited = self.advance(next(batches), time.monotonic() - saved_at)
            if report and task is not None and self.log:
                report.update(task, completed=self.step, loss=f"loss {self.loss:.3f}")
            if waited > SAVE_EVERY or self.step == settings.steps:
                saved_at = time.monotonic()
                self.save()

    def advance(self, batch: Batch, waited: float = 0.0) -> float:
        """Take one step; return the processes' mean wait, so that all save together."""
        ids, targets, weights = (
            t.to(self.device) for t in (batch.ids, batch.targets, batch.weights)
        )
        loss = self.network.loss(ids, targets, weights)
        loss.backward()
        value, tokens, waited = self._share(loss.detach(), batch.tokens, waited)
        self.optimiser.step(self.settings.factor(self.step))
        self.network.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += tokens
        self.stream.progress = self.step / self.settings.steps
        smooth = SMOOTHING if self.loss else 0.0
        self.loss = smooth * self.loss + (1 - smooth) * value
        if self.step % LOG_EVERY == 0:
            self._note()
        return waited

    def _note(self) -> None:
        seconds = self.before[0] + time.monotonic() - self.began
        cpu = self.before[1] + time.process_time() * self.settings.processes
        self.log.append(Entry(self.step, self.tokens, self.loss, seconds, cpu))

    def _share(self, loss: Tensor, tokens: int, waited: float) -> tuple[float, int, float]:
        """Average gradients and loss over the processes; return loss, tokens, seconds waited."""
        facts = torch.tensor([float(loss), float(tokens), waited])
        processes = self.settings.processes
        if processes > 1:
            gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
            all_reduce([*gradients, facts])
            for gradient in gradients:
                gradient.div_(processes)
        value, total, waited = facts.tolist()
        return value / processes, int(total), waited / processes

    def save(self) -> None:
        """Write the checkpoint and the log; all processes take part."""
        if not self.log or self.log[-1].step != self.step:
            self._note()
        place = self.stream.place
        mine = torch.tensor([place.pool, place.batch, place.progress], dtype=torch.float64)
        places = [mine]
        if self.settings.processes > 1:
            places = [torch.zeros_like(mine) for _ in range(self.settings.processes)]
            dist.all_gather(places, mine)
        if self.rank:
            return
        Checkpoint(
            self.settings,
            self.step,
            {name: tensor.cpu() for name, tensor in self.network.state_dict().items()},
            self.optimiser.state(),
            [(int(p[0]), int(p[1]), float(p[2])) for p in places],
            self.log,
        ).save(self.folder / "checkpoint.pt")
        write_log(self.folder, self.log)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
    )


def _process(
    rank: int, port: int, settings: Settings, folder: Path, files: Files, device: str
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what PyTorch sends to orphans
    torch.set_num_threads(1)
    if settings.processes > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        dist.init_process_group("gloo", rank=rank, world_size=settings.processes)
    trainer = Trainer(rank, settings, folder, files, device)
    if rank:
        trainer.run(None)
    else:
        with _progress() as report:
            trainer.run(report)
    if settings.processes > 1:
        dist.destroy_process_group()


def _check_same_run(settings: Settings, path: Path) -> None:
    """Refuse to go on with a run of another model or other data; its steps may change."""
    if not path.exists():
        return
    saved = load_checkpoint(path).settings
    for name in ("stage", "shape", "seed"):
        if getattr(saved, name) != getattr(settings, name):
            raise CampError(
                f"{path}: a run with another {name} ({getattr(saved, name)}): "
                "give another --out, or delete that folder"
            )


def train(settings: Settings, folder: Path, files: Files) -> Checkpoint:
    """Train in ``folder`` and return the last checkpoint.

    A run that was stopped goes on where its last checkpoint is, with these settings.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    _check_same_run(settings, folder / "checkpoint.pt")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if settings.processes == 1:
            _process(0, 0, settings, folder, files, device)
        else:
            port = first_free(29500, tries=500) or 29500
            rest = (port, settings, folder, files, device)
            spawn(_process, rest, nprocs=settings.processes, daemon=True)
    except KeyboardInterrupt:
        message = Text(
            "已停下；再运行同一条命令会接着训练", "stopped; run the same command again to go on"
        )
        raise CampError(str(message), exit_code=130) from None
    return load_checkpoint(folder / "checkpoint.pt")
