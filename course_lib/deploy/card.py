"""What ``nvidia-smi`` says of the cards while a model is served on them, as evidence."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from course_lib.hand_in import Record, read
from course_lib.language import Text

FILE = "gpu.json"
MAX_BYTES = 1 << 16
_QUERY = "name,memory.total,memory.used,driver_version"
Mebibytes = Annotated[int, Field(ge=0)]


class Card(Record):
    """One card; memory in MiB, None where the driver does not tell."""

    name: str = Field(max_length=200)
    memory_total: Mebibytes | None
    memory_used: Mebibytes | None
    driver_version: str = Field(max_length=200)


class Snapshot(Record):
    """All cards of a machine at one moment."""

    format: Literal[1] = 1
    at: AwareDatetime
    cards: tuple[Card, ...] = Field(min_length=1, max_length=64)

    def write(self) -> str:
        """Return the file's text."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"


def take() -> Snapshot | None:
    """Return what ``nvidia-smi`` says now; None without a card."""
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line.split(", ") for line in done.stdout.splitlines()]
    cards = [_card(*row) for row in rows if len(row) == len(_QUERY.split(","))]
    return Snapshot(at=datetime.now(UTC), cards=tuple(cards)) if cards else None


def _card(name: str, total: str, used: str, driver: str) -> Card:
    return Card(
        name=name, memory_total=_mebibytes(total), memory_used=_mebibytes(used),
        driver_version=driver.strip(),
    )  # fmt: skip


def _mebibytes(told: str) -> int | None:
    return int(told) if told.strip().isdecimal() else None


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        CampError: it is damaged or too large.
        OSError: there is none.
    """
    again = Text(
        "把它改名留着，再运行 GPU 那一格", "rename it to keep it, then run the GPU's cell again"
    )
    return read(path, Snapshot, MAX_BYTES, again)
