"""Walls around learners' code on Linux, without Docker and without privileges.

``walls`` puts one process behind them, ``zygote`` is the process that holds the imports and forks
a walled process for each request, ``spawner`` is the grader's end of it.
"""
