"""A learner's kit: nothing in it that gives an answer away, and it works on its own."""

from __future__ import annotations

import base64
import bz2
import contextlib
import gzip
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pexpect
import psutil
import pytest
import requests
from nbclient import NotebookClient

from course_lib.errors import CampError
from course_lib.language import LANGUAGES
from course_lib.learner.home import Home
from course_lib.learner.identity import settle_identity
from course_lib.payload import unfold
from grading.cells import blank_source
from grading.cohort import Cohort
from grading.kit.command import write_kit
from grading.kit.contents import contents, own_project, pack
from grading.kit.search import Secrets, find, secrets_of, texts_in
from grading.lesson import Lesson
from grading.reader import read_lesson
from tests.conftest import ROOT, SOURCES
from tests.kits import camp, cell, work
from tests.learner_kit import COHORT, SEED, LearnerKit
from tests.sources import GOOD

PATHS = sorted(SOURCES.glob("[0-9]*.py"))
OURS = ("CAMP", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "PYTHON", "COV", "PYTEST", "XDG", "MAKE")
"""What variables of this environment begin with that a fresh machine has not."""


@pytest.fixture(scope="module")
def files(learner_kit: LearnerKit) -> dict[str, bytes]:
    return learner_kit.files()


@pytest.fixture(scope="module")
def lessons(learner_kit: LearnerKit) -> list[tuple[Lesson, str]]:
    """Return each lesson with the text of its instructor's notebook."""
    sources = learner_kit.course / "source"
    return [
        (read_lesson(path), (sources / path.stem / f"{path.stem}.ipynb").read_text("utf-8"))
        for path in PATHS
    ]


@pytest.fixture(scope="module")
def secrets(lessons: list[tuple[Lesson, str]]) -> Secrets:
    return secrets_of(lessons, Cohort(COHORT, bytes.fromhex(SEED)))


