import stat
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.errors import CampError
from grading.cohort import claim, create_cohort, find_cohort


@pytest.fixture(autouse=True)
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "seeds"))
    return tmp_path / "seeds"


def test_a_new_cohort_has_its_own_secret(seeds: Path) -> None:
    path = create_cohort("2026a")
    create_cohort("2026b")
    assert path == seeds / "2026a.seed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    one, two = find_cohort("2026a"), find_cohort("2026b")
    assert len(one.seed) == 32
    assert one.seed != two.seed
    assert one.fingerprint != two.fingerprint
    assert one.seed.hex() not in repr(one)
    draw = one.random("01_intro", "f").random()
    assert draw == find_cohort("2026a").random("01_intro", "f").random()
    assert draw != one.random("01_intro", "g").random()
    assert draw != two.random("01_intro", "f").random()


def test_a_lost_seed_is_said_and_none_is_overwritten(seeds: Path) -> None:
    with pytest.raises(CampError, match=r"no seed for cohort 'x' at .*restore"):
        find_cohort("x")
    path = create_cohort("x")
    before = path.read_bytes()
    with pytest.raises(CampError, match="exists already"):
        create_cohort("x")
    assert path.read_bytes() == before
    path.write_text("not a seed")
    with pytest.raises(CampError, match="cannot be read as a seed"):
        find_cohort("x")


def test_a_full_disk_leaves_no_broken_seed(seeds: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    child = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "from course_lib.errors import CampError\n"
        "from grading.cohort import create_cohort\n"
        "try:\n    create_cohort('x')\nexcept CampError as error:\n    sys.exit(str(error))\n"
    )
    failed = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, check=False
    )
    assert "x.seed: cannot be written (File too large)" in failed.stderr
    assert list(seeds.iterdir()) == []
    create_cohort("x")
    assert len(find_cohort("x").seed) == 32
    assert [path.name for path in seeds.iterdir()] == ["x.seed"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "public", ".hidden", "a b"])
def test_bad_names(name: str) -> None:
    with pytest.raises(CampError):
        create_cohort(name)


def test_a_seed_inside_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work" / ".git").mkdir(parents=True)
    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "work" / "seeds"))
    with pytest.raises(CampError, match="outside git"):
        create_cohort("x")


def test_the_public_cohort_needs_no_file() -> None:
    assert find_cohort("public").fingerprint == find_cohort("public").fingerprint


@pytest.mark.parametrize("text", ["", "[]", "{}", "not JSON"])
def test_a_course_whose_cohort_cannot_be_read_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cohort.json"
    file.write_text(text)
    with pytest.raises(CampError, match="does not name a cohort: restore it"):
        claim(tmp_path, find_cohort("public"))
    assert file.read_text() == text
