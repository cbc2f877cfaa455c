import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.cases import read_case
from course_lib.errors import CampError
from course_lib.payload import unfold
from grading.build import make_texts
from grading.cohort import Cohort
from grading.prove import prove_lesson
from grading.reader import read_lesson
from tests.conftest import ROOT
from tests.sources import GOOD
from tests.test_reader import write

ONE, TWO = Cohort("one", b"1" * 32), Cohort("two", b"2" * 32)


def hidden_cases(path: Path, cohort: Cohort) -> list:
    tests = prove_lesson(read_lesson(path), cohort)["weight_bytes"]
    return [read_case(item) for item in unfold(tests.hidden)["tests"]]


def test_hidden_tests_hold_what_the_formula_says(tmp_path: Path) -> None:
    cases = hidden_cases(write(tmp_path, GOOD), ONE)
    assert len(cases) == 7
    for item in cases:
        n, bits = item.args
        if n < 0:
            assert item.raises == "ValueError"
        else:
            assert item.gives == n * bits / 8


def test_cohorts_differ_and_one_cohort_never_does(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    first = hidden_cases(path, ONE)
    assert first == hidden_cases(path, ONE)
    assert first != hidden_cases(path, TWO)


UNSOUND = {
    "solution fails": (
        GOOD.replace("gives=3408.0", "gives=3409.0"), "# %% exercise", "the solution fails",
    ),
    "wrong passes": (
        GOOD.replace("    return n * bits\n", "    return n * bits / 8\n"),
        '# %% wrong="weight_bytes"\n# zh: 位',
        "passes: 位不是字节",
    ),
    "wrongs alike": (
        GOOD.replace(
            "def weight_bytes(n, bits):\n    return n * bits / 8",
            "def weight_bytes(n, bits):\n    if n < 0:\n        raise ValueError\n    return bits * n",
        ),
        '# %% wrong="weight_bytes"\n# zh: 没',
        "is not named",
    ),
    "blank earns": (
        GOOD.replace("    ### BEGIN SOLUTION\n    if n", "    if bits:\n        return n * bits / 8 if n >= 0 else int('x')\n    ### BEGIN SOLUTION\n    if n"),
        "# %% exercise",
        "passes without its stub",
    ),
    "cases without rng": (
        GOOD.replace("rng.randrange(10**9), rng.choice([4, 8, 16])", "1000, 8"),
        "# %% cases",
        "every cohort the same tests",
    ),
    "random": (
        GOOD.replace("yield case(0, 8", "import random\n    yield case(random.random(), 8"),
        "# %% cases",
        "differs from run to run",
    ),
    "endless": (
        GOOD.replace("return n * bits\n", "while True: pass\n"),
        '# %% wrong="weight_bytes"\n# zh: 位',
        "ran longer",
    ),
    "raises": (GOOD.replace("SIZES = {", "SIZES = 1 / 0, {"), "# %% given", "ZeroDivisionError"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNSOUND)
def test_an_unsound_exercise_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.prove.SECONDS_PER_TRIAL", 1)
    text, where, reason = UNSOUND[kind]
    path = write(tmp_path, text)
    with pytest.raises(CampError) as refused:
        prove_lesson(read_lesson(path), ONE)
    line = text[: text.index(where)].count("\n") + 1
    assert str(refused.value).startswith(f"{path}:{line}: "), refused.value
    assert reason in str(refused.value)


def test_learners_get_no_solution_case_or_wrong_answer(tmp_path: Path) -> None:
    texts = make_texts(write(tmp_path, GOOD), ONE, "zh")
    hidden = prove_lesson(read_lesson(tmp_path / "01_sizes.py"), ONE)["weight_bytes"].hidden
    assert hidden in texts.instructor
    for language, text in texts.learners.items():
        for secret in (hidden, "SOLUTION", "HIDDEN", "return n * bits", "def cases", "outputs_"):
            assert secret not in text
        notebook = json.loads(text)
        assert all(not cell.get("outputs") for cell in notebook["cells"])
        prose = "How many bytes" if language == "en" else "权重占多少字节"
        other = "权重占多少字节" if language == "en" else "How many bytes"
        assert prose in text
        assert other not in text
        assert ("返回字节数" in text) == (language == "zh")


def test_an_empty_solution_region_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("    ### END SOLUTION\n", "").replace(
        "    ### BEGIN SOLUTION\n", "    ### BEGIN SOLUTION\n    ### END SOLUTION\n"
    )
    with pytest.raises(CampError, match=r"passes without its stub|holds no line"):
        make_texts(write(tmp_path, text), ONE, "zh")


def test_hidden_tests_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        GOOD.replace("rng.choice([4, 8, 16])", 'len(rng.choice(list({"a", "bb", "ccc"})))'),
    )
    code = (
        "from pathlib import Path; from grading.build import make_texts; import sys\n"
        "from grading.cohort import Cohort\n"
        "print(make_texts(Path(sys.argv[1]), Cohort('one', b'1' * 32), 'zh').instructor)\n"
    )
    texts = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, path],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        texts.add(done.stdout)
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("leak", "found"),
    [
        ('print("a demonstration")\nlen("return n * bits / 8")\nif n < 0:\n'
         '    raise ValueError("n is negative")', "the solution of 'weight_bytes'"),
        ("for _ in range(5):\n    yield case(rng.randrange(10**9), rng.choice([4, 8, 16]), "
         'zh="普通", en="ordinary")\ndef cases(rng):\n'
         '    yield case(0, 8, zh="零个参数", en="no parameters")\n', "the cases of"),
    ],
)  # fmt: skip
def test_a_build_that_would_ship_a_secret_is_refused(leak: str, found: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('print("a demonstration")', leak))
    with pytest.raises(CampError, match=found):
        make_texts(path, ONE, "zh")


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert make_texts(path, ONE, "zh") == make_texts(path, ONE, "zh")
    assert make_texts(path, ONE, "zh").learners == make_texts(path, TWO, "zh").learners
