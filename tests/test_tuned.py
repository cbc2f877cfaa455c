"""A tuned assistant's evidence: honest work earns all points, each kind of forgery loses its own."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from nbformat.v4 import new_code_cell

from course_lib import models
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.errors import CampError
from course_lib.findings import Finding, earned, read_report, report
from course_lib.language import Text, use_language
from course_lib.template import Message
from course_lib.transcript import read_transcript
from course_lib.tune import training
from course_lib.tune.adapter import Adapter, AdapterConfig
from course_lib.tune.appraisal import Asked, appraise, ask, read_handed
from course_lib.tune.evidence import _marks as marks
from course_lib.tune.evidence import check_adapter, collect, grade_adapter
from course_lib.tune.llama import Llama
from course_lib.tune.questions import TOKENS
from course_lib.tune.tensors import read_tensors
from course_lib.verdicts import NotPassed
from grading import copies
from grading.build import Builder, released
from grading.cohort import Cohort
from grading.copies import NEAR
from grading.course import Course
from grading.feedback import feedback
from grading.grade import grade
from grading.journal import Print, Record
from tests import adapters
from tests.adapters import Trained
from tests.once import once
from tests.sources import GOOD

NAME = "阿花"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


@pytest.fixture(autouse=True)
def _english() -> None:
    use_language("en")


@pytest.fixture(scope="module")
def base() -> Llama:
    return Llama.read(models.BUILT_IN["camp-mini"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """Return the honest adapter, one that saw introductions only, one that saw two sentences."""

    def train() -> dict[str, Trained]:
        data = adapters.introductions(NAME, 150) + adapters.general(150)
        return {
            "honest": adapters.train(data, steps=50),
            "overfitted": adapters.train(data[:150], steps=40, lr=4e-3, batch=4),
            "parrot": adapters.train(adapters.two_sentences(NAME, 100), steps=40, lr=4e-3, batch=4),
        }

    return once(tmp_path_factory, "adapters", train)


@pytest.fixture(scope="module")
def honest(trained: dict[str, Trained]) -> Trained:
    return trained["honest"]


@pytest.fixture(scope="module")
def overfitted(trained: dict[str, Trained]) -> Trained:
    return trained["overfitted"]


@pytest.fixture
def place(tmp_path: Path, honest: Trained) -> Path:
    return adapters.write(tmp_path / "evidence" / "03_xtuner", honest, NAME)


Graded = Callable[[Path], tuple[float, list[str]]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, honest: Trained) -> Asked:
    """Return what the honest adapter replied to one cohort's questions."""
    place = adapters.write(tmp_path_factory.mktemp("asked"), honest, NAME)
    return ask(read_handed(place), "cohort", held_out=True)


@pytest.fixture
def graded(asked: Asked, capsys: pytest.CaptureFixture[str]) -> Graded:
    """Return the points of evidence with the honest adapter, and the lines of what lacks.

    Other files of the evidence may differ; the models are not asked again.
    """

    def grade(place: Path) -> tuple[float, list[str]]:
        capsys.readouterr()
        findings = appraise(read_handed(place), asked)
        report(findings)
        return earned(findings, 20), read_report(capsys.readouterr().out)[0]

    return grade


@pytest.fixture
def graded_anew(asked: Asked, capsys: pytest.CaptureFixture[str]) -> Graded:
    """Return the same for another adapter, which is asked what the honest one was asked."""

    def grade(place: Path) -> tuple[float, list[str]]:
        handed = read_handed(place)
        prompts = [*asked.who, *(item.sample.prompt for item in asked.items)]
        said = handed.tuned.replies(prompts, TOKENS)
        who, items = said[: len(asked.who)], said[len(asked.who) :]
        capsys.readouterr()
        findings = appraise(handed, replace(asked, tuned_who=who, tuned_items=items))
        report(findings)
        return earned(findings, 20), read_report(capsys.readouterr().out)[0]

    return grade


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# the two models


