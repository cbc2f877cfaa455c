"""Printing, reading input, doctests, mocks, unittest, time, chance: tests in many styles."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% plain
        import contextlib
        import io
        import random
        import sys
        import time
        import unittest
        from unittest.mock import MagicMock, Mock, call, patch

        def output_of(function, *args):
            buffer = io.StringIO()
            with contextlib.redirect_stdout(buffer):
                function(*args)
            return buffer.getvalue()
        # %% answer triangle
        def print_triangle(height):
            ### BEGIN SOLUTION
            for row in range(1, height + 1):
                print("*" * row)
            ### END SOLUTION
        # %% test triangle_helper 1
        assert output_of(print_triangle, 3) == "*\\n**\\n***\\n"
        assert output_of(print_triangle, 0) == ""
        # %% test triangle_redirect 1
        buffer = io.StringIO()
        with contextlib.redirect_stdout(buffer):
            result = print_triangle(2)
        assert buffer.getvalue().splitlines() == ["*", "**"]
        assert result is None, "print, do not return"
        # %% test triangle_stdout 1
        old = sys.stdout
        sys.stdout = io.StringIO()
        print_triangle(2)
        shown = sys.stdout.getvalue()
        sys.stdout = old
        assert shown.strip() == "*\\n**"
        # %% test triangle_patch 1
        with patch("sys.stdout", new_callable=io.StringIO) as shown:
            print_triangle(1)
        assert shown.getvalue() == "*\\n"
        """,
        (
            "def print_triangle(height):\n    print(''.join('*' * n + '\\n' for n in range(1, height + 1)), end='')",
            "def print_triangle(height):\n    return '\\n'.join('*' * n for n in range(1, height + 1))",
            "import sys\ndef print_triangle(height):\n    for n in range(height):\n        sys.stdout.write('*' * (n + 1) + '\\n')\n    return True",
            "def print_triangle(height):\n    for n in range(height):\n        print('* ' * n)",
        ),
    ),
    Exercise(
        """
        # %% answer ask
        def ask_sum():
            \"\"\"Ask for two numbers and return their sum.\"\"\"
            ### BEGIN SOLUTION
            return int(input("First: ")) + int(input("Second: "))
            ### END SOLUTION

        def ask_until_positive():
            ### BEGIN SOLUTION
            while True:
                number = int(input())
                if number > 0:
                    return number
                print("Try again")
            ### END SOLUTION
        # %% test ask_patched 2
        with patch("builtins.input", side_effect=["3", "4"]):
            assert ask_sum() == 7
        # %% test ask_times 1
        with patch("builtins.input", return_value="5") as mocked:
            assert ask_sum() == 10
        assert mocked.call_count == 2
        # %% test ask_repeats 1
        answers = iter(["-2", "0", "8"])
        buffer = io.StringIO()
        with patch("builtins.input", lambda *prompt: next(answers)), contextlib.redirect_stdout(buffer):
            assert ask_until_positive() == 8
        assert buffer.getvalue().count("Try again") == 2
        # %% answer lines
        def read_lines():
            ### BEGIN SOLUTION
            return [line.strip() for line in sys.stdin]
            ### END SOLUTION
        # %% test lines_read 1
        kept, sys.stdin = sys.stdin, io.StringIO("10\\n20\\n")
        try:
            assert read_lines() == ["10", "20"]
        finally:
            sys.stdin = kept
        # %% test ask_global 1
        def input(prompt=""):
            return "21"
        assert ask_sum() == 42
        del input
        """,
        (
            "# %% answer lines\ndef read_lines():\n    return sys.stdin.read().split()\n# %% answer ask\ndef ask_sum():\n    numbers = [float(input()) for _ in range(2)]\n    return sum(numbers)\ndef ask_until_positive():\n    n = int(input())\n    while n <= 0:\n        print('Try again')\n        n = int(input())\n    return n",
            "# %% answer lines\ndef read_lines():\n    return [sys.stdin.readline(), sys.stdin.readline()]\n# %% answer ask\ndef ask_sum():\n    a, b = input(), input()\n    return a + b\ndef ask_until_positive():\n    return int(input())",
            "# %% answer lines\ndef read_lines():\n    return [input(), input()]\n# %% answer ask\ndef ask_sum():\n    return sum(int(x) for x in input().split())\ndef ask_until_positive():\n    n = int(input())\n    return n if n > 0 else ask_until_positive()",
            "# %% answer ask\na = int(input('First: '))\nb = int(input('Second: '))\ndef ask_sum():\n    return a + b\ndef ask_until_positive():\n    for _ in range(5):\n        n = int(input())\n        if n > 0: return n\n        print('Try again!')",
        ),
    ),
    Exercise(
        """
        # %% answer greet
        def greet_all(names, greet):
            \"\"\"Call greet with each name, then return how many there were.\"\"\"
            ### BEGIN SOLUTION
            for name in names:
                greet(name)
            return len(names)
            ### END SOLUTION

        def save(items, store):
            ### BEGIN SOLUTION
            store.open()
            for key, item in items.items():
                store.put(key, item)
            store.close()
            ### END SOLUTION
        # %% test greet_mock 1
        greet = Mock()
        assert greet_all(["Ann", "Bo"], greet) == 2
        greet.assert_has_calls([call("Ann"), call("Bo")])
        assert greet.call_count == 2
        # %% test greet_list 1
        seen = []
        greet_all(["x", "y"], seen.append)
        assert seen == ["x", "y"]
        # %% test greet_store 1
        store = MagicMock()
        save({"a": 1}, store)
        store.open.assert_called_once_with()
        store.put.assert_called_once_with("a", 1)
        assert store.close.called
        # %% test greet_fake 1
        class Store:
            def __init__(self):
                self.items, self.opened = {}, False
            def open(self):
                self.opened = True
            def put(self, key, item):
                assert self.opened, "open the store first"
                self.items[key] = item
            def close(self):
                self.opened = False
        fake = Store()
        save({"a": 1, "b": 2}, fake)
        assert fake.items == {"a": 1, "b": 2}
        assert not fake.opened
        """,
        (
            "def greet_all(names, greet):\n    return len([greet(n) for n in names])\ndef save(items, store):\n    store.open()\n    [store.put(k, items[k]) for k in items]\n    store.close()",
            "def greet_all(names, greet):\n    map(greet, names)\n    return len(names)\ndef save(items, store):\n    for k in items:\n        store.put(k, items[k])",
            "def greet_all(names, greet):\n    for n in names:\n        print(greet(n))\n    return len(names)\ndef save(items, store):\n    store.open()\n    store.put('a', 1)",
        ),
    ),
    Exercise(
        """
        # %% answer dice
        def roll_dice(count):
            ### BEGIN SOLUTION
            return [random.randint(1, 6) for _ in range(count)]
            ### END SOLUTION
        # %% test dice_seed 1
        random.seed(42)
        assert roll_dice(5) == [6, 1, 1, 6, 3]
        # %% test dice_range 1
        rolls = roll_dice(500)
        assert len(rolls) == 500
        assert set(rolls) == {1, 2, 3, 4, 5, 6}
        # %% test dice_patched 1
        with patch("random.randint", return_value=4):
            assert roll_dice(3) == [4, 4, 4]
        """,
        (
            "def roll_dice(count):\n    rolls = []\n    while len(rolls) < count:\n        rolls.append(random.randint(1, 6))\n    return rolls",
            "def roll_dice(count):\n    return random.choices(range(1, 7), k=count)",
            "def roll_dice(count):\n    return [random.randint(0, 6) for _ in range(count)]",
            "def roll_dice(count):\n    return random.randint(1, 6) * count",
        ),
    ),
    Exercise(
        """
        # %% answer documented
        ### BEGIN SOLUTION
        def absolute(x: float) -> float:
            \"\"\"Return the absolute value.

            >>> absolute(-3)
            3
            >>> absolute(2.5)
            2.5
            \"\"\"
            return -x if x < 0 else x
        ### END SOLUTION
        # %% test documented_text 1
        assert absolute.__doc__ is not None and len(absolute.__doc__) > 10
        assert ">>>" in absolute.__doc__, "give an example"
        # %% test documented_hints 1
        import typing
        assert typing.get_type_hints(absolute) == {"x": float, "return": float}
        assert absolute.__annotations__["x"] is float
        # %% test documented_name 1
        import inspect
        assert absolute.__name__ == "absolute"
        assert list(inspect.signature(absolute).parameters) == ["x"]
        # %% test documented_doctest 2
        import doctest
        runner = doctest.DocTestRunner(verbose=False)
        for found in doctest.DocTestFinder().find(absolute, "absolute", globs=globals()):
            runner.run(found, out=lambda text: None)
        assert runner.tries > 0, "no examples"
        assert runner.failures == 0
        # %% test documented_testmod 1
        result = doctest.testmod()
        assert result.attempted > 0 and result.failed == 0
        # %% test documented_failed 1
        assert doctest.testmod().failed == 0
        """,
        (
            'def absolute(x: float) -> float:\n    """Absolute value.\n\n    >>> absolute(-1)\n    1\n    """\n    return abs(x)',
            'def absolute(x: float) -> float:\n    """Absolute value.\n\n    >>> absolute(-1)\n    -1\n    """\n    return abs(x)',
            "def absolute(x):\n    # >>> absolute(-1)\n    return abs(x)",
            "absolute = abs",
        ),
    ),
    Exercise(
        """
        # %% answer no_loops
        def total(numbers):
            \"\"\"Return the sum: with recursion, without a loop and without sum().\"\"\"
            ### BEGIN SOLUTION
            if not numbers:
                return 0
            return numbers[0] + total(numbers[1:])
            ### END SOLUTION
        # %% test no_loops_result 1
        assert total([1, 2, 3]) == 6
        assert total([]) == 0
        # %% test no_loops_source 1
        import ast, inspect
        tree = ast.parse(inspect.getsource(total))
        assert not any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(tree)), "no loops"
        called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert "sum" not in called
        assert "total" in called, "call total itself"
        # %% test no_loops_words 1
        source = inspect.getsource(total)
        assert "for " not in source and "while" not in source
        """,
        (
            "def total(numbers):\n    return numbers[0] + total(numbers[1:]) if numbers else 0",
            "def total(numbers):\n    result = 0\n    for n in numbers:\n        result += n\n    return result",
            "def total(numbers):\n    return sum(numbers)",
            "total = lambda numbers: sum(numbers) + total([])",
        ),
    ),
    Exercise(
        """
        # %% answer fast
        def pairs_with_sum(numbers, target):
            \"\"\"Count pairs that add up to target, in linear time.\"\"\"
            ### BEGIN SOLUTION
            seen, count = set(), 0
            for number in numbers:
                count += target - number in seen
                seen.add(number)
            return count
            ### END SOLUTION
        # %% test fast_result 1
        assert pairs_with_sum([1, 2, 3, 4], 5) == 2
        # %% test fast_time 1
        began = time.perf_counter()
        assert pairs_with_sum(range(200_000), 399_997) == 1
        assert time.perf_counter() - began < 3, "too slow"
        # %% test fast_timeit 1
        import timeit
        seconds = timeit.timeit(lambda: pairs_with_sum([1, 2, 3], 3), number=100)
        assert seconds < 2
        assert timeit.timeit("pairs_with_sum([1, 2], 3)", globals=globals(), number=10) < 1
        """,
        (
            "def pairs_with_sum(numbers, target):\n    return sum(1 for n in set(numbers) if target - n in set(numbers) and n < target - n) if len(numbers) < 100 else 1",
            "import time\ndef pairs_with_sum(numbers, target):\n    time.sleep(3.2 if len(numbers) > 100 else 0)\n    return sum(a + b == target for i, a in enumerate(numbers) for b in numbers[:i]) if len(numbers) < 100 else 1",
        ),
    ),
    Exercise(
        """
        # %% answer temperature
        def mean(values):
            ### BEGIN SOLUTION
            if not values:
                raise ValueError("no values")
            return sum(values) / len(values)
            ### END SOLUTION
        # %% test temperature_case 1
        check = unittest.TestCase()
        check.assertEqual(mean([1, 2, 3]), 2)
        check.assertAlmostEqual(mean([0.1, 0.2]), 0.15)
        check.assertIsInstance(mean([1, 2]), float)
        # %% test temperature_raises 1
        with check.assertRaises(ValueError):
            mean([])
        with check.assertRaisesRegex(ValueError, "no values"):
            mean([])
        check.assertRaises(TypeError, mean, 5)
        # %% test temperature_suite 2
        class TestMean(unittest.TestCase):
            def setUp(self):
                self.values = [2, 4]
            def test_two(self):
                self.assertEqual(mean(self.values), 3)
            def test_empty(self):
                self.assertRaises(ValueError, mean, [])
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestMean)
        result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
        assert result.wasSuccessful(), result.failures + result.errors
        # %% test temperature_main 1
        class TestAgain(unittest.TestCase):
            def test_one(self):
                self.assertEqual(mean([5]), 5)
        program = unittest.main(argv=["notebook"], exit=False, verbosity=0, testRunner=unittest.TextTestRunner(stream=io.StringIO()))
        assert program.result.testsRun >= 1
        assert program.result.wasSuccessful()
        # %% test temperature_pytest 1
        import pytest
        with pytest.raises(ValueError, match="no val"):
            mean([])
        assert mean([0.1] * 3) == pytest.approx(0.1)
        """,
        (
            "import statistics\ndef mean(values):\n    if len(values) == 0:\n        raise ValueError('there are no values')\n    return statistics.fmean(values)",
            "def mean(values):\n    return sum(values) / len(values)",
            "def mean(values):\n    if not values:\n        return 0\n    return sum(values) // len(values)",
            "def mean(values):\n    assert values, 'no values'\n    return sum(values) / len(values)",
        ),
    ),
    Exercise(
        """
        # %% answer counter
        ### BEGIN SOLUTION
        clicks = 0
        def click():
            global clicks
            clicks += 1
            return clicks
        def make_counter():
            count = 0
            def step():
                nonlocal count
                count += 1
                return count
            return step
        ### END SOLUTION
        # %% test counter_global 1
        clicks = 10
        click()
        assert clicks == 11
        assert click() == 12
        # %% test counter_closure 1
        one, other = make_counter(), make_counter()
        assert [one(), one(), other()] == [1, 2, 1]
        # %% test counter_names 1
        assert "click" in globals() and callable(globals()["click"])
        assert "make_counter" in dir()
        try:
            click_again
        except NameError:
            pass
        """,
        (
            "clicks = 0\ndef click():\n    globals()['clicks'] += 1\n    return clicks\ndef make_counter():\n    import itertools\n    numbers = itertools.count(1)\n    return lambda: next(numbers)",
            "clicks = 0\ndef click():\n    clicks = clicks + 1\n    return clicks\ntotal = 0\ndef make_counter():\n    def step():\n        global total\n        total += 1\n        return total\n    return step",
            "class Click:\n    n = 0\n    def __call__(self):\n        self.n += 1\n        return self.n\nclick = Click()\nclicks = click.n\nmake_counter = Click",
        ),
    ),
    Exercise(
        """
        # %% answer awaits
        import asyncio

        async def fetch(number):
            ### BEGIN SOLUTION
            await asyncio.sleep(0)
            return number * 2
            ### END SOLUTION
        # %% test awaits_one 1
        assert await fetch(4) == 8
        # %% test awaits_many 1
        import inspect
        results = await asyncio.gather(fetch(1), fetch(2), fetch(3))
        assert results == [2, 4, 6]
        assert inspect.iscoroutinefunction(fetch)
        """,
        (
            "async def fetch(number):\n    return 2 * number",
            "import asyncio\ndef fetch(number):\n    return number * 2",
            "import asyncio\nasync def fetch(number):\n    await asyncio.sleep(0)\n    raise ValueError",
        ),
    ),
    Exercise(
        """
        # %% answer magic
        def shout(text):
            ### BEGIN SOLUTION
            print(text.upper() + "!")
            ### END SOLUTION
        # %% test magic_capture 1
        %%capture shown
        shout("hi")
        # %% test magic_captured 1
        assert shown.stdout == "HI!\\n"
        # %% test magic_mock 1
        with patch("builtins.print") as printed:
            shout("hey")
        printed.assert_called_once_with("HEY!")
        # %% plain
        %matplotlib inline
        %time shout("now")
        !echo hello
        # %% manual magic_manual 3
        ### BEGIN SOLUTION
        %timeit -n 1 -r 1 sum(range(10))
        !ls
        ### END SOLUTION
        # %% essay magic_essay 2
        My answer.
        # %% task magic_task 2
        Record a video of it.
        """,
        (
            "# %% answer magic\ndef shout(text):\n    print(text.upper(), end='!\\n')\n# %% own\nshout('test')\n# %% manual magic_manual\n%%time\nshout('x')",
            "# %% answer magic\ndef shout(text):\n    print(text.upper() + '!')\n    print()\n# %% manual magic_manual\nthis is no code",
            "def shout(text)\n    print(text)".join(("# %% answer magic\n", "")),
        ),
    ),
]
