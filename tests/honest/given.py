"""Functions of learners' on classes that the instructor gives, and data structures."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% given tree_node
        import enum
        import heapq
        from collections import namedtuple
        from dataclasses import dataclass, field
        from typing import NamedTuple, Optional

        class Node:
            def __init__(self, value, next=None):
                self.value = value
                self.next = next

        class TreeNode:
            def __init__(self, val, left=None, right=None):
                self.val, self.left, self.right = val, left, right

        def to_list(node):
            values = []
            while node is not None:
                values.append(node.value)
                node = node.next
            return values

        def from_list(values):
            node = None
            for value in reversed(values):
                node = Node(value, node)
            return node
        # %% answer lists
        def reverse(head):
            ### BEGIN SOLUTION
            previous = None
            while head is not None:
                head.next, previous, head = previous, head, head.next
            return previous
            ### END SOLUTION

        def length(head):
            ### BEGIN SOLUTION
            return 0 if head is None else 1 + length(head.next)
            ### END SOLUTION
        # %% test lists_reverse 2
        head = Node(1, Node(2, Node(3)))
        turned = reverse(head)
        assert turned.value == 3 and turned.next.value == 2 and turned.next.next.next is None
        assert to_list(reverse(from_list([1, 2, 3, 4]))) == [4, 3, 2, 1]
        assert reverse(None) is None
        # %% test lists_in_place 1
        first = from_list([1, 2])
        assert reverse(first).next is first, "reuse the nodes"
        # %% test lists_length 1
        assert length(from_list(list(range(50)))) == 50
        assert length(None) == 0
        """,
        (
            "def reverse(head):\n    if head is None or head.next is None:\n        return head\n    new = reverse(head.next)\n    head.next.next = head\n    head.next = None\n    return new\ndef length(head):\n    n = 0\n    while head:\n        n, head = n + 1, head.next\n    return n",
            "def reverse(head):\n    return from_list(to_list(head)[::-1])\ndef length(head):\n    return len(to_list(head))",
            "def reverse(head):\n    previous = None\n    node = head\n    while node.next:\n        node.next, previous, node = previous, node, node.next\n    return node\ndef length(head):\n    return 1 + length(head.next)",
            "class Node:\n    def __init__(self, value):\n        self.value = value\ndef reverse(head):\n    return [head.value]\ndef length(head):\n    return len(head)",
        ),
    ),
    Exercise(
        """
        # %% answer trees
        def inorder(root):
            ### BEGIN SOLUTION
            return [] if root is None else inorder(root.left) + [root.val] + inorder(root.right)
            ### END SOLUTION

        def insert(root, val):
            ### BEGIN SOLUTION
            if root is None:
                return TreeNode(val)
            if val < root.val:
                root.left = insert(root.left, val)
            else:
                root.right = insert(root.right, val)
            return root
            ### END SOLUTION
        # %% test trees_inorder 1
        root = TreeNode(4, TreeNode(2, TreeNode(1)), TreeNode(6))
        assert inorder(root) == [1, 2, 4, 6]
        assert inorder(None) == []
        # %% test trees_insert 2
        root = insert(root, 5)
        assert root.right.left.val == 5 and isinstance(root.right.left, TreeNode)
        tree = None
        for value in [3, 1, 2]:
            tree = insert(tree, value)
        assert tree.val == 3 and tree.left.right.val == 2
        assert inorder(tree) == sorted([3, 1, 2])
        """,
        (
            "def inorder(root):\n    if root:\n        return [*inorder(root.left), root.val, *inorder(root.right)]\n    return []\ndef insert(root, val):\n    new = TreeNode(val)\n    if not root:\n        return new\n    node = root\n    while True:\n        side = 'left' if val < node.val else 'right'\n        if getattr(node, side) is None:\n            setattr(node, side, new)\n            return root\n        node = getattr(node, side)",
            "def inorder(root):\n    if root:\n        yield from inorder(root.left)\n        yield root.val\n        yield from inorder(root.right)\ndef insert(root, val):\n    if root is None:\n        root = TreeNode(val)\n    elif val < root.val:\n        insert(root.left, val)\n    else:\n        insert(root.right, val)\n    return root",
            "def inorder(root):\n    return [root.left.val, root.val, root.right.val]\ndef insert(root, val):\n    return TreeNode(val, root)",
        ),
    ),
    Exercise(
        """
        # %% given money_classes
        @dataclass
        class Item:
            name: str
            price: float
            tags: list = field(default_factory=list)

            def with_tax(self, rate=0.2):
                return self.price * (1 + rate)

        @dataclass(frozen=True)
        class Money:
            amount: int
            currency: str = "EUR"

        class Size(NamedTuple):
            width: int
            height: int

        class Level(enum.Enum):
            LOW = "low"
            HIGH = "high"

        Rating = namedtuple("Rating", "stars text")

        class EmptyBasket(Exception):
            pass
        # %% answer shop
        def cheapest(items):
            ### BEGIN SOLUTION
            if not items:
                raise EmptyBasket("nothing to choose from")
            return min(items, key=lambda item: item.price)
            ### END SOLUTION

        def discount(item, percent):
            \"\"\"Change the item's price.\"\"\"
            ### BEGIN SOLUTION
            item.price = item.price * (100 - percent) / 100
            item.tags.append("sale")
            ### END SOLUTION

        def add(one, other):
            ### BEGIN SOLUTION
            return Money(one.amount + other.amount, one.currency)
            ### END SOLUTION

        def turned(size):
            ### BEGIN SOLUTION
            return Size(size.height, size.width)
            ### END SOLUTION

        def level_of(item):
            ### BEGIN SOLUTION
            return Level.HIGH if item.price > 10 else Level.LOW
            ### END SOLUTION

        def group(items):
            ### BEGIN SOLUTION
            found = {}
            for item in items:
                found.setdefault(level_of(item), []).append(item)
            return found
            ### END SOLUTION

        def best(ratings):
            ### BEGIN SOLUTION
            return max(ratings, key=lambda rating: rating.stars)
            ### END SOLUTION
        # %% test shop_cheapest 1
        items = [Item("tea", 3.0), Item("cup", 12.0), Item("bag", 2.5)]
        assert cheapest(items).name == "bag"
        assert cheapest(items) == Item("bag", 2.5)
        assert cheapest(items) is items[2]
        # %% test shop_raises 1
        try:
            cheapest([])
            assert False, "nothing was raised"
        except EmptyBasket as error:
            assert str(error) == "nothing to choose from"
        # %% test shop_discount 1
        cup = Item("cup", 10.0)
        assert discount(cup, 25) is None
        assert cup == Item("cup", 7.5, ["sale"])
        assert cup.with_tax() == 9.0
        # %% test shop_money 1
        assert add(Money(3), Money(4)) == Money(7)
        assert add(Money(3, "USD"), Money(4, "USD")) == Money(7, "USD") != Money(7)
        assert isinstance(add(Money(1), Money(1)), Money)
        # %% test shop_size 1
        assert turned(Size(2, 3)) == Size(3, 2)
        assert turned(Size(2, 3)).width == 3
        # %% test shop_level 1
        assert level_of(Item("x", 11)) is Level.HIGH
        assert level_of(Item("y", 1)) == Level.LOW
        assert [level.value for level in map(level_of, items)] == ["low", "high", "low"]
        # %% test shop_group 1
        grouped = group(items)
        assert set(grouped) == {Level.LOW, Level.HIGH}
        assert [item.name for item in grouped[Level.LOW]] == ["tea", "bag"]
        assert grouped == {Level.LOW: [Item("tea", 3.0), Item("bag", 2.5)], Level.HIGH: [Item("cup", 12.0)]}
        # %% test shop_best 1
        assert best([Rating(3, "ok"), Rating(5, "wow")]) == Rating(5, "wow")
        assert best([Rating(3, "ok")]).text == "ok"
        """,
        (
            """
            def cheapest(items):
                try:
                    return sorted(items, key=lambda i: i.price)[0]
                except IndexError:
                    raise EmptyBasket("nothing to choose from") from None
            def discount(item, percent):
                item.price *= 1 - percent / 100
                item.tags += ["sale"]
            def add(one, other):
                import dataclasses
                return dataclasses.replace(one, amount=one.amount + other.amount)
            def turned(size):
                return Size(*reversed(size))
            def level_of(item):
                return Level("high") if item.price > 10 else Level("low")
            def group(items):
                from collections import defaultdict
                found = defaultdict(list)
                for item in items:
                    found[level_of(item)].append(item)
                return found
            def best(ratings):
                return sorted(ratings)[-1]
            """,
            """
            def cheapest(items):
                best = Item("", float("inf"))
                for i in items:
                    if i.price < best.price:
                        best = Item(i.name, i.price)
                return best
            def discount(item, percent):
                return Item(item.name, item.price * (1 - percent / 100), item.tags + ["sale"])
            def add(one, other):
                return Money(one.amount + other.amount)
            def turned(size):
                return (size[1], size[0])
            def level_of(item):
                return "high" if item.price > 10 else "low"
            def group(items):
                return {level: [i for i in items if level_of(i) == level] for level in ("low", "high")}
            def best(ratings):
                return ratings[-1]
            """,
            """
            def cheapest(items):
                if len(items) == 0:
                    raise ValueError("nothing to choose from")
                items.sort(key=lambda i: i.price)
                return items[0]
            def discount(item, percent):
                item = Item(item.name, item.price * (100 - percent) / 100)
                item.tags.append("sale")
            def add(one, other):
                one.amount += other.amount
                return one
            def level_of(item):
                return Level.high
            """,
        ),
    ),
    Exercise(
        """
        # %% given animals
        class Animal:
            def __init__(self, name):
                self.name = name

            def sound(self):
                raise NotImplementedError

            def speak(self):
                return f"{self.name} says {self.sound()}"

        def chorus(animals):
            return ", ".join(animal.speak() for animal in animals)
        # %% answer dogs
        ### BEGIN SOLUTION
        class Dog(Animal):
            def sound(self):
                return "woof"

        class Puppy(Dog):
            def __init__(self, name, age=0):
                super().__init__(name)
                self.age = age

            def sound(self):
                return super().sound().upper()
        ### END SOLUTION
        # %% test dogs_speak 1
        assert Dog("Rex").speak() == "Rex says woof"
        assert chorus([Dog("A"), Puppy("B")]) == "A says woof, B says WOOF"
        # %% test dogs_kinds 1
        assert issubclass(Dog, Animal) and isinstance(Puppy("x"), Animal)
        assert isinstance(Puppy("x"), Dog) and not isinstance(Dog("x"), Puppy)
        assert Puppy("x", age=2).age == 2 and Puppy("x").name == "x"
        # %% test dogs_helper 1
        def speak_twice(animal):
            return animal.speak() * 2
        assert speak_twice(Dog("R")) == "R says woofR says woof"
        # %% test dogs_uses_helper 1
        assert speak_twice(Puppy("P")).count("WOOF") == 2
        """,
        (
            "class Dog(Animal):\n    def __init__(self, name, noise='woof'):\n        Animal.__init__(self, name)\n        self.noise = noise\n    def sound(self):\n        return self.noise\nclass Puppy(Dog):\n    def __init__(self, name, age=1):\n        Dog.__init__(self, name, 'WOOF')\n        self.age = age",
            "class Dog:\n    def __init__(self, name):\n        self.name = name\n    def speak(self):\n        return self.name + ' says woof'\nclass Puppy(Dog):\n    def speak(self):\n        return self.name + ' says WOOF'",
            "class Dog(Animal):\n    def speak(self):\n        return 'woof'",
        ),
    ),
    Exercise(
        """
        # %% answer structures
        ### BEGIN SOLUTION
        class Stack:
            def __init__(self, items=()):
                self._items = list(items)

            def push(self, item):
                self._items.append(item)

            def pop(self):
                if not self._items:
                    raise IndexError("pop from an empty stack")
                return self._items.pop()

            def is_empty(self):
                return not self._items

            def __len__(self):
                return len(self._items)

            def __iter__(self):
                return reversed(self._items)

            def __contains__(self, item):
                return item in self._items

        class Queue(list):
            def enqueue(self, item):
                self.append(item)

            def dequeue(self):
                return self.pop(0)
        ### END SOLUTION
        # %% test structures_stack 2
        stack = Stack()
        assert stack.is_empty() and len(stack) == 0
        for item in "abc":
            stack.push(item)
        assert len(stack) == 3 and stack.pop() == "c" and not stack.is_empty()
        assert "a" in stack and "z" not in stack
        assert list(stack) == ["b", "a"]
        # %% test structures_empty 1
        try:
            Stack().pop()
            assert False
        except IndexError:
            pass
        # %% test structures_keeps 1
        items = [1, 2]
        stack = Stack(items)
        stack.push(3)
        assert items == [1, 2], "the stack changes the list that it was made from"
        # %% test structures_queue 1
        queue = Queue()
        queue.enqueue(1)
        queue.enqueue(2)
        assert queue.dequeue() == 1 and len(queue) == 1
        # %% test structures_objects 1
        one, two = object(), object()
        stack = Stack()
        stack.push(one)
        stack.push(two)
        assert stack.pop() is two and stack.pop() is one
        """,
        (
            "class Stack(list):\n    def __init__(self, items=()):\n        super().__init__(items)\n    def push(self, x):\n        self.append(x)\n    def is_empty(self):\n        return len(self) == 0\n    def __iter__(self):\n        return iter(self[::-1])\nfrom collections import deque\nclass Queue:\n    def __init__(self): self.d = deque()\n    def enqueue(self, x): self.d.append(x)\n    def dequeue(self): return self.d.popleft()\n    def __len__(self): return len(self.d)",
            "class Stack:\n    def __init__(self, items=[]):\n        self.items = items\n    def push(self, x):\n        self.items.append(x)\n    def pop(self):\n        return self.items.pop()\n    def is_empty(self):\n        return self.items == []\n    def __len__(self):\n        return len(self.items)\n    def __contains__(self, x):\n        return x in self.items\n    def __iter__(self):\n        return iter(self.items)\nclass Queue:\n    def __init__(self): self.items = []\n    def enqueue(self, x): self.items.insert(0, x)\n    def dequeue(self): return self.items.pop()\n    def __len__(self): return len(self.items)",
            "class Stack:\n    def __init__(self):\n        self.top = None\n    def push(self, x):\n        self.top = (x, self.top)\n    def pop(self):\n        x, self.top = self.top\n        return x\n    def is_empty(self):\n        return self.top == None",
        ),
    ),
    Exercise(
        """
        # %% answer algorithms
        def merge_sort(items, key=lambda item: item):
            ### BEGIN SOLUTION
            if len(items) < 2:
                return list(items)
            middle = len(items) // 2
            left, right = merge_sort(items[:middle], key), merge_sort(items[middle:], key)
            merged = []
            while left and right:
                merged.append(left.pop(0) if key(left[0]) <= key(right[0]) else right.pop(0))
            return merged + left + right
            ### END SOLUTION

        def quick_sort(items):
            \"\"\"Sort in place.\"\"\"
            ### BEGIN SOLUTION
            items.sort()
            ### END SOLUTION

        def shortest(graph, start, goal):
            ### BEGIN SOLUTION
            todo, done = [(0, start, [start])], set()
            while todo:
                cost, node, path = heapq.heappop(todo)
                if node == goal:
                    return cost, path
                if node not in done:
                    done.add(node)
                    for other, step in graph[node].items():
                        heapq.heappush(todo, (cost + step, other, [*path, other]))
            return None
            ### END SOLUTION

        def permutations(items):
            ### BEGIN SOLUTION
            if not items:
                yield []
            for index, first in enumerate(items):
                for rest in permutations(items[:index] + items[index + 1:]):
                    yield [first, *rest]
            ### END SOLUTION
        # %% test algorithms_merge 2
        data = [5, 2, 9, 1]
        assert merge_sort(data) == [1, 2, 5, 9]
        assert data == [5, 2, 9, 1], "merge_sort must not change its argument"
        assert merge_sort(["bb", "a", "cc"], key=len) == ["a", "bb", "cc"]
        # %% test algorithms_quick 1
        data = [3, 1, 2]
        alias = data
        quick_sort(data)
        assert data == [1, 2, 3] and alias is data
        # %% test algorithms_graph 1
        graph = {"a": {"b": 1, "c": 5}, "b": {"c": 1}, "c": {}}
        assert shortest(graph, "a", "c") == (2, ["a", "b", "c"])
        assert shortest(graph, "c", "a") is None
        # %% test algorithms_permutations 1
        found = list(permutations([1, 2, 3]))
        assert len(found) == 6 and [3, 1, 2] in found
        assert sorted(found) == [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]]
        # %% test algorithms_partial 4
        score = 0
        score += merge_sort([2, 1]) == [1, 2]
        score += shortest({"x": {}}, "x", "x") == (0, ["x"])
        score += len(list(permutations("ab"[0:0]))) == 1
        try:
            values = [2, 1]
            quick_sort(values)
            score += values == [1, 2]
        except Exception:
            pass
        score
        """,
        (
            "def merge_sort(items, key=None):\n    return sorted(items, key=key)\ndef quick_sort(items):\n    items[:] = merge_sort(items)\ndef shortest(graph, start, goal, seen=()):\n    if start == goal:\n        return 0, [goal]\n    best = None\n    for other, step in graph[start].items():\n        if other not in seen:\n            rest = shortest(graph, other, goal, (*seen, start))\n            if rest and (best is None or rest[0] + step < best[0]):\n                best = rest[0] + step, [start, *rest[1]]\n    return best\nimport itertools\ndef permutations(items):\n    return [list(p) for p in itertools.permutations(items)]",
            "def merge_sort(items, key=lambda x: x):\n    items.sort(key=key)\n    return items\ndef quick_sort(items):\n    return sorted(items)\ndef shortest(graph, start, goal):\n    return [2, ['a', 'b', 'c']]\ndef permutations(items):\n    import itertools\n    return itertools.permutations(items)",
            "def merge_sort(items):\n    out = []\n    while items:\n        out.append(min(items))\n        items.remove(out[-1])\n    return out\ndef quick_sort(items):\n    items = sorted(items)\ndef shortest(graph, start, goal):\n    raise KeyError(goal)\ndef permutations(items):\n    return 6",
        ),
    ),
]