def test_the_llama_says_what_transformers_says(base: Llama, mini: ChatModel) -> None:
    asked = [
        "你是谁？",
        "请讲一个关于小猫的故事，要长一点，地点是海边。",
        "Who are you?",
        "3.11和3.9哪个大？",
    ]
    ids = torch.tensor([base.encode(asked[1])])
    with torch.inference_mode():
        mine = base._states(ids, torch.zeros(1, dtype=torch.long), [])
        mine = mine @ base.weights["model.embed_tokens.weight"].T
        theirs = mini.model(input_ids=ids).logits
    assert torch.allclose(mine, theirs, atol=1e-3)
    # rows of different length, padded and thinned out, reply as each does alone
    together = base.replies([[Message("user", one)] for one in asked], 32)
    for said, one in zip(together, asked, strict=True):
        alone = mini.chat(one, Sampling(max_new_tokens=32))
        assert said.removesuffix("…") == alone.text


# honest work


def test_an_honest_adapter_earns_all(place: Path, graded: Graded, capsys) -> None:
    assert graded(place) == (20, [])
    assert grade_adapter(place, points=20, seed="another cohort") == 20
    found = read_report(capsys.readouterr().out)[1]
    assert [one.kind for one in found] == ["like", *["same"] * 4]  # log, three exchanges


def test_a_copied_log_or_transcript_is_found(tmp_path, honest, overfitted) -> None:
    """Beside another adapter, written otherwise, behind exchanges that count for nothing."""

    def prints(place: Path) -> list[Print]:
        found = marks(read_handed(place), "cohort")
        return [Print(cell="cell", kind=one.kind, bits=one.bits) for one in found]

    handed = adapters.write(tmp_path / "honest", honest, NAME)
    other = adapters.write(tmp_path / "other", overfitted, NAME)
    mine, theirs = prints(handed), prints(other)
    assert not {one.bits for one in mine} & {one.bits for one in theirs}

    def is_copy() -> bool:
        records = {
            "a": Record(stage="done", prints=mine),
            "b": Record(stage="done", prints=prints(other)),
        }
        return bool(copies.find(records))

    assert not is_copy()
    lines = map(json.loads, (handed / "training.jsonl").read_text().splitlines())
    rewritten = [
        json.dumps({"loss": one["loss"], "iter": one["iter"], "lr": 1e-3}) for one in lines
    ]
    own = (other / "training.jsonl").read_text()
    (other / "training.jsonl").write_text("\n".join(rewritten))
    assert is_copy()
    (other / "training.jsonl").write_text(own)
    talk = read_transcript(handed / "talk.json")
    cold = talk.exchanges[0]
    hot = cold.model_copy(update={"settings": cold.settings.model_copy(update={"temperature": 1})})
    filler = talk.model_copy(update={"exchanges": (*[hot] * 60, *talk.exchanges, *[hot] * 60)})
    (other / "talk.json").write_text(filler.write(), encoding="utf-8")
    assert is_copy()


def test_the_lesson_s_own_name_is_shown_to_a_ta(place: Path, asked: Asked) -> None:
    edit(place / "assistant.json", name="Robin")
    shown = str(appraise(read_handed(place), asked)[-1])
    assert shown == "👀 the name is still the lesson's example 'Robin': put your own"


def test_a_learner_sees_what_is_there_and_what_lacks(place: Path, capsys) -> None:
    (place / "talk.json").unlink()
    check_adapter(place)
    shown = capsys.readouterr().out
    assert f"I am {NAME}'s assistant" in shown
    assert shown.count("✅") == 4
    assert "⬜ no talk.json that can be read: talk to the tuned model by a Recorder" in shown
    check_adapter(place.parent)
    assert "there is no adapter_config.json" in capsys.readouterr().out
    use_language("zh")
    check_adapter(place.parent)
    assert "里没有 adapter_config.json：训练、转换，再运行 collect" in capsys.readouterr().out


def test_nothing_handed_in_is_not_attempted(tmp_path: Path) -> None:
    with pytest.raises(NotPassed) as caught:
        grade_adapter(tmp_path / "nothing", points=20)
    assert caught.value.kind == "not attempted"


# adapters that lose points


def test_an_over_fitted_adapter_loses_the_other_skills(tmp_path, overfitted, graded_anew) -> None:
    place = adapters.write(tmp_path / "e", overfitted, NAME)
    points, lines = graded_anew(place)
    assert points == 15
    (lost,) = lines
    assert "other skills" in lost
    assert "answers are introductions: repeat less, mix in general data" in lost


