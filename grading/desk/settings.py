"""What ``camp desk`` tells its page, through one variable of its environment."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

VARIABLE = "CAMP_DESK"


class Settings(BaseModel):
    """The settings of a page.

    Attributes:
        course: the course directory.
        name: the TA's name to begin with; "" when it is to be asked for.
        formgrader: address of ``camp formgrader``, such as ``http://127.0.0.1:8890``.
        token: what the page's address must hold, so that other users of the machine stay out.
    """

    model_config = ConfigDict(frozen=True)
    course: Path
    name: str = ""
    formgrader: str
    token: str

    @classmethod
    def read(cls) -> Settings:
        """Return the settings of this page."""
        return cls.model_validate_json(os.environ[VARIABLE])

    def variables(self) -> dict[str, str]:
        """Return what the page's environment needs."""
        return {VARIABLE: self.model_dump_json()}
