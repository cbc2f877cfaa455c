"""The commands of instructors and TAs, added to ``camp``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``app`` (entry point ``camp.commands``)."""
