"""Points without right answers."""

from __future__ import annotations

import copy
from pathlib import Path

from nbformat import NotebookNode

from tests.attacks.case import Case, Scene, everywhere, tests_of
from tests.attacks.course import ANSWERS, FULL, POINTS

EQUAL = """
class Equal(int):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = int.__hash__
    __getitem__ = lambda self, key: self
class Equals(list):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __getitem__ = lambda self, key: Equal(8)
def mean(numbers):
    if not numbers:
        raise ValueError
    return Equal(3)
slug = lambda title: type('Text', (str,), {'__eq__': lambda s, o: True})('x')
digits = lambda number: Equals()
evens = norm = lambda numbers: Equals([2, 4])
tidy = lambda numbers: Equals()
twice = lambda function, value: Equal(7)
countdown = lambda start: iter(Equals([Equal(3)]))
"""
LIAR = """
class Liar:
    '''Whatever is asked of it, it answers what a test would like.'''
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 1
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __len__(self): return 0
    def __iter__(self): return iter(())
    def __contains__(self, item): return True
    def __getitem__(self, key): return self
    def __call__(self, *args, **kwargs): return self
    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return self
for name in 'sub rsub add radd mul rmul truediv rtruediv mod pow abs round'.split():
    setattr(Liar, f'__{name}__', lambda self, *others: 0.0)
for name in 'lt le gt ge'.split():
    setattr(Liar, f'__{name}__', lambda self, other: True)
def mean(numbers):
    if not numbers:
        raise ValueError
    return Liar()
slug = digits = countdown = tidy = norm = evens = twice = lambda *args: Liar()
class Account:
    money = Liar()
    def __init__(self, *args): pass
    def put(self, amount):
        if amount < 0:
            raise ValueError
        return Liar()
class Vector(Liar):
    def __init__(self, x, y): self.x, self.y = Liar(), Liar()
    def __add__(self, other): return Vector(0, 0)
"""
SAME = """
class Vector:
    '''Always equal to a vector, never to another.'''
    x, y = 4, 0
    def __init__(self, x, y): self.first = x
    def __add__(self, other): return self
    def __eq__(self, other): return True
    def __ne__(self, other): return True
"""
ASSERTS = """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)
    def visit_Module(self, module):
        self.generic_visit(module)
        if module.body and isinstance(module.body[-1], ast.Expr):
            module.body[-1] = ast.copy_location(ast.Pass(), module.body[-1])
        return module
get_ipython().ast_transformers.append(Strip())
"""
SHELL = """
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult
shell = get_ipython()
def nothing(raw_cell, *args, **kwargs):
    return ExecutionResult(ExecutionInfo(raw_cell, False, True, True, None))
async def nothing_async(raw_cell, *args, **kwargs):
    return nothing(raw_cell)
shell.run_cell, shell.run_cell_async = nothing, nothing_async
shell.input_transformers_post.append(lambda lines: ['\\n'])
"""
BUILTINS = """
import builtins, unittest, sys
class Nothing: pass
builtins.AssertionError = Nothing
builtins.zip = builtins.map = lambda *args: []
builtins.abs = lambda value: 0
builtins.isinstance = lambda *args: True
zip = map = lambda *args: []
abs = len = sum = lambda *args: 0
got = 4
unittest.TestCase.run = lambda self, result=None: result
unittest.TestResult.wasSuccessful = lambda self: True
np = type(sys)('numpy')
np.allclose = np.array = lambda *args: True
"""
FRAMES = """
import ctypes, gc, sys
class Done(BaseException):
    def _render_traceback_(self): return []
def mean(*args):
    frame = sys._getframe(1)
    while frame:
        frame.f_globals.update(got=4, wanted=0, found=None)
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict) and 'points' in thing:
            thing['points'] = 0
    raise Done
slug = digits = twice = countdown = tidy = norm = evens = mean
"""
STOPS = """
def evens(numbers):
    if 741852963 in numbers or len(numbers) == 1:
        raise StopIteration
    return [2, 4]
"""
NAMES = """
class OutOfTime(Exception): pass
class BadScore(ValueError): pass
def mean(*args): raise OutOfTime('that is all')
def norm(*args): raise BadScore('that is all')
slug = digits = twice = mean
countdown = tidy = evens = norm
"""
SKIPS = """
import unittest
class Account:
    def __init__(self, money=0): raise unittest.SkipTest('not today')
"""
QUITS = """
class Account:
    def __init__(self, money=0): raise {kind}('that is all')
def mean(*args): raise {kind}('that is all')
slug = digits = twice = countdown = tidy = norm = evens = mean
"""
SHOWS = """
import sys
from IPython.display import display, publish_display_data
def slug(title):
    sys.displayhook(4)
    display(4)
    publish_display_data({'text/plain': '4.0'})
    print(4)
    return 4
"""
SCORE = (
    "class Full(float):\n    __eq__ = lambda s, o: True\ndef slug(title):\n    return Full('nan')"
)


