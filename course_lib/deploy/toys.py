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


def join_words(a: object, b: object) -> str:
    """Return both with a blank between."""
    return f"{a} {b}"


def say_twice(word: str) -> str:
    """Return the word twice."""
    return word * 2


Registry = dict[str, Callable[..., Any]]
TOOLS: Registry = {"add": demo_add, "divide": demo_divide, "greet": demo_greet}
REGISTRIES: dict[str, Registry] = {
    "numbers": TOOLS,
    "words": {"add": join_words, "twice": say_twice},
}
"""Tools by the name of their registry; the second has another ``add`` and no ``divide``."""