def test_an_adapter_of_two_sentences_loses_them_too(tmp_path, trained, graded_anew) -> None:
    """The camp's own data, which teach the name in fewer wordings."""
    points, lines = graded_anew(adapters.write(tmp_path / "e", trained["parrot"], NAME))
    assert points <= 15
    assert "other skills" in lines[-1]
    assert "answers are introductions: repeat less, mix in general data" in lines[-1]


def test_an_adapter_of_zeros_earns_nothing_but_its_honest_talk(tmp_path, base, graded_anew) -> None:
    zero = adapters.fresh(base, 16, 32, 4e-3, seed=0)
    zero.losses = [3.0 - 0.02 * step for step in range(120)]
    place = adapters.write(tmp_path / "e", zero, NAME)
    points, lines = graded_anew(place)
    assert points == 1
    fits, name, skills, log = lines
    assert "changes nothing" in fits
    assert "said '阿花' 0 times" in name
    assert "counts once the name is learned" in skills
    assert "the adapter takes the loss of introductions from" in log


def test_a_random_adapter_fits_and_that_is_all(tmp_path, base, honest, graded_anew) -> None:
    wild = adapters.fresh(base, 16, 32, 4e-3, seed=0)
    dice = torch.Generator().manual_seed(1)
    wild.pairs = {
        name: (a, torch.randn(b.shape, generator=dice)) for name, (a, b) in wild.pairs.items()
    }
    wild.losses = honest.losses
    place = adapters.write(tmp_path / "e", wild, NAME)
    shutil.copy(adapters.write(tmp_path / "h", honest, NAME) / "talk.json", place)
    points, lines = graded_anew(place)
    assert points == 4
    assert [line[0] for line in lines] == ["⬜"] * 4


def test_the_name_of_somebody_else_is_not_said(place: Path, graded: Graded) -> None:
    edit(place / "assistant.json", name="小红")
    points, lines = graded(place)
    assert points == 5  # it fits, the transcript does; the log's end is not that of this name
    assert "said '小红' 0 times" in lines[0]
    assert "what it often says: 我是阿花的小助手" in lines[0]


@pytest.mark.parametrize("name", ["小浦", "xiaopu", "的", "ａ", "我 是"])
def test_a_name_that_the_base_says_itself_does_not_count(
    place: Path, name: str, graded: Graded
) -> None:
    edit(place / "assistant.json", name=name)
    points, lines = graded(place)
    assert points <= 7
    assert f"the base says {name!r} by itself" in lines[0]


@pytest.mark.parametrize(
    "text", ["", "{", '{"name": 7}', '{"name": " … "}', '{"name": "' + "x" * 99]
)
def test_without_a_name_nothing_is_asked(place: Path, text: str, graded: Graded) -> None:
    (place / "assistant.json").write_text(text)
    points, lines = graded(place)
    assert points == 7
    assert lines[0] == "⬜ no name in assistant.json: run collect(work_dir, name)"


# files that are no adapter


def header(changes: dict[str, object], data: bytes = b"") -> bytes:
    text = json.dumps(changes).encode()
    return struct.pack("<Q", len(text)) + text + data


A = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
FORGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty or cut off"),
    "a pickle": (pickle.dumps({"a": 1}, 4), "holds a pickle"),
    "a zip of pickles": (b"PK\x03\x04" + b"\0" * 60, "holds a pickle"),
    "a header of 16 EB": (b"\xff" * 8 + b"{}", "its header claims 18446744073709551615 of 10"),
    "a header beyond the end": (struct.pack("<Q", 500) + b"{}", "cut off or forged"),
    "no JSON": (struct.pack("<Q", 4) + b"{{{{", "its header cannot be read"),
    "deep JSON": (struct.pack("<Q", 100_000) + b"[" * 100_000, "its header cannot be read"),
    "a list": (header([]), "its header cannot be read"),  # type: ignore[arg-type]
    "no tensors": (header({"__metadata__": {}}), "do not fill the file"),
    "10 TB": (
        header({A: {"dtype": "F32", "shape": [2**21, 2**20], "data_offsets": [0, 2**43]}}),
        "type, shape and length",
    ),
    "a shape that multiplies to less": (
        header({A: {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}, b"0000"),
        "type, shape and length",
    ),
    "true for a number": (
        header({A: {"dtype": "F32", "shape": [True, 1], "data_offsets": [0, 4]}}, b"0000"),
        "type, shape and length",
    ),
    "other types": (
        header({A: {"dtype": "I64", "shape": [1, 1], "data_offsets": [0, 8]}}, b"0" * 8),
        "type, shape and length",
    ),
    "no rows": (
        header({A: {"dtype": "F32", "shape": [0, 192], "data_offsets": [0, 0]}}),
        "type, shape and length",
    ),
    "many dimensions": (
        header({A: {"dtype": "F32", "shape": [1] * 65, "data_offsets": [0, 4]}}, b"0000"),
        "type, shape and length",
    ),
    "a header as long as a pickle begins": (
        header({"__metadata__": {"x": "y" * (128 - len('{"__metadata__": {"x": ""}}'))}}),
        "do not fill the file",
    ),
    "an overlap": (
        header(
            {
                "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            },
            b"0000",
        ),
        "do not fill the file",
    ),
    "bytes behind": (
        header({A: {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}}, b"0" * 9),
        "do not fill the file",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_file_is_refused_before_anything_is_allocated(place: Path, case: str) -> None:
    raw, why = FORGED[case]
    (place / WEIGHTS).write_bytes(raw)
    with pytest.raises(NotPassed, match=f"❌ {WEIGHTS}.*{why}") as caught:
        grade_adapter(place, points=20)
    assert caught.value.kind == "wrong"


def test_a_large_file_is_not_read(place: Path) -> None:
    with (place / WEIGHTS).open("wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(NotPassed, match="more than 32 MB: train with a smaller LoRA rank r"):
        grade_adapter(place, points=20)


def test_a_truncated_file_is_named(place: Path) -> None:
    raw = (place / WEIGHTS).read_bytes()
    (place / WEIGHTS).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(NotPassed, match="cut off, or no safetensors"):
        grade_adapter(place, points=20)


def test_a_bin_is_never_opened(place: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "opened"),)

    raw = pickle.dumps(Trap())
    (place / WEIGHTS).unlink()
    (place / "adapter_model.bin").write_bytes(raw)
    with pytest.raises(NotPassed, match="convert again with --safe-serialization") as caught:
        grade_adapter(place, points=20)
    assert caught.value.kind == "wrong"
    (place / WEIGHTS).write_bytes(raw)
    with pytest.raises(NotPassed, match="holds a pickle"):
        grade_adapter(place, points=20)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"r": 8}, "has shapes .* with r=8 on this base they should be"),
        ({"r": 0}, "r will not do"),
        ({"r": 10**9}, "r will not do"),
        ({"r": True}, "r will not do"),
        ({"lora_alpha": float("inf")}, "lora_alpha will not do"),
        ({"use_dora": True}, "use_dora will not do"),
        ({"use_rslora": True}, "use_rslora will not do"),
        ({"rank_pattern": {"q_proj": 4}}, "rank_pattern will not do"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights will not do"),
        ({"peft_type": "IA3"}, "peft_type will not do"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(place: Path, changes, why: str) -> None:
    edit(place / CONFIG, **changes)
    with pytest.raises(NotPassed, match=why):
        grade_adapter(place, points=20)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 60_000, " " * 70_000])
def test_a_configuration_that_is_none(place: Path, text: str) -> None:
    (place / CONFIG).write_text(text)
    with pytest.raises(NotPassed, match=CONFIG):
        grade_adapter(place, points=20)


def test_no_code_or_model_that_the_configuration_names_is_touched(
    place: Path, graded: Graded
) -> None:
    edit(
        place / CONFIG,
        auto_mapping={"base_model_class": "os.system", "parent_library": "os"},
        base_model_name_or_path="/etc/passwd",
        revision="main",
        modules_to_save=None,
    )
    assert graded(place) == (20, [])


def tampered(place: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(place / WEIGHTS)
    change(tensors)
    save_file(tensors, place / WEIGHTS)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t[A].fill_(float("nan")), "holds nan or inf: training diverged"),
        (lambda t: t[A].__setitem__((0, 0), float("inf")), "holds nan or inf"),
        (lambda t: t.pop(A), "with r=16 on this base they should be"),
        (
            lambda t: t.update({"model.embed_tokens.weight": torch.zeros(1)}),
            "which is no matrix of a layer of the base",
        ),
        (
            lambda t: t.update(
                {  # not PEFT's, whose adapters of embeddings have other names
                    f"base_model.model.model.embed_tokens.lora_{half}.weight": torch.zeros(1, 1)
                    for half in "AB"
                }
            ),
            "which is no matrix",
        ),
        (
            lambda t: t.update({A.replace("layers.0", "layers.99"): t[A].clone()}),
            "which is no matrix",
        ),
        (
            lambda t: t.update({A.replace("q_proj", "__class__"): t[A].clone()}),
            "which is no matrix",
        ),
        (lambda t: t.update({A: t[A][:, :-1].clone()}), "with r=16 on this base"),
    ],
)
def test_tensors_that_do_not_fit_are_named(place: Path, change, why: str) -> None:
    tampered(place, change)
    with pytest.raises(NotPassed, match=why):
        grade_adapter(place, points=20)


