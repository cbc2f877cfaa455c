"""The inbox: takes submissions over HTTP, and gives each learner what is the learner's own.

``service`` holds the routes, ``store`` what lies on disk, ``members`` who may come in, ``database``
the tables, ``upload`` and ``limits`` what keeps one caller from harming the others, ``watch`` log
and metrics. ``command`` and ``roster`` are the commands ``camp inbox`` and ``camp roster``.
"""
