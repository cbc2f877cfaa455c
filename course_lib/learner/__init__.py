"""What a learner has done: the lessons, the verdicts, what was handed in, and what came of it."""
