"""Tests in one process, a learner's code in another: what a test may rely on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from grading.apart.folder import Folder
from grading.apart.outputs import Outputs
from grading.apart.plan import NOT_REACHED, Outcome, Plan, Step, Times
from grading.apart.run import NoRoom, run
from grading.isolation.limits import Limits
from grading.isolation.spawner import Needs, Spawner
from grading.steps import to_text

pytestmark = pytest.mark.usefixtures("walls")
Judge = Callable[..., list[Outcome]]
TIMES = Times(call=2, cell=2, submission=30)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """Return ``judge(*steps, **plan)``, which gives the outcomes."""
    with Spawner(Needs(preload=("unittest", "numpy", "torch", "pandas"))) as spawner:

        def judge(*steps: Step, times: Times = TIMES, **words: object) -> list[Outcome]:
            for _ in range(2):  # as ``LessonRun`` does where the machine was busy
                with spawner.job(Limits()) as job:
                    found = run(job, Plan(steps, times=times, **words))  # type: ignore[arg-type]
                if not found.doubtful:
                    break
            return found.outcomes

        yield judge


def learner(source: str) -> Step:
    return Step("learner", "answer", source)


def given(source: str) -> Step:
    return Step("given", "given", source)


def asked(source: str, points: float = 1, **words: object) -> Step:
    return Step("test", "test", source, points, **words)  # type: ignore[arg-type]


RIGHT = {
    "values": (
        "def f(x): return {'a': [x, (x, 2.5)], 'b': {x}, 'n': None, 'big': 10**30}",
        "assert f(1) == {'a': [1, (1, 2.5)], 'b': {1}, 'n': None, 'big': 10**30}",
    ),
    "types are exact": ("def f(): return True", "assert type(f()) is bool and f() is True"),
    "arrays": (
        "import numpy as np\ndef f(n): return np.arange(n).reshape(-1, 2) / 2",
        "import numpy as np\nnp.testing.assert_allclose(f(4), [[0, .5], [1, 1.5]])\n"
        "assert f(4).dtype == np.float64 and isinstance(f(4), np.ndarray)",
    ),
    "tensors": (
        "import torch\ndef f(x): return torch.nn.Parameter(x * 2).to(torch.bfloat16)",
        "import torch\ny = f(torch.ones(3))\nassert y.dtype == torch.bfloat16 and y.requires_grad\n"
        "assert torch.equal(y.float(), torch.full((3,), 2.0))",
    ),
    "a variable": ("answer = 42", "assert answer == 42"),
    "widgets": (
        "import ipywidgets\nslider = ipywidgets.IntSlider(value=3, max=9)\nslider\n"
        "def f(): return slider.value",
        "assert f() == 3",
    ),
    "exceptions": (
        "class Mine(ValueError): pass\ndef f(): raise Mine('no')",
        "try:\n    f()\nexcept ValueError as error:\n    assert str(error) == 'no'\n"
        "else:\n    raise AssertionError",
    ),
    "unittest": (
        "def f(x): return 1 / x",
        "import unittest\nclass T(unittest.TestCase):\n    g = f\n    def test(self):\n"
        "        self.assertEqual(f(2), 0.5)\n        with self.assertRaises(ZeroDivisionError):\n"
        "            f(0)\nloader = unittest.defaultTestLoader.loadTestsFromTestCase(T)\n"
        "assert unittest.TextTestRunner().run(loader).wasSuccessful()",
    ),
    "generators": (
        "def f(n):\n    while n:\n        yield n\n        n -= 1",
        "import types\nassert list(f(3)) == [3, 2, 1] and next(f(2)) == 2\n"
        "assert isinstance(f(1), types.GeneratorType)",
    ),
    "callbacks": (
        "def twice(g, x): return g(g(x))\ndef each(items): return [i.name() for i in items]",
        "class Item:\n    def name(self): return 'n'\n"
        "assert twice(lambda x: x * 3, 2) == 18\nassert each([Item(), Item()]) == ['n', 'n']",
    ),
    "printing": (
        "def f(name): print('hello', name)",
        "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n"
        "    f('you')\nassert out.getvalue() == 'hello you\\n'",
    ),
    "seeds": (
        "import random, numpy as np, torch\n"
        "def f(): return [random.random(), float(np.random.rand()), float(torch.rand(1))]",
        "import random, numpy as np, torch\n"
        "def seed(): random.seed(3); np.random.seed(3); torch.manual_seed(3)\n"
        "seed(); mine = [random.random(), float(np.random.rand()), float(torch.rand(1))]\n"
        "seed(); assert f() == mine",
    ),
    "top-level await, magics, no last value": (
        "import asyncio\n%time y = 1\nawait asyncio.sleep(0)\nx = !echo 5\nx = int(x[0])",
        "assert x == 5",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_a_test_may_rely_on(judge: Judge, name: str) -> None:
    answer, question = RIGHT[name]
    _, found = judge(learner(answer), asked(question, 3))
    assert (found.error, found.score, found.reason) == (None, 3, "")


WRONG = {
    "equal to everything": (
        "class E:\n    def __eq__(s, o): return True\n    def __contains__(s, i): return True\n"
        "    def __iter__(s): return iter(())\ndef f(x): return E()",
        ["assert f(3) == 9", "assert not (f(3) != 9)", "assert 9 in f(3)", "assert 9 == f(3)"],
    ),
    "an int that lies": (
        "class E(int):\n    def __eq__(s, o): return True\n    __hash__ = int.__hash__\n"
        "def f(x): return E(4)",
        ["assert f(3) == 9", "assert {f(3): 1} == {9: 1}"],
    ),
    "a class in a function's place": (
        "class f:\n    def __init__(s, x): pass\n    def __eq__(s, o): return True",
        ["assert f(3) == 9"],
    ),
    "builtins shadowed": (
        "abs = len = sorted = isinstance = lambda *a: True\nall = any = lambda x: True\n"
        "def f(x): return 0",
        ["assert abs(f(3) - 9) < 1e-9", "assert all(f(i) == i for i in (1, 2))"],
    ),
    "a module that is another": (
        "import os as math\ndef f(x): return 0",
        ["import math\nassert f(4) == math.sqrt(16)"],
    ),
    "an exception of the judge's": (
        "def f(x): raise AssertionError('not attempted')",
        ["f(1)"],
    ),
    "a masked array": (
        "import numpy as np\ndef f(x): return np.ma.masked_all(3)",
        [
            "import numpy as np\nnp.testing.assert_array_equal(f(3), np.array([1., 2, 3]))",
            "import numpy as np\nnp.testing.assert_allclose(f(3), [1., 2, 3])",
        ],
    ),
    "all but one masked": (
        "import numpy as np\ndef f(x): return np.ma.array([1., 0, 0], mask=[0, 1, 1])",
        ["import numpy as np\nassert (f(3) == np.array([1., 2, 3])).mean() == 1"],
    ),
    "missing values of pandas": (
        "import pandas as pd\ndef f(x): return pd.Series([pd.NA] * 3, dtype=['Int64', object][x])",
        [
            "assert (f(0) == [1, 2, 3]).all()",
            "assert not (f(0) != [1, 2, 3]).any()",
            "assert (f(1) == [1, 2, 3]).all()",
        ],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_learner_cannot_decide(judge: Judge, name: str) -> None:
    answer, questions = WRONG[name]
    _, *found = judge(learner(answer), *map(asked, questions), solved=("f",))
    assert [one.score for one in found] == [0] * len(questions)
    assert all(one.error for one in found)


def test_a_class_that_is_the_exercise_compares_its_own_way(judge: Judge) -> None:
    answer = """class V:
    def __init__(self, x): self.x = x
    def __add__(self, other): return V(self.x + other.x)
    def __eq__(self, other): return isinstance(other, V) and self.x == other.x
    def __len__(self): return self.x
    def __contains__(self, item): return item == self.x"""
    question = """assert V(1) + V(2) == V(3) and V(1) != V(2)