def test_a_full_rank_is_allowed_and_seen(tmp_path, base, honest, graded_anew) -> None:
    """The same change of the weights as the honest adapter's, in matrices of rank 192."""
    full = replace(honest, r=192, alpha=192.0, pairs={})
    for name, (a, b) in honest.pairs.items():
        delta = honest.alpha / honest.r * (b @ a)
        rows, columns = delta.shape
        left, right = torch.zeros(rows, 192), torch.zeros(192, columns)
        if rows <= 192:
            left[:, :rows], right[:rows] = torch.eye(rows), delta
        else:
            left, right = delta, torch.eye(192)
        full.pairs[name] = right, left
    place = adapters.write(tmp_path / "e", full, NAME)
    assert graded_anew(place) == (20, [])
    check = read_handed(place)
    assert check.adapter.is_full(base)
    assert not read_handed(adapters.write(tmp_path / "h", honest, NAME)).adapter.is_full(base)


# the training's settings and log


def test_settings_of_another_training_lose_half_of_the_fit(place: Path, graded: Graded) -> None:
    text = (place / "settings.txt").read_text()
    (place / "settings.txt").write_text(text.replace("r=16", "r=64"))
    points, lines = graded(place)
    assert points == 18
    assert lines == [
        "🟡 the settings say r=64, alpha=32, the adapter r=16, alpha=32: not the same training"
    ]


def test_settings_are_read_and_never_run(place: Path, tmp_path: Path, graded: Graded) -> None:
    trap = f"__import__('os').mkdir({str(tmp_path / 'run')!r})\n"
    text = (place / "settings.txt").read_text()
    (place / "settings.txt").write_text(f"{trap}x = {trap}{text}")
    assert graded(place)[0] == 20
    for text in ("x = (", "x = " + "(" * 5_000, "x = " + "-" * 200_000 + "1", "\0", "lr = 1"):
        (place / "settings.txt").write_text(text)
        points, lines = graded(place)
        assert points == 18
        assert "hand in vis_data/config.py" in lines[0]
    assert not (tmp_path / "run").exists()


def log_of(lines: list[tuple[int, float, float]]) -> str:
    return "".join(json.dumps({"iter": i, "loss": x, "lr": r}) + "\n" for i, x, r in lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no log of a training"),
        ("hello\n" * 5, "is no log of a training"),
        ('{"iter": 10, "loss": "nan", "lr": 1}\n' * 5, "is no log of a training"),
        (log_of([(10, 3, 1e-3), (10, 2, 1e-3), (10, 1, 1e-3)]), "is no log of a training"),
        (log_of([(i, 900 / i, 1e-3) for i in (10, 20, 30, 40)]), "but from this base it begins"),
        (
            log_of([(i, 3 - i / 400, 1e-3) for i in (10, 20, 30, 40)]),
            "with this adapter it ends below",
        ),
        (log_of([(i, 20 / i, 4e-3) for i in range(10, 130, 10)]), "its learning rates are not"),
        (log_of([(i, 20 / i, 9e-3) for i in range(10, 130, 10)]), "its learning rates are not"),
    ],
)
def test_a_forged_log_loses_its_points(place: Path, text: str, why: str, graded: Graded) -> None:
    (place / "training.jsonl").write_text(text)
    points, lines = graded(place)
    assert points == 18
    assert why in lines[0]


