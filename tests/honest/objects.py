"""Data structures and patterns as classes: what tests ask of learners' objects."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% plain
        import functools, itertools, sys
        from collections import OrderedDict, defaultdict
        from typing import Generic, Iterator, Protocol, TypeVar, runtime_checkable
        # %% answer matrix
        ### BEGIN SOLUTION
        class Matrix:
            def __init__(self, rows):
                self.rows = [list(row) for row in rows]

            @property
            def shape(self):
                return len(self.rows), len(self.rows[0])

            def __getitem__(self, key):
                if isinstance(key, tuple):
                    row, column = key
                    return self.rows[row][column]
                return self.rows[key]

            def __setitem__(self, key, value):
                row, column = key
                self.rows[row][column] = value

            def __matmul__(self, other):
                columns = list(zip(*other.rows))
                return Matrix([[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows])

            def __add__(self, other):
                if self.shape != other.shape:
                    raise ValueError("shapes differ")
                return Matrix([[a + b for a, b in zip(*rows)] for rows in zip(self.rows, other.rows)])

            def __iadd__(self, other):
                self.rows = (self + other).rows
                return self

            def __eq__(self, other):
                return self.rows == other.rows

            def __iter__(self):
                return itertools.chain.from_iterable(self.rows)

            def transpose(self):
                return Matrix(zip(*self.rows))

            @classmethod
            def identity(cls, n):
                return cls([[int(i == j) for j in range(n)] for i in range(n)])
        ### END SOLUTION
        # %% test matrix_index 1
        m = Matrix([[1, 2], [3, 4]])
        assert m[0, 1] == 2 and m[1] == [3, 4] and m.shape == (2, 2)
        m[0, 1] = 9
        assert m[0, 1] == 9 and m.rows[0] == [1, 9]
        # %% test matrix_product 1
        p = Matrix([[1, 2], [3, 4]]) @ Matrix([[0, 1], [1, 0]])
        assert p.rows == [[2, 1], [4, 3]]
        assert (Matrix.identity(2) @ p).rows == p.rows
        # %% test matrix_sum 1
        total = Matrix([[1, 2]]) + Matrix([[3, 4]])
        assert list(total) == [4, 6] and sum(total) == 10
        total += Matrix([[1, 1]])
        assert total.rows == [[5, 7]]
        try:
            Matrix([[1]]) + Matrix([[1, 2]])
            assert False
        except ValueError as error:
            assert "shapes" in str(error)
        # %% test matrix_equal 1
        assert Matrix([[1, 2], [3, 4]]).transpose() == Matrix([[1, 3], [2, 4]])
        assert not Matrix([[1]]) == Matrix([[2]])
        # %% test matrix_keeps 1
        rows = [[1, 2], [3, 4]]
        m = Matrix(rows)
        m[0, 0] = 5
        assert rows[0][0] == 1, "the matrix shares the rows of the list"
        """,
        (
            """
            class Matrix:
                def __init__(self, rows): self.rows = list(map(list, rows))
                def __getattr__(self, name):
                    if name == "shape": return (len(self.rows), len(self.rows[0]))
                    raise AttributeError(name)
                def __getitem__(self, k): return self.rows[k[0]][k[1]] if type(k) is tuple else self.rows[k]
                def __setitem__(self, k, v): self.rows[k[0]][k[1]] = v
                def __matmul__(self, o):
                    return type(self)([[sum(self[i, k] * o[k, j] for k in range(o.shape[0])) for j in range(o.shape[1])] for i in range(self.shape[0])])
                def __add__(self, o):
                    if self.shape != o.shape: raise ValueError(f"different shapes: {self.shape}, {o.shape}")
                    return Matrix([[x + y for x, y in zip(r, s)] for r, s in zip(self.rows, o.rows)])
                def __eq__(self, o): return all(a == b for a, b in zip(self, o))
                def __iter__(self):
                    for row in self.rows: yield from row
                def transpose(self): return Matrix([list(c) for c in zip(*self.rows)])
                @staticmethod
                def identity(n):
                    m = Matrix([[0] * n for _ in range(n)])
                    for i in range(n): m[i, i] = 1
                    return m
            """,
            """
            class Matrix:
                def __init__(self, rows):
                    self.rows = rows
                    self.shape = len(rows), len(rows[0])
                def __getitem__(self, key):
                    return self.rows[key[0]][key[1]]
                def __setitem__(self, key, value):
                    self.rows[key[0]][key[1]] = value
                def __matmul__(self, other):
                    n = len(self.rows)
                    out = [[0] * n] * n
                    for i in range(n):
                        for j in range(n):
                            out[i][j] = sum(self.rows[i][k] * other.rows[k][j] for k in range(n))
                    return Matrix(out)
                def __add__(self, other):
                    return Matrix([[a + b for a, b in zip(r, s)] for r, s in zip(self.rows, other.rows)])
                def transpose(self):
                    return [list(c) for c in zip(*self.rows)]
                def identity(n):
                    return Matrix([[1 if i == j else 0 for j in range(n)] for i in range(n)])
            """,
            "class Matrix(list):\n    def shape(self):\n        return (len(self), len(self[0]))",
        ),
    ),
    Exercise(
        """
        # %% answer caches
        ### BEGIN SOLUTION
        class LRUCache:
            def __init__(self, size):
                self.size = size
                self._items = OrderedDict()

            def get(self, key, default=None):
                if key not in self._items:
                    return default
                self._items.move_to_end(key)
                return self._items[key]

            def put(self, key, value):
                self._items[key] = value
                self._items.move_to_end(key)
                if len(self._items) > self.size:
                    self._items.popitem(last=False)

            def __contains__(self, key):
                return key in self._items

            def __len__(self):
                return len(self._items)

        class Config:
            _only = None

            def __new__(cls):
                if cls._only is None:
                    cls._only = super().__new__(cls)
                return cls._only

        class Temperature:
            __slots__ = ("_celsius",)

            def __init__(self, celsius):
                self.celsius = celsius

            @property
            def celsius(self):
                return self._celsius

            @celsius.setter
            def celsius(self, value):
                if value < -273.15:
                    raise ValueError("below absolute zero")
                self._celsius = value

            @celsius.deleter
            def celsius(self):
                raise AttributeError("cannot delete")

            def __float__(self):
                return float(self._celsius)

            def __int__(self):
                return int(self._celsius)

            def __round__(self, digits=0):
                return round(self._celsius, digits)

            def __lt__(self, other):
                return self._celsius < other._celsius
        ### END SOLUTION
        # %% test caches_lru 2
        cache = LRUCache(2)
        cache.put("a", 1)
        cache.put("b", 2)
        assert cache.get("a") == 1
        cache.put("c", 3)
        assert "b" not in cache and "a" in cache and len(cache) == 2
        assert cache.get("b") is None and cache.get("b", 0) == 0
        # %% test caches_single 1
        assert Config() is Config()
        first = Config()
        first.color = "red"
        assert Config().color == "red"
        # %% test caches_property 2
        t = Temperature(20.6)
        t.celsius = 25.5
        assert float(t) == 25.5 and int(t) == 25 and round(t, 0) == 26
        try:
            t.celsius = -300
            assert False
        except ValueError:
            pass
        try:
            del t.celsius
            assert False
        except AttributeError:
            pass
        try:
            t.other = 1
            assert False, "use __slots__"
        except AttributeError:
            pass
        # %% test caches_order 1
        ordered = sorted([Temperature(3), Temperature(1), Temperature(2)])
        assert [t.celsius for t in ordered] == [1, 2, 3]
        assert min(Temperature(3), Temperature(1)).celsius == 1
        """,
        (
            """
            class LRUCache(OrderedDict):
                def __init__(self, size):
                    super().__init__()
                    self.size = size
                def get(self, key, default=None):
                    if key in self:
                        self.move_to_end(key)
                        return self[key]
                    return default
                def put(self, key, value):
                    self[key] = value
                    self.move_to_end(key)
                    while len(self) > self.size: self.popitem(last=False)
            @functools.lru_cache
            def make(): return object.__new__(Config)
            class Config:
                def __new__(cls): return make()
            class Temperature:
                __slots__ = "_c",
                def __init__(self, c): self.celsius = c
                def __get(self): return self._c
                def __set(self, c):
                    if c < -273.15: raise ValueError(c)
                    self._c = c
                celsius = property(__get, __set)
                def __float__(self): return 1.0 * self._c
                def __int__(self): return int(self._c)
                def __round__(self, n=None): return round(self._c, n)
                def __lt__(self, o): return self._c < o._c
            """,
            """
            class LRUCache:
                def __init__(self, size):
                    self.size, self.d, self.order = size, {}, []
                def get(self, key, default=None):
                    return self.d.get(key, default)
                def put(self, key, value):
                    self.d[key] = value
                    self.order.append(key)
                    if len(self.d) > self.size:
                        del self.d[self.order.pop(0)]
                def __contains__(self, key): return key in self.d
                def __len__(self): return len(self.d)
            class Config:
                pass
            class Temperature:
                def __init__(self, celsius):
                    self.celsius = celsius
                def __float__(self):
                    return self.celsius
                def __int__(self):
                    return round(self.celsius)
                def __round__(self, n=0):
                    return round(self.celsius)
                def __gt__(self, o):
                    return self.celsius > o.celsius
            """,
        ),
    ),
    Exercise(
        """
        # %% answer patterns
        ### BEGIN SOLUTION
        class Emitter:
            def __init__(self):
                self._handlers = defaultdict(list)

            def on(self, event, handler):
                self._handlers[event].append(handler)
                return self

            def emit(self, event, *args, **kwargs):
                return [handler(*args, **kwargs) for handler in self._handlers[event]]

        class Trie:
            def __init__(self):
                self.children = {}
                self.is_word = False

            def insert(self, word):
                node = self
                for letter in word:
                    node = node.children.setdefault(letter, Trie())
                node.is_word = True

            def words(self, prefix=""):
                if self.is_word:
                    yield prefix
                for letter, child in sorted(self.children.items()):
                    yield from child.words(prefix + letter)

        class MinHeap:
            def __init__(self, items=()):
                self.items = []
                for item in items:
                    self.push(item)

            def push(self, item):
                self.items.append(item)
                at = len(self.items) - 1
                while at and self.items[at] < self.items[(at - 1) // 2]:
                    above = (at - 1) // 2
                    self.items[at], self.items[above] = self.items[above], self.items[at]
                    at = above

            def pop(self):
                self.items.sort()
                return self.items.pop(0)

        T = TypeVar("T")

        class Box(Generic[T]):
            def __init__(self, item: T):
                self.item = item

            def map(self, function):
                return Box(function(self.item))

        @runtime_checkable
        class Drawable(Protocol):
            def draw(self) -> str: ...

        class Dot:
            def draw(self):
                return "."

        def make_all(kinds):
            return [kind() for kind in kinds]

        def flatten(items):
            for item in items:
                if isinstance(item, list):
                    yield from flatten(item)
                else:
                    yield item

        def multipliers(n):
            return [lambda x, k=k: k * x for k in range(n)]

        def kind_of(value):
            return type(value)

        def parse(text):
            try:
                return int(text)
            except ValueError as error:
                raise KeyError(text) from error
        ### END SOLUTION
        # %% test patterns_emitter 1
        heard = []
        emitter = Emitter().on("x", heard.append).on("x", lambda n: n + 1)
        assert emitter.emit("x", 4) == [None, 5] and heard == [4]
        assert emitter.emit("unknown") == []
        # %% test patterns_trie 1
        trie = Trie()
        for word in ["to", "tea", "ten", "i"]:
            trie.insert(word)
        assert list(trie.words()) == ["i", "tea", "ten", "to"]
        assert trie.children["t"].children["o"].is_word and set(trie.children) == {"t", "i"}
        # %% test patterns_heap 1
        heap = MinHeap([5, 3, 8])
        heap.push(1)
        assert heap.items[0] == 1 and len(heap.items) == 4
        assert [heap.pop() for _ in range(4)] == [1, 3, 5, 8]
        # %% test patterns_generic 1
        assert Box(3).map(lambda n: n + 1).map(str).item == "4"
        assert Box[int](2).item == 2
        # %% test patterns_protocol 1
        assert isinstance(Dot(), Drawable) and not isinstance(3, Drawable)
        # %% test patterns_objects 1
        dots = make_all([Dot, Dot])
        assert len(dots) == 2 and all(isinstance(dot, Dot) for dot in dots)
        assert {dot.draw() for dot in dots} == {"."} and dots[0] is not dots[1]
        # %% test patterns_functions 1
        assert list(flatten([1, [2, [3, []]], 4])) == [1, 2, 3, 4]
        assert [f(10) for f in multipliers(3)] == [0, 10, 20]
        assert functools.reduce(lambda x, f: f(x), multipliers(3)[1:], 5) == 10
        assert kind_of(3) is int and kind_of("a") == str and kind_of(Dot()) is Dot
        # %% test patterns_cause 1
        assert parse("12") == 12
        try:
            parse("x")
            assert False
        except KeyError as error:
            assert error.args == ("x",)
            assert isinstance(error.__cause__, ValueError)
        """,
        (
            """
            class Emitter:
                def __init__(self): self.h = {}
                def on(self, e, f):
                    self.h.setdefault(e, []).append(f)
                    return self
                def emit(self, e, *a, **k): return list(map(lambda f: f(*a, **k), self.h.get(e, [])))
            class Trie:
                def __init__(self): self.children, self.is_word = {}, False
                def insert(self, w):
                    if not w: self.is_word = True
                    else: self.children.setdefault(w[0], Trie()).insert(w[1:])
                def words(self):
                    out = [""] if self.is_word else []
                    for k in sorted(self.children):
                        out += [k + w for w in self.children[k].words()]
                    return out
            import heapq
            class MinHeap:
                def __init__(self, items=()):
                    self.items = list(items)
                    heapq.heapify(self.items)
                def push(self, x): heapq.heappush(self.items, x)
                def pop(self): return heapq.heappop(self.items)
            class Box(Generic[TypeVar("S")]):
                def __init__(self, item): self.item = item
                def map(self, f): return type(self)(f(self.item))
            @runtime_checkable
            class Drawable(Protocol):
                def draw(self): ...
            class Dot:
                draw = lambda self: "."
            make_all = lambda kinds: [k() for k in kinds]
            def flatten(items):
                return [x for i in items for x in (flatten(i) if isinstance(i, list) else [i])]
            def multipliers(n):
                return [functools.partial(lambda k, x: k * x, k) for k in range(n)]
            kind_of = type
            def parse(text):
                if text.isdigit(): return int(text)
                raise KeyError(text) from ValueError(text)
            """,
            """
            class Emitter:
                handlers = {}
                def on(self, e, f):
                    self.handlers[e] = f
                    return self
                def emit(self, e, *a):
                    return self.handlers[e](*a)
            class Trie:
                def __init__(self): self.children, self.is_word, self.all = {}, False, []
                def insert(self, w): self.all.append(w)
                def words(self): return sorted(self.all)
            class MinHeap:
                def __init__(self, items=[]): self.items = items
                def push(self, x):
                    self.items.append(x)
                    self.items.sort(reverse=True)
                def pop(self): return self.items.pop()
            class Box:
                def __init__(self, item): self.item = item
                def map(self, f):
                    self.item = f(self.item)
                    return self
            class Drawable: pass
            class Dot(Drawable):
                def draw(self): print(".")
            def make_all(kinds): return [kinds[0]()] * len(kinds)
            def flatten(items): return sum(items, [])
            def multipliers(n): return [lambda x: k * x for k in range(n)]
            def kind_of(value): return type(value).__name__
            def parse(text):
                try: return int(text)
                except ValueError: raise KeyError(text)
            """,
        ),
    ),
]
