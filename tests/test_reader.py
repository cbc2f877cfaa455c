from pathlib import Path

import jupytext
import pytest

from course_lib.errors import CampError
from grading.reader import read_lesson
from tests.sources import BODY, GOOD, HEADER, PROSE


def write(folder: Path, text: str, name: str = "01_sizes.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_lesson_is_read(tmp_path: Path) -> None:
    lesson = read_lesson(write(tmp_path, GOOD))
    assert lesson.name == "01_sizes"
    assert lesson.title.zh == "大小"
    (exercise,) = lesson.exercises
    assert exercise.name == "weight_bytes"
    assert [wrong.tagged.en for wrong in exercise.wrongs] == [
        "bits are not bytes",
        "a negative count is not refused",
    ]
    lines = GOOD.splitlines()
    for cell in lesson.cells:
        assert lines[cell.line - 1].startswith("# %%")
        if cell.name:
            assert f'{cell.kind}="{cell.name}"' in lines[cell.line - 1]


def test_the_sample_round_trips_through_jupytext() -> None:
    text = HEADER + "\n" + PROSE.strip() + "\n"
    notebook = jupytext.reads(text, fmt="py:percent")
    assert jupytext.writes(notebook, fmt="py:percent") == text


def cut(text: str, start: str, end: str) -> str:
    """Return ``text`` without what lies from ``start`` up to ``end``."""
    first = text.index(start)
    return text[:first] + text[text.index(end, first + 1) :]


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


EN_PROSE = '# %% [markdown] lang="en"'
TASK = '''# %% [markdown] lang="zh"
"""
### ✏️
"""

# %% [markdown] lang="en"
"""
Task
"""

'''

BROKEN = {
    "prose unpaired": (
        HEADER + cut(PROSE, EN_PROSE, "bytes do weights take?\n\"\"\"").replace(
            'bytes do weights take?\n"""', ""
        ) + BODY,
        '# %% [markdown] lang="zh"',
        'is not followed by its lang="en"',
    ),
    "english prose alone": (
        HEADER + cut(PROSE, '# %% [markdown] lang="zh"', EN_PROSE) + BODY,
        EN_PROSE,
        'has no lang="zh" cell',
    ),
    "points": (GOOD.replace("points=70", "points=60"), "# ---", "points add up to 90"),
    "fewer points": (
        GOOD.replace("points=70", "points=60").replace("points: 100", "points: 90"),
        "# ---", "course.points: Input should be 100",
    ),
    "unknown lesson": (
        GOOD.replace("prerequisites: []", "prerequisites: [99_none]"),
        "# ---", "there is no lesson '99_none'",
    ),
    "broken demonstration": (
        GOOD.replace('print("a demonstration")', 'print("a demonstration"'),
        'print("a demonstration"', "not Python: '(' was never closed",
    ),
    "broken tool": (
        GOOD + '\n# %% tool="try" minutes=1\n# !ls\nx = = 1\n', "x = = 1", "not Python: invalid syntax",
    ),
    "no check": (cut(GOOD, '# %% check="', '# %% cases="'), "# %% exercise", "has no check cell"),
    "no cases": (cut(GOOD, '# %% cases="', '# %% wrong="'), "# %% exercise", "has no cases cell"),
    "no wrong": (cut(GOOD, '# %% wrong="', '# %% quiz="'), "# %% exercise", "has no wrong cell"),
    "duplicate name": (
        GOOD + '\n# %% given="table"\nX = 1\n',
        '# %% given="table"\nX',
        "second given 'table'",
    ),
    "unknown key": (GOOD.replace("level=1", "levle=1"), "# %% exercise", "needs level"),
    "unknown kind": (GOOD.replace("# %% given=", "# %% givn="), "# %% givn", "unknown key 'givn'"),
    "bad points": (GOOD.replace("points=70", "points=-70"), "# %% exercise", "points=-70"),
    "no solution": (
        GOOD.replace("### BEGIN SOLUTION", "#").replace("### END SOLUTION", "#"),
        "# %% exercise",
        "needs ### BEGIN SOLUTION",
    ),
    "check without check()": (
        GOOD.replace('check(\n    "weight_bytes"', 'print(\n    "weight_bytes"'),
        "# %% check",
        "a check cell ends in check",
    ),
    "syntax": (GOOD.replace("return n * bits / 8", "return n * bits /"), "return n * bits /", "not Python"),
    "wrong says nothing": (
        GOOD.replace("# en: bits are not bytes\n", ""),
        '# %% wrong="weight_bytes"\n# zh: 位',
        "says why",
    ),
    "no rubric": (cut(GOOD + "# %%\n", "# %% rubric", "# %%\n"), "# %% [markdown] note", "has no rubric"),
    "rubric sum": (GOOD.replace("points=20", "points=25"), "# %% rubric", "add up to 35, the note is 30"),
    "two right choices": (GOOD.replace('en="10"', 'right=True, en="10"'), "# %% quiz", "exactly one right"),
    "header": (GOOD.replace("#     minutes: 20\n", ""), "# ---", "course.minutes"),
    "heading of no exercise": (
        GOOD.replace("权重占", "### ✏️\n\n权重占").replace("How many bytes do", "### ✏️\n\nHow many bytes do"),
        '# %% [markdown] lang="zh"',
        "right before an exercise",
    ),
    "heading in one language": (
        GOOD.replace("# %% exercise", TASK + "# %% exercise"),
        TASK.strip(),
        "once in each prose cell",
    ),
    "header that is no YAML": (GOOD.replace("level: L1-1", "level: [L1-1"), "# ---", "not valid YAML"),
    "a raw cell": (GOOD + "\n# %% [raw]\n# hello\n", "# %% [raw]", "not [raw]"),
    "settings without quotes": (GOOD.replace("points=70", "points=ten"), "# %% exercise", "key=value"),
    "a name nbgrader confuses": (
        GOOD + '\n# %% given="b"\nB = 1\n\n# %% exercise="given_b" level=1 minutes=1 points=1\npass\n',
        '# %% exercise="given_b"',
        "nbgrader would call this cell 'given_b'",
    ),
    "hidden tests by hand": (
        GOOD.replace("check(\n", "### BEGIN HIDDEN TESTS\ncheck(\n"),
        "### BEGIN HIDDEN TESTS",
        "set by the builder",
    ),
    "a solution elsewhere": (
        GOOD.replace("SIZES = ", "### BEGIN SOLUTION\nSIZES = "),
        "### BEGIN SOLUTION",
        "set by the builder",
    ),
    "markdown as code": (GOOD.replace("# %% [markdown] note=", "# %% note="), "# %% note", "markdown"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_malformed_lesson_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    text, where, reason = BROKEN[kind]
    with pytest.raises(CampError) as refused:
        read_lesson(write(tmp_path, text))
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / '01_sizes.py'}:{line_of(text, where)}: "), message
    assert reason in message
    assert "\n" not in message


def test_a_byte_order_mark_and_windows_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "01_sizes.py"
    path.write_bytes(("\ufeff" + GOOD.replace("\n", "\r\n")).encode("utf-8"))
    assert read_lesson(path).course == read_lesson(write(tmp_path, GOOD)).course


def test_a_lesson_needs_a_numbered_name(tmp_path: Path) -> None:
    with pytest.raises(CampError, match="NN_name"):
        read_lesson(write(tmp_path, GOOD, "sizes.py"))


def test_a_look_alike_in_a_string_does_not_shift_lines(tmp_path: Path) -> None:
    text = GOOD.replace('print("a demonstration")', 'x = """\n# %% inside\n"""')
    lesson = read_lesson(write(tmp_path, text))
    (given,) = lesson.of_kind("given")
    assert text.splitlines()[given.line - 1] == '# %% given="table"'