assert len(V(4)) == 4 and 4 in V(4) and 5 not in V(4)
v = V(1)
v.x = 7
assert v.x == 7"""
    words = {"solved": ("V",), "classes": ("V",)}
    _, solution = judge(learner(answer), asked(question), **words, learning=True)
    assert {"eq V", "contains V plain", "handle"} < set(solution.traits)
    learned = solution.traits
    _, found = judge(learner(answer), asked(question, traits=learned), **words)
    assert (found.error, found.score) == (None, 1)
    _, found = judge(learner(answer), asked(question), **words)
    assert (found.score, found.reason) == (0, "only believed")


def test_a_name_of_the_instructors_is_never_the_learners(judge: Judge) -> None:
    """A learner's function that ends the instructor's cell cannot fill in what it left unbound."""
    steps = (
        learner("EXPECTED = 0\ndef helper(x): return 0\ndef f(x): raise SystemExit"),
        given("f(1)\nEXPECTED = 42\ndef helper(x): return 42"),
        learner("EXPECTED = 0\ndef helper(x): return 0\ndef f(x): return 0"),
        asked("assert f(1) == EXPECTED"),
        asked("assert f(1) == helper(1)"),
    )
    words = {"solved": ("f",), "given": ("EXPECTED", "helper")}
    *_, constant, function = judge(*steps, **words)
    assert [constant.score, function.score] == [0, 0]
    assert getattr(constant.error, "name", "") == "NameError"
    unwatched = judge(*steps, solved=("f",))
    assert unwatched[-2].score == 1, "without the list of names this test proves nothing"


def test_given_cells_count_from_the_instructors_copy(judge: Judge) -> None:
    steps = (
        given("TABLE = {'a': 1}\ndef helper(x): return x + TABLE['a']"),
        learner("TABLE['a'] = 0\nhelper = lambda x: 0\ndef f(x): return helper(x)"),
        asked("assert f(4) == helper(4)"),
        asked("assert TABLE == {'a': 1} and helper(4) == 5"),
    )
    _, _, forged, kept = judge(*steps)
    assert (forged.score, kept.score) == (0, 1)


def test_objects_that_the_answer_needs_are_made_on_its_side(judge: Judge) -> None:
    steps = (
        given(
            "import torch\nmodel = torch.nn.Linear(2, 3)\n"
            "def make(n):\n    torch.manual_seed(n)\n    return torch.nn.Linear(n, n)"
        ),
        learner(
            "class Twice(torch.nn.Module):\n    def __init__(self, base):\n"
            "        super().__init__()\n        self.base = base\n"
            "    def forward(self, x):\n        return 2 * self.base(x)\n"
            "def count(m):\n    assert isinstance(m, torch.nn.Module)\n"
            "    return sum(p.numel() for p in m.parameters())"
        ),
        asked("assert count(model) == 9 and count(make(2)) == 6"),
        asked(
            "layer = Twice(make(3))\nx = torch.randn(2, 3)\n"
            "assert torch.allclose(layer(x), 2 * layer.base(x))\n"
            "assert isinstance(layer, torch.nn.Module) and model.weight.shape == (3, 2)\n"
            "assert sum(p.numel() for p in layer.parameters() if p.requires_grad) == 12"
        ),
    )
    words = {"modules": ("torch",), "solved": ("Twice",), "classes": ("Twice",)}
    *_, solution = judge(*steps, **words, learning=True)
    steps = (*steps[:-1], replace(steps[-1], traits=solution.traits))
    *_, counted, used = judge(*steps, **words)
    assert (counted.error, used.error) == (None, None)


def test_arguments_change_only_where_the_test_needs_it(judge: Judge) -> None:
    answer = learner(
        "def f(rows, table, array):\n    rows.sort()\n    table['x'] = 1\n    array *= 2\n"
    )
    question = (
        "import numpy as np\nr, t, a = [2, 1], {}, np.ones(2)\nf(r, t, a)\n"
        "assert r == [1, 2] and t == {'x': 1} and a.tolist() == [2, 2]"
    )
    _, kept, changed = judge(answer, asked(question), asked(question, close=("args",)))
    assert (kept.score, changed.score) == (0, 1)


@pytest.mark.parametrize(
    ("last", "points", "reason"),
    [
        ("3", 3, ""),
        ("0.5", 0.5, ""),
        ("4.0", 4, ""),
        ("None", 4, ""),
        ("f(1);", 4, ""),
        ("__import__('numpy').float32(1)", 1, ""),
        ("4.1", 0, "no number"),
        ("-1", 0, "no number"),
        ("float('nan')", 0, "no number"),
        ("True", 0, "no number"),
        ("'all'", 0, "no number"),
        ("f", 0, "no number"),
        ("f(1)", 0, "no number"),
    ],
)
def test_the_last_value_is_a_number_of_points(
    judge: Judge, last: str, points: float, reason: str
) -> None:
    _, found = judge(learner("def f(x): return 'full'"), asked(f"x = 1\n{last}", 4))
    assert (found.score, found.reason) == (points, reason)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("def f(x):\n    while True: pass", "late"),
        ("import time\ndef f(x): time.sleep(60)", "late"),
        ("import os\ndef f(x): os._exit(0)", "ended"),
        (
            "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)",
            "",
        ),  # it is process 1
        ("import ctypes\ndef f(x): ctypes.string_at(0)", "ended"),
        ("def f(x):\n    import sys\n    sys.exit(0)", ""),
        ("def f(x): raise KeyboardInterrupt", ""),
    ],
)
def test_what_ends_the_answers_process_costs_that_test_only(
    judge: Judge, answer: str, reason: str
) -> None:
    before, after = learner("def g(): return 1"), learner("def h(): return 2")
    found = judge(
        before, learner(answer), asked("assert f(1) == 1"), after, asked("assert g() + h() == 3")
    )
    assert (found[2].score, found[2].reason) == (0, reason)
    assert (found[4].score, found[4].reason) == (1, "")


def test_a_cell_that_never_ends_is_left_out(judge: Judge) -> None:
    endless = learner(
        "while True:\n    try:\n        while True: pass\n    except BaseException: 0"
    )
    found = judge(learner("x = 1"), endless, learner("y = 2"), asked("assert x + y == 3"))
    assert [one.reason for one in found] == ["", "late", "", ""]
    assert found[3].score == 1


def test_a_test_that_never_ends_is_stopped(judge: Judge) -> None:
    found = judge(learner("def f(): return 1"), asked("while True: f"), asked("assert f() == 1"))
    assert (found[1].score, found[1].reason) == (0, "late")
    assert (found[2].score, found[2].reason) == (1, "")


def test_a_submission_has_an_end(judge: Judge) -> None:
    slow = learner("import time\ntime.sleep(1.5)")
    found = judge(*[slow] * 8, asked("assert True"), times=Times(2, 2, 4))
    assert found[-1] == Outcome(reason=NOT_REACHED)


def test_what_is_said_cannot_come_from_a_hidden_test(judge: Judge) -> None:
    answer = learner(
        "seen = []\ndef f(x):\n    seen.append(x)\n    raise ValueError(f'met {seen}')\n"
        "def g(x): return seen"
    )
    hidden = asked("assert True\nassert f('secret') == 1", visible="assert True", hidden_from=2)
    visible = asked("assert g(1) == 1, f'g gave {g(1)}'\nassert f(2)", visible="assert g(1) == 1, "
                    "f'g gave {g(1)}'\nassert f(2)")  # fmt: skip
    _, first, second = judge(answer, hidden, visible)
    assert not first.clean
    assert first.error is not None
    assert "secret" in first.error.text
    assert not second.clean
    assert second.error is not None
    assert "secret" in second.error.text
    assert second.said is not None
    assert second.said.text == "g gave []"


@pytest.mark.parametrize(("language", "said"), [("zh", "不对"), ("en", "wrong")])
def test_verdicts_are_in_the_learners_language(judge: Judge, language: str, said: str) -> None:
    question = "from course_lib.checks import case, check\ncheck('f', [case(1, gives=2)])"
    _, found = judge(learner("def f(x): return 3"), asked(question), language=language)
    assert found.error is not None
    assert (found.error.name, said in found.error.text) == ("NotPassed", True)


def test_a_cell_shows_what_a_notebook_would(judge: Judge) -> None:
    source = (
        "import matplotlib.pyplot as plt\nprint('drawing')\nplt.plot([1, 2])\nplt.show()\n7 * 6"
    )
    (found,) = judge(learner(source), times=Times(60, 60, 90))
    kinds = [output["output_type"] for output in found.outputs]
    assert kinds == ["stream", "display_data", "execute_result"]
    assert found.outputs[1]["data"]["image/png"].startswith("iVBOR")
    assert found.outputs[2]["data"]["text/plain"] == "42"


# sources, and how many areas each makes
AREAS = {
    "a slider": (
        "import ipywidgets\n@ipywidgets.interact(x=(0, 10))\ndef show(x):\n"
        "    print('x is', x)\n    return 2 * x",
        1,
    ),
    "a slider moved": (
        "from IPython.display import clear_output, display\n"
        "moved = ipywidgets.interactive(lambda x: print('x was', x), x=(0, 4))\ndisplay(moved)\n"
        "moved.children[0].value = 3\nprint('moved')",
        1,
    ),
    "one area in another": (
        "one, two = ipywidgets.Output(), ipywidgets.Output()\ndisplay(one, two)\n"
        "with one:\n    print('in one')\n    with two:\n        print('in two')\n"
        "        clear_output()\n        print('in two again')\n    display('in one again')\n"
        "print('outside')",
        2,
    ),
    "cleared": ("print('a')\ndisplay('b')\nclear_output()\nprint('c')\n'd'", 0),
    "cleared by what comes": (
        "for number in range(3):\n    clear_output(wait=True)\n    print(number)",
        0,
    ),
    "never cleared": ("print('stays')\nclear_output(wait=True)", 0),
    "updated": (
        "shown = display('one', display_id=True)\nprint('then')\nshown.update('two')",
        0,
    ),
}


def _shown(outputs: list[Any]) -> list[Any]:
    """Return outputs as text, what follows in one stream joined."""
    found: list[Any] = []
    for output in outputs:
        name = output.get("name") or output["output_type"]
        data = {kind: text for kind, text in output.get("data", {}).items() if type(text) is str}
        text = output.get("text")
        if text and found and found[-1][0] == name:
            found[-1][1] += text
        else:
            found.append([name, text or data])
    return found


def test_what_a_cell_shows_with_areas_is_what_a_kernel_shows(judge: Judge) -> None:
    """What an ``Output`` widget holds is in its state with a kernel, and below the cell's here."""
    sources = [source for source, _ in AREAS.values()]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, kernel_name="python3", timeout=60)
    client.execute()
    widgets = client.widget_state.values()
    areas = [one["outputs"] for one in widgets if one["_model_name"] == "OutputModel"]
    assert [_shown(area) for area in areas] == [
        [["stdout", "x is 5\n"], ["display_data", {"text/plain": "10"}]],
        [["stdout", "x was 3\n"]],
        [["stdout", "in one\n"], ["display_data", {"text/plain": "'in one again'"}]],
        [["stdout", "in two again\n"]],
    ]
    found = judge(*map(learner, sources), times=replace(TIMES, cell=20))
    for (name, (_, count)), one, cell in zip(AREAS.items(), found, notebook.cells, strict=True):
        held = [output for area in areas[:count] for output in area]
        del areas[:count]
        assert _shown(one.outputs) == _shown([*cell.outputs, *held]), name