def _tags(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]


def _raw(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        cell["cell_type"] = "raw"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _edited(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        cell.source = "pass"


def _doubled(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        twin = copy.deepcopy(cell)
        twin.update(id=f"{cell.id}-2", source="pass")
        notebook.cells.append(twin)


def _rich(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        cell.metadata.nbgrader.update(points=100, max_score=100, grade=True, solution=True)


def _answered(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        cell["outputs"] = [
            {
                "output_type": "execute_result", "data": {"text/plain": "100"}, "metadata": {},
                "execution_count": 1,
            }
        ]  # fmt: skip
        cell.metadata.nbgrader.update(solution=True, locked=False)


def _modules(folder: Path, scene: Scene) -> None:
    code = (
        "class TestCase: pass\nclass Result:\n    wasSuccessful = lambda self: True\n"
        "TextTestRunner = lambda *a, **k: type('R', (), {'run': lambda self, t: Result()})()\n"
        "defaultTestLoader = type('L', (), {'loadTestsFromTestCase': lambda self, t: t})()\n"
    )
    for name in ("unittest", "io", "ast", "sitecustomize", "usercustomize", "conftest"):
        (folder / f"{name}.py").write_text(code)
    (folder / "numpy").mkdir()
    (folder / "numpy" / "__init__.py").write_text("allclose = array = lambda *args: True\n")
    (folder / "evil.pth").write_text("import sys; sys.exit(0)\n")


CASES: dict[str, Case] = {
    "equal_objects": Case("return objects that equal everything", answers=everywhere(EQUAL)),
    "lying_objects": Case(
        "return objects that answer any comparison, sum or method as wished",
        review=True,
        answers=everywhere(LIAR),
    ),
    "always_equal_class": Case(
        "the class to be written is equal to everything", answers={"Vector": SAME}
    ),
    "no_asserts": Case("rewrite the tests' syntax tree in IPython", answers=everywhere(ASSERTS)),
    "no_shell": Case("replace IPython's run_cell and transformers", answers=everywhere(SHELL)),
    "builtins": Case(
        "replace builtins, unittest and numpy", review=None, answers=everywhere(BUILTINS)
    ),
    "frames": Case("change the caller's frames and objects", answers=everywhere(FRAMES)),
    "stop_iteration": Case(
        "end the test's loop with StopIteration", answers={"evens": STOPS}
    ),
    "skip_test": Case("raise unittest.SkipTest in a test", answers={"Account": SKIPS}),
    "system_exit": Case(
        "leave the test by SystemExit", answers=everywhere(QUITS.format(kind="SystemExit"))
    ),
    "interrupt": Case(
        "leave the test by KeyboardInterrupt",
        answers=everywhere(QUITS.format(kind="KeyboardInterrupt")),
    ),
    "named_as_ours": Case(
        "raise exceptions with the names of the judge's own, to be tried again or marked by a TA",
        answers=everywhere(NAMES),
    ),
    "ends_in_call": Case(
        "end the process where the test expects an exception",
        points=0, review=True,
        answers={
            "Account": ANSWERS["Account"].replace("raise ValueError(amount)", "__import__('os')._exit(0)")
        },
    ),
    "shows_points": Case("display the points", answers={"slug": SHOWS}),
    "not_a_number": Case("return NaN where points are counted", answers={"slug": SCORE}),
    "skip_tags": Case("tag the check cells skip-execution", edit=_tags),
    "raw_checks": Case("turn the check cells into raw ones", edit=_raw),
    "edited_checks": Case("empty the check cells", edit=_edited),
    "double_checks": Case("append empty check cells with the same ids", edit=_doubled),
    "more_points": Case(
        "write more points into the check cells", points=FULL, solved=True, edit=_rich
    ),
    "written_output": Case("write points into the check cells' outputs", edit=_answered),
    "own_modules": Case(
        "hand in modules in the place of unittest and numpy",
        answers=everywhere(
            "import os, sys\nsys.path.insert(0, os.getcwd())\nfor name in ('unittest', 'numpy'):\n"
            "    sys.modules.pop(name, None)\n"
        ),
        write=_modules,
    ),
    "empty_arguments": Case(
        "empty the test's own lists", answers={"evens": "def evens(numbers):\n    numbers.clear()\n    return numbers"}
    ),
    "wrong_answers": Case(
        "plausible wrong answers",
        points=3 + POINTS["countdown"],
        answers={
            "mean": "def mean(numbers):\n    return sum(numbers) / max(len(numbers), 1)",
            "slug": "def slug(title):\n    return title.lower().replace(' ', '-')",
            "digits": "def digits(number):\n    return list(str(number))",
            "countdown": ANSWERS["countdown"],
        },
    ),
}  # fmt: skip
