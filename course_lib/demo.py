"""Pictures that use the learner's own functions wait for them in one friendly line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.verdicts import not_defined


@contextmanager
def needs(*functions: str) -> Iterator[None]:
    """Run a demonstration; if the learner's functions are not there yet, say which.

    Args:
        functions: names of the exercises that the code inside calls.
    """
    names = ", ".join(functions)
    try:
        yield
    except NotImplementedError:
        print(
            Text(
                f"⬜ 这一格要用到 {names}：先做完练习，再回来运行",
                f"⬜ this cell uses {names}: do the exercises first, then run it again",
            )
        )
    except CampError as error:  # not the learner's function: the text says what to do
        print(f"⬜ {error}")
    except Exception as error:
        if missing := _skipped(error, functions):
            print(not_defined(missing))
            return
        print(
            Text(
                f"⬜ 这一格用 {names} 时出了 {type(error).__name__}：先让它们的检查通过",
                f"⬜ {type(error).__name__} while using {names}: make their checks pass first",
            )
        )


def _skipped(error: Exception, functions: tuple[str, ...]) -> str | None:
    """Return the name that the cell itself lacks, for a cell above was not run; else None.

    A name that a function lacks is the function's mistake.
    """
    if not isinstance(error, NameError) or error.name in functions:
        return None
    within = [frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)]
    own = all(name == needs.__name__ or name.startswith("<") for name in within)
    return error.name if own else None
