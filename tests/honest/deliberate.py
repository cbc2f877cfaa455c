"""Where ``camp grade`` gives another score than plain nbgrader, and why."""

from __future__ import annotations

STDERR = "plain nbgrader gives 0 for any text on stderr, here a library's warning"
SHADOW = "plain nbgrader fails a right answer because a name of Python's own is bound elsewhere"
NOT_SAID = "plain nbgrader gives full points for a test whose last value says that it failed"

# by learner and cell: points by plain nbgrader, by camp grade, why
DIFFERENCES = {
    ("solved", "functions_drop"): (0, 1, STDERR),
    ("learner0", "network_train"): (0, 2, STDERR),
    ("learner0", "shadow_test"): (0, 1, SHADOW),
    ("learner2", "store_bool"): (1, 0, NOT_SAID),
    ("blank", "store_result"): (1, 0, NOT_SAID),
    ("learner2", "store_result"): (1, 0, NOT_SAID),
}
