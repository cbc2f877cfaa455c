"""Learner code and tests in two processes, with only plain data between them."""
