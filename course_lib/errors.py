"""The one exception that a command turns into one clear line, and text that fits a line."""

from __future__ import annotations


class CampError(Exception):
    """Something the user can mend; its text says what, where, and what to do.

    ``camp`` prints the text as one line and exits with :attr:`exit_code`.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback: the text alone."""
        return [str(self)]


def printable(text: str) -> str:
    """Return ``text`` for a terminal: what moves the cursor, colours or is no text becomes �."""
    return "".join(one if one.isprintable() else "�" for one in text)
