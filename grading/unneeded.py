"""Which of a lesson's demonstrations nobody's code needs, so that grading need not run them.

A lesson's graded cells use only given cells and exercises (the builder proves it), but a learner
may use a name from a demonstration, say an import. Those that bind such a name still run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from grading.cell_names import READS_ANYTHING, imported_first, names_of


def unneeded(sources: Sequence[str], demonstrations: Collection[int]) -> set[int]:
    """Return the demonstrations without effect on the other cells.

    Args:
        sources: the text of each code cell.
        demonstrations: indices of the cells that are the lesson's own, as released.
    """
    found = [names_of(source) for source in sources]
    idle = set(demonstrations)
    needed: set[str] = set()
    awake = set(range(len(sources))) - idle
    while awake:
        for index in awake:
            names = found[index]
            if names is None or names.read & READS_ANYTHING:
                return set()
            needed |= names.read - imported_first(sources[index])
        awake = {i for i in idle if (names := found[i]) is None or names.bound & needed}
        idle -= awake
    return idle
