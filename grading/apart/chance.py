"""The global random generators of both processes, kept alike where a test needs it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from grading.apart.kinds import checked_state
from grading.apart.peer import Peer


def mirror_seeds(peer: Callable[[], Peer | None]) -> None:
    """Let a test that seeds a global random generator seed the learner's too.

    Done once for each library; one that is imported later needs another call.
    """

    def mirrored(which: str, seed: Callable[..., Any]) -> Callable[..., Any]:
        def both(*args: Any, **kwargs: Any) -> Any:
            value = seed(*args, **kwargs)
            number = args[0] if args else next(iter(kwargs.values()), None)
            there = peer()
            if there is not None and isinstance(number, int | float | str | bytes):
                there.ask("seed", which, number)
            return value

        return both

    places: list[tuple[str, Any, str]] = [("random", random, "seed")]
    if "numpy" in sys.modules:
        import numpy as np

        places.append(("numpy", np.random, "seed"))
    if "torch" in sys.modules:
        import torch

        places.append(("torch", torch, "manual_seed"))
    for which, module, name in places:
        if not hasattr(getattr(module, name), "mirrored"):
            both = mirrored(which, getattr(module, name))
            both.mirrored = True  # type: ignore[attr-defined]
            setattr(module, name, both)


def chance() -> dict[str, Any]:
    """Return the state of the global random generators."""
    found: dict[str, Any] = {"random": random.getstate()}
    if "numpy" in sys.modules:
        import numpy as np

        found["numpy"] = np.random.get_state(legacy=False)
    if "torch" in sys.modules:
        import torch

        found["torch"] = torch.get_rng_state()
    return found


def set_chance(state: dict[str, Any]) -> None:
    """Give the global random generators a state."""
    random.setstate(state["random"])
    if "numpy" in state:
        import numpy as np

        np.random.set_state(checked_state(state["numpy"]))
    if "torch" in state:
        import torch

        torch.set_rng_state(state["torch"])
