"""``camp collect``: what learners handed in, from wherever it lies, into the course directory.

``sources`` finds what is offered, ``export`` reads a form's table, ``archive`` keeps every
submission as it came and puts the newest where nbgrader looks, ``command`` says what became of it.
"""
