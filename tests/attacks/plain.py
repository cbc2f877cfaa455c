"""Plain nbgrader's points on the same cases: run by hand, as nobody, on a machine without worth.

``python -m tests.attacks.plain`` prints the table of ``docs/attacks.md``. Each case runs in a
process with limits, but without walls: nbgrader runs a learner's code as who grades.
"""
