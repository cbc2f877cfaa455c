"""Numerical methods with numpy: arrays, linear algebra, solvers, chance."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% plain
        import hashlib
        import numpy as np
        from numpy.testing import *
        # %% answer basics
        ### BEGIN SOLUTION
        a = np.arange(12).reshape(3, 4)
        evens = a[a % 2 == 0]
        mean_row = a.mean(axis=0)
        total = a.sum()
        mask = a > 5
        ### END SOLUTION
        # %% test basics_shape 1
        assert a.shape == (3, 4) and a.dtype == np.int64
        assert isinstance(a, np.ndarray)
        # %% test basics_values 1
        assert_array_equal(evens, [0, 2, 4, 6, 8, 10])
        assert_allclose(mean_row, [4, 5, 6, 7])
        assert total == 66
        # %% test basics_hash 1
        assert hashlib.sha1(np.ascontiguousarray(mask).tobytes()).hexdigest() == hashlib.sha1(bytes([0] * 6 + [1] * 6)).hexdigest()
        assert mask.dtype == bool and mask.sum() == 6
        """,
        (
            "a = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])\nevens = np.arange(0, 12, 2)\nmean_row = np.array([4.0, 5, 6, 7])\ntotal = 66.0\nmask = np.greater(a, 5)",
            "a = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]\nevens = [0, 2, 4, 6, 8, 10]\nmean_row = (4, 5, 6, 7)\ntotal = '66'\nmask = a",
            "a = np.arange(12.0).reshape(3, 4)\nevens = a[::2]\nmean_row = a.mean(axis=1)\ntotal = np.array([66])\nmask = (a > 5).astype(int)",
        ),
    ),
    Exercise(
        """
        # %% answer normalise
        def normalise(x):
            \"\"\"Return x scaled to mean 0 and deviation 1, without a loop; x stays as it is.\"\"\"
            ### BEGIN SOLUTION
            return (x - x.mean()) / x.std()
            ### END SOLUTION

        def clip_negative(x):
            \"\"\"Set negative entries to 0 in place.\"\"\"
            ### BEGIN SOLUTION
            x[x < 0] = 0
            ### END SOLUTION

        def first_row(matrix):
            \"\"\"Return a copy of the first row.\"\"\"
            ### BEGIN SOLUTION
            return matrix[0].copy()
            ### END SOLUTION
        # %% test normalise_values 1
        x = np.array([1.0, 2.0, 3.0])
        y = normalise(x)
        assert_allclose(y.mean(), 0, atol=1e-12)
        assert_allclose(y.std(), 1)
        assert_array_equal(x, [1, 2, 3], "x was changed")
        # %% test normalise_source 1
        import inspect
        source = inspect.getsource(normalise)
        assert "for " not in source and "while " not in source
        # %% test normalise_clip 1
        z = np.array([-1, 2, -3])
        clip_negative(z)
        assert_array_equal(z, [0, 2, 0])
        # %% test normalise_copy 1
        m = np.ones((2, 2))
        row = first_row(m)
        row[0] = 7
        assert m[0, 0] == 1, "a view, not a copy"
        assert not np.shares_memory(first_row(m), m)
        """,
        (
            "def normalise(x):\n    z = x - np.mean(x)\n    z /= np.sqrt(np.mean(z ** 2))\n    return z\ndef clip_negative(x):\n    np.maximum(x, 0, out=x)\ndef first_row(matrix):\n    return np.array(matrix[0])",
            "def normalise(x):\n    x -= x.mean()\n    x /= x.std()\n    return x\ndef clip_negative(x):\n    x = np.where(x < 0, 0, x)\ndef first_row(matrix):\n    return matrix[0]",
            "def normalise(x):\n    return [(v - sum(x) / len(x)) / np.std(x) for v in x]\ndef clip_negative(x):\n    for i in range(len(x)):\n        if x[i] < 0:\n            x[i] = 0\n    return x\ndef first_row(matrix):\n    return list(matrix[0])",
        ),
    ),
    Exercise(
        """
        # %% answer solvers
        def newton(f, df, x0, tol=1e-10, max_steps=50):
            ### BEGIN SOLUTION
            x = x0
            for step in range(max_steps):
                change = f(x) / df(x)
                x = x - change
                if abs(change) < tol:
                    return x
            raise RuntimeError("no convergence")
            ### END SOLUTION

        def rk4(f, y0, t):
            ### BEGIN SOLUTION
            y = np.zeros((len(t), len(y0)))
            y[0] = y0
            for n in range(len(t) - 1):
                h = t[n + 1] - t[n]
                k1 = f(t[n], y[n])
                k2 = f(t[n] + h / 2, y[n] + h / 2 * k1)
                k3 = f(t[n] + h / 2, y[n] + h / 2 * k2)
                k4 = f(t[n] + h, y[n] + h * k3)
                y[n + 1] = y[n] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return y
            ### END SOLUTION

        def solve(A, b):
            ### BEGIN SOLUTION
            A, b = A.astype(float).copy(), b.astype(float).copy()
            n = len(b)
            for k in range(n):
                if A[k, k] == 0:
                    raise np.linalg.LinAlgError("zero pivot")
                for i in range(k + 1, n):
                    factor = A[i, k] / A[k, k]
                    A[i, k:] -= factor * A[k, k:]
                    b[i] -= factor * b[k]
            x = np.zeros(n)
            for i in reversed(range(n)):
                x[i] = (b[i] - A[i, i + 1:] @ x[i + 1:]) / A[i, i]
            return x
            ### END SOLUTION
        # %% test solvers_newton 2
        root = newton(lambda x: x ** 2 - 2, lambda x: 2 * x, 1.0)
        assert np.isclose(root, np.sqrt(2))
        assert_raises(RuntimeError, newton, lambda x: x ** 2 + 1, lambda x: 2 * x, 0.5)
        # %% test solvers_rk4 2
        t = np.linspace(0, 1, 21)
        y = rk4(lambda t, y: np.array([y[1], -y[0]]), [1.0, 0.0], t)
        assert y.shape == (21, 2)
        assert_allclose(y[:, 0], np.cos(t), atol=1e-6)
        ### BEGIN HIDDEN TESTS
        assert_allclose(rk4(lambda t, y: -2 * y, np.array([3.0]), t)[-1], 3 * np.exp(-2), rtol=1e-4)
        ### END HIDDEN TESTS
        # %% test solvers_linear 2
        A, b = np.array([[2.0, 1], [1, 3]]), np.array([3.0, 5])
        kept = A.copy()
        assert_allclose(A @ solve(A, b), b)
        assert_allclose(solve(A, b), np.linalg.solve(A, b))
        assert_array_equal(A, kept)
        # %% test solvers_singular 1
        try:
            solve(np.zeros((2, 2)), np.ones(2))
            assert False, "nothing raised"
        except np.linalg.LinAlgError:
            pass
        # %% test solvers_vectorised 1
        assert_allclose(np.vectorize(lambda x0: newton(np.cos, lambda x: -np.sin(x), x0))([1.0, 2.0]), np.pi / 2)
        """,
        (
            "def newton(f, df, x0, tol=1e-10, max_steps=50):\n    for _ in range(max_steps):\n        x0 -= f(x0) / df(x0)\n        if abs(f(x0)) < tol: return x0\n    raise RuntimeError\ndef rk4(f, y0, t):\n    y = [np.asarray(y0, float)]\n    for a, b in zip(t, t[1:]):\n        h, p = b - a, y[-1]\n        k1 = np.asarray(f(a, p)); k2 = f(a + h/2, p + h*k1/2); k3 = f(a + h/2, p + h*k2/2); k4 = f(b, p + h*k3)\n        y.append(p + h * (k1 + 2*k2 + 2*k3 + k4) / 6)\n    return np.array(y)\ndef solve(A, b):\n    return np.linalg.solve(A, b)",
            "def newton(f, df, x0, tol=1e-10, max_steps=50):\n    while True:\n        x0 = x0 - f(x0) / df(x0)\n        max_steps -= 1\n        if max_steps == 0: return x0\ndef rk4(f, y0, t):\n    y = np.zeros((len(t), len(y0)))\n    y[0] = y0\n    for n in range(len(t) - 1):\n        y[n + 1] = y[n] + (t[n + 1] - t[n]) * f(t[n], y[n])\n    return y\ndef solve(A, b):\n    for k in range(len(b)):\n        for i in range(k + 1, len(b)):\n            b[i] -= A[i, k] / A[k, k] * b[k]\n            A[i] -= A[i, k] / A[k, k] * A[k]\n    x = np.zeros(len(b))\n    for i in range(len(b) - 1, -1, -1):\n        x[i] = (b[i] - A[i] @ x) / A[i, i]\n    return x",
            "def newton(f, df, x0, tol=1e-10, max_steps=50):\n    return x0\ndef rk4(f, y0, t):\n    return [y0 for _ in t]\ndef solve(A, b):\n    return np.linalg.inv(A) * b",
        ),
    ),
    Exercise(
        """
        # %% answer chance
        def walk(steps, rng):
            ### BEGIN SOLUTION
            return rng.choice([-1, 1], size=steps).cumsum()
            ### END SOLUTION

        def estimate_pi(count, seed=0):
            ### BEGIN SOLUTION
            rng = np.random.default_rng(seed)
            x, y = rng.random((2, count))
            return 4 * np.mean(x ** 2 + y ** 2 <= 1)
            ### END SOLUTION

        def noisy(x):
            ### BEGIN SOLUTION
            return x + np.random.normal(size=x.shape)
            ### END SOLUTION
        # %% test chance_walk 1
        rng = np.random.default_rng(1)
        assert_array_equal(
            walk(60, rng), np.random.default_rng(1).choice([-1, 1], size=60).cumsum()
        )
        assert len(walk(100, rng)) == 100
        # %% test chance_pi 1
        assert abs(estimate_pi(20000) - np.pi) < 0.05
        assert estimate_pi(1000, seed=3) == estimate_pi(1000, seed=3)
        # %% test chance_noisy 1
        np.random.seed(7)
        expected = np.zeros(3) + np.random.normal(size=3)
        np.random.seed(7)
        assert_allclose(noisy(np.zeros(3)), expected)
        # %% test chance_stream 1
        np.random.seed(5)
        first = np.random.normal(size=2)
        second = noisy(np.zeros(2))
        np.random.seed(5)
        assert_allclose(np.concatenate([first, second]), np.random.normal(size=4))
        """,
        (
            "def walk(steps, rng):\n    return np.cumsum([rng.choice([-1, 1]) for _ in range(steps)])\ndef estimate_pi(count, seed=0):\n    rng = np.random.RandomState(seed)\n    return 4 * sum(np.hypot(*rng.rand(2, count)) < 1) / count\ndef noisy(x):\n    return np.random.randn(*x.shape) + x",
            "def walk(steps, rng):\n    return np.random.choice([-1, 1], size=steps).cumsum()\ndef estimate_pi(count, seed=0):\n    return 3.14\ndef noisy(x):\n    x += np.random.normal(size=len(x))\n    return x",
            "def walk(steps, rng):\n    return rng.choice([-1, 1], size=steps)\ndef estimate_pi(count, seed=0):\n    return 4 * np.mean(np.random.random(count) < 0.785) + np.random.random() / 1e3\ndef noisy(x):\n    return x + np.random.uniform(size=3)",
        ),
    ),
    Exercise(
        """
        # %% answer kinds
        ### BEGIN SOLUTION
        complex_roots = np.roots([1, 0, 1])
        words = np.array(["b", "a", "c"])
        mixed = np.array([1, "a", None], dtype=object)
        table = np.array([("Ann", 3), ("Bo", 5)], dtype=[("name", "U10"), ("age", "i4")])
        masked = np.ma.masked_less([1, -2, 3], 0)
        single = np.float32(0.5)
        days = np.array(["2024-02-28", "2024-03-01"], dtype="datetime64[D]")
        poly = np.polynomial.Polynomial([1, 2])
        def smooth(x):
            return np.convolve(x, [0.5, 0.5], mode="valid")
        ### END SOLUTION
        # %% test kinds_numbers 1
        assert_allclose(sorted(complex_roots.imag), [-1, 1])
        assert np.iscomplexobj(complex_roots) and complex_roots[0] == complex_roots[1].conj()
        assert isinstance(single, np.float32) and single == 0.5
        # %% test kinds_words 1
        assert list(np.sort(words)) == ["a", "b", "c"] and words.dtype.kind == "U"
        assert mixed[1] == "a" and mixed[2] is None and mixed.dtype == object
        # %% test kinds_table 1
        assert table["age"].mean() == 4 and list(table["name"]) == ["Ann", "Bo"]
        assert table.dtype.names == ("name", "age")
        # %% test kinds_masked 1
        assert masked.sum() == 4 and masked.mask.tolist() == [False, True, False]
        # %% test kinds_days 1
        assert (days[1] - days[0]).astype(int) == 2 and days.dtype == "datetime64[D]"
        # %% test kinds_poly 1
        assert poly(3) == 7 and poly.degree() == 1
        # %% test kinds_smooth 1
        assert_almost_equal(smooth([1, 3, 5]), [2, 4])
        assert smooth(np.ones(5)).size == 4
        """,
        (
            "complex_roots = np.array([1j, -1j])\nwords = np.array(list('bac'))\nmixed = np.empty(3, dtype=object)\nmixed[:] = [1, 'a', None]\ntable = np.zeros(2, dtype={'names': ['name', 'age'], 'formats': ['U10', 'i4']})\ntable['name'] = ['Ann', 'Bo']\ntable['age'] = [3, 5]\nmasked = np.ma.array([1, -2, 3], mask=[0, 1, 0])\nsingle = np.single(1) / np.single(2)\ndays = np.datetime64('2024-02-28') + np.array([0, 2])\npoly = np.poly1d([2, 1])\npoly = np.polynomial.Polynomial.fit([0, 1], [1, 3], 1)\ndef smooth(x):\n    x = np.asarray(x)\n    return (x[1:] + x[:-1]) / 2",
            "complex_roots = [1j, -1j]\nwords = ['b', 'a', 'c']\nmixed = np.array([1, 'a', None])\ntable = {'name': ['Ann', 'Bo'], 'age': [3, 5]}\nmasked = np.array([1, np.nan, 3])\nsingle = 0.5\ndays = np.array(['2024-02-28', '2024-03-01'])\npoly = np.poly1d([2, 1])\ndef smooth(x):\n    return [(a + b) / 2 for a, b in zip(x, x[1:])]",
        ),
    ),
]