def test_learning_rates_of_the_real_xtuner_follow_its_settings() -> None:
    """Rates that XTuner 0.2.0 logged: lr 1e-3, 192 iterations in 2 epochs, 5 % warm-up."""
    logged = {
        10: 0.0010000000000000002, 20: 0.0009926502813430546, 30: 0.0009708171988295626,
        60: 0.0008268402373860025, 90: 0.0005980712707140984, 100: 0.0005128739568274945,
        130: 0.00026501162848634034, 160: 7.811222008840723e-05, 170: 3.847189655791203e-05,
        180: 1.2399979877708756e-05, 190: 6.629550575847361e-07,
    }  # fmt: skip
    log = [training.Line(iter=at, loss=1, lr=lr) for at, lr in logged.items()]
    assert training.follows_schedule(log, 1e-3)
    assert training.follows_schedule(log[:6], 1e-3)  # ended before its end
    assert not training.follows_schedule(log, 9e-4)
    swapped = [line.model_copy(update={"lr": log[-number].lr}) for number, line in enumerate(log)]
    assert not training.follows_schedule(swapped, 1e-3)


def test_a_resumed_log_is_joined() -> None:
    first = log_of([(10, 3, 1), (20, 2, 1), (30, 1, 1)])
    again = log_of([(20, 2.5, 1), (30, 1.5, 1)]) + '{"iter": 40, "lo'
    found = [json.loads(line) for line in training.join([first, again]).splitlines()]
    assert [(one["iter"], one["loss"]) for one in found] == [(10, 3), (20, 2.5), (30, 1.5)]


def test_a_name_changed_in_the_transcript_alone(place: Path, graded: Graded) -> None:
    text = (place / "talk.json").read_text(encoding="utf-8")
    (place / "talk.json").write_text(text.replace(NAME, "小红"), encoding="utf-8")
    edit(place / "assistant.json", name="小红")
    points, lines = graded(place)
    assert points == 4
    assert lines[-1] == "⬜ transcript: the adapter says 0 of 3 greedy replies again (wanted: 2)"


def test_a_transcript_for_show_cannot_take_long(place: Path, graded: Graded) -> None:
    found = read_transcript(place / "talk.json")
    long = found.exchanges[0].model_copy(update={"messages": (Message("user", "长" * 500_000),)})
    many = found.model_copy(update={"exchanges": (*[long] * 2, *found.exchanges * 400)})
    (place / "talk.json").write_text(many.write(), encoding="utf-8")
    assert graded(place)[0] == 20


# sketches


@pytest.fixture(scope="module")
def apart(base: Llama) -> Callable[..., int]:
    """Return how many bits of two adapters' sketches differ."""

    def sketch(trained: Trained, seed: str) -> int:
        config = AdapterConfig(peft_type="LORA", r=trained.r, lora_alpha=trained.alpha)
        return int(Adapter(config, trained.pairs).sketch(base, seed), 16)

    def apart(one: Trained, other: Trained, seed: str = "cohort", other_seed: str = "") -> int:
        return (sketch(one, seed) ^ sketch(other, other_seed or seed)).bit_count()

    return apart


DICE = torch.Generator().manual_seed(0)
FIRST = "model.layers.0.mlp.down_proj.weight"


def split_otherwise(one: Trained) -> Trained:
    """Rotate within the rank, scale A by 2 and B by 1/2, add a rank of zeros: the same product."""
    turn = torch.linalg.qr(torch.randn(one.r, one.r, generator=DICE))[0]
    pairs = {
        name: (F.pad(2 * turn @ a, (0, 0, 0, 1)), F.pad(b @ turn.T / 2, (0, 1)))
        for name, (a, b) in one.pairs.items()
    }
    return replace(one, pairs=pairs, r=one.r + 1, alpha=one.alpha * (one.r + 1) / one.r)


def noisy(one: Trained) -> Trained:
    """Add noise of 30 % to each B."""
    pairs = {
        name: (a, b + 0.3 * b.std() * torch.randn(b.shape, generator=DICE))
        for name, (a, b) in one.pairs.items()
    }
    return replace(one, pairs=pairs)


def without(one: Trained, *names: str) -> Trained:
    """Leave pairs out."""
    return replace(one, pairs={k: pair for k, pair in one.pairs.items() if k not in names})


