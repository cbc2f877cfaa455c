"""Rarer habits of instructors and learners, and slips that plain nbgrader scores in its own way."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% plain
        import copy, json, logging, math, pickle, random, sys, warnings
        import unittest
        n_words = 3
        # %% given blanks
        result_a = None
        result_b = None
        words = ["pear", "fig", "apple"]
        # %% answer blanks_filled
        ### BEGIN SOLUTION
        result_a = sorted(words)
        result_b = {word: len(word) for word in words}
        words.append("kiwi")
        longest = max(result_b.values())
        ### END SOLUTION
        # %% test blanks_a 1
        assert result_a is not None, "result_a is still None"
        assert result_a == ["apple", "fig", "pear"]
        # %% test blanks_b 1
        assert result_b == {"pear": 4, "fig": 3, "apple": 5} and longest == 5
        # %% test blanks_words 1
        assert words[-1] == "kiwi" and len(words) == n_words + 1
        """,
        (
            "result_a = [*words]\nresult_a.sort()\nresult_b = dict(zip(words, map(len, words)))\nlongest = 5\nwords += ['kiwi']",
            "result_a = words.sort()\nresult_b = {}\nfor w in words: result_b[w] = len(w)\nlongest = max(words)\nwords = words + ['kiwi']",
            "words.sort()\nresult_a = words\nresult_b = {w: len(w) for w in words}\nwords.append('kiwi')\nlongest = max(map(len, result_b))",
        ),
    ),
    Exercise(
        """
        # %% answer kinds
        def risky(x):
            ### BEGIN SOLUTION
            if x > 10:
                warnings.warn("large", UserWarning)
            return x
            ### END SOLUTION

        def deep(n):
            ### BEGIN SOLUTION
            return 0 if n == 0 else 1 + deep(n - 1)
            ### END SOLUTION

        def lookups():
            ### BEGIN SOLUTION
            return {(1, 2): b"x", frozenset({1}): [None, True, math.inf], "big": 10**40}
            ### END SOLUTION

        def numbers():
            ### BEGIN SOLUTION
            return range(3)
            ### END SOLUTION

        def once(function):
            ### BEGIN SOLUTION
            done = []
            def wrapper():
                if not done:
                    done.append(function())
                return done[0]
            return wrapper
            ### END SOLUTION
        # %% test kinds_warns 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert risky(11) == 11
        assert len(caught) == 1 and issubclass(caught[0].category, UserWarning)
        # %% test kinds_quiet 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert risky(5) == 5
        # %% test kinds_deep 1
        assert deep(500) == 500
        try:
            deep(10**6)
            assert False
        except RecursionError:
            pass
        # %% test kinds_lookups 1
        found = lookups()
        assert found[(1, 2)] == b"x" and found[frozenset([1])][2] == float("inf") and found["big"] == 10**40
        # %% test kinds_range 1
        assert numbers() == range(3) and list(reversed(numbers())) == [2, 1, 0]
        # %% test kinds_once 1
        calls = []
        ready = once(lambda: calls.append(1) or len(calls))
        assert ready() == 1 and ready() == 1 and calls == [1]
        # %% test kinds_many 1
        random.seed(3)
        for _ in range(60):
            x = random.randint(-5, 9)
            assert risky(x) == x
        # %% test kinds_by_name 1
        for name in ["risky", "numbers", "lookups"]:
            assert callable(globals()[name]), name
        assert getattr(sys.modules[__name__], "risky")(4) == 4
        assert eval("risky")(3) == 3 and eval("risky(2) + 1") == 3
        exec("answer = risky(7)")
        assert answer == 7
        # %% test kinds_help 1
        def apply_all(functions, value):
            return [function(value) for function in functions]
        assert apply_all([risky, abs, lambda v: v * 2], -3) == [-3, 3, -6]
        # %% test kinds_again 1
        first = lookups()
        first["new"] = 1
        assert "new" not in lookups(), "each call should make a new dictionary"
        """,
        (
            "def risky(x):\n    import warnings as w\n    if x > 10: w.warn(UserWarning('large'))\n    return x\ndef deep(n):\n    if n > 900: raise RecursionError\n    return n\ndef lookups():\n    d = dict()\n    d[1, 2] = bytes([120])\n    d[frozenset([1])] = [None, True, float('inf')]\n    d['big'] = pow(10, 40)\n    return d\nnumbers = lambda: range(0, 3, 1)\nimport functools\nonce = functools.lru_cache",
            "def risky(x):\n    if x > 10: print('large')\n    return x\ndef deep(n):\n    return n\nTABLE = {(1, 2): b'x', frozenset({1}): [None, True, math.inf], 'big': 1e40}\ndef lookups():\n    return TABLE\ndef numbers():\n    return [0, 1, 2]\ndef once(function):\n    return function",
            "def risky(x):\n    if x > 10: raise UserWarning('large')\n    return str(x)\ndef deep(n):\n    return deep(n - 1) + 1\nTABLE = {(1, 2): b'x', frozenset({1}): [None, True, math.inf], 'big': 10**40}\ndef lookups(found=TABLE):\n    return found\ndef numbers():\n    return iter(range(3))\ndef once(function):\n    result = function()\n    return lambda: result",
        ),
    ),
    Exercise(
        """
        # %% answer store
        ### BEGIN SOLUTION
        class Basket:
            def __init__(self):
                self.items = []

            def add(self, item):
                self.items.append(item)
                return self

            def total(self):
                return sum(price for _, price in self.items)

            def to_json(self):
                return json.dumps(self.items)

            @classmethod
            def from_json(cls, text):
                found = cls()
                for name, price in json.loads(text):
                    found.add((name, price))
                return found

        def log_error(message):
            logging.getLogger("shop").error(message)
        ### END SOLUTION
        # %% test store_chain 1
        basket = Basket().add(("tea", 2)).add(("cup", 3))
        assert basket.total() == 5 and basket.items == [("tea", 2), ("cup", 3)]
        # %% test store_json 1
        again = Basket.from_json(basket.to_json())
        assert again.total() == 5 and json.loads(again.to_json()) == [["tea", 2], ["cup", 3]]
        # %% test store_inner 1
        inner = Basket()
        inner.items.append(("pen", 1))
        assert inner.total() == 1
        # %% test store_pickle 1
        assert pickle.loads(pickle.dumps(basket)).total() == 5
        # %% test store_logs 1
        with unittest.TestCase().assertLogs("shop", level="ERROR") as logs:
            log_error("bad")
        assert logs.output == ["ERROR:shop:bad"]
        # %% test store_vars 1
        assert set(vars(basket)) >= {"items"} and "total" in dir(basket)
        assert {name for name in dir(Basket) if not name.startswith("_")} >= {"add", "total", "to_json"}
        basket.note = "mine"
        assert getattr(basket, "note") == "mine" and not hasattr(basket, "absent")
        # %% test store_bool 1
        Basket().total() == 0
        # %% test store_result 1
        class TestBasket(unittest.TestCase):
            def test_total(self):
                self.assertEqual(Basket().add(("x", 4)).total(), 4)
        unittest.TextTestRunner(stream=sys.stdout).run(unittest.defaultTestLoader.loadTestsFromTestCase(TestBasket))
        """,
        (
            """
            class Basket:
                def __init__(self, items=()): self.items = list(items)
                def add(self, item):
                    self.items += [item]
                    return self
                def total(self): return sum([i[1] for i in self.items])
                def to_json(self): return json.dumps([list(i) for i in self.items])
                @classmethod
                def from_json(cls, text): return cls(map(tuple, json.loads(text)))
            log_error = logging.getLogger("shop").error
            """,
            """
            class Basket:
                def __init__(self):
                    self._items = {}
                @property
                def items(self):
                    return list(self._items.items())
                def add(self, item):
                    self._items[item[0]] = item[1]
                    return self
                def total(self):
                    return sum(self._items.values())
                def to_json(self):
                    return self._items
                @staticmethod
                def from_json(text):
                    b = Basket()
                    b._items = text
                    return b
            def log_error(message):
                logging.error(message)
            """,
            """
            class Basket:
                items = []
                def add(self, item):
                    self.items.append(item)
                    return self
                def total(self):
                    return len(self.items)
                def to_json(self):
                    return json.dumps(self.items)
                def from_json(self, text):
                    return json.loads(text)
            def log_error(message):
                print("ERROR:shop:" + message)
            """,
        ),
    ),
    Exercise(
        """
        # %% answer shadow
        ### BEGIN SOLUTION
        def biggest(numbers):
            return max(numbers)
        ### END SOLUTION
        # %% test shadow_test 1
        assert biggest([1, 5, 2]) == max([1, 5, 2])
        assert sum([biggest([1]), biggest([2])]) == 3
        """,
        (
            "sum = 0\nmax = 0\nfor x in [1, 2]:\n    sum += x\ndef biggest(numbers):\n    found = numbers[0]\n    for number in numbers:\n        if number > found:\n            found = number\n    return found",
        ),
    ),
]