def test_an_exception_that_a_widget_catches_is_in_its_area(judge: Judge) -> None:
    raises = "import ipywidgets\n@ipywidgets.interact(x=(0, 2))\ndef show(x):\n    x / 0"
    (found,) = judge(learner(raises))
    assert found.error is None
    assert [output.get("text") for output in found.outputs] == [
        None,
        "ZeroDivisionError: division by zero\n",
    ]


def test_what_is_cleared_leaves_room(judge: Judge) -> None:
    """A picture drawn again and again is kept, however much was drawn before."""
    draws = (
        "from IPython.display import clear_output, display\nfor number in range(60):\n"
        "    clear_output(wait=True)\n    print(number, 'x' * 9000)\n"
        "    display({'text/plain': f'{number}' + 'y' * 100_000}, raw=True)"
    )
    (found,) = judge(learner(draws))
    text, picture = found.outputs
    assert text["text"].startswith("59 x")
    assert picture["data"]["text/plain"].startswith("59y")


def test_a_flood_of_output_is_cut(judge: Judge) -> None:
    source = "for _ in range(100): print('x' * 100_000)\n'y' * 9_000_000"
    (found,) = judge(learner(source), times=Times(30, 30, 60))
    assert found.error is None
    assert sum(len(str(output)) for output in found.outputs) < 200_000


