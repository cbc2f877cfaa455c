import io
import signal
from collections.abc import Iterator
from contextlib import redirect_stdout

import nbformat
import pytest

from course_lib.cases import Case, Mistakes, call, case, read_case, write_case
from course_lib.checks import NotPassed, check, expect, given, hidden
from course_lib.language import Text
from course_lib.payload import fold
from tests.conftest import ROOT

BITS = fold({"why": [["位不是字节", "bits are not bytes"]], "cases": [{}, {}]})


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")


def verdict(source: str, cases: list[Case], **options: object) -> str:
    """Return the line a learner reads whose cell is ``source``."""
    names: dict = {"check": check, "cases": cases, "options": options}
    exec(compile(source, "<cell>", "exec"), names)
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            exec('check("size", cases, **options)', names)
    except NotPassed as error:
        return str(error)
    return out.getvalue()


CASES = [case(8, 16, gives=16.0), case(-1, 8, raises=ValueError)]
RIGHT = """
def size(n, bits):
    if n < 0:
        raise ValueError
    return n * bits / 8
"""


def test_right() -> None:
    assert verdict(RIGHT, CASES, points=10).startswith("✅ right: +10 ")


def test_not_attempted() -> None:
    assert verdict("", CASES) == (
        "⬜ not attempted yet, or its cell failed: there is no size; run that cell first"
    )
    blank = "def size(n, bits):\n    raise NotImplementedError"
    assert verdict(blank, CASES) == "⬜ not attempted yet: size"


def test_none_is_no_missing_return_where_the_mistake_is_known() -> None:
    line = verdict("def size(n, bits): pass", CASES)
    assert "you returned None (is a return missing?)" in line
    key = call(lambda n, bits: None, CASES[0]).key
    table = fold({"why": [["位不是字节", "bits are not bytes"]], "cases": [{key: [0]}, {}]})
    line = verdict("def size(n, bits): pass", CASES, mistakes=table)
    assert line.endswith("you returned None; bits are not bytes")


def test_a_check_says_which_cells_come_before_it() -> None:
    names: dict = {"given": given, "C": {}}
    exec('given("C")', names)
    with pytest.raises(NotPassed, match="there is no D yet: run the cells above") as missed:
        exec('given("C", "D")', names)
    assert missed.value.kind == "not attempted"


@pytest.mark.parametrize("lesson", ["01_intro", "02_demo"])
def test_a_lessons_checks_ask_for_what_is_given(lesson: str) -> None:
    """Run alone, as after a restart of the kernel, each check says one line."""
    book = nbformat.read(ROOT / "notebooks/en" / f"{lesson}.ipynb", 4)
    checks = [one.source for one in book.cells if one.id.startswith("check-")]
    assert len(checks) == 8
    for source in checks:
        with pytest.raises(NotPassed) as missed:
            exec(source, {})
        assert missed.value.kind == "not attempted"


def test_wrong_shows_call_result_and_expectation() -> None:
    line = verdict("def size(n, bits): return n * bits", CASES)
    assert line == "❌ wrong: for size(8, 16) you returned 128; it should be 16"


def test_wrong_type_is_said() -> None:
    line = verdict("def size(n, bits): return 16.0", [case(8, 16, gives=16)])
    assert line == "❌ wrong: for size(8, 16) you returned 16, a float; it should be a int"


def test_none_and_missing_exception() -> None:
    assert "None (is a return missing?)" in verdict("def size(n, bits): n", CASES)
    line = verdict("def size(n, bits): return n * bits / 8", CASES)
    assert line == "❌ wrong: for size(-1, 8) you returned -1; ValueError should be raised"


def test_raised_names_the_line_in_the_cell() -> None:
    source = "def helper(n):\n    return n / 0\n\ndef size(n, bits):\n    return helper(n)"
    line = verdict(source, CASES)
    assert line == (
        "💥 your code raised ZeroDivisionError at line 2 (division by zero), for size(8, 16)"
    )


@pytest.fixture
def no_alarm() -> Iterator[None]:
    """Take away the alarm of pytest's own time limit, as in a notebook."""
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    left = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, *left)