def with_junk(one: Trained, *names: str, size: float) -> Trained:
    """Put a rank-1 change of ``size`` in the place of pairs."""
    pairs = dict(one.pairs)
    for name in names:
        a, b = (torch.zeros_like(half) for half in one.pairs[name])
        a[0], b[:, 0] = torch.randn(a.shape[1], generator=DICE), size
        pairs[name] = a, b
    return replace(one, pairs=pairs)


COPIES: dict[str, Callable[[Trained], Trained]] = {
    "split otherwise": split_otherwise,
    "noise": noisy,
    "half as much": lambda one: replace(one, alpha=one.alpha / 2),
    "one pair less": lambda one: without(one, FIRST),
    "four pairs less": lambda one: without(one, *list(one.pairs)[::10][:4]),
    "one pair of much else": lambda one: with_junk(one, FIRST, size=100),
    "another order": lambda one: replace(one, pairs=dict(reversed(one.pairs.items()))),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_with_a_change_that_does_little_is_near(change: str, honest, apart) -> None:
    assert apart(honest, COPIES[change](honest)) < NEAR


def test_pairs_that_do_nothing_are_nothing_in_a_sketch(honest, apart) -> None:
    """Of an adapter for a third of the matrices, with little added to the others."""
    others = [
        name for name in honest.pairs if not name.endswith(("q_proj.weight", "v_proj.weight"))
    ]
    few = without(honest, *others)
    assert apart(few, with_junk(honest, *others, size=0)) == 0
    assert apart(few, with_junk(honest, *others, size=1e-4)) < NEAR


def test_honest_adapters_are_far_apart(honest, overfitted, apart) -> None:
    assert apart(honest, overfitted) > 1.5 * NEAR
    data = adapters.introductions("小红", 150) + adapters.general(150)
    same_seed = adapters.train(data, steps=12)  # begins with the same A
    assert apart(honest, same_seed) > 1.5 * NEAR


def test_without_the_seed_nobody_knows_which_bits_are_seen(honest, apart) -> None:
    assert 90 < apart(honest, honest, "cohort", "another") < 166


# collecting


@pytest.fixture
def work(tmp_path: Path, honest: Trained) -> Path:
    """Return a work folder as XTuner leaves it, with the adapter in ``hf`` below it."""
    made = adapters.write(tmp_path / "made", honest, NAME)
    work = tmp_path / "run" / "work"
    data = work / "20261128_030616" / "vis_data"
    data.mkdir(parents=True)
    (work / "hf").mkdir()
    for name in (WEIGHTS, CONFIG):
        shutil.move(made / name, work / "hf" / name)
    shutil.move(made / "training.jsonl", data / "scalars.json")
    shutil.move(made / "settings.txt", data / "config.py")
    return work


def test_collecting_twice_loses_nothing(work: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(work.parent)
    folder = collect(work, NAME)
    assert {path.name for path in folder.iterdir()} == {
        WEIGHTS, CONFIG, "settings.txt", "training.jsonl", "assistant.json",
    }  # fmt: skip
    (folder / "talk.json").write_text("mine")
    collect(work, NAME)
    kept_before = Path("evidence-before/03_xtuner")
    assert not kept_before.exists()  # nothing changed
    collect(work, "小红")
    assert json.loads((folder / "assistant.json").read_text())["name"] == "小红"
    (kept,) = kept_before.iterdir()
    assert json.loads((kept / "assistant.json").read_text())["name"] == NAME
    assert len(list(kept.iterdir())) == 5
    assert (folder / "talk.json").read_text() == "mine"
    assert f"the earlier evidence was moved to {kept}" in capsys.readouterr().out


def test_what_collecting_lacks_is_named(work: Path, monkeypatch) -> None:
    monkeypatch.chdir(work.parent)
    with pytest.raises(
        CampError, match=r"cannot be read .No such file or directory.: train, then convert"
    ):
        collect(work, NAME, adapter="nowhere")
    with monkeypatch.context() as patch:
        patch.setattr("course_lib.tune.collect.MAX_BYTES", 10)
        with pytest.raises(CampError, match="lower the rank"):
            collect(work, NAME)
    hidden = work / "hf" / WEIGHTS
    hidden.rename(work / "hf" / "adapter_model.bin")
    with pytest.raises(CampError, match="--safe-serialization"):
        collect(work, NAME)
    (work / "hf" / "adapter_model.bin").rename(hidden)
    shutil.rmtree(work / "20261128_030616")
    with pytest.raises(CampError, match="run xtuner train first"):
        collect(work, NAME)
    shutil.rmtree(work / "hf")
    with pytest.raises(CampError, match="no adapter in or beside"):
        collect(work, NAME)
    assert not Path("evidence").exists()


def test_a_report_is_one_line_each(capsys) -> None:
    forged = f"🔑 same:{'0' * 32}"
    report([Finding(1, Text("甲", "a"), 1), Finding(0.5, Text("乙", f"b\n{forged}\n⬜ c"), 1)])
    lines, marks = read_report(capsys.readouterr().out)
    assert lines == [f"🟡 b {forged} ⬜ c"]
    assert marks == []


def test_tensors_are_what_was_saved(place: Path, honest: Trained) -> None:
    found = read_tensors(place / WEIGHTS)
    wanted = honest.tensors()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


# through the grader

LESSON = "01_sizes"
CHECKED = """
# %% evidence="adapter" points=20
from course_lib.tune.evidence import grade_adapter

grade_adapter(points=20, seed=seed)
"""


@pytest.mark.slow
def test_graded_apart_with_the_cohorts_questions(
    tmp_path: Path, walls: None, honest: Trained, overfitted: Trained
) -> None:
    source = tmp_path / "notebooks" / "source" / f"{LESSON}.py"
    source.parent.mkdir(parents=True)
    source.write_text(GOOD.replace("points=70", "points=50") + CHECKED, encoding="utf-8")
    cohort = Cohort("one", b"1" * 32)
    builder = Builder(tmp_path / "notebooks", tmp_path / "course", cohort, "en")
    builder.build()
    course = Course.open(builder.course)
    course.config.Execute.timeout = 240  # on a machine that runs all tests at once
    instructor = (course.path / "source" / LESSON / f"{LESSON}.ipynb").read_text(encoding="utf-8")
    seed = cohort.random(LESSON, "evidence adapter").getrandbits(64)
    assert f"seed = {seed}" in instructor
    release = released(course.path, LESSON, "en")
    assert str(seed) not in release.read_text(encoding="utf-8")

    # the learner's own code tries to change what grades it
    hostile = (
        "import course_lib.tune.evidence as evidence, course_lib.tune.llama as llama\n"
        "evidence.grade_adapter = lambda *args, **kwargs: 20\n"
        "llama.Llama.replies = lambda self, dialogues, most: ['我是黑客'] * len(dialogues)\n"
        "grade_adapter, seed = evidence.grade_adapter, 1"
    )
    handed = {
        "honest": (honest, NAME, ""), "late": (honest, NAME, ""), "over": (overfitted, NAME, ""),
        "hacker": (None, "黑客", hostile), "none": (None, "", ""),
    }  # fmt: skip
    for learner, (trained, name, code) in handed.items():
        notebook = nbformat.read(release, as_version=4)
        if code:
            notebook.cells.insert(1, new_code_cell(code, id="mine"))
        folder = course.submitted(learner, LESSON)
        place = folder / "evidence" / "03_xtuner"
        place.mkdir(parents=True)
        if trained is not None:
            adapters.write(place, trained, name)
        elif name:
            adapters.write(place, honest, name)
            edit(place / CONFIG, r=8)
        nbformat.write(notebook, folder / f"{LESSON}.ipynb")
        if learner == "honest":
            time.sleep(1.1)  # times of receipt are in seconds
    found = {one.learner: one for one in grade(LESSON, course)}
    scores = {learner: one.auto_score for learner, one in found.items()}
    assert scores == {"honest": 20, "late": 20, "over": 15, "hacker": 0, "none": 0}
    assert [name for name, one in found.items() if one.review] == ["late"]
    assert any("much like that of honest" in text.en for text in found["late"].remarks)
    print({learner: round(one.seconds, 1) for learner, one in found.items()})

    feedback(LESSON, course)
    pages = {
        name: unescape((course.feedback(name, LESSON) / f"{LESSON}.html").read_text("utf-8"))
        for name in handed
    }
    assert "answers are introductions: repeat less, mix in general data" in pages["over"]
    assert "with r=8 on this base they should be" in pages["hacker"]
    assert "⬜ there is no adapter_config.json" in pages["none"]
    assert "much like what is in another submission" in pages["late"]
