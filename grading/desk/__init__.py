"""``camp desk``: the page on which TAs share the marking and see how a lesson goes.

``reader`` reads a lesson's scores into a ``sheet``, ``waiting`` says where each submission stands,
``claims`` keeps two TAs off the same one, ``graded`` and ``reading`` open what a TA reads,
``comments`` holds what is said again and again; ``items``, ``wrong``, ``spread``, ``funnel``,
``stuck`` and ``spot`` count. The modules ``page``, ``stored`` and ``show_*`` are Streamlit's and
only show.
"""
