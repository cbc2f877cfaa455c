"""Classes: operators, properties, inheritance, exceptions, iteration, context managers."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% plain
        import abc, collections.abc, copy, dataclasses, enum, functools, math, types
        from dataclasses import dataclass
        from typing import NamedTuple
        # %% answer vector
        ### BEGIN SOLUTION
        class Vector:
            \"\"\"A vector in the plane.\"\"\"

            def __init__(self, x=0, y=0):
                self.x, self.y = x, y

            def __add__(self, other):
                return Vector(self.x + other.x, self.y + other.y)

            def __mul__(self, factor):
                return Vector(self.x * factor, self.y * factor)

            __rmul__ = __mul__

            def __neg__(self):
                return -1 * self

            def __abs__(self):
                return math.hypot(self.x, self.y)

            def __eq__(self, other):
                return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)

            def __hash__(self):
                return hash((self.x, self.y))

            def __getitem__(self, index):
                return (self.x, self.y)[index]

            def __len__(self):
                return 2

            def __bool__(self):
                return self.x != 0 or self.y != 0

            def __repr__(self):
                return f"Vector({self.x}, {self.y})"

            def __format__(self, spec):
                return f"<{self.x:{spec}}, {self.y:{spec}}>"
        ### END SOLUTION
        # %% test vector_fields 1
        v = Vector(3, 4)
        assert v.x == 3 and v.y == 4
        assert (Vector().x, Vector().y) == (0, 0)
        assert vars(v) == {"x": 3, "y": 4}
        # %% test vector_plain 2
        s = Vector(1, 2) + Vector(3, 4)
        assert (s.x, s.y) == (4, 6)
        assert abs(Vector(3, 4)) == 5
        m = 2 * Vector(1, 2) * 3
        assert [m[0], m[1]] == [6, 12]
        # %% test vector_equal 2
        assert Vector(1, 2) == Vector(1, 2)
        assert Vector(1, 2) != Vector(2, 1)
        assert Vector(1, 2) + Vector(1, 1) == Vector(2, 3)
        assert -Vector(1, 2) == Vector(-1, -2)
        assert not Vector(1, 2) == "something else"
        # %% test vector_text 1
        assert repr(Vector(1, 2)) == "Vector(1, 2)"
        assert str([Vector(0, 1)]) == "[Vector(0, 1)]"
        assert f"{Vector(1, 2):.1f}" == "<1.0, 2.0>"
        # %% test vector_eval 1
        assert eval(repr(Vector(5, 6))) == Vector(5, 6)
        # %% test vector_collections 1
        assert len({Vector(1, 2), Vector(1, 2), Vector(2, 2)}) == 2
        assert Vector(2, 2) in [Vector(1, 1), Vector(2, 2)]
        assert {Vector(0, 1): "up"}[Vector(0, 1)] == "up"
        assert list(Vector(7, 8)) == [7, 8] and len(Vector()) == 2
        assert not Vector() and Vector(1, 0)
        # %% test vector_class 1
        assert type(v) is Vector and isinstance(v, Vector)
        assert v.__class__.__name__ == "Vector" and Vector.__name__ == "Vector"
        assert Vector.__doc__ and hasattr(Vector, "__add__") and hasattr(v, "__abs__")
        assert not hasattr(v, "__iter__") or list(iter(v)) == [3, 4]
        # %% test vector_copies 1
        w = copy.deepcopy(v)
        w.x = 100
        assert v.x == 3 and w.x == 100
        assert copy.copy(v) == v
        """,
        (
            """
            @dataclass(frozen=False, unsafe_hash=True)
            class Vector:
                '''Vector.'''
                x: float = 0
                y: float = 0
                def __add__(self, o): return Vector(self.x + o.x, self.y + o.y)
                def __mul__(self, k): return Vector(self.x * k, self.y * k)
                def __rmul__(self, k): return self * k
                def __neg__(self): return Vector(-self.x, -self.y)
                def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
                def __iter__(self): return iter((self.x, self.y))
                def __getitem__(self, i): return list(self)[i]
                def __len__(self): return 2
                def __bool__(self): return bool(abs(self))
                def __repr__(self): return f"Vector({self.x}, {self.y})"
                def __format__(self, f): return "<" + ", ".join(format(c, f) for c in self) + ">"
            """,
            """
            class Vector:
                def __init__(self, x=0, y=0):
                    self.x = x
                    self.y = y
                def __add__(self, other):
                    self.x += other.x
                    self.y += other.y
                    return self
                def __mul__(self, k):
                    return Vector(self.x * k, self.y * k)
                def __abs__(self):
                    return math.sqrt(self.x ** 2 + self.y ** 2)
                def __repr__(self):
                    return "Vector(%s, %s)" % (self.x, self.y)
            """,
            """
            class Vector:
                def __init__(self, x, y):
                    self._x, self._y = x, y
                @property
                def x(self): return self._x
                @property
                def y(self): return self._y
                def __eq__(self, other):
                    return self.x == other.x and self.y == other.y
                def __str__(self):
                    return f"Vector({self.x}, {self.y})"
            """,
            "class vector:\n    pass",
        ),
    ),
    Exercise(
        """
        # %% answer account
        ### BEGIN SOLUTION
        class InsufficientFunds(ValueError):
            def __init__(self, needed):
                super().__init__(f"{needed} more is needed")
                self.needed = needed

        class Account:
            count = 0

            def __init__(self, owner, balance=0):
                self.owner = owner
                self._balance = balance
                self.history = []
                Account.count += 1

            @property
            def balance(self):
                return self._balance

            def deposit(self, amount):
                if amount <= 0:
                    raise ValueError("amount must be positive")
                self._balance += amount
                self.history.append(("deposit", amount))

            def withdraw(self, amount):
                if amount > self._balance:
                    raise InsufficientFunds(amount - self._balance)
                self._balance -= amount
                self.history.append(("withdraw", amount))

            @classmethod
            def from_text(cls, text):
                owner, balance = text.split(":")
                return cls(owner, float(balance))

            @staticmethod
            def is_valid(owner):
                return owner.isalpha()

            def __str__(self):
                return f"{self.owner}: {self._balance:.2f}"

        class Savings(Account):
            def __init__(self, owner, balance=0, rate=0.1):
                super().__init__(owner, balance)
                self.rate = rate

            def add_interest(self):
                self.deposit(self.balance * self.rate)
        ### END SOLUTION
        # %% test account_basic 2
        account = Account("Ann", 100)
        account.deposit(50)
        assert account.balance == 150
        account.withdraw(30)
        assert account.balance == 120
        assert account.history == [("deposit", 50), ("withdraw", 30)]
        assert str(account) == "Ann: 120.00"
        # %% test account_property 1
        try:
            account.balance = 5
            assert False, "balance must not be set"
        except AttributeError:
            pass
        # %% test account_error 2
        try:
            Account("Bo", 10).withdraw(15)
            raise AssertionError("no error")
        except InsufficientFunds as error:
            assert error.needed == 5
            assert "5" in str(error)
        assert issubclass(InsufficientFunds, ValueError)
        # %% test account_raises 1
        import pytest
        with pytest.raises(InsufficientFunds) as caught:
            account.withdraw(10**6)
        assert isinstance(caught.value, ValueError)
        with pytest.raises(ValueError):
            account.deposit(-1)
        # %% test account_class 1
        before = Account.count
        Account("x"), Account("y")
        assert Account.count == before + 2
        assert Account.from_text("Cy:7.5").balance == 7.5
        assert Account.is_valid("Ann") and not Account.is_valid("4nn")
        # %% test account_inherits 2
        savings = Savings("Di", 200, rate=0.05)
        savings.add_interest()
        assert savings.balance == 210
        assert isinstance(savings, Account) and issubclass(Savings, Account)
        assert Savings.__bases__ == (Account,) and Savings.__mro__[1] is Account
        assert not isinstance(account, Savings)
        assert isinstance(Savings.from_text("E:1"), Savings)
        """,
        (
            """
            class InsufficientFunds(ValueError):
                needed: float = 0
            class Account:
                count = 0
                def __init__(self, owner, balance=0):
                    type(self).count += 1 if type(self) is Account else 0
                    self.owner, self.__balance, self.history = owner, balance, []
                balance = property(lambda self: self.__balance)
                def deposit(self, amount):
                    if amount <= 0: raise ValueError(amount)
                    self.__balance += amount
                    self.history += [("deposit", amount)]
                def withdraw(self, amount):
                    missing = amount - self.__balance
                    if missing > 0:
                        error = InsufficientFunds(f"missing {missing}")
                        error.needed = missing
                        raise error
                    self.__balance -= amount
                    self.history += [("withdraw", amount)]
                @classmethod
                def from_text(cls, text):
                    a, b = text.split(":")
                    return cls(a, float(b))
                is_valid = staticmethod(str.isalpha)
                def __repr__(self): return "%s: %.2f" % (self.owner, self.balance)
            class Savings(Account):
                def __init__(self, *args, rate=0.1, **kwargs):
                    super().__init__(*args, **kwargs)
                    self.rate = rate
                def add_interest(self): self.deposit(self.rate * self.balance)
            """,
            """
            class InsufficientFunds(Exception):
                pass
            class Account:
                count = 0
                history = []
                def __init__(self, owner, balance=0):
                    self.owner = owner
                    self.balance = balance
                    self.count += 1
                def deposit(self, amount):
                    self.balance += amount
                    self.history.append(("deposit", amount))
                def withdraw(self, amount):
                    if amount > self.balance:
                        raise InsufficientFunds("not enough: 5")
                    self.balance -= amount
                    self.history.append(("withdraw", amount))
                def from_text(text):
                    a, b = text.split(":")
                    return Account(a, float(b))
                def is_valid(owner):
                    return owner.isalpha()
                def __str__(self):
                    return f"{self.owner}: {self.balance:.2f}"
            class Savings(Account):
                def __init__(self, owner, balance=0, rate=0.1):
                    self.owner, self.balance, self.rate = owner, balance, rate
                def add_interest(self):
                    self.balance *= 1 + self.rate
            """,
            """
            class Account:
                def __init__(self, owner, balance):
                    self.owner = owner
                    self.balance = balance
                def deposit(self, amount):
                    self.balance = self.balance + amount
            """,
        ),
    ),
    Exercise(
        """
        # %% answer shapes
        ### BEGIN SOLUTION
        class Shape(abc.ABC):
            @abc.abstractmethod
            def area(self): ...

            def describe(self):
                return f"{type(self).__name__} of area {self.area():.2f}"

        class Square(Shape):
            def __init__(self, side):
                self.side = side

            @property
            def side(self):
                return self._side

            @side.setter
            def side(self, value):
                if value < 0:
                    raise ValueError("negative side")
                self._side = value

            def area(self):
                return self.side ** 2

        class Circle(Shape):
            def __init__(self, radius):
                self.radius = radius

            def area(self):
                return math.pi * self.radius ** 2
        ### END SOLUTION
        # %% test shapes_abstract 1
        try:
            Shape()
        except TypeError:
            pass
        else:
            raise AssertionError("Shape must be abstract")
        import inspect
        assert inspect.isabstract(Shape)
        # %% test shapes_area 1
        assert Square(3).area() == 9
        assert math.isclose(Circle(1).area(), math.pi)
        assert [s.area() for s in (Square(1), Square(2))] == [1, 4]
        # %% test shapes_setter 1
        square = Square(1)
        square.side = 4
        assert square.area() == 16
        try:
            square.side = -1
            assert False
        except ValueError:
            assert square.side == 4
        # %% test shapes_describe 1
        assert Square(2).describe() == "Square of area 4.00"
        assert isinstance(Circle(1), Shape) and issubclass(Circle, Shape)
        # %% test shapes_subclass 1
        class Dot(Shape):
            def area(self):
                return 0
        assert Dot().describe() == "Dot of area 0.00"
        """,
        (
            """
            from abc import ABC, abstractmethod
            class Shape(ABC):
                @property
                def name(self): return self.__class__.__name__
                @abstractmethod
                def area(self): raise NotImplementedError
                def describe(self): return "%s of area %.2f" % (self.name, self.area())
            class Square(Shape):
                def __init__(self, side): self.side = side
                def __setattr__(self, name, value):
                    if value < 0: raise ValueError(name)
                    super().__setattr__(name, value)
                def area(self): return self.side * self.side
            class Circle(Shape):
                def __init__(self, r): self.r = r
                def area(self): return 3.141592653589793 * self.r * self.r
            """,
            """
            class Shape:
                def area(self):
                    raise NotImplementedError
                def describe(self):
                    return f"{self.__class__.__name__} of area {self.area():.2f}"
            class Square(Shape):
                def __init__(self, side):
                    self.side = side
                def area(self):
                    return self.side ** 2
            class Circle(Shape):
                def __init__(self, radius):
                    self.radius = radius
                def area(self):
                    return 3.14 * self.radius ** 2
            """,
            "class Shape:\n    def area(self): pass\nclass Square:\n    def __init__(self, side):\n        self.side = side\n    def area(self):\n        return self.side * 2",
        ),
    ),
    Exercise(
        """
        # %% answer records
        ### BEGIN SOLUTION
        @dataclass(order=True)
        class Card:
            rank: int
            suit: str = "hearts"

        @dataclass(frozen=True)
        class Place:
            name: str
            people: int = 0

        class Point(NamedTuple):
            x: float
            y: float

        class Color(enum.Enum):
            RED = 1
            GREEN = 2

            def other(self):
                return Color.GREEN if self is Color.RED else Color.RED
        ### END SOLUTION
        # %% test records_card 2
        assert Card(3) == Card(3, "hearts") != Card(4)
        assert sorted([Card(5), Card(2), Card(9)])[0].rank == 2
        assert max(Card(5), Card(7)).rank == 7 and Card(1) < Card(2)
        assert repr(Card(1, "spades")) == "Card(rank=1, suit='spades')"
        # %% test records_dataclass 1
        assert dataclasses.is_dataclass(Card)
        assert dataclasses.asdict(Card(2)) == {"rank": 2, "suit": "hearts"}
        assert [f.name for f in dataclasses.fields(Card)] == ["rank", "suit"]
        # %% test records_frozen 1
        place = Place("Rome", 3)
        try:
            place.people = 4
            assert False, "Place must not change"
        except dataclasses.FrozenInstanceError:
            pass
        assert len({Place("a"), Place("a")}) == 1
        # %% test records_point 1
        p = Point(1, 2)
        x, y = p
        assert (x, y) == (1, 2) == p
        assert p.x == 1 and p._replace(x=5) == Point(5, 2) and Point._fields == ("x", "y")
        assert isinstance(p, tuple) and isinstance(p, Point)
        # %% test records_color 2
        assert Color.RED.value == 1 and Color(2) is Color.GREEN and Color["RED"] is Color.RED
        assert [c.name for c in Color] == ["RED", "GREEN"] and len(Color) == 2
        assert Color.RED.other() is Color.GREEN and Color.RED != Color.GREEN
        assert issubclass(Color, enum.Enum) and isinstance(Color.RED, Color)
        """,
        (
            """
            @functools.total_ordering
            class Card:
                def __init__(self, rank, suit="hearts"): self.rank, self.suit = rank, suit
                def __eq__(self, o): return (self.rank, self.suit) == (o.rank, o.suit)
                def __lt__(self, o): return (self.rank, self.suit) < (o.rank, o.suit)
                def __repr__(self): return f"Card(rank={self.rank}, suit={self.suit!r})"
            class Place:
                __slots__ = ("name", "people")
                def __init__(self, name, people=0):
                    object.__setattr__(self, "name", name)
                    object.__setattr__(self, "people", people)
                def __setattr__(self, *_): raise dataclasses.FrozenInstanceError("no")
                def __eq__(self, o): return self.name == o.name and self.people == o.people
                def __hash__(self): return hash(self.name)
            from collections import namedtuple
            Point = namedtuple("Point", "x y")
            Color = enum.Enum("Color", "RED GREEN")
            Color.other = lambda self: Color(3 - self.value)
            """,
            """
            @dataclass
            class Card:
                rank: int
                suit: str = "hearts"
            @dataclass
            class Place:
                name: str
                people: int = 0
            @dataclass
            class Point:
                x: float
                y: float
            class Color:
                RED = 1
                GREEN = 2
            """,
            """
            class Card:
                def __init__(self, rank, suit="hearts"):
                    self.rank = rank
                    self.suit = suit
                def __eq__(self, other):
                    return True
                def __lt__(self, other):
                    return self.rank > other.rank
            class Color(enum.IntEnum):
                RED = 1
                GREEN = 2
                def other(self):
                    return Color(3 - self)
            """,
        ),
    ),
    Exercise(
        """
        # %% answer iterators
        ### BEGIN SOLUTION
        class Countdown:
            def __init__(self, start):
                self.current = start

            def __iter__(self):
                return self

            def __next__(self):
                if self.current <= 0:
                    raise StopIteration
                self.current -= 1
                return self.current + 1

        def fibonacci():
            a, b = 0, 1
            while True:
                yield a
                a, b = b, a + b

        def running_mean():
            total, count, value = 0, 0, None
            while True:
                total += yield value
                count += 1
                value = total / count
        ### END SOLUTION
        # %% test iterators_class 1
        assert list(Countdown(3)) == [3, 2, 1]
        it = Countdown(2)
        assert iter(it) is it and next(it) == 2
        assert isinstance(it, collections.abc.Iterator)
        assert [n for n in Countdown(2)] == [2, 1] and sum(Countdown(4)) == 10
        # %% test iterators_generator 1
        import inspect, itertools
        assert list(itertools.islice(fibonacci(), 8)) == [0, 1, 1, 2, 3, 5, 8, 13]
        numbers = fibonacci()
        assert [next(numbers) for _ in range(3)] == [0, 1, 1]
        # %% test iterators_kind 1
        assert isinstance(fibonacci(), types.GeneratorType)
        assert inspect.isgeneratorfunction(fibonacci)
        assert isinstance(fibonacci(), collections.abc.Iterator)
        # %% test iterators_send 1
        mean = running_mean()
        next(mean)
        assert [mean.send(4), mean.send(8)] == [4, 6]
        mean.close()
        """,
        (
            """
            class Countdown:
                def __init__(self, n):
                    self.numbers = iter(range(n, 0, -1))
                def __iter__(self): return self
                def __next__(self): return next(self.numbers)
            def fibonacci(a=0, b=1):
                yield a
                yield from fibonacci(b, a + b)
            def running_mean():
                seen = []
                while True:
                    seen.append((yield sum(seen) / len(seen) if seen else None))
            """,
            """
            class Countdown:
                def __init__(self, n):
                    self.n = n
                def __iter__(self):
                    return iter(range(self.n, 0, -1))
            def fibonacci():
                numbers = [0, 1]
                for _ in range(100):
                    numbers.append(numbers[-1] + numbers[-2])
                return iter(numbers)
            def running_mean():
                yield 0
            """,
            "def Countdown(n):\n    return list(range(n, 0, -1))\ndef fibonacci():\n    return [0, 1, 1, 2, 3, 5, 8, 13]",
        ),
    ),
    Exercise(
        """
        # %% answer contexts
        ### BEGIN SOLUTION
        import contextlib

        class Suppress:
            def __init__(self, *kinds):
                self.kinds = kinds
                self.caught = None

            def __enter__(self):
                return self

            def __exit__(self, kind, error, trace):
                self.caught = error
                return kind is not None and issubclass(kind, self.kinds)

        @contextlib.contextmanager
        def recorded(log):
            log.append("start")
            try:
                yield len(log)
            finally:
                log.append("end")

        def counted(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                wrapper.calls += 1
                return function(*args, **kwargs)
            wrapper.calls = 0
            return wrapper

        def memoize(function):
            known = {}
            def wrapper(*args):
                if args not in known:
                    known[args] = function(*args)
                return known[args]
            return wrapper
        ### END SOLUTION
        # %% test contexts_suppress 2
        with Suppress(ZeroDivisionError, KeyError) as suppress:
            1 / 0
        assert isinstance(suppress.caught, ZeroDivisionError)
        try:
            with Suppress(KeyError):
                raise ValueError("let through")
            assert False
        except ValueError:
            pass
        # %% test contexts_recorded 1
        log = []
        with recorded(log) as size:
            assert size == 1 and log == ["start"]
        assert log == ["start", "end"]
        # %% test contexts_counted 1
        @counted
        def double(x):
            \"\"\"Double it.\"\"\"
            return 2 * x
        assert double(4) == 8 and double(5) == 10
        assert double.calls == 2
        assert double.__name__ == "double" and double.__doc__ == "Double it."
        # %% test contexts_memo 1
        asked = []
        def slow(x):
            asked.append(x)
            return x + 1
        fast = memoize(slow)
        assert [fast(1), fast(1), fast(2)] == [2, 2, 3]
        assert asked == [1, 2]
        """,
        (
            """
            from contextlib import contextmanager
            class Suppress:
                caught = None
                def __init__(self, *kinds): self.kinds = kinds
                def __enter__(self): return self
                def __exit__(self, kind, error, trace):
                    self.caught = error
                    return isinstance(error, self.kinds)
            class recorded:
                def __init__(self, log): self.log = log
                def __enter__(self):
                    self.log.append("start")
                    return len(self.log)
                def __exit__(self, *_): self.log.append("end")
            def counted(f):
                class Wrapper:
                    calls = 0
                    def __call__(self, *a, **k):
                        self.calls += 1
                        return f(*a, **k)
                wrapper = Wrapper()
                functools.update_wrapper(wrapper, f)
                return wrapper
            memoize = functools.lru_cache(maxsize=None)
            """,
            """
            class Suppress:
                def __init__(self, *kinds): self.kinds = kinds
                def __enter__(self): pass
                def __exit__(self, *_): return True
            from contextlib import contextmanager
            @contextmanager
            def recorded(log):
                log.append("start")
                yield 1
            def counted(f):
                calls = 0
                def wrapper(*a):
                    calls += 1
                    return f(*a)
                return wrapper
            def memoize(f):
                return f
            """,
        ),
    ),
]
