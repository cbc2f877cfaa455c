"""How alike learners' answers and notes are, for a TA to look at; never a verdict.

Texts become tokens (``tokens``), runs of them fingerprints (``fingerprints``: winnowing), what
the lesson gave or many learners share counts for nothing (``compare``), and what is left alike is
found passage by passage (``passages``) and shown side by side (``pages``).
"""
