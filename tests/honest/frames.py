"""Data science with pandas and matplotlib."""

from __future__ import annotations

from tests.honest.material import Exercise

FILES = {
    "sales.csv": "day,shop,amount\n2024-01-01,north,10\n2024-01-02,south,20\n2024-01-03,north,30\n2024-01-04,east,\n"
}
EXERCISES = [
    Exercise(
        """
        # %% plain
        import matplotlib
        import matplotlib.pyplot as plt
        import numpy as np
        import pandas as pd
        %matplotlib inline
        # %% given load
        df = pd.read_csv("sales.csv", parse_dates=["day"])
        # %% answer frame
        ### BEGIN SOLUTION
        df["double"] = df["amount"] * 2
        by_shop = df.groupby("shop")["amount"].sum()
        best_shop = by_shop.idxmax()
        clean = df.dropna().reset_index(drop=True)
        days = df["day"].dt.day_name().tolist()
        first_day = df["day"].min()
        span = df["day"].max() - df["day"].min()
        columns = df.columns
        large = df.query("amount > 15")
        ### END SOLUTION
        # %% test frame_column 1
        assert "double" in df.columns
        assert df["double"].tolist()[:3] == [20, 40, 60]
        assert df.shape == (4, 4)
        # %% test frame_group 1
        expected = pd.Series({"east": 0.0, "north": 40.0, "south": 20.0}, name="amount")
        expected.index.name = "shop"
        pd.testing.assert_series_equal(by_shop, expected)
        assert best_shop == "north"
        # %% test frame_clean 1
        assert isinstance(clean, pd.DataFrame) and len(clean) == 3
        assert clean.isna().sum().sum() == 0
        assert list(clean.index) == [0, 1, 2] and clean.loc[2, "shop"] == "north"
        # %% test frame_days 1
        assert days == ["Monday", "Tuesday", "Wednesday", "Thursday"]
        assert first_day == pd.Timestamp("2024-01-01") and span == pd.Timedelta(days=3)
        # %% test frame_columns 1
        assert list(columns) == ["day", "shop", "amount", "double"]
        assert set(large["shop"]) == {"north", "south"} and large.index.tolist() == [1, 2]
        """,
        (
            "df = df.assign(double=df.amount + df.amount)\nby_shop = df.groupby('shop').amount.sum()\nbest_shop = by_shop.sort_values().index[-1]\nclean = df[df.amount.notna()].copy()\nclean.index = range(len(clean))\ndays = [d.strftime('%A') for d in df.day]\nfirst_day = df.day[0]\nspan = pd.Timedelta('3 days')\ncolumns = list(df)\nlarge = df[df.amount > 15]",
            "df['double'] = df['amount'] ** 2\nby_shop = df.groupby('shop')[['amount']].sum()\nbest_shop = by_shop.max()\nclean = df.fillna(0)\ndays = df['day'].dt.day_name()\nfirst_day = '2024-01-01'\nspan = 3\ncolumns = df.columns\nlarge = df.amount > 15",
            "by_shop = {s: df[df['shop'] == s]['amount'].sum() for s in df['shop'].unique()}\nbest_shop = 'north'\nclean = df.dropna()\ndays = df['day'].dt.weekday.tolist()\nfirst_day = df['day'].min().date()\nspan = df['day'].max() - df['day'].min()\ncolumns = df.columns.values\nlarge = df.loc[df['amount'] > 15, ['shop']]",
        ),
    ),
    Exercise(
        """
        # %% answer functions
        def add_rank(frame):
            \"\"\"Return a new frame with a column rank; the frame itself stays as it is.\"\"\"
            ### BEGIN SOLUTION
            return frame.assign(rank=frame["score"].rank(ascending=False).astype(int))
            ### END SOLUTION

        def drop_column(frame, name):
            \"\"\"Drop a column in place.\"\"\"
            ### BEGIN SOLUTION
            frame.drop(columns=name, inplace=True)
            ### END SOLUTION

        def pivot(frame):
            ### BEGIN SOLUTION
            return frame.pivot_table(index="city", columns="year", values="people", aggfunc="sum", fill_value=0)
            ### END SOLUTION

        def joined(left, right):
            ### BEGIN SOLUTION
            return left.merge(right, on="id", how="left")
            ### END SOLUTION

        def grade(score):
            ### BEGIN SOLUTION
            return "pass" if score >= 50 else "fail"
            ### END SOLUTION
        # %% test functions_rank 2
        frame = pd.DataFrame({"name": ["a", "b", "c"], "score": [10, 30, 20]})
        ranked = add_rank(frame)
        pd.testing.assert_frame_equal(ranked, pd.DataFrame({"name": ["a", "b", "c"], "score": [10, 30, 20], "rank": [3, 1, 2]}), check_dtype=False)
        assert list(frame.columns) == ["name", "score"], "the frame was changed"
        # %% test functions_drop 1
        frame = pd.DataFrame({"a": [1], "b": [2]})
        drop_column(frame, "a")
        assert list(frame.columns) == ["b"]
        # %% test functions_pivot 1
        people = pd.DataFrame({"city": ["X", "X", "Y"], "year": [2000, 2001, 2000], "people": [1, 2, 3]})
        table = pivot(people)
        assert table.loc["X", 2001] == 2 and table.loc["Y", 2001] == 0
        assert table.index.name == "city" and table.columns.tolist() == [2000, 2001]
        # %% test functions_joined 1
        out = joined(pd.DataFrame({"id": [1, 2]}), pd.DataFrame({"id": [1], "v": ["x"]}))
        assert out.shape == (2, 2) and pd.isna(out.loc[1, "v"])
        assert out.equals(pd.DataFrame({"id": [1, 2], "v": ["x", np.nan]}))
        # %% test functions_apply 1
        assert pd.Series([20, 50]).apply(grade).tolist() == ["fail", "pass"]
        assert frame["b"].map(grade).iloc[0] == "fail"
        # %% test functions_hash 1
        import hashlib
        assert int(pd.util.hash_pandas_object(add_rank(pd.DataFrame({"score": [2, 1]}))["rank"]).sum()) == int(pd.util.hash_pandas_object(pd.Series([1, 2])).sum())
        """,
        (
            "def add_rank(frame):\n    new = frame.copy()\n    new['rank'] = (-frame.score).rank().astype('int64')\n    return new\ndef drop_column(frame, name):\n    del frame[name]\ndef pivot(frame):\n    return frame.groupby(['city', 'year']).people.sum().unstack(fill_value=0)\ndef joined(left, right):\n    return pd.merge(left, right, how='left')\ndef grade(score):\n    return ['fail', 'pass'][score >= 50]",
            "def add_rank(frame):\n    frame['rank'] = frame['score'].rank(ascending=False)\n    return frame\ndef drop_column(frame, name):\n    return frame.drop(columns=name)\ndef pivot(frame):\n    return frame.pivot(index='city', columns='year', values='people')\ndef joined(left, right):\n    return left.join(right, rsuffix='_r')\ndef grade(score):\n    if score > 50: return 'pass'\n    return 'fail'",
            "def add_rank(frame):\n    return frame['score'].rank()\ndef drop_column(frame, name):\n    frame = frame[[c for c in frame if c != name]]\ndef pivot(frame):\n    return frame.to_dict()\ndef joined(left, right):\n    return left.merge(right)\ndef grade(score):\n    print('pass' if score >= 50 else 'fail')",
        ),
    ),
    Exercise(
        """
        # %% answer indexes
        ### BEGIN SOLUTION
        multi = pd.DataFrame({"v": [1, 2, 3]}, index=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", "n"]))
        category = pd.Series(["lo", "hi", "lo"], dtype=pd.CategoricalDtype(["lo", "hi"], ordered=True))
        dates = pd.date_range("2024-01-01", periods=3, freq="D")
        zoned = pd.Timestamp("2024-01-01 12:00", tz="UTC")
        nullable = pd.Series([1, None, 3], dtype="Int64")
        cut = pd.cut([1, 5, 9], bins=[0, 3, 6, 10], labels=["s", "m", "l"])
        counts = pd.Series(list("aab")).value_counts()
        ### END SOLUTION
        # %% test indexes_multi 1
        assert multi.loc[("a", 2), "v"] == 2 and multi.index.names == ["k", "n"]
        assert multi.groupby(level="k")["v"].sum().to_dict() == {"a": 3, "b": 3}
        # %% test indexes_category 1
        assert category.dtype == "category" and category.cat.ordered and category.max() == "hi"
        assert list(cut) == ["s", "m", "l"]
        # %% test indexes_dates 1
        assert isinstance(dates, pd.DatetimeIndex) and dates[-1].day == 3
        assert zoned.tz is not None and zoned.hour == 12
        # %% test indexes_nullable 1
        assert nullable.dtype == "Int64" and nullable.isna().tolist() == [False, True, False]
        assert nullable.sum() == 4
        # %% test indexes_counts 1
        assert counts["a"] == 2 and counts.to_dict() == {"a": 2, "b": 1}
        """,
        (
            "multi = pd.DataFrame({'k': ['a', 'a', 'b'], 'n': [1, 2, 1], 'v': [1, 2, 3]}).set_index(['k', 'n'])\ncategory = pd.Series(pd.Categorical(['lo', 'hi', 'lo'], ['lo', 'hi'], ordered=True))\ndates = pd.to_datetime(['2024-01-01', '2024-01-02', '2024-01-03'])\nzoned = pd.Timestamp('2024-01-01 12:00+00:00')\nnullable = pd.array([1, pd.NA, 3])\nnullable = pd.Series(nullable)\ncut = ['s', 'm', 'l']\ncounts = {'a': 2, 'b': 1}\ncounts = pd.Series(counts)",
            "multi = pd.DataFrame({'v': [1, 2, 3]}, index=['a', 'a', 'b'])\ncategory = pd.Series(['lo', 'hi', 'lo'])\ndates = ['2024-01-01', '2024-01-02', '2024-01-03']\nzoned = pd.Timestamp('2024-01-01 12:00')\nnullable = pd.Series([1, None, 3])\ncut = pd.cut([1, 5, 9], 3)\ncounts = 2",
        ),
    ),
    Exercise(
        """
        # %% answer plots
        def plot_line(x, y, ax=None):
            ### BEGIN SOLUTION
            if ax is None:
                fig, ax = plt.subplots()
            ax.plot(x, y, color="red", label="data")
            ax.set_title("A line")
            ax.set_xlabel("x")
            ax.legend()
            return ax
            ### END SOLUTION

        def bar_chart(values):
            ### BEGIN SOLUTION
            fig, ax = plt.subplots(figsize=(4, 3))
            ax.bar(list(values), list(values.values()))
            return fig
            ### END SOLUTION

        def quick_plot(values):
            ### BEGIN SOLUTION
            plt.figure()
            plt.plot(values, "o-")
            plt.ylabel("value")
            ### END SOLUTION

        def save_plot(path):
            ### BEGIN SOLUTION
            fig, ax = plt.subplots()
            ax.scatter([1, 2], [3, 4])
            fig.savefig(path)
            ### END SOLUTION
        # %% test plots_line 2
        ax = plot_line([0, 1, 2], [0, 1, 4])
        assert ax.get_title() == "A line" and ax.get_xlabel() == "x"
        assert len(ax.lines) == 1 and ax.lines[0].get_color() in ("red", "r", "tab:red")
        np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0, 0], [1, 1], [2, 4]])
        assert ax.get_legend() is not None and ax.get_legend().get_texts()[0].get_text() == "data"
        # %% test plots_axes 1
        fig, axes = plt.subplots()
        assert plot_line([1], [2], ax=axes) is axes
        assert len(axes.get_lines()) == 1
        plt.close(fig)
        # %% test plots_bars 1
        fig = bar_chart({"a": 1, "b": 3})
        assert isinstance(fig, matplotlib.figure.Figure) and len(fig.axes) == 1
        assert [bar.get_height() for bar in fig.axes[0].patches] == [1, 3]
        assert tuple(fig.get_size_inches()) == (4, 3)
        # %% test plots_current 1
        plt.close("all")
        quick_plot([1, 2, 3])
        axes = plt.gca()
        assert axes.get_ylabel() == "value"
        assert list(axes.lines[0].get_ydata()) == [1, 2, 3]
        assert plt.get_fignums() == [1]
        plt.close("all")
        # %% test plots_saved 1
        import os
        save_plot("plot.png")
        assert os.path.getsize("plot.png") > 1000
        # %% manual plots_manual 4
        ### BEGIN SOLUTION
        quick_plot([3, 1, 2])
        ### END SOLUTION
        """,
        (
            "# %% answer plots\ndef plot_line(x, y, ax=None):\n    ax = ax or plt.figure().add_subplot()\n    ax.set(title='A line', xlabel='x')\n    ax.plot(x, y, 'r', label='data')\n    ax.legend(loc='best')\n    return ax\ndef bar_chart(values):\n    figure = plt.figure(figsize=(4, 3))\n    plt.bar(values.keys(), values.values())\n    return figure\ndef quick_plot(values):\n    fig, ax = plt.subplots()\n    ax.plot(values, marker='o')\n    ax.set_ylabel('value')\ndef save_plot(path):\n    plt.scatter([1, 2], [3, 4])\n    plt.savefig(path)\n    plt.close()\n# %% manual plots_manual\nplt.plot([1, 2])\nplt.show()",
            "# %% answer plots\ndef plot_line(x, y, ax=None):\n    plt.plot(x, y)\n    plt.title('A line')\n    return plt.gca()\ndef bar_chart(values):\n    fig, ax = plt.subplots()\n    ax.barh(list(values), list(values.values()))\n    return ax\ndef quick_plot(values):\n    plt.plot(values)\n    plt.ylabel('value')\n    plt.close()\ndef save_plot(path):\n    plt.scatter([1, 2], [3, 4])\n    plt.savefig('other.png')\n# %% manual plots_manual\nprint('no plot')",
        ),
    ),
]
