"""Tools small enough to know by heart, for the exercise on function calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def demo_add(a: float, b: float) -> float:
    """Return the sum."""
    return a + b


def demo_divide(a: float, b: float) -> float:
    """Return the quotient; raises ZeroDivisionError for b = 0."""
    return a / b


def demo_greet(name: str, polite: bool = True) -> str:
    """Return a greeting."""
    return f"Good morning, {name}." if polite else f"Hi {name}!"


TOOLS: dict[str, Callable[..., Any]] = {
    "add": demo_add,
    "divide": demo_divide,
    "greet": demo_greet,
}