def test_a_flood_of_small_outputs_is_cut(judge: Judge) -> None:
    source = "import sys\nfor n in range(6000): print(n, file=[sys.stdout, sys.stderr][n % 2])"
    found, right = judge(learner(source), asked("assert n == 5999"), times=Times(30, 30, 60))
    assert 1000 < len(found.outputs) < 3000
    assert "more output than is kept" in found.outputs[-1]["text"]
    assert right.score == 1


FLOODS = {
    "forms": ({f"text/{number:05}" + "k" * 80: "" for number in range(60_000)}, 20),
    "names that are no forms": ({f"{number:05}" + "k" * 80: "" for number in range(60_000)}, 0),
    "one more form for each output": ({f"text/{number}": "x" for number in range(21)}, 20),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_forms_is_cut(name: str) -> None:
    """The grader writes what it is told: a form costs as much as text."""
    data, kept = FLOODS[name]
    shown = {"output_type": "display_data", "data": data, "metadata": {"much": "x" * 10**6}}
    found = Outputs().keep([shown] * 25)
    assert sum(len(one["data"]) for one in found if "data" in one) == 25 * kept
    assert all(one["metadata"] == {} for one in found if "data" in one)
    assert len(json.dumps(found)) < 100_000


def test_an_output_of_empty_lines_is_cut() -> None:
    """In a notebook's file each line is a text of its own."""
    lines = {"output_type": "stream", "name": "stdout", "text": "\n" * 4_000_000}
    few = {**lines, "text": "\n" * 400_000}
    kept = [*map(NotebookNode, Outputs().keep([few] * 5))]
    assert len(to_text(new_notebook(cells=[new_code_cell(outputs=kept)]))) < 10_000_000
    assert [one["text"] for one in Outputs().keep([lines])] == ["(more output than is kept)\n"]


def test_what_is_kept_is_what_a_notebook_may_hold() -> None:
    """The grader puts it into a notebook as it is, and nbgrader reads that."""
    shown = [
        {"output_type": "stream", "name": "stderr", "text": "t"},
        {"output_type": "execute_result", "data": {"text/plain": "1", "application/x": {}}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", "no form": "1"}},
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
    ]
    kept = Outputs().keep(shown)
    assert [one.get("data") for one in kept] == [
        None, {"text/plain": "1"}, {"image/svg+xml": "<svg/>"},
    ]  # fmt: skip
    nbformat.validate(new_notebook(cells=[new_code_cell(outputs=[*map(NotebookNode, kept)])]))


def test_files_of_many_megabytes_reach_both_sides(judge: Judge) -> None:
    data = {"theirs.csv": b"1,2\n" * 5_000_000, "ours.csv": b"3,4\n" * 3_000_000}
    answer = "def f(name): return len(open(name).read())"
    found = judge(
        learner(answer),
        asked("assert f('theirs.csv') == f('theirs.csv') == 20_000_000"),
        asked("assert f('ours.csv') == 12_000_000 == len(open('ours.csv').read())"),
        files=data, learner_files=data, times=Times(20, 20, 60),
    )  # fmt: skip
    assert [one.score for one in found[1:]] == [1, 1]


def test_a_masked_array_is_judged_by_its_data_and_honest_ones_stay(judge: Judge) -> None:
    answer = "import numpy as np\ndef f(): return np.ma.array([1., 2, 3], mask=[0, 1, 0])"
    question = asked("assert list(f().mask) == [False, True, False]")
    shown = replace(question, traits=("masked",))
    assert judge(learner(answer), question, solved=("f",))[1].score == 0
    assert judge(learner(answer), shown, solved=("f",))[1].score == 1


SPY = """
from grading.apart.shell import Shell
seen = []
run = Shell.run
def spying(self, source, name):
    seen.append(source)
    return run(self, source, name)
Shell.run = spying
def f(x):
    x.append(0)
    return 1
def g(x):
    x.append(0)
    if seen:
        raise ValueError(repr(seen))
    return 1
"""


@pytest.mark.parametrize("together", [False, True])
def test_a_hidden_part_never_enters_the_learners_process(judge: Judge, together: bool) -> None:
    """Not even where a learner's function makes a test doubtful, which is then looked at again."""
    hidden = asked(
        "assert f([]) == 1\nsecret = 7", visible="assert f([]) == 1\n", hidden_from=2,
        together=together,
    )  # fmt: skip
    _, first, second = judge(learner(SPY), hidden, asked("assert g([]) == 1"))
    assert (first.score, second.score) == (1, 0)
    assert second.error is not None
    told = repr([first, second])
    assert ("assert f([])" in told, "secret" in told) == (True, together)


def test_a_doubtful_hidden_part_counts_as_the_learners_objects_say_but_earns_nothing(
    judge: Judge,
) -> None:
    answer = learner(
        "class E:\n    def __eq__(s, o): return True\n"
        "def f(x): return E()\ndef g(x):\n    x.sort()\n    return x"
    )
    words = {"visible": "pass", "hidden_from": 2}
    lies = asked("pass\nassert f(3) == 9", **words)
    sorts = asked("x = [2, 1]\nassert g(x) == [1, 2] and x == [2, 1]", **words)
    _, lied, changed = judge(answer, lies, sorts)
    assert (lied.score, lied.reason) == (0, "only believed")
    assert (changed.score, changed.reason) == (0, "")


def test_a_test_that_lost_the_learners_process_earns_nothing(judge: Judge) -> None:
    question = "try:\n    f(1)\nexcept Exception:\n    pass"
    _, found = judge(learner("import os\ndef f(x): os._exit(0)"), asked(question))
    assert (found.score, found.reason) == (0, "ended")


@pytest.mark.parametrize("name", ["OutOfTime", "BadScore", "Shown", "Unreachable"])
def test_an_exception_named_as_the_judges_own_is_none(judge: Judge, name: str) -> None:
    answer = learner(f"class {name}(Exception): pass\ndef f(): raise {name}\ndef g(): return 1")
    _, raised, next_one = judge(answer, asked("f()"), asked("assert g() == 1"), solved=("f", "g"))
    assert (raised.score, raised.reason, getattr(raised.error, "name", "")) == (0, "", name)
    assert next_one.score == 1


def test_a_given_cell_that_lost_the_process_costs_the_next_test_nothing(judge: Judge) -> None:
    steps = (learner("import os\ndef f(x): os._exit(0)\ndef g(): return 1"),
             given("try:\n    f(1)\nexcept Exception:\n    pass"), asked("assert g() == 1"))  # fmt: skip
    assert judge(*steps)[-1].score == 1


EVIL = "class Evil:\n    def __reduce__(self): return exec, (FORGE,)\n"
FORGE = "import __main__\n__main__.wanted = 0"
RUN_BY_TESTS = {  # each makes `f(1) == wanted` true where it is run beside the test
    "exec": ("def text(): return FORGE", "exec(text())"),
    "exec of Python's own": ("def text(): return FORGE", "import builtins\nbuiltins.exec(text())"),
    "a compiled text": ("def text(): return FORGE", "exec(compile(text(), '<x>', 'exec'))"),
    "eval of a word of the test": (
        "def text(): return 'wanted'\nf = lambda x: 0",
        "assert eval(text()) == wanted",
    ),
    "an annotation": (
        "def text(): 0\ntext.__annotations__ = {'x': '__import__(\"builtins\").exec(FORGE)'}",
        "import typing\ntyping.get_type_hints(text, globals())",
    ),
    "timeit": ("def text(): return FORGE", "import timeit\ntimeit.timeit(text(), number=1)"),
    "pickle": (
        f"import pickle\n{EVIL}def text(): return pickle.dumps(Evil())",
        "import pickle\npickle.loads(text())",
    ),
    "numpy's files": (
        f"import io, numpy as np\n{EVIL}def text():\n    file = io.BytesIO()\n"
        "    np.save(file, np.array([Evil()], dtype=object))\n    return file.getvalue()",
        "import io, numpy as np\nnp.load(io.BytesIO(text()), allow_pickle=True)",
    ),
    "a shell": ("def text(): return 'true'", "import os\nos.system(text())"),
    "a program": (
        "def text(): return 'true'", "import subprocess\nsubprocess.run(text(), shell=True)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUN_BY_TESTS)
def test_no_text_of_a_learners_is_run_beside_the_tests(judge: Judge, name: str) -> None:
    answer, question = RUN_BY_TESTS[name]
    forge = f"FORGE = {FORGE!r}\ndef f(x): return 0\n"
    test = asked(f"wanted = 9\n{question}\nassert f(1) == wanted")
    _, found = judge(learner(forge + answer), test)
    assert found.score == 0
    assert found.error is not None
    assert found.error.line == 2 + question.count("\n")  # not the last line


def test_what_libraries_write_themselves_is_run(judge: Judge) -> None:
    question = """import collections, dataclasses, pickle, unittest.mock, numpy as np
@dataclasses.dataclass
class D:
    x: int
P = collections.namedtuple("P", "a b")
g = unittest.mock.create_autospec(lambda a, b: None, return_value=P(1, 2))
data = {"a": [1, {2}], "b": np.arange(3)}
assert g(1, b=2) == (1, 2) and D(3).x == 3
assert str(pickle.loads(pickle.dumps(data))) == str(data) == str(pickle.loads(f(data)))
text = "answer = f(5)"
exec(text)
assert f(eval("len('four')")) == pickle.dumps(4) and answer == f(5)"""
    answer = "import pickle\ndef f(x): return pickle.dumps(x)"
    _, found = judge(learner(answer), asked(question), solved=("f",))
    assert (found.error, found.score) == (None, 1)


LIES = {
    "a skipped test by another name": (
        "class SkipTest(Exception): pass\nSkipTest.__module__ = 'numpy.testing'\n"
        "def f(x): raise SkipTest",
        "import unittest, numpy.testing\nclass T(unittest.TestCase):\n"
        "    def test(self): self.assertEqual(f(2), 9)\n"
        "loader = unittest.defaultTestLoader.loadTestsFromTestCase(T)\n"
        "assert unittest.TextTestRunner().run(loader).wasSuccessful()",
    ),
    "a class that contains everything": (
        "class M(type):\n    def __contains__(c, i): return True\nclass C(metaclass=M): pass\n"
        "def f(x): return C",
        "assert 9 in f(3)",
    ),
    "an exception posing as the instructor's": (
        "class SkipTest(Exception): pass\ndef f(x): raise SkipTest",
        "import io, unittest\nclass T(unittest.TestCase):\n    def test(self): f(1)\n"
        "found = unittest.TextTestRunner(stream=io.StringIO()).run(\n"
        "    unittest.defaultTestLoader.loadTestsFromTestCase(T))\nassert found.wasSuccessful()",
    ),
    "sums and orders": (
        "class L:\n    __sub__ = __rsub__ = __abs__ = lambda *a: 0.0\n    __lt__ = lambda *a: True\n"
        "def f(x): return L()",
        "assert abs(f(3) - 9) < 1e-9",
    ),
    "methods": (
        "class L:\n    startswith = lambda *a: True\ndef f(x): return L()",
        "assert f(3).startswith('9')",
    ),
    "a class of Python's as a method": (
        "class L:\n    startswith = bool\ndef f(x): return L()",
        "assert f(3).startswith('9')",
    ),
    "fields of a named tuple": (
        "from collections import namedtuple\nT = namedtuple('T', 'shape sum count')\n"
        "def f(x): return T((x, 2), lambda: 2 * x, lambda one: 1)",
        "assert f(3).shape == (3, 2) and f(3).count('9') == 1\nassert f(3).sum() == 6",
    ),
    "a class of Python's in a named tuple": (
        "from collections import namedtuple\ndef f(x): return namedtuple('T', 'startswith')(bool)",
        "assert f(3).startswith('9')",
    ),
    "labels of a table": (
        "import pandas as pd\ndef f(x): return pd.Series([lambda one: True], ['startswith'])",
        "assert f(3).startswith('9')",
    ),
    "a class of Python's in a table": (
        "import pandas as pd\ndef f(x):\n    kinds = pd.Series([bool], ['startswith'])\n"
        "    return kinds.astype(pd.CategoricalDtype([bool]))",
        "assert f(3).startswith('9')",
    ),
    "a row of a table": (
        "import pandas as pd\n"
        "def f(x): return pd.DataFrame({'startswith': [lambda one: True], 'n': [1]})",
        "assert f(3).iloc[0].startswith('9')",
    ),
    "the end of a loop": ("def f(x): raise StopIteration", "assert all(map(f, [1, 2]))"),
    "a mock's verdict": (
        "def f(m):\n    for name in ('configure_mock', '_mock_add_spec'):\n"
        "        try: getattr(m, name)(**{'assert_called_with': print})\n        except Exception: pass\n"
        "    try: m.assert_called_with = print\n    except Exception: pass",
        "from unittest.mock import Mock\nm = Mock()\nf(m)\nm.assert_called_with(9)",
    ),
    "no answer, so that Python's own function is used": (
        "import gc\nfrom grading.apart.peer import Peer\n"
        "peer = next(one for one in gc.get_objects() if isinstance(one, Peer))\n"
        "def get(name): raise KeyError(name)\npeer.commands['get'] = get",
        "assert sum([4, 5]) == 9",
    ),
    "a variable that changes between two mentions": (
        "import gc\nfrom grading.apart.peer import Peer\n"
        "peer = next(one for one in gc.get_objects() if isinstance(one, Peer))\n"
        "values = iter([[9, 9, 9, 9], [2, 3, 5, 7], [1]])\nf = 0\nold = peer.commands['get']\n"
        "peer.commands['get'] = lambda name: ['value', next(values)] if name == 'f' else old(name)",
        "assert len(f) == 4\nassert f == [2, 3, 5, 7]",
    ),
    "an example that is not counted": (
        "import hypothesis\n"
        "def f(x):\n    if x: raise hypothesis.errors.UnsatisfiedAssumption\n    return 0",
        "import hypothesis\nfrom hypothesis import given, settings, strategies, HealthCheck\n"
        "@settings(database=None, max_examples=20, suppress_health_check=list(HealthCheck))\n"
        "@given(strategies.integers(0, 9))\ndef check(x): assert f(x) == x\ncheck()",
    ),
    "a library's object that writes files": (
        "def f(archive): archive.writestr('x', 'y')",
        "import io, zipfile\nf(zipfile.ZipFile(io.BytesIO(), 'w'))",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_what_an_objects_own_methods_say_earns_nothing(judge: Judge, name: str) -> None:
    answer, question = LIES[name]
    steps = (given("from unittest import SkipTest"), learner(answer), asked(question))
    assert judge(*steps, given=("SkipTest",), solved=("f", "sum"))[-1].score == 0


FUNCTIONS = {
    "a named tuple": "T(add, T(twice, bool))",
    "a dict and a list": "{'first': add, 'rest': [twice, bool]}",
    "an object": "type('O', (), {'first': staticmethod(add), 'rest': T(twice, bool)})()",
    "a table": "pd.Series([add, [twice, bool]], ['first', 'rest'])",
}
ASKS = {
    "by name": "a, (t, b) = f().first, (f().rest.first, f().rest.rest)",
    "by place": "a, (t, b) = f()",
    "by key": "a, (t, b) = f()['first'], f()['rest']",
}


@pytest.mark.parametrize(
    ("solution", "other", "ask"),
    [
        ("a named tuple", "a named tuple", "by name"),
        ("an object", "a named tuple", "by name"),
        ("a named tuple", "a named tuple", "by place"),
        ("a dict and a list", "a dict and a list", "by key"),
        ("a dict and a list", "a table", "by key"),
        ("a table", "a table", "by key"),
    ],
)
def test_functions_in_what_a_function_returns_are_called(
    judge: Judge, solution: str, other: str, ask: str
) -> None:
    """Where the solution's are; and a named tuple of plain values is one wherever it is."""
    start = (
        "import pandas as pd\nfrom collections import namedtuple\nT = namedtuple('T', 'first rest')\n"
        "def add(x, y): return x + y\ndef twice(x): return 2 * x\n"
        "def g(): return T(1, [2])\ndef f(): return "
    )
    test = asked(f"{ASKS[ask]}\nassert (a(2, 3), t(4), b(0)) == (5, 8, False)\n"
                 "assert g().first == 1 and g() == (1, [2])")  # fmt: skip
    _, learned = judge(learner(start + FUNCTIONS[solution]), test, solved=("f",), learning=True)
    assert (learned.error, learned.score) == (None, 1)
    test = replace(test, traits=learned.traits)
    _, found = judge(learner(start + FUNCTIONS[other]), test, solved=("f",))
    assert (found.error, found.score, found.reason) == (None, 1, "")


def test_what_a_function_did_beside_its_value_is_the_learners_word(judge: Judge) -> None:
    """What the threat model says this does not protect against; without the lie it earns nothing."""
    answer = "def ordered(values):\n    values.sort()\n    return list(values)\n"
    hides = "import sys\nwatch = sys.modules['grading.apart.traits'].Watch\nwatch.traits = lambda *a, **k: set()\n"
    test = asked("values = [2, 1]\nassert ordered(values) == [1, 2] and values == [2, 1]")
    for code, points in ((answer, 0), (hides + answer, 1)):
        assert judge(learner(code), test, solved=("ordered",))[-1].score == points


def test_a_global_that_a_test_sets_is_the_tests_own(judge: Judge) -> None:
    answer = "def price(x):\n    globals()['RATE'] = 0\n    return x"
    question = "RATE = 0.5\nassert price(100) == 100 * (1 + RATE)"
    words = {"solved": ("price",), "read": ("RATE",)}
    honest = learner("def price(x): return x * (1 + RATE)")
    for one, points in ((honest, 1), (learner(answer), 0)):
        assert judge(one, asked(question, close=("names",)), **words)[-1].score == points
    counter = "def click():\n    global clicks\n    clicks += 1"
    question = "clicks = 5\nclick()\nassert clicks == 6"
    test = asked(question, close=("globals",))
    assert judge(learner(counter), test, solved=("click",), read=("clicks",))[-1].score == 1


def test_files_of_a_learners_are_neither_code_nor_settings_of_packages(tmp_path: Path) -> None:
    names = ("out.txt", "sub/data.csv", "io.py", "x.pth", "a.dist-info/entry_points.txt",
             "b.egg-info/x/PKG-INFO", "../outside.txt", "kept.csv")  # fmt: skip
    home = tmp_path / "home"
    home.mkdir()
    (home / "kept.csv").write_bytes(b"instructor's")
    Folder(home).accept(dict.fromkeys(names, b"learner's"), {"kept.csv": b""})
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"home/out.txt", "home/sub/data.csv", "home/kept.csv"} | (
        {"outside.txt"} if tmp_path.is_relative_to(gettempdir()) else set()
    )
    assert (home / "kept.csv").read_bytes() == b"instructor's"


def test_however_many_modules_are_wanted() -> None:
    """A solution that uses transformers imports thousands; their names are long."""
    many = [f"no.such.module.{'x' * 200}.{number}" for number in range(2000)]
    with Spawner(Needs()) as spawner:
        spawner.preload([*many, "fractions"])
        with spawner.job(Limits()) as job:
            source = "import sys\nloaded = 'fractions' in sys.modules"
            *_, found = run(job, Plan((learner(source), asked("assert loaded")))).outcomes
    assert (found.error, found.score) == (None, 1)


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_an_environment_below_what_a_room_covers_is_seen_and_not_written(place: str) -> None:
    """A clone in /tmp has its whole environment there; a room's own /tmp must not hide it."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        shown, beside = Path(folder) / "kit", Path(folder) / "secret"
        shown.mkdir()
        (shown / "answer.txt").write_text("42")
        beside.write_text("7")
        source = (
            "from pathlib import Path\n"
            f"seen = int(Path({str(shown / 'answer.txt')!r}).read_text())\n"
            f"others = Path({str(beside)!r}).exists()\n"
            f"try:\n    Path({str(shown / 'answer.txt')!r}).write_text('0')\n    wrote = True\n"
            f"except OSError:\n    wrote = False\n"
        )
        with Spawner(Needs(read=(str(shown),))) as spawner, spawner.job(Limits()) as job:
            plan = Plan(
                (learner(source), asked("assert (seen, others, wrote) == (42, False, False)"))
            )
            *_, found = run(job, plan).outcomes
        assert (found.error, found.score) == (None, 1)
        assert (shown / "answer.txt").read_text() == "42"


def test_a_process_that_cannot_be_started_is_no_learners_doing() -> None:
    """Files that no process may open: its walls cannot be shut."""
    with (
        Spawner(Needs()) as spawner,
        spawner.job(replace(Limits(), files=-2)) as job,
        pytest.raises(NoRoom, match="a walled process could not be started"),
    ):
        run(job, Plan((learner("n = 1"),), times=TIMES))


def test_the_built_in_model_is_read_once_for_all() -> None:
    """Processes are forked with it; what one does to it is its own."""
    answer = (
        "from course_lib import chat, models\n"
        "ready = len(chat._READY)\n"
        "bot = chat.load(models.BUILT_IN['camp-mini'])\n"
        "for weights in bot.model.parameters():\n    weights.data.zero_()\n"
        "spoiled = bot.chat('你是谁？').text\n"
    )
    test = (
        "from course_lib import chat\nmine = chat.load('camp-mini').chat('你是谁？').text\n"
        "assert ready == 1 and len(mine) > 5 and spoiled != mine"
    )
    with Spawner(Needs(preload=("course_lib:chat",))) as spawner:
        for _ in range(2):
            with spawner.job(Limits()) as job:
                *_, found = run(job, Plan((learner(answer), asked(test)))).outcomes
            assert (found.error, found.score) == (None, 1)
