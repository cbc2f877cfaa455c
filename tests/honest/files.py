"""Files beside the notebook, files that learners' code reads and writes, text and data formats."""

from __future__ import annotations

from tests.honest.material import Exercise

FILES = {
    "data/scores.csv": "name,score\nAnn,90\nBo,75\nCy,60\n",
    "poem.txt": "The rose is red,\nthe violet blue.\n\nSugar is sweet,\n床前明月光\n",
    "helpers.py": "def close(a, b, tolerance=1e-6):\n    return abs(a - b) <= tolerance\n\nSECRET = 7\n",
}
EXERCISES = [
    Exercise(
        """
        # %% plain
        from __future__ import annotations
        import csv, json, os, re, tempfile
        from pathlib import Path
        from helpers import close
        # %% answer read
        def read_scores(path):
            ### BEGIN SOLUTION
            with open(path, newline="") as file:
                return {row["name"]: int(row["score"]) for row in csv.DictReader(file)}
            ### END SOLUTION

        def average(path):
            ### BEGIN SOLUTION
            scores = read_scores(path).values()
            return sum(scores) / len(scores)
            ### END SOLUTION
        # %% test read_given 1
        assert read_scores("data/scores.csv") == {"Ann": 90, "Bo": 75, "Cy": 60}
        assert close(average("data/scores.csv"), 75)
        # %% test read_path 1
        assert read_scores(Path("data") / "scores.csv")["Bo"] == 75
        # %% test read_missing 1
        try:
            read_scores("nothing.csv")
            raise AssertionError("no error")
        except FileNotFoundError:
            pass
        # %% test read_own 1
        with open("own.csv", "w") as file:
            file.write("name,score\\nZoe,8\\n")
        assert read_scores("own.csv") == {"Zoe": 8}
        os.remove("own.csv")
        # %% test read_temporary 1
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.csv")
            Path(path).write_text("name,score\\nA,1\\nB,2\\n")
            assert average(path) == 1.5
        """,
        (
            "def read_scores(path):\n    lines = Path(path).read_text().strip().split('\\n')[1:]\n    return {n: int(s) for n, s in (line.split(',') for line in lines)}\ndef average(path):\n    import statistics\n    return statistics.mean(read_scores(path).values())",
            "def read_scores(path):\n    return {'Ann': 90, 'Bo': 75, 'Cy': 60}\ndef average(path):\n    return 75",
            "def read_scores(path):\n    with open('data/' + path) as file:\n        return dict(csv.reader(file))\ndef average(path):\n    return sum(read_scores(path)) / 3",
            "def read_scores(path):\n    try:\n        f = open(path)\n    except:\n        return {}\n    return dict(line.strip().split(',') for line in f)\ndef average(path):\n    v = [int(x) for x in read_scores(path).values() if x.isdigit()]\n    return sum(v) / len(v)",
        ),
    ),
    Exercise(
        """
        # %% answer write
        def save_report(path, items):
            ### BEGIN SOLUTION
            with open(path, "w", encoding="utf-8") as file:
                for name, count in sorted(items.items()):
                    file.write(f"{name}: {count}\\n")
            ### END SOLUTION

        def to_json(items, path):
            ### BEGIN SOLUTION
            Path(path).write_text(json.dumps(items), encoding="utf-8")
            ### END SOLUTION
        # %% test write_report 2
        save_report("report.txt", {"pear": 2, "apple": 5})
        assert os.path.exists("report.txt")
        with open("report.txt", encoding="utf-8") as file:
            assert file.read() == "apple: 5\\npear: 2\\n"
        # %% test write_json 1
        to_json({"a": [1, 2], "b": "中"}, "out.json")
        assert json.loads(Path("out.json").read_text(encoding="utf-8")) == {"a": [1, 2], "b": "中"}
        # %% test write_again 1
        before = open("report.txt").read()
        save_report("report.txt", {"kiwi": 1})
        assert open("report.txt").read() == "kiwi: 1\\n" != before
        """,
        (
            "def save_report(path, items):\n    lines = [f'{k}: {items[k]}' for k in sorted(items)]\n    Path(path).write_text('\\n'.join(lines) + '\\n')\ndef to_json(items, path):\n    json.dump(items, open(path, 'w'), ensure_ascii=False)",
            "def save_report(path, items):\n    with open(path, 'a') as f:\n        for k in sorted(items):\n            print(k, items[k], sep=': ', file=f)\ndef to_json(items, path):\n    with open(path, 'w') as f:\n        f.write(str(items))",
            "def save_report(path, items):\n    for k in sorted(items):\n        print(f'{k}: {items[k]}')\ndef to_json(items, path):\n    return json.dumps(items)",
        ),
    ),
    Exercise(
        """
        # %% answer text
        def longest_word(text):
            ### BEGIN SOLUTION
            return max(re.findall(r"\\w+", text), key=len)
            ### END SOLUTION

        def find_dates(text):
            ### BEGIN SOLUTION
            return re.findall(r"\\d{4}-\\d{2}-\\d{2}", text)
            ### END SOLUTION

        def first_number(text):
            ### BEGIN SOLUTION
            return re.search(r"-?\\d+", text)
            ### END SOLUTION

        def count_lines(file):
            ### BEGIN SOLUTION
            return sum(1 for line in file if line.strip())
            ### END SOLUTION

        ### BEGIN SOLUTION
        pattern = re.compile(r"^[\\w.]+@[\\w.]+\\.\\w+$")
        with open("poem.txt", encoding="utf-8") as file:
            poem_lines = [line.rstrip("\\n") for line in file]
        ### END SOLUTION
        # %% test text_words 1
        assert longest_word("The quick, brownish fox.") == "brownish"
        assert longest_word(open("poem.txt", encoding="utf-8").read()) == "violet"
        # %% test text_dates 1
        assert find_dates("from 2024-01-31 to 2024-12-01, 24-1-1") == ["2024-01-31", "2024-12-01"]
        # %% test text_match 1
        assert first_number("a -12 b 3").group() == "-12"
        assert first_number("none") is None
        # %% test text_file 1
        with open("poem.txt", encoding="utf-8") as file:
            assert count_lines(file) == 4
        import io
        assert count_lines(io.StringIO("a\\n\\nb")) == 2
        # %% test text_pattern 1
        assert pattern.match("a.b@c.org") and not pattern.match("a@b")
        # %% test text_poem 1
        assert len(poem_lines) == 5 and poem_lines[-1] == "床前明月光"
        """,
        (
            "def longest_word(text):\n    words = re.split(r'\\W+', text)\n    words.sort(key=len, reverse=True)\n    return words[0]\ndef find_dates(text):\n    return [m.group(0) for m in re.finditer(r'\\b\\d{4}-\\d\\d-\\d\\d', text)]\ndef first_number(text):\n    return re.compile('-?[0-9]+').search(text)\ndef count_lines(file):\n    return len([l for l in file.readlines() if l.strip()])\npattern = re.compile('[a-z.]+@[a-z]+[.][a-z]+')\npoem_lines = open('poem.txt', encoding='utf-8').read().splitlines()",
            "def longest_word(text):\n    return max(text.split(), key=len)\ndef find_dates(text):\n    return re.findall(r'(\\d+)-(\\d+)-(\\d+)', text)\ndef first_number(text):\n    return re.search(r'-?\\d+', text).group()\ndef count_lines(file):\n    return file.read().count('\\n')\npattern = r'^[\\w.]+@[\\w.]+$'\npoem_lines = open('poem.txt').readlines()",
            "def longest_word(text):\n    return ''\ndef find_dates(text):\n    return re.finditer(r'\\d{4}-\\d{2}-\\d{2}', text)\ndef count_lines(path):\n    return len(open(path).readlines())\npoem_lines = tuple(open('poem.txt', encoding='utf-8'))",
        ),
    ),
    Exercise(
        """
        # %% given settings
        SETTINGS = {"debug": False, "level": 3}
        # %% answer environment
        def home_of(user):
            ### BEGIN SOLUTION
            return os.environ.get("HOMES", "/home") + "/" + user
            ### END SOLUTION

        def merged(settings, **changes):
            ### BEGIN SOLUTION
            return {**settings, **changes}
            ### END SOLUTION
        # %% test environment_default 1
        assert home_of("ann").endswith("/ann")
        # %% test environment_patched 1
        from unittest.mock import patch, mock_open
        with patch.dict(os.environ, {"HOMES": "/users"}):
            assert home_of("ann") == "/users/ann"
        # %% test environment_merged 1
        assert merged(SETTINGS, level=5) == {"debug": False, "level": 5}
        assert SETTINGS == {"debug": False, "level": 3}, "SETTINGS was changed"
        # %% test environment_open 1
        with patch("builtins.open", mock_open(read_data="name,score\\nX,1\\n")):
            assert read_scores("anything") == {"X": 1}
        """,
        (
            "def home_of(user):\n    return os.path.join(os.getenv('HOMES', '/home'), user)\ndef merged(settings, **changes):\n    new = dict(settings)\n    new.update(changes)\n    return new",
            "def home_of(user):\n    return '/home/' + user\ndef merged(settings, **changes):\n    settings.update(changes)\n    return settings",
            "def home_of(user):\n    return os.environ['HOMES'] + user\ndef merged(settings, **changes):\n    return settings | changes",
        ),
    ),
]
