r"""Let jupytext write Chinese as it is, so that a saved source equals the one opened.

jupytext 1.19 escapes every character beyond ASCII in the header and in cell metadata
(``title: "\u6837"``). It has no option for it; its two writers are replaced here, in the
process that asks for it: the JupyterLab server (``etc/jupyter_lab_config.py``).
"""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace

import jupytext.cell_metadata
import jupytext.header
import yaml


def keep_unicode() -> None:
    """Make jupytext write text unescaped and long lines unfolded in this process."""
    safe_dump = partial(yaml.safe_dump, allow_unicode=True, width=100_000)
    jupytext.header.yaml = SimpleNamespace(**(vars(yaml) | {"safe_dump": safe_dump}))
    jupytext.cell_metadata.dumps = partial(json.dumps, ensure_ascii=False)