@pytest.mark.usefixtures("no_alarm")
@pytest.mark.parametrize("wanted", [case(8, 16, gives=16.0), case(8, 16, raises=ValueError)])
def test_code_that_does_not_end_is_ended(wanted: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.time_limit.LONGEST", 0.3)
    line = verdict("def size(n, bits):\n    while True:\n        n = n", [wanted])
    assert line == (
        "💥 your code did not end in 0.3 s, for size(8, 16): does each step of its loop move on?"
    )
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


@pytest.mark.usefixtures("no_alarm")
def test_who_uses_the_alarm_keeps_it() -> None:
    def own(*_: object) -> None: ...

    signal.signal(signal.SIGALRM, own)
    signal.setitimer(signal.ITIMER_REAL, 50)
    assert verdict(RIGHT, CASES).startswith("✅")
    assert signal.getsignal(signal.SIGALRM) is own
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 40


def test_a_known_mistake_is_named() -> None:
    outcome = call(lambda n, bits: n * bits, CASES[0])
    table = Mistakes((Text("位不是字节", "bits are not bytes"),), ({outcome.key: [0]}, {}))
    line = verdict("def size(n, bits): return n * bits", CASES, mistakes=fold(table.write()))
    assert line == "❌ wrong: for size(8, 16) you returned 128; bits are not bytes"


def test_of_two_mistakes_the_one_that_fits_all_failures_is_named() -> None:
    table = Mistakes((Text("甲", "first"), Text("乙", "second")), ({"a": [0, 1]}, {"b": [1]}))

    class Known:
        def __init__(self, key: str) -> None:
            self.key = key

    assert str(table.explain({0: Known("a"), 1: Known("b")})) == "second"  # type: ignore[dict-item]
    assert table.explain({0: Known("c"), 1: Known("b")}) is None  # type: ignore[dict-item]
    assert table.explain({}) is None


def test_hidden_never_shows_values() -> None:
    tests = fold(
        {
            "tests": [write_case(case(987654, 8, gives=987654.0, zh="八位", en="eight bits"))],
            "why": [],
            "cases": [{}],
        }
    )
    names: dict = {"hidden": hidden, "tests": tests}
    for source, said in [
        (
            "def size(n, bits): return n * bits",
            "❌ wrong: on a hidden test (eight bits) your result",
        ),
        (
            "def size(n, bits): raise ValueError(n)",
            "💥 your code raised ValueError, on a",
        ),
        (
            "def size(n, bits): raise type(repr(n), (BaseException,), {})(n)",
            "💥 your code raised an exception of its own, on a",
        ),
    ]:
        exec(compile(source, "<cell>", "exec"), names)
        with pytest.raises(NotPassed) as failed:
            exec('hidden("size", tests)', names)
        assert str(failed.value).startswith(said)
        assert "987654" not in str(failed.value)
        assert "987,654" not in str(failed.value)


def test_an_answer_cannot_spoil_the_arguments() -> None:
    shared = [3, 1, 2]
    cases = [case(shared, gives=[1, 2, 3]), case(shared, gives=[1, 2, 3])]
    assert verdict("def size(a):\n    a.sort()\n    return a", cases).startswith("✅")
    assert shared == [3, 1, 2]


def test_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "zh")
    line = verdict("def size(n, bits): return n * bits", CASES)
    assert line == "❌ 不对：size(8, 16) 你返回了 128，应当是 16"


def test_a_case_survives_writing() -> None:
    before = case(1, {"a": (2, 3.5)}, fn="other", raises=KeyError, zh="甲", en="a", flag=True)
    assert read_case(write_case(before)) == before
    assert read_case(write_case(case([1], gives=None))).gives is None


def test_a_demonstration_tells_a_skipped_cell_from_a_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mistake = "⬜ NameError while using mine: make their checks pass first\n"
    for inside, told in {
        "pictures.draw(mine())": "⬜ there is no pictures yet: run the cells above",
        "[pictures.draw(one) for one in (1, 2)]": "⬜ there is no pictures yet: run the cells above",
        "mine(1)": mistake,
        "mine()": mistake,
    }.items():
        blank = "" if inside == "mine()" else "def mine(*given): return given[0] + misspelt\n"
        blank = blank.replace("given[0] + misspelt", "1") if "pictures" in inside else blank
        exec(f"from course_lib.demo import needs\n{blank}with needs('mine'): {inside}", {})
        assert capsys.readouterr().out.startswith(told)


def test_expect() -> None:
    expect(True, zh="", en="")
    with pytest.raises(NotPassed, match="❌ wrong: grows with layers"):
        expect(False, zh="随层数增长", en="grows with layers")


def test_a_notebook_shows_one_line(tmp_path: object) -> None:
    import nbformat
    from nbclient import NotebookClient

    cells = [
        nbformat.v4.new_code_cell(
            "from course_lib.checks import case, check\ndef size(n): return n"
        ),
        nbformat.v4.new_code_cell('check("size", [case(2, gives=3)])'),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, allow_errors=True).execute()
    (output,) = notebook.cells[1].outputs
    assert output.ename == "NotPassed"
    assert output.traceback == [output.evalue]
    assert output.evalue == "❌ wrong: for size(2) you returned 2; it should be 3"


def test_an_earlier_version_does_not_pass_for_one_that_failed() -> None:
    import nbformat
    from nbclient import NotebookClient

    check_it = 'check("size", [case(2, gives=3)])'
    sources = [
        "from course_lib.checks import case, check",
        "def size(n): return n + 1",
        check_it,
        "def size(n): return n + 1)",
        check_it,
        "1 / 0\ndef size(n): return n",
        check_it,
        "%%time\n\ndef size(n):\n    return n + 1",
        check_it,
        "size = lambda n: n + 1",
        check_it,
        "def size(n): return n + 1\n1 / 0",
        check_it,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in sources])
    NotebookClient(notebook, allow_errors=True).execute()
    said = ["".join(one.get("text", "") or one.get("evalue", "") for one in cell.outputs)
            for cell in notebook.cells if cell.source == check_it]  # fmt: skip
    failed = "💥 the cell that defines size failed when it was last run"
    assert [line.startswith(failed) for line in said] == [False, True, True, False, False, False]
    assert all(said[at].startswith("✅ right") for at in (0, 3, 4, 5))
