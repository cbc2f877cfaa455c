"""Introduction to Python: values, functions, lists, dictionaries, text."""

from __future__ import annotations

import hashlib

from tests.honest.material import Exercise


def digest(value: object) -> str:
    """Return what instructors compare instead of an answer in clear."""
    return hashlib.sha256(str(value).encode()).hexdigest()


EXERCISES = [
    Exercise(
        f"""
        # %% plain
        import hashlib
        import math
        # %% answer variables
        ### BEGIN SOLUTION
        answer_1 = 2 ** 10
        answer_2 = "Guido"
        answer_3 = [n for n in range(20) if n % 3 == 0]
        answer_4 = 22 / 7
        ### END SOLUTION
        # %% test variables_1 1
        assert answer_1 == 1024, "2 to the power of 10"
        # %% test variables_2 1
        assert hashlib.sha256(str(answer_2).encode()).hexdigest() == "{digest("Guido")}"
        # %% test variables_3 1.5
        assert type(answer_3) is list
        assert hashlib.sha256(str(answer_3).encode()).hexdigest() == "{digest([0, 3, 6, 9, 12, 15, 18])}"
        # %% test variables_4 0.5
        assert isinstance(answer_4, float)
        assert math.isclose(answer_4, 3.142857142857143)
        ### BEGIN HIDDEN TESTS
        assert hashlib.md5(f"{{answer_4:.3f}}".encode()).hexdigest() == "{hashlib.md5(b"3.143").hexdigest()}"
        ### END HIDDEN TESTS
        """,
        (
            'answer_1 = 1024.0\nanswer_2 = "Gui" + "do"\nanswer_3 = list(range(0, 20, 3))\nanswer_4 = 3.143',
            'answer_1 = "1024"\nanswer_2 = "guido"\nanswer_3 = tuple(range(0, 20, 3))\nanswer_4 = 3',
            "answer_1 = True\nanswer_2 = Guido\nanswer_3 = [0, 3]\nanswer_4 = 22 // 7",
            "answer_1 = 2 ^ 10\nanswer_2 = None\nanswer_3 = range(0, 20, 3)",
        ),
    ),
    Exercise(
        """
        # %% answer to_fahrenheit
        def to_fahrenheit(celsius):
            ### BEGIN SOLUTION
            return celsius * 9 / 5 + 32
            ### END SOLUTION
        # %% test to_fahrenheit_some 2
        assert to_fahrenheit(0) == 32
        assert abs(to_fahrenheit(36.6) - 97.88) < 1e-9
        ### BEGIN HIDDEN TESTS
        assert to_fahrenheit(-40) == -40
        ### END HIDDEN TESTS
        # %% test to_fahrenheit_type 0
        assert isinstance(to_fahrenheit(10), (int, float)), "return a number, do not print it"
        """,
        (
            "to_fahrenheit = lambda celsius: celsius * 1.8 + 32",
            "def to_fahrenheit(celsius):\n    print(celsius * 9 / 5 + 32)",
            "def to_fahrenheit(celsius):\n    return str(celsius * 9 / 5 + 32)",
            "def to_fahrenheit(celsius)\n    return celsius",
        ),
    ),
    Exercise(
        """
        # %% answer remove_negatives
        def remove_negatives(numbers):
            \"\"\"Remove the negative numbers from the list itself; return nothing.\"\"\"
            ### BEGIN SOLUTION
            for number in [n for n in numbers if n < 0]:
                numbers.remove(number)
            ### END SOLUTION
        # %% test remove_negatives_changes 2
        values = [3, -1, 0, -7, -7, 2]
        same = values
        assert remove_negatives(values) is None
        assert values == [3, 0, 2]
        assert same is values
        """,
        (
            "def remove_negatives(numbers):\n    numbers[:] = [n for n in numbers if n >= 0]",
            "def remove_negatives(numbers):\n    return [n for n in numbers if n >= 0]",
            "def remove_negatives(numbers):\n    numbers = [n for n in numbers if n >= 0]",
            "def remove_negatives(numbers):\n    for n in numbers:\n        if n < 0:\n            numbers.remove(n)",
        ),
    ),
    Exercise(
        """
        # %% answer top_three
        def top_three(scores):
            \"\"\"Return the three highest scores, the highest first; leave the list as it is.\"\"\"
            ### BEGIN SOLUTION
            return sorted(scores, reverse=True)[:3]
            ### END SOLUTION
        # %% test top_three_values 1
        assert top_three([1, 5, 2, 9]) == [9, 5, 2]
        assert top_three([4]) == [4]
        # %% test top_three_keeps 1
        scores = [1, 5, 2, 9]
        top_three(scores)
        assert scores == [1, 5, 2, 9], "the list was changed"
        """,
        (
            "import heapq\ndef top_three(scores):\n    return heapq.nlargest(3, scores)",
            "def top_three(scores):\n    scores.sort(reverse=True)\n    return scores[:3]",
            "def top_three(scores):\n    found = []\n    for _ in range(min(3, len(scores))):\n        best = max(scores)\n        scores.remove(best)\n        found.append(best)\n    return found",
            "def top_three(scores):\n    return tuple(sorted(scores)[-3:])",
        ),
    ),
    Exercise(
        """
        # %% answer copies
        def copy_grid(grid):
            ### BEGIN SOLUTION
            return [list(row) for row in grid]
            ### END SOLUTION

        def make_grid(rows, columns):
            ### BEGIN SOLUTION
            return [[0] * columns for _ in range(rows)]
            ### END SOLUTION
        # %% test copies_copy 2
        original = [[1, 2], [3, 4]]
        copied = copy_grid(original)
        assert copied == original
        assert copied is not original
        copied[0][0] = 99
        assert original == [[1, 2], [3, 4]], "the copy shares its rows with the original"
        # %% test copies_make 2
        grid = make_grid(2, 3)
        grid[0][1] = 5
        assert grid == [[0, 5, 0], [0, 0, 0]]
        """,
        (
            "import copy\ndef copy_grid(grid):\n    return copy.deepcopy(grid)\ndef make_grid(rows, columns):\n    return [[0 for _ in range(columns)] for _ in range(rows)]",
            "def copy_grid(grid):\n    return grid\ndef make_grid(rows, columns):\n    return [[0] * columns] * rows",
            "def copy_grid(grid):\n    return grid[:]\ndef make_grid(rows, columns):\n    row = [0] * columns\n    return [row for _ in range(rows)]",
            "def copy_grid(grid):\n    return grid.copy()\ndef make_grid(rows, columns):\n    return []",
        ),
    ),
    Exercise(
        """
        # %% answer add_item
        def add_item(item, basket=None):
            ### BEGIN SOLUTION
            if basket is None:
                basket = []
            basket.append(item)
            return basket
            ### END SOLUTION
        # %% test add_item_new 1
        assert add_item("tea") == ["tea"]
        assert add_item("rice") == ["rice"], "the default basket is shared between calls"
        # %% test add_item_given 1
        mine = ["salt"]
        assert add_item("oil", mine) is mine
        assert mine == ["salt", "oil"]
        """,
        (
            "def add_item(item, basket=None):\n    basket = [] if basket is None else basket\n    basket += [item]\n    return basket",
            "def add_item(item, basket=[]):\n    basket.append(item)\n    return basket",
            "def add_item(item, basket=None):\n    return (basket or []) + [item]",
            "def add_item(item, basket=None):\n    basket.append(item)\n    return basket",
        ),
    ),
    Exercise(
        """
        # %% answer words
        def count_words(text):
            ### BEGIN SOLUTION
            counts = {}
            for word in text.lower().split():
                counts[word] = counts.get(word, 0) + 1
            return counts
            ### END SOLUTION

        def unique_words(text):
            ### BEGIN SOLUTION
            return set(text.lower().split())
            ### END SOLUTION
        # %% test words_count 2
        assert count_words("the cat the dog") == {"the": 2, "cat": 1, "dog": 1}
        assert count_words("") == {}
        assert list(count_words("b a b").items()) == [("b", 2), ("a", 1)]
        # %% test words_unique 1
        assert unique_words("To be or not to be") == {"to", "be", "or", "not"}
        assert len(unique_words("a a a")) == 1
        """,
        (
            "from collections import Counter\ndef count_words(text):\n    return Counter(text.lower().split())\ndef unique_words(text):\n    return count_words(text).keys()",
            "from collections import defaultdict\ndef count_words(text):\n    found = defaultdict(int)\n    for word in text.lower().split():\n        found[word] += 1\n    return found\ndef unique_words(text):\n    return frozenset(text.lower().split())",
            "def count_words(text):\n    return [(w, text.split().count(w)) for w in text.split()]\ndef unique_words(text):\n    return list(set(text.lower().split()))",
            "def count_words(text):\n    return {w: text.count(w) for w in text.split()}\ndef unique_words(text):\n    return {w: 1 for w in text.lower().split()}",
        ),
    ),
    Exercise(
        """
        # %% answer pairs
        def min_max(numbers):
            ### BEGIN SOLUTION
            return min(numbers), max(numbers)
            ### END SOLUTION

        def evens(numbers):
            ### BEGIN SOLUTION
            return [n for n in numbers if n % 2 == 0]
            ### END SOLUTION
        # %% test pairs_min_max 1
        low, high = min_max([4, 9, -2])
        assert (low, high) == (-2, 9)
        assert min_max([7]) == (7, 7)
        # %% test pairs_evens 1
        assert list(evens([1, 2, 3, 4])) == [2, 4]
        assert sum(evens(range(10))) == 20
        # %% test pairs_evens_list 1
        assert evens([1, 2, 3, 4]) == [2, 4]
        """,
        (
            "def min_max(numbers):\n    numbers = sorted(numbers)\n    return numbers[0], numbers[-1]\ndef evens(numbers):\n    return list(filter(lambda n: n % 2 == 0, numbers))",
            "def min_max(numbers):\n    return [min(numbers), max(numbers)]\ndef evens(numbers):\n    return filter(lambda n: n % 2 == 0, numbers)",
            "def min_max(numbers):\n    yield min(numbers)\n    yield max(numbers)\ndef evens(numbers):\n    for n in numbers:\n        if not n % 2:\n            yield n",
            "def min_max(numbers):\n    return max(numbers)\ndef evens(numbers):\n    return map(lambda n: n % 2 == 0, numbers)",
        ),
    ),
    Exercise(
        """
        # %% answer factorial
        def factorial(n):
            ### BEGIN SOLUTION
            if not isinstance(n, int):
                raise TypeError("n must be an integer")
            if n < 0:
                raise ValueError(f"n must not be negative: {n}")
            return 1 if n == 0 else n * factorial(n - 1)
            ### END SOLUTION
        # %% test factorial_values 1
        assert [factorial(n) for n in range(6)] == [1, 1, 2, 6, 24, 120]
        assert factorial(30) == 265252859812191058636308480000000
        # %% test factorial_negative 1
        try:
            factorial(-1)
        except ValueError as error:
            assert "-1" in str(error)
        else:
            raise AssertionError("factorial(-1) should raise a ValueError")
        # %% test factorial_type 1
        try:
            factorial(2.5)
            assert False, "should have raised"
        except TypeError:
            pass
        """,
        (
            "import math\ndef factorial(n):\n    if type(n) is not int:\n        raise TypeError\n    if n < 0:\n        raise ValueError('not for ' + str(n))\n    return math.prod(range(1, n + 1))",
            "def factorial(n):\n    if n < 0:\n        raise Exception('-1')\n    return 1 if n == 0 else n * factorial(n - 1)",
            "def factorial(n):\n    if n == 0:\n        return 1\n    return n * factorial(n - 1)",
            "def factorial(n):\n    result = 1.0\n    for k in range(1, int(n) + 1):\n        result *= k\n    return result",
        ),
    ),
    Exercise(
        """
        # %% given tax_rate
        TAX = 0.2
        prices = {"tea": 2.0, "cake": 3.5}
        # %% answer price
        def with_tax(price):
            ### BEGIN SOLUTION
            return round(price * (1 + TAX), 2)
            ### END SOLUTION

        ### BEGIN SOLUTION
        prices["coffee"] = 2.5
        total = sum(prices.values())
        ### END SOLUTION
        # %% test price_function 1
        assert with_tax(10) == 12
        assert with_tax(prices["tea"]) == 2.4
        # %% test price_total 1
        assert total == 8.0
        assert prices["coffee"] == 2.5
        # %% test price_other_rate 1
        TAX = 0.5
        assert with_tax(10) == 15, "use the variable TAX"
        TAX = 0.2
        """,
        (
            "def with_tax(price):\n    return round(price + price * TAX, 2)\nprices.update(coffee=2.5)\ntotal = 0\nfor name in prices:\n    total += prices[name]",
            "def with_tax(price):\n    return price * 1.2\nprices['coffee'] = 2.5\ntotal = 8",
            "def with_tax(price):\n    return round(price * (1 + tax), 2)\nprices = {'coffee': 2.5}\ntotal = sum(prices.values())",
            "sum = 0\nfor p in prices.values():\n    sum += p\ntotal = sum\ndel sum",
        ),
    ),
    Exercise(
        """
        # %% answer partial
        def grade_letter(score):
            ### BEGIN SOLUTION
            for limit, letter in ((90, "A"), (80, "B"), (70, "C"), (60, "D")):
                if score >= limit:
                    return letter
            return "F"
            ### END SOLUTION
        # %% test partial_loop 5
        points = 0
        for score, letter in [(95, "A"), (80, "B"), (71, "C"), (60, "D"), (12, "F")]:
            try:
                if grade_letter(score) == letter:
                    points += 1
            except Exception:
                pass
        points
        # %% test partial_float 1.5
        right = sum(grade_letter(score) == "A" for score in (90, 91, 100))
        0.5 * right
        # %% test partial_shown 1
        print("checking")
        assert grade_letter(100) == "A"
        "all tests passed"
        """,
        (
            "def grade_letter(score):\n    return 'FFFFFFDCBAA'[int(score) // 10]",
            "def grade_letter(score):\n    if score > 90:\n        return 'A'\n    elif score > 80:\n        return 'B'\n    return 'F'",
            "def grade_letter(score):\n    if score > 90:\n        return 'a'\n    raise ValueError",
            "def grade_letter(score):\n    if score >= 90: return 'A'\n    if score >= 80: return 'B'\n    if score >= 70: return 'C'\n    if score >= 60: return 'D'",
        ),
    ),
    Exercise(
        """
        # %% md
        ## 中文
        # %% answer chinese
        def 问候(名字):
            \"\"\"返回问候语。\"\"\"
            ### BEGIN SOLUTION
            return f"你好，{名字}！"
            ### END SOLUTION

        ### BEGIN SOLUTION
        城市 = {"北京": 2189, "上海": 2487}
        ### END SOLUTION
        # %% test chinese_greets 1
        assert 问候("小明") == "你好，小明！", "问候语不对"
        assert 问候.__doc__, "写一行说明"
        # %% test chinese_cities 1
        assert set(城市) == {"上海", "北京"}
        assert max(城市, key=城市.get) == "上海"
        """,
        (
            "def 问候(名字):\n    '''问候'''\n    return '你好，' + 名字 + '！'\n城市 = dict(上海=2487, 北京=2189)",
            "def 问候(名字):\n    return '你好，{}！'.format(名字)\n城市 = {'上海': '2487', '北京': '2189'}",
            "def 问候(名字):\n    '''问候'''\n    return '你好,' + 名字 + '!'\n城市 = ['北京', '上海']",
        ),
    ),
]
