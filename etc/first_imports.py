"""Import what commands, lessons and their kernels import, so that Python compiles it once, now.

Learners' code runs where nothing may be written: there it would be compiled again each time.
"""

import importlib
import importlib.util

from course_lib import chat, models

for name in (
    "matplotlib.font_manager",  # also writes its list of fonts
    "matplotlib.pyplot",
    "ipykernel.kernelapp",
    "ipywidgets",
    "nbgrader.apps",
    "nbconvert.exporters.html",
    "playwright.sync_api",
    "streamlit.web.cli",
    "unittest.mock",
):
    importlib.import_module(name)

if importlib.util.find_spec("grading"):  # a learner's kit has none
    importlib.import_module("grading.cli")
chat.load(models.find("camp-mini", say=None)).chat("你好")
