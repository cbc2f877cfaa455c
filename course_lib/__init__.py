"""What a learner's notebook imports: checks, quizzes, plots, widgets and the note check.

Nothing in this package imports ``grading``.
"""

__version__ = "0.1.0"