def test_it_holds_what_learners_need_and_no_more(
    files: dict[str, bytes], learner_kit: LearnerKit
) -> None:
    tops = {name.split("/")[0] for name in files}
    assert tops == {
        "LICENSE", "Makefile", "README.md", "README.zh.md", "course_lib", "docs",
        "environment.yml", "etc", "notebooks", "pyproject.toml", "requirements.lock",
    }  # fmt: skip
    lessons = {f"notebooks/{one}/{path.stem}.ipynb" for path in PATHS for one in LANGUAGES}
    assert {name for name in files if name.startswith("notebooks/")} == {
        "notebooks/README.md", *lessons,
    }  # fmt: skip
    tracked = subprocess.run(
        ["git", "ls-files", "course_lib"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")[:-1]
    shipped = {name for name in files if name.startswith("course_lib/")}
    assert shipped == {*tracked}
    for name in tracked:
        assert files[name] == (ROOT / name).read_bytes()
    assert files["etc/cohort"] == b"2026a\n"
    assert "etc/labextensions/camp-hints/static/hints.js" in files
    assert "searched: no hidden test, seed, solution or wrong answer is in it" in learner_kit.said


def test_what_merely_lies_in_a_clone_stays_there(tmp_path: Path) -> None:
    def git(*words: str, cwd: Path) -> None:
        subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True)

    names = ["pyproject.toml", "LICENSE", "environment.yml", "requirements.lock", "course_lib",
             "docs", "etc"]  # fmt: skip
    tracked = subprocess.run(
        ["git", "ls-files", *names], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")[:-1]
    for name in tracked:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    git("init", "--quiet", cwd=tmp_path)
    git("add", "--intent-to-add", ".", cwd=tmp_path)
    clean = contents(tmp_path, {}, "")
    strays = ("course_lib/mine.py", "course_lib/mini/marks.csv", "docs/learner-draft.md")
    for name in strays:
        (tmp_path / name).write_text("mine")
    assert contents(tmp_path, {}, "") == clean
    shutil.rmtree(tmp_path / ".git")
    assert contents(tmp_path, {}, "").keys() == {*clean, *strays}
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(CampError, match=r"git cannot tell which files of .* belong to the course"):
        contents(tmp_path, {}, "")


def test_its_project_is_the_courses_without_the_grader() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    own = tomllib.loads(own_project((ROOT / "pyproject.toml").read_text()))
    del whole["project"]["entry-points"]
    assert own["build-system"] == whole["build-system"]
    assert own["project"] == whole["project"]
    assert own["tool"] == {"setuptools": whole["tool"]["setuptools"]}


def test_the_same_files_give_the_same_bytes(
    files: dict[str, bytes], learner_kit: LearnerKit, tmp_path: Path
) -> None:
    assert pack(dict(reversed(files.items()))) == learner_kit.path.read_bytes()
    target = tmp_path / "kits/kit.zip"
    write_kit(target, b"one")
    write_kit(target, b"one")
    with pytest.raises(CampError, match="is there and is another kit: move it away"):
        write_kit(target, b"two")
    assert target.read_bytes() == b"one"


def values_of(data: Any) -> Iterator[str]:
    """Yield what in a hidden test is long enough to be known again."""
    if isinstance(data, str) and len(data) >= 12:
        yield data
    elif isinstance(data, float | int) and len(re.sub(r"\D", "", repr(data))) >= 7:
        yield repr(data)
    elif isinstance(data, list | dict):
        for one in data.values() if isinstance(data, dict) else data:
            yield from values_of(one)


def test_no_value_of_a_hidden_test_is_in_it(
    files: dict[str, bytes], lessons: list[tuple[Lesson, str]]
) -> None:
    """``course_lib`` is the repository's, which knows nothing of a cohort."""
    hidden: set[str] = set()
    shown = ""
    for lesson, instructor in lessons:
        for one in lesson.cells:
            if one.kind not in ("cases", "wrong", "evidence", "rubric"):
                shown += blank_source(one.source)
        for word in re.findall(r'hidden\(\\"\w+\\", \\"([A-Za-z0-9+/=]+)', instructor):
            for test in unfold(word)["tests"]:
                hidden |= {*values_of([test["args"], test.get("kwargs"), test.get("gives")])}
    hidden = {value for value in hidden if value not in shown}
    assert len(hidden) > 500
    own = {name: raw for name, raw in files.items() if not name.startswith("course_lib/")}
    texts = [(name, text) for name, raw in own.items() for text in texts_in(raw)]
    assert len(texts) > 2 * len(own)  # what is folded in notebooks is looked at
    assert [(name, value) for name, text in texts for value in hidden if value in text] == []


def in_a_notebook(text: bytes) -> bytes:
    cells = [nbformat.v4.new_code_cell(text.decode())]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda raw: b"# and\n" + raw + b"\n",
    "in a notebook": in_a_notebook,
    "base64": lambda raw: b'x = "' + base64.b64encode(b"  " + raw) + b'"',
    "base64 in lines": lambda raw: base64.encodebytes(b" " + raw),
    "base64 for addresses": lambda raw: base64.urlsafe_b64encode("？？".encode() + b"\n" + raw),
    "zlib": lambda raw: b"\0\1" + zlib.compress(raw),
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zlib in base64 in a notebook": lambda raw: in_a_notebook(
        b'data = """\n' + base64.encodebytes(zlib.compress(raw)) + b'"""'
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_any_form(
    form: str, secrets: Secrets, lessons: list[tuple[Lesson, str]]
) -> None:
    lesson = next(lesson for lesson, _ in lessons if lesson.name == "03_xtuner")
    exercise = lesson.exercises[1]
    bare, drawn = (
        next(word.decode() for word, what in secrets.words.items() if what.startswith(kind))
        for kind in ("a hidden test", "a seed of the hidden evidence")
    )
    word = bare + "=" * (-len(bare) % 4)
    tests = unfold(word)
    planted = {
        "solution": exercise.answer.source.encode(),
        "cases": exercise.cases.source.encode(),
        "wrong answer": exercise.wrongs[0].source.encode(),
        "evidence": lesson.of_kind("evidence")[0].source.encode(),
        "hidden test": f'hidden("x", "{word}")'.encode(),
        "hidden test in an assignment": f"a={word}".encode(),
        "hidden test after letters": f"x{bare}y".encode(),
        "hidden tests": json.dumps(tests, ensure_ascii=False, separators=(",", ":")).encode(),
        "hidden tests spaced": f"t = {json.dumps(tests)}".encode(),
        "hidden tests indented": json.dumps(tests, indent=4, ensure_ascii=False).encode(),
        "hidden tests quoted": json.dumps(json.dumps(tests["tests"])).encode(),
        "seed": f"seed of the cohort: {SEED}".encode(),
        "seed set": f"CAMP_SEED={SEED}".encode(),
        "seed in an address": f"see https://h/{SEED}?a=b".encode(),
        "seed after a letter": f"the seed of the cohort is x{SEED}y".encode(),
        "seed in capitals": f"the seed of the cohort is {SEED.upper()}".encode(),
        "seed in base64": b"the seed of the cohort: s=x" + base64.b64encode(bytes.fromhex(SEED)),
        "seed itself": b"the seed " + bytes.fromhex(SEED) + b" of the cohort",
        "drawn": f"seed = {drawn}".encode(),
        "drawn without blanks": f"seed={drawn}".encode(),
        "drawn after a letter": f"s{drawn}".encode(),
    }
    found = find({name: FORMS[form](raw) for name, raw in planted.items()}, secrets)
    assert {name for name, _ in found} == {*planted}
    said = dict(found)
    assert said["seed"] == f"the seed of cohort {COHORT}"
    assert said["solution"] == f"the solution of {exercise.name!r} in 03_xtuner"
    assert (
        find({"shown": FORMS[form](blank_source(exercise.answer.source).encode())}, secrets) == []
    )


def test_a_small_number_that_a_lesson_calls_a_seed_is_no_secret(
    lessons: list[tuple[Lesson, str]],
) -> None:
    (lesson, instructor), *_ = lessons
    notebook = json.loads(instructor)
    notebook["cells"].append({"cell_type": "code", "source": "seed = 42", "metadata": {}})
    secrets = secrets_of([(lesson, json.dumps(notebook))], Cohort(COHORT, bytes.fromhex(SEED)))
    assert find({"a": b"it is 42 in all", "b": b'{"n": 1420}'}, secrets) == []


def test_a_kit_that_would_hold_a_secret_is_not_written(tmp_path: Path) -> None:
    """The builder looks into notebooks alone; this wrong answer is copied from the library."""
    library = (ROOT / "course_lib/errors.py").read_text(encoding="utf-8")
    lines = [f"    {line}" for line in library.split("\n") if '"""' not in line]
    copied = '\n    """\n' + "\n".join(lines) + '\n    """\n'
    head = "def weight_bytes(n, bits):\n"
    source = tmp_path / "notebooks/source/01_sizes.py"
    source.parent.mkdir(parents=True)
    source.write_text(GOOD.replace(head, head + copied), encoding="utf-8")
    done = camp(tmp_path, "kit", "--output", "mine.zip")
    assert done.returncode == 1
    assert done.stderr == (
        "camp: no kit was written: its file course_lib/errors.py would hold wrong answer 1 to "
        "'weight_bytes' in 01_sizes\n"
    )
    assert not (tmp_path / "mine.zip").exists()


def test_a_kits_cohort_is_in_what_its_learners_hand_in(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert settle_identity(home, "camp_1", "Mei").cohort == ""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/cohort").write_text("2026a\n")
    assert settle_identity(home).cohort == "2026a"
    assert settle_identity(home, cohort="2026b").cohort == "2026b"
    assert settle_identity(home).cohort == "2026b"


@pytest.fixture(scope="module")
def unpacked(learner_kit: LearnerKit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a kit as a learner has it: unpacked, and installed in an environment of its own."""
    folder = tmp_path_factory.mktemp("learner")
    shutil.unpack_archive(learner_kit.path, folder)
    kit = folder / "intern-camp-kit"
    venv = kit / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = venv / "lib/python3.11/site-packages"
    (packages / "all.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uv, "make setup installs uv"
    options = ["--offline", "--no-deps", "--no-build-isolation", "--python", venv / "bin/python"]
    subprocess.run([uv, "pip", "install", "--quiet", *options, "-e", "."], cwd=kit, check=True)
    return kit


def in_kit(kit: Path, *words: str) -> str:
    """Run a command in the kit, its environment activated, and return what it printed."""
    path = f"{kit / '.venv/bin'}:{os.environ['PATH']}"
    env = {"CAMP_LANG": "en", "COLUMNS": "200", "PATH": path}
    done = subprocess.run(
        words, cwd=kit, env=dict(os.environ) | env, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_learner_works_in_an_unpacked_kit(unpacked: Path) -> None:
    venv = unpacked / ".venv/bin"
    listed = in_kit(unpacked, str(venv / "camp"), "--help")
    assert "submit" in listed
    assert "grade" not in re.findall(r"^\W+(\w+)", listed, re.MULTILINE)

    path = work(Home(unpacked), "li_mei", "en")
    book = nbformat.read(path, as_version=4)
    start = next(one for one in book.cells if "start(" in one.source)
    names = ("given_config_table", "count_params", "check_count_params", "weight_bytes",
             "check_weight_bytes")  # fmt: skip
    where = nbformat.v4.new_code_cell("import course_lib; print(course_lib.__file__)")
    book.cells = [start, where, *(cell(book, name) for name in names)]
    client = NotebookClient(book, timeout=120, resources={"metadata": {"path": path.parent}})
    client.km = client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = str(venv / "python")
    client.execute()
    said = ["".join(out.get("text", "") for out in one.outputs) for one in book.cells]
    assert said[1].strip() == str(unpacked / "course_lib/__init__.py")
    assert said[4].startswith("✅ right")
    assert said[6].startswith("✅ right")
    assert "\n2 of " in in_kit(unpacked, str(venv / "camp"), "status")


def test_make_names_what_the_readme_promises(unpacked: Path) -> None:
    listed = re.findall(r"^  make (\w+)", in_kit(unpacked, "make"), re.MULTILINE)
    assert listed == ["help", "setup", "run", "lab", "test", "doctor"]
    assert in_kit(unpacked, "make", "-n", "run") == in_kit(unpacked, "make", "-n", "lab")
    assert ".venv/bin/camp doctor" in in_kit(unpacked, "make", "-n", "test")
    for name in ("README.md", "README.zh.md"):
        text = (unpacked / name).read_text(encoding="utf-8")
        assert {*re.findall(r"make (\w+)", text)} <= {*listed}


def test_every_link_of_its_pages_leads_to_something(unpacked: Path) -> None:
    pages = [*unpacked.glob("*.md"), *(unpacked / "docs").glob("*.md")]
    assert len(pages) == 8
    for page in pages:
        for link in re.findall(r"\]\((?!https?:)(.*?)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


COMMANDS = re.compile(r"(?ms)^```bash\n(.*?)^```$")
RUN = """
import contextlib, io, json, sys
from course_lib.cli import main

for line in json.loads(sys.argv[1]):
    sys.argv, said, code = line.split(), io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    print(json.dumps([line, code, said.getvalue()]))
"""


def test_its_guide_does_what_it_says(unpacked: Path) -> None:
    """One process for all: each takes seconds to start."""
    settle_identity(Home(unpacked), "camp_1", "Mei")
    work(Home(unpacked), "li_mei", "en")
    lines: list[str] = []
    for name in ("learner.md", "learner.zh.md"):
        blocks = COMMANDS.findall((unpacked / "docs" / name).read_text(encoding="utf-8"))
        lines += "".join(blocks).splitlines()
    assert len(lines) == 2 * 7
    lines += ["camp result 01_intro", "camp feedback 01_intro"]
    commands = [*dict.fromkeys(line for line in lines if line != "make lab")]
    python = str(unpacked / ".venv/bin/python")
    said = in_kit(unpacked, python, "-c", RUN, json.dumps(commands))
    done = {line: (code, text) for line, code, text in map(json.loads, said.splitlines())}
    assert [*done] == commands
    code, text = done.pop("camp feedback 01_intro")  # a TA's command, in a kit the learner's own
    assert (code, text) == (1, done.pop("camp result 01_intro")[1])
    assert "was not handed in with --to" in text
    code, text = done.pop("camp doctor")
    assert code == 0 or "\nWrong: " in text  # of this machine
    assert {line: text for line, (code, text) in done.items() if code} == {}
    assert (unpacked / "submissions").is_dir()


@pytest.mark.tools
@pytest.mark.timeout(1800)
def test_make_run_and_make_test_on_a_fresh_machine(learner_kit: LearnerKit, tmp_path: Path) -> None:
    """Nothing is there but Python 3.11: no environment, no settings, no Jupyter files."""
    shutil.unpack_archive(learner_kit.path, tmp_path)
    kit, home = tmp_path / "intern-camp-kit", tmp_path / "home"
    home.mkdir()
    uv = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "uv"
    own = str(Path(sys.executable).parent)
    outside = [one for one in os.environ["PATH"].split(os.pathsep) if one != own]
    kept = {name: one for name, one in os.environ.items() if not name.startswith(OURS)}
    variables = kept | {
        "HOME": str(home), "PATH": os.pathsep.join(outside), "CAMP_LANG": "en",
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(uv)),  # what it has is not loaded again
        "PYTHON": str(Path(sys.base_prefix) / "bin/python3.11"),
    }  # fmt: skip

    terminal = pexpect.spawn(
        "make", ["run"], cwd=kit, env=variables, timeout=1200, encoding="utf-8"
    )
    try:
        terminal.expect(r"JupyterLab: (http://127\.0\.0\.1:\d+/lab/tree/\S+)")
        tree = psutil.Process(terminal.pid).children(recursive=True)
        assert "01_intro" in _answer(terminal.match[1].replace("/lab/tree/", "/api/contents/"))
        for _ in range(2):
            terminal.sendintr()
            time.sleep(1)
        terminal.expect(pexpect.EOF, timeout=60)
        assert psutil.wait_procs(tree, timeout=10)[1] == []
    finally:
        terminal.close(force=True)

    tested = subprocess.run(
        ["make", "test"], cwd=kit, env=variables, text=True, capture_output=True, check=False
    )
    assert tested.stderr == ""
    assert f"environment: {kit / '.venv/bin'}" in tested.stdout
    assert tested.returncode == 0, tested.stdout
    assert tested.stdout.endswith("Nothing is wrong.\n")


def _answer(address: str) -> str:
    """Return what a server that is starting says at an address."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            answer = requests.get(address, timeout=60)
            assert answer.status_code == 200, answer.text
            return answer.text
        time.sleep(0.3)
    pytest.fail("JupyterLab does not answer")
