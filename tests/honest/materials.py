"""The corpus of honest work: three notebooks of exercises."""

from __future__ import annotations

from tests.honest import (
    arrays,
    basics,
    classes,
    files,
    frames,
    given,
    learning,
    objects,
    odds,
    talking,
)
from tests.honest.material import Material

# Exercises share notebooks, so that plain nbgrader starts few kernels.
MATERIALS = {
    "programming": Material(
        "programming",
        [*basics.EXERCISES, *files.EXERCISES, *classes.EXERCISES, *given.EXERCISES],
        files.FILES,
        minor=5,
    ),
    "habits": Material(
        "habits", [*talking.EXERCISES, *objects.EXERCISES, *odds.EXERCISES], minor=0
    ),
    "science": Material(
        "science",
        [*arrays.EXERCISES, *frames.EXERCISES, *learning.EXERCISES],
        frames.FILES,
        minor=4,
    ),
}
