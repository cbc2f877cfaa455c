"""Lesson 05: its reference solutions, its exam, the helpers around OpenCompass, its evidence."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import torch
from safetensors.torch import load_file, save_file

from course_lib import chat, models, toolbox
from course_lib.chat import ChatModel
from course_lib.errors import CampError
from course_lib.evaluate import (
    api,
    appraisal,
    config,
    evidence,
    exam,
    gpu,
    leaks,
    paired,
    pictures,
    replies,
    results,
    teach,
)
from course_lib.evaluate.rescore import perplexities, shortfalls
from course_lib.files import write_atomic
from course_lib.findings import read_report
from course_lib.language import Language
from course_lib.mini.choice import LETTERS
from course_lib.mini.course_facts import course_facts
from course_lib.serving import serve
from course_lib.template import Message
from course_lib.toolbox import catalogue, environments, install
from course_lib.tune import times
from course_lib.tune.adapter import read_adapter
from course_lib.tune.llama import Llama
from course_lib.verdicts import NotPassed
from grading.copies import NEAR
from grading.grade import grade
from grading.lesson import Lesson
from tests.conftest import free_port
from tests.learner import BLANK, SOLVED, WITH_TOOLS, hand_in, new_course, run_cells, without_tools

mpl.use("Agg")
LESSON = "05_opencompass"
pytestmark = pytest.mark.usefixtures("english")
FEW = 6
"""Questions of each subject in the tests' own small exam."""
STEPS = 70


@pytest.fixture
def small_exam(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exam.val
    monkeypatch.setattr(exam, "val", lambda subject: whole(subject)[:FEW])


SHOT = {"question": "q1", "A": "1", "B": "2", "C": "3", "D": "4", "answer": "A"}
ASKED = {"question": "Q", "A": "1", "B": "2", "C": "3", "D": "4"}
PAIRS = [
    ("accuracy", (["A", "B", "", "D"], ["A", "B", "C", "D"]), 75.0),
    ("accuracy", (["a"], ["A"]), 0.0),
    ("accuracy", ([1, 2], ["1", "2"]), 100.0),
    ("ppl_choice", ({"A": [-1.0, -0.5], "B": [-0.2, -0.1], "C": [-2.0, -2.0], "D": [-0.3, -0.1]},), "B"),
    ("ppl_choice", ({"A": [-1.0], "B": [-0.6, -0.6, -0.6]},), "B"),
    ("ll_choice", ({"A": [-1.0], "B": [-0.6, -0.6, -0.6]},), "A"),
    ("ppl_choice", ({"A": [-0.5], "B": [-0.5]},), "A"),
    ("group_score", ({"a": 47.37, "b": 13.51}, ["a", "b"]), 30.44),
    ("group_score", ({"a": 50.0, "b": 100.0}, ["a", "b"], {"a": 19, "b": 37}), 83.0357),
    ("group_score", ({"a": 50.0}, ["a", "b"]), {"error": "missing metrics: ['b']"}),
    ("group_score", ({}, ["a", "b"]), None),
    ("expected_random", (4,), (25.0, 0.390625)),
    ("pairwise_winrate", ([("m", "base", "A"), ("base", "m", "B")],), ({"base": 0.0, "m": 100.0}, 0)),
    ("pairwise_winrate", ([("m", "base", "A"), ("base", "m", "A")],), ({"base": 50.0, "m": 50.0}, 1)),
    ("pairwise_winrate", ([("m", "base", "C")],), ({"base": 50.0, "m": 50.0}, 0)),
    ("wilson", (9, 19), (27.33, 68.29)),
    ("wilson", (0, 19), (0.0, 16.82)),
    ("wilson", (640, 1346), (44.89, 50.22)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "wanted"), PAIRS)
def test_pairs_of_the_brief(names, name, args, wanted) -> None:
    assert names[name](*args) == wanted


def test_more_pairs_of_the_brief(names) -> None:
    read = ("B", "I think the answer is B", "答案是C", "abc")
    assert [names["first_capital"](text) for text in read] == ["B", "I", "C", ""]
    assert [names["extract_option"](text) for text in read] == ["B", "B", "C", ""]
    more = ("A. 因为…", "故选D", "(C) 正确", "选 B，不选 A", "As I see it")
    assert [names["extract_option"](text) for text in more] == ["A", "D", "C", "B", ""]
    few = names["fewshot_prompt"]
    assert few([SHOT] * 5, ASKED, "计算机网络", 5, 10**9)[1] == 5
    assert few([SHOT] * 5, ASKED, "计算机网络", 5, 200)[1] == 2
    assert few([], ASKED, "逻辑学", 5, 1) == (
        "以下是中国关于逻辑学考试的单项选择题，请选出其中的正确答案。\nQ\nA. 1\nB. 2\nC. 3\nD. 4\n答案: ",
        0,
    )
    assert len(few([], ASKED, "计算机网络", 5, 1)[0]) == 59
    circular = names["circular_eval"]
    knows = circular(lambda _, shown: "ABCD"[shown.index("x")], "q", ["a", "x", "b", "c"], "B")
    assert knows == ([True] * 4, True)
    assert circular(lambda *_: "A", "q", ["x", "a", "b", "c"], "A") == (
        [True, False, False, False],
        False,
    )


def test_the_interval_holds_what_a_score_test_does_not_refuse(names) -> None:
    """Wilson's interval is where |k/n − p| = z·√(p(1−p)/n) (JASA 22, 1927)."""
    for k, n in ((9, 19), (3, 40), (150, 161)):
        for end in names["wilson"](k, n):
            p = end / 100
            assert abs(k / n - p) == pytest.approx(1.96 * (p * (1 - p) / n) ** 0.5, abs=2e-4)


def test_numbers_that_the_prose_states(names) -> None:
    scores = [round(100 * right / count, 2) for right, count in pictures.CAMP.values()]
    assert scores == [47.37, 47.37, 23.81, 13.51, 42.11, 33.33, 10.53]  # the camp's page
    held = [names["wilson"](*one) for one in pictures.CAMP.values()]
    assert sum(low <= 25 <= high for low, high in held) == 5
    assert names["wilson"](9, 19)[1] - names["wilson"](9, 19)[0] > 40
    assert 20 + 10 + 11 + 11 == 52
    judged = replies.judge(exam.val(exam.CONTROL)[:12], names["extract_option"])
    verdicts = Counter((one[2], other[2]) for one, other in judged)
    assert verdicts == {("A", "C"): 7, ("C", "A"): 2, ("C", "C"): 3}
    assert sum(names["pairwise_winrate"](pair)[1] for pair in judged) == 9


def test_what_a_full_turn_leaves_is_as_the_prose_says(names) -> None:
    """By letter; of what it knows most is left, of what it does not know little."""
    for subject, once, turned in ((exam.CONTROL, 11, 10), ("applications", 5, 1)):
        found = replies.turned(
            exam.val(subject)[:12], names["circular_eval"], names["extract_option"]
        )
        assert found["letter"] == pytest.approx((100 * once / 12, 100 * turned / 12))
        assert (found["content"] == (100, 100)) == (subject == exam.CONTROL)


def test_replies_that_the_prose_quotes(names) -> None:
    """camp-mini's own: the first as the lesson's beginning asks it, the others as GEN does."""
    asked = {one.right: one for one in exam.val(exam.CONTROL)}
    first, *others = (asked[right] for right in ("H", "C", "N", "Cu"))
    assert first in exam.val(exam.CONTROL)[12:16]
    llama = Llama.read(models.BUILT_IN["camp-mini"])
    said = llama.replies([[Message("user", replies.filled(first))]], config.MAX_OUT)
    said += llama.replies([*map(replies.examples, others)], config.MAX_OUT)
    assert said == ["H，选C", "C，选A", "N，选A", "Cu，选C"]
    assert [names["first_capital"](reply) for reply in said] == ["H", "C", "N", "C"]
    assert [names["extract_option"](reply) for reply in said] == ["C", "C", "A", "C"]
    assert [one.answer for one in (first, *others)] == ["C", "A", "A", "C"]


def test_the_system_prompt_does_not_help(names) -> None:
    """As the prose says: by content all right, as OpenCompass scores them ten both times."""
    asked = exam.val(exam.CONTROL)[:12]
    llama = Llama.read(models.BUILT_IN["camp-mini"])
    right = []
    for system in ([], [Message("system", api.LANGGPT)]):
        turns = [[*system, Message("user", replies.filled(one))] for one in asked]
        said = llama.replies(turns, config.MAX_OUT)
        assert all(text.startswith(one.right) for one, text in zip(asked, said, strict=True))
        right.append(
            [
                names["first_capital"](text) == one.answer
                for one, text in zip(asked, said, strict=True)
            ]
        )
    assert [sum(one) for one in right] == [10, 10]
    assert paired.test(*right).p == 1


def test_points_and_names(lesson: Lesson) -> None:
    assert [one.name for one in lesson.exercises] == [
        "first_capital", "accuracy", "fewshot_prompt", "ppl_choice", "group_score",
        "circular_eval", "pairwise_winrate",
    ]  # fmt: skip
    assert sum(one.answer.points for one in lesson.exercises) == 70
    assert [(one.name, one.points) for one in lesson.of_kind("evidence")] == [("evaluation", 20)]
    assert [(one.name, one.points) for one in lesson.of_kind("note")] == [("evaluation_note", 10)]


def test_the_exam_is_whole() -> None:
    assert len(exam.SUBJECTS) >= 4
    for subject in exam.NAMES:
        questions = exam.questions(subject)
        assert len(exam.dev(subject)) == 5
        assert len(exam.val(subject)) >= 40
        assert exam.questions(subject) is questions
        counts = Counter(one.answer for one in exam.val(subject))
        assert max(counts.values()) - min(counts.values()) <= 1
        assert set(counts) == set(LETTERS)
        for one in questions:
            assert len(set(one.options)) == 4
            assert not any("<" in text or "," in text for text in (one.question, *one.options))
    asked = [one for subject in exam.SUBJECTS for one in exam.facts(subject)]
    wordings = [text for one in asked for text in (one.learn, one.exam)]
    assert len(set(wordings)) == len(wordings)
    known = {ask for fact in course_facts() if fact.known for ask in fact.zh.ask}
    assert not known & set(wordings)


def test_right_options_are_not_told_by_their_length() -> None:
    """Always the longest, or always the shortest option: no way to pass."""
    questions = exam.everything()
    for pick in (max, min):
        right = sum(len(one.right) == pick(map(len, one.options)) for one in questions)
        alone = sum(
            len(one.right) == pick(map(len, one.options))
            and [len(text) for text in one.options].count(len(one.right)) == 1
            for one in questions
        )
        assert alone / len(questions) < 0.45, (pick, right, alone)


def test_the_exam_is_written_as_ceval_is(tmp_path: Path) -> None:
    folder = exam.write(tmp_path)
    assert folder == tmp_path / "data" / "ceval" / "formal_ceval"
    for subject in exam.NAMES:
        for split, wanted in (("dev", exam.dev(subject)), ("val", exam.val(subject))):
            text = (folder / split / f"{subject}_{split}.csv").read_text(encoding="utf-8")
            rows = list(csv.DictReader(io.StringIO(text)))
            assert list(rows[0]) == ["id", "question", "A", "B", "C", "D", "answer"]
            assert [{k: v for k, v in row.items() if k != "id"} for row in rows] == [
                one.row for one in wanted
            ]
        assert "answer" not in (folder / "test" / f"{subject}_test.csv").read_text().splitlines()[0]


def test_the_exam_is_not_in_the_training_data() -> None:
    found = leaks.met(250)
    assert {name: found[name] for name in exam.SUBJECTS} == dict.fromkeys(exam.SUBJECTS, 0)
    assert found[exam.CONTROL] >= 10  # what was in it is found
    text = leaks.training_text(250)
    bare = [one.exam.rstrip("？") for subject in exam.SUBJECTS for one in exam.facts(subject)]
    assert not leaks.in_text(text, bare)
    planted = exam.val("deployment")[3].question
    assert leaks.in_text(text + planted, [one.question for one in exam.everything()]) == [planted]


def test_perplexities_are_the_models_own(mini: ChatModel) -> None:
    llama = Llama.read(models.BUILT_IN["camp-mini"])
    texts = [text for one in exam.val("deployment")[:3] for text in appraisal._texts("chat", one)]
    for text, found in zip(texts, perplexities(llama, texts), strict=True):
        loss = mini.log_probabilities("", text)
        assert found == pytest.approx(-sum(loss) / (len(loss) + 1), abs=1e-4)


def test_a_paired_test_is_binomial() -> None:
    assert paired.test([True, False, True], [True, False, True]).p == 1.0
    change = paired.test([False] * 9 + [True], [True] * 9 + [False])
    assert (change.gained, change.lost) == (9, 1)
    assert change.p == pytest.approx(2 * (1 + 10) / 1024)
    assert str(change) == "+9 −1  p = 0.021"
    assert paired.test([True] * 4, [False] * 4).p == pytest.approx(0.125)


def test_configurations_are_python(tmp_path: Path) -> None:
    asked = [
        ("camp-mini", models.BUILT_IN["camp-mini"], ["gen"]),
        ("a-b", tmp_path, ["letters", "chat"]),
        ("base", tmp_path, ["gen_base"]),
    ]
    text = config.write(tmp_path, "all", asked, ["general"]).read_text(encoding="utf-8")
    compile(text, "all.py", "exec")
    assert "dict(models=[base_text], datasets=gen)" in text
    (loaded,) = [line for line in text.splitlines() if line.startswith("base_text = ")]
    assert "HuggingFaceBaseModel" in loaded
    assert "padding_side" not in loaded  # what is to go on must end where the padding does not
    assert config.prompt("general").format(**SHOT).endswith("D. 4\n答案: ")
    with pytest.raises(CampError, match="base: writing and PPL are two entries"):
        config.write(tmp_path, "both", [("base", tmp_path, ["gen_base", "plain"])])
    assert set(config.labels("plain", "general")) == set(LETTERS)
    assert config.labels("letters", "general")["C"].endswith("答案: C")
    assert 'padding_side="right"' in text
    assert (tmp_path / "data/ceval/formal_ceval/val/general_val.csv").is_file()


def test_the_prompt_is_that_of_the_exercise(names) -> None:
    for subject in exam.NAMES:
        one, dev = exam.val(subject)[0], [shot.row for shot in exam.dev(subject)]
        title = exam.NAMES[subject].zh
        assert names["fewshot_prompt"]([], one.row, title, 0, 1)[0] == replies.filled(one)
        prompt, shots = names["fewshot_prompt"](dev, one.row, title, 5, 10**6)
        turns = replies.examples(one)
        assert all(turn.content.endswith("答案: \n") for turn in turns if turn.role == "user")
        joined = "".join(
            turn.content.removesuffix("\n") if turn.role == "user" else f"{turn.content}\n"
            for turn in turns
        )
        assert (joined, shots) == (prompt, 5)


def test_own_questions_are_checked(tmp_path: Path) -> None:
    api.write_questions(tmp_path / "mine.jsonl", [SHOT])
    assert json.loads((tmp_path / "mine.jsonl").read_text(encoding="utf-8")) == SHOT
    with pytest.raises(CampError, match="question 2 needs"):
        api.write_questions(tmp_path / "mine.jsonl", [SHOT, SHOT | {"answer": "E"}])


def test_without_a_gpu_the_step_is_skipped(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("course_lib.machine.gpus", list)
    gpu.evaluate(tmp_path)
    assert "skipped" in capsys.readouterr().out


def predictions(folder: Path, run: str, model: str, form: str, llama: Llama) -> None:
    """Write what OpenCompass writes, from the course's own Llama."""
    rows = {}
    for subject in exam.NAMES:
        made: dict[str, Any] = {}
        asked = exam.val(subject)
        if form == "gen":
            said = llama.replies([replies.examples(one) for one in asked], config.MAX_OUT)
            for number, (one, reply) in enumerate(zip(asked, said, strict=True)):
                made[str(number)] = {"prediction": reply.removesuffix("…"), "gold": one.answer}
        else:
            texts = [text for one in asked for text in appraisal._texts(form, one)]
            found = perplexities(llama, texts)
            for number, one in enumerate(asked):
                four = dict(zip(LETTERS, found[4 * number : 4 * number + 4], strict=True))
                made[str(number)] = {
                    **{f"label: {letter}": {"PPL": value} for letter, value in four.items()},
                    "prediction": min(four, key=lambda letter: four[letter]), "gold": one.answer,
                }  # fmt: skip
        path = folder / run / "predictions" / model / f"{form}-{subject}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        told = results.Run(folder / run).predictions(model, path.stem)
        rows[path.stem] = 100 * sum(one.right for one in told) / len(told)
        place = results.Run(folder / run).result_path(model, path.stem)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"accuracy": rows[path.stem]}))
    summary(folder / run, model, rows)


def summary(run: Path, model: str, rows: dict[str, float]) -> None:
    """Add a model's scores to a summary."""
    before = []
    if (run / "summary.csv").is_file():
        before = [line.split(",") for line in (run / "summary.csv").read_text().splitlines()]
    head = [*(before[0] if before else ["dataset", "version", "metric", "mode"]), model]
    lines = [[*row, "-"] for row in before[1:]]
    old = ["-"] * (len(head) - 5)
    lines += [
        [name, "abc123", "accuracy", "x", *old, f"{score:.2f}"] for name, score in rows.items()
    ]
    (run / "summary.csv").write_text("\n".join(",".join(one) for one in [head, *lines]) + "\n")


def lessons() -> list[teach.Pair]:
    """Return what the tests' own small training learns."""
    asked = {fact.zh.ask[0] for fact in course_facts()}
    return [pair for pair in teach.pairs("learn") if pair[0] in asked]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence made by the models that it names, of a small exam and a short training."""
    folder = tmp_path_factory.mktemp("honest")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        whole = exam.val
        patch.setattr(exam, "val", lambda subject: whole(subject)[:FEW])
        mine = teach.train(folder / "work", lessons(), steps=STEPS, seed=0)
        base = Llama.read(models.BUILT_IN["camp-mini"])
        handed = folder / "evidence"
        handed.mkdir()
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            shutil.copyfile(mine / name, handed / name)
        predictions(handed, "gen", "camp-mini", "gen", base)
        plain = Llama.read(models.BUILT_IN["camp-mini-base"])
        predictions(handed, "ppl", "camp-mini-base", "plain", plain)
        predictions(handed, "ppl", "camp-mini", "chat", base)
        tuned = read_adapter(handed, base).on(base)
        predictions(handed, "tuned", "mine", "chat", tuned)
    return folder


@pytest.fixture
def few_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask less again than the grader does."""
    whole = appraisal.other_wording
    monkeypatch.setattr(appraisal, "other_wording", lambda seed: whole(seed)[::2])


@pytest.fixture
def handed(honest: Path, small_exam: None, few_again: None, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest / "evidence", tmp_path / "evidence"))


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def test_honest_evidence_earns_all(handed: Path, capsys) -> None:
    assert evidence.grade_evaluation(handed, points=20, seed=3) == 20
    said = capsys.readouterr().out
    assert said.count("✅") == 5


def wrong_one(data: dict[str, Any]) -> str:
    """The number of a question that was answered wrong: among what was never taught there are."""
    return next(
        number for number, item in data.items()
        if next((sign for sign in item["prediction"] if sign.isupper()), "") != item["gold"]
    )  # fmt: skip


def test_a_changed_prediction_is_found(handed: Path, capsys) -> None:
    def change(data: dict[str, Any]) -> None:
        number = wrong_one(data)
        data[number]["prediction"] = data[number]["gold"]

    edit(handed / "gen/predictions/camp-mini/gen-deployment.json", change)
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 14
    assert "as in the summary" in capsys.readouterr().out


def retold(run: Path, model: str, dataset: str) -> None:
    """Adapt result and summary to the predictions, as somebody who edits them would."""
    told = results.Run(run).predictions(model, dataset)
    score = 100 * sum(one.right for one in told) / len(told)
    edit(run / f"results/{model}/{dataset}.json", lambda data: data.update(accuracy=score))
    with (run / "summary.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    column = rows[0].index(model)
    for row in rows:
        if row[0] == dataset:
            row[column] = f"{score:.2f}"
    (run / "summary.csv").write_text("\n".join(map(",".join, rows)) + "\n")


@pytest.mark.parametrize(
    "edited", ["{gold}", "{gold}{told}", "{told}<|im_end|>{gold}"], ids=["whole", "before", "after"]
)
def test_one_changed_prediction_is_found_though_all_else_is_adapted(
    handed: Path, edited: str
) -> None:
    def change(data: dict[str, Any]) -> None:
        item = data[wrong_one(data)]
        item["prediction"] = edited.format(gold=item["gold"], told=item["prediction"])

    edit(handed / "gen/predictions/camp-mini/gen-deployment.json", change)
    retold(handed / "gen", "camp-mini", "gen-deployment")
    found = appraisal.read_handed(handed)
    assert appraisal._agrees(found).passed
    finding = appraisal._again(found, "gen", appraisal.GEN)
    assert (finding.part, "29 as before" in str(finding.text)) == (0, True)


def test_a_reply_is_measured_as_the_model_writes_it(small_exam: None) -> None:
    model = Llama.read(models.BUILT_IN["camp-mini"])
    asked = [replies.examples(one) for one in exam.val("general")]
    said = [one.removesuffix("…") for one in model.replies(asked, config.MAX_OUT)]
    assert max(shortfalls(model, list(zip(asked, said, strict=True)), config.MAX_OUT)) < 1e-3
    one, reply = asked[0], said[0]
    for told in ("", f"{reply}。", f"{reply}<|im_end|>", "好" * 99, reply[:-1]):
        assert shortfalls(model, [(one, told)], config.MAX_OUT)[0] > 0.1
    ids = model.encode(reply)
    cut = model.tokenizer.decode(ids[:2], skip_special_tokens=False)
    assert shortfalls(model, [(one, cut)], 2)[0] < 1e-3  # as far as the limit let it come
    assert shortfalls(model, [], 2) == []


@pytest.mark.parametrize("told", ["nan", "inf", "-nan", "1e999"])
def test_a_summary_of_no_numbers_is_found(handed: Path, told: str) -> None:
    table = handed / "gen/summary.csv"
    head, *rows = table.read_text().splitlines()
    rows = [",".join([*row.split(",")[:4], told]) for row in rows]
    table.write_text("\n".join([head, *rows]) + "\n")
    found = appraisal._agrees(appraisal.read_handed(handed))
    assert (found.part, f"not {float(told):.2f} as in the summary" in str(found.text)) == (0, True)


def test_an_edited_result_is_found(handed: Path) -> None:
    edit(handed / "tuned/results/mine/chat-deployment.json", lambda data: data.update(accuracy=99))
    found = appraisal._agrees(appraisal.read_handed(handed))
    assert found.part == 0
    assert "not 99.00 as in the results" in str(found.text)


@pytest.mark.parametrize(
    "content", ["", "[" * 9000, '{"accuracy": "x"}', '{"accuracy": NaN}', None]
)
def test_a_damaged_or_missing_result_is_named(handed: Path, content: str | None) -> None:
    path = handed / "gen/results/camp-mini/gen-general.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    found = appraisal._agrees(appraisal.read_handed(handed))
    assert found.part == 0.5
    assert "camp-mini/gen-general.json" in str(found.text)


def test_changed_predictions_with_their_summary_are_found(handed: Path, capsys) -> None:
    def change(data: dict[str, Any]) -> None:
        for item in data.values():
            item["prediction"] = item["gold"]

    path = handed / "gen/predictions/camp-mini/gen-deployment.json"
    before = results.Run(handed / "gen").score("camp-mini", "gen-deployment")
    edit(path, change)
    table = handed / "gen/summary.csv"
    text = table.read_text().replace(f"gen-deployment,abc123,accuracy,x,{before:.2f}",
                                     "gen-deployment,abc123,accuracy,x,100.00")  # fmt: skip
    table.write_text(text)
    edit(
        handed / "gen/results/camp-mini/gen-deployment.json", lambda data: data.update(accuracy=100)
    )
    assert results.Run(handed / "gen").score("camp-mini", "gen-deployment") == 100
    assert evidence.grade_evaluation(handed, points=20, seed=3) == 17
    assert "camp-mini says" in capsys.readouterr().out


def test_changed_perplexities_are_found(handed: Path, capsys) -> None:
    def change(data: dict[str, Any]) -> None:
        for item in data.values():
            for letter in LETTERS:
                item[f"label: {letter}"]["PPL"] = 0.1 if letter == item["gold"] else 3.0
            item["prediction"] = item["gold"]

    for subject in exam.NAMES:
        edit(handed / f"tuned/predictions/mine/chat-{subject}.json", change)
        result = handed / f"tuned/results/mine/chat-{subject}.json"
        edit(result, lambda data: data.update(accuracy=100))
    lines = (handed / "tuned/summary.csv").read_text().splitlines()
    fixed = [lines[0], *(",".join([*line.split(",")[:4], "100.00"]) for line in lines[1:])]
    (handed / "tuned/summary.csv").write_text("\n".join(fixed) + "\n")
    assert evidence.grade_evaluation(handed, points=20, seed=3) == 17
    assert "in the file" in capsys.readouterr().out


@pytest.mark.parametrize(("run", "model", "dataset"), [
    ("ppl", "camp-mini-base", "plain-general"), ("ppl", "camp-mini", "chat-applications"),
    ("tuned", "mine", "chat-deployment"),
])  # fmt: skip
def test_one_perplexity_that_moved_a_little_is_found(
    handed: Path, run: str, model: str, dataset: str
) -> None:
    def change(data: dict[str, Any]) -> None:
        item = data["3"]
        lowest = min(LETTERS, key=lambda letter: item[f"label: {letter}"]["PPL"])
        item[f"label: {lowest}"]["PPL"] -= 0.001

    edit(handed / f"{run}/predictions/{model}/{dataset}.json", change)
    found = appraisal.read_handed(handed)
    assert appraisal._agrees(found).passed
    finding = appraisal._again(found, run, appraisal.PPL)
    assert (finding.part, f"by {model}" in str(finding.text)) == (0, True)


def test_a_chosen_letter_that_is_not_the_lowest_is_found(handed: Path, capsys) -> None:
    def change(data: dict[str, Any]) -> None:
        item = data["0"]
        item["prediction"] = next(one for one in LETTERS if one != item["prediction"])

    edit(handed / "ppl/predictions/camp-mini/chat-general.json", change)
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 14
    assert "does not choose the lowest PPL" in capsys.readouterr().out


def test_a_swapped_summary_is_found(handed: Path, capsys) -> None:
    shutil.copyfile(handed / "ppl/summary.csv", handed / "tuned/summary.csv")
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 17
    assert "the summary has no tuned/mine" in capsys.readouterr().out


def test_a_foreign_adapter_is_found(handed: Path, capsys) -> None:
    path = handed / "adapter_model.safetensors"
    other = torch.Generator().manual_seed(5)
    made = {
        name: torch.randn(one.shape, generator=other) * one.std()
        for name, one in load_file(path).items()
    }
    save_file(made, path)
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 12
    assert "by mine" in capsys.readouterr().out


def test_another_models_predictions_are_found(handed: Path, capsys) -> None:
    """The base's perplexities under the chat model's name, with a summary to match."""
    for subject in exam.NAMES:
        source = handed / f"ppl/predictions/camp-mini-base/plain-{subject}.json"
        shutil.copyfile(source, handed / f"ppl/predictions/camp-mini/chat-{subject}.json")
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 12
    assert "by camp-mini" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[" * 9000, '{"0": {}}'])
def test_damaged_predictions_are_no_traceback(handed: Path, capsys, content: str) -> None:
    path = handed / "gen/predictions/camp-mini/gen-general.json"
    path.write_text(content, encoding="utf-8")
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 17
    assert "gen-general.json" in capsys.readouterr().out


def test_results_too_large_are_not_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(results, "MAX_BYTES", 100)
    run = results.Run(tmp_path)
    for path in (run.summary, run.path("mine", "gen-general")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("dataset,version,metric,mode,mine\n" * 4)
    with pytest.raises(results.Damaged, match=r"summary\.csv: is too large"):
        run.models()
    with pytest.raises(results.Damaged, match=r"gen-general\.json: is too large"):
        run.predictions("mine", "gen-general")


def test_a_missing_question_is_found(handed: Path, capsys) -> None:
    edit(handed / "tuned/predictions/mine/chat-deployment.json", lambda data: data.pop("0"))
    assert evidence.grade_evaluation(handed, points=20, seed=3) <= 17
    assert "exactly 6 questions" in capsys.readouterr().out


def test_without_an_adapter_the_rest_counts(handed: Path, capsys) -> None:
    (handed / "adapter_model.safetensors").unlink()
    assert 0 < evidence.grade_evaluation(handed, points=20, seed=3) <= 12
    assert "adapter_model.safetensors" in capsys.readouterr().out


def test_nothing_handed_in_is_not_attempted(tmp_path: Path, capsys) -> None:
    with pytest.raises(NotPassed, match="run collect"):
        evidence.grade_evaluation(tmp_path / "none", points=20)
    evidence.check_evaluation(tmp_path / "none")
    assert "run collect first" in capsys.readouterr().out


def test_an_untrained_adapter_does_not_rise(handed: Path) -> None:
    path = handed / "adapter_model.safetensors"
    halves = load_file(path)
    save_file({name: one * (".lora_A." in name) for name, one in halves.items()}, path)
    found = appraisal.read_handed(handed)
    assert appraisal._rises(found, "3").part == 0


def test_the_trained_model_is_a_model(honest: Path, small_exam: None, capsys) -> None:
    before = (honest / "work" / "model.safetensors").stat().st_mtime_ns
    teach.train(honest / "work", lessons(), steps=STEPS, seed=0)
    assert "trained before" in capsys.readouterr().out
    assert (honest / "work" / "model.safetensors").stat().st_mtime_ns == before
    bot = chat.load(honest / "work")
    base = Llama.read(models.BUILT_IN["camp-mini"])
    tuned = read_adapter(honest / "evidence", base).on(base)
    name = "model.layers.2.mlp.down_proj.weight"
    assert torch.allclose(bot.model.state_dict()[name], tuned.weights[name])
    assert not torch.allclose(tuned.weights[name], base.weights[name], atol=1e-3)


def test_each_learner_trains_another_adapter_and_only_once(tmp_path: Path, capsys) -> None:
    base = Llama.read(models.BUILT_IN["camp-mini"])
    first, second = tmp_path / "first", tmp_path / "second"
    data = lessons()[:8]
    for folder in (first, second):
        teach.train(folder, data, steps=3)
        kept = (folder / "adapter_model.safetensors").read_bytes()
        teach.train(folder, data, steps=3)
        assert (folder / "adapter_model.safetensors").read_bytes() == kept
    assert capsys.readouterr().out.count("trained before") == 2
    one, other = (
        int(read_adapter(folder, base).sketch(base, "x"), 16) for folder in (first, second)
    )
    assert (one ^ other).bit_count() >= 2 * NEAR
    seed = json.loads((first / "training.json").read_text())["seed"]
    teach.train(second, data, steps=3, seed=seed)  # trained anew: another seed is asked for
    same = int(read_adapter(second, base).sketch(base, "x"), 16)
    assert (one ^ same).bit_count() < 3
    told = json.loads((first / "training.json").read_text()) | {"seed": 0}  # everybody's, once
    for note in ("[", json.dumps(told)):
        (first / "training.json").write_text(note)
        teach.train(first, data, steps=3)
    assert json.loads((first / "training.json").read_text())["seed"] != 0
    assert "trained before" not in capsys.readouterr().out


def test_a_copied_folder_is_told_by_its_adapter(handed: Path, capsys) -> None:
    """However the adapter's product is split; another training is not like it."""
    evidence.grade_evaluation(handed, points=20, seed=3)
    lacks, (mark,) = read_report(capsys.readouterr().out)
    path = handed / "adapter_model.safetensors"
    halves = load_file(path)
    save_file(
        {name: one * (2 if ".lora_A." in name else 0.5) for name, one in halves.items()}, path
    )
    found = evidence._marks(appraisal.read_handed(handed), "3")
    assert (lacks, found) == ([], [mark])
    assert mark.kind == "like"
    path.unlink()
    assert evidence._marks(appraisal.read_handed(handed), "3") == []


def test_lesson_03_s_adapter_is_taken_along(honest: Path, tmp_path: Path, capsys) -> None:
    assert teach.from_lesson_03(tmp_path / "made", tmp_path / "none") == {}
    assert "is skipped" in capsys.readouterr().out
    found = teach.from_lesson_03(tmp_path / "made", honest / "evidence")
    assert list(found) == ["assistant"]
    assert models.problem(found["assistant"]) is None


def test_collect_keeps_what_was_there(
    honest: Path, small_exam: None, few_again: None, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampError, match="run it first"):
        evidence.collect(tmp_path, honest / "work")
    for name in ("gen", "ppl", "tuned"):
        shutil.copytree(honest / "evidence" / name, tmp_path / "work" / name / "20260101_000000")
        run = tmp_path / "work" / name / "20260101_000000"
        (run / "summary").mkdir()
        (run / "summary.csv").rename(run / "summary" / "summary_20260101_000000.csv")
    evidence.collect(tmp_path / "work", honest / "work")
    target = tmp_path / evidence.FOLDER
    assert evidence.grade_evaluation(target, points=20, seed=1) == 20
    evidence.collect(tmp_path / "work", honest / "work")
    assert not (tmp_path / "evidence-before").exists()
    (target / "gen" / "summary.csv").write_text("mine")
    evidence.collect(tmp_path / "work", honest / "work")
    (kept,) = (tmp_path / "evidence-before" / LESSON).iterdir()
    assert (kept / "gen" / "summary.csv").read_text() == "mine"
    assert "was moved to" in capsys.readouterr().out


def test_pictures_draw_in_silence(honest: Path, small_exam: None, names, capfd) -> None:
    run = results.Run(honest / "evidence" / "gen")
    said = run.predictions("camp-mini", "gen-general")
    tuned = results.Run(honest / "evidence" / "tuned")
    before = results.Run(honest / "evidence" / "ppl")
    for figure in (
        pictures.intervals(pictures.CAMP, names["wilson"]),
        pictures.letters(said, names["extract_option"]),
        pictures.leaks(dict.fromkeys(exam.NAMES, 3)),
        pictures.circular({"by letter": (25.0, 0.0), "by content": (100.0, 90.0)}),
        pictures.before_after(before, tuned, names["wilson"], names["group_score"]),
        written := pictures.written(run, run, names["wilson"]),
    ):
        figure.savefig(io.BytesIO())
    shown = [label.get_text() for label in written.axes[0].get_yticklabels()]
    assert shown == ["camp-mini, gen, first capital", "camp-mini, gen, content"] * 2
    assert capfd.readouterr().err == ""
    assert "<td>gen-general</td>" in run.table()._repr_html_()
    assert str(run.table()).splitlines()[0].split()[-1] == "camp-mini"


def test_content_and_letter_are_told_apart() -> None:
    question = exam.Question("general", 0, "q", ("8", "8 GB", "Git", "PyTorch"), "B")
    one = results.Prediction(question, "8 GB，选A", "B", {})
    assert (one.content, one.letter, one.right) == ("B", "G", False)
    assert results.Prediction(question, "不知道", "B", {}).content == ""
    assert results.Prediction(question, "A", "B", {"A": 1.0, "B": 0.5}).letter == "B"


@pytest.mark.parametrize(
    ("language", "blank"), [("zh", False), ("en", False), ("en", True)], ids=["zh", "en", "blank"]
)
def test_run_from_top_to_bottom(
    lesson: Lesson, mini: ChatModel, language: Language, blank: bool, small_exam: None,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run all cells but the tool's, as a learner without it does, in silence on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    monkeypatch.setattr(chat, "load", lambda _model: mini)
    monkeypatch.setattr(leaks, "met", lambda documents: dict.fromkeys(exam.NAMES, 0))
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "none"))
    names = run_cells(lesson, language, BLANK if blank else SOLVED)
    shown = capfd.readouterr()
    assert shown.err == ""
    if blank:
        install = "OpenCompass is not installed: run `camp tools install opencompass` in a terminal"
        assert without_tools(lesson, "en", names) == {
            **dict.fromkeys(("gen", "ppl", "tuned", "api"), install),
            "evidence": "no result in opencompass-work/gen yet: run it first",
        }
        assert shown.out.count("do the exercises first") == 3
    else:
        assert shown.out.count("✅ 对了" if language == "zh" else "✅ right") == 7
        assert "pairs inconsistent" in shown.out


@pytest.mark.slow
def test_graded_without_evidence(lesson: Lesson, tmp_path: Path, walls: None) -> None:
    """The exercises count without the tool; by ``camp grade``, behind the walls."""
    course = new_course(tmp_path / "course", lesson)
    for learner, solved in (("solved", True), ("blank", False)):
        hand_in(course, lesson, learner, solved=solved)
    scores = {one.learner: one.auto_score for one in grade(LESSON, course)}
    assert scores == {"solved": 70, "blank": 0}


REAL = """
import json, sys
from opencompass.openicl.icl_evaluator import AccEvaluator
from opencompass.utils.text_postprocessors import first_capital_postprocess

texts, preds, refs = json.load(sys.stdin)
score = AccEvaluator().score(preds, refs)["accuracy"]
print("found", json.dumps([[first_capital_postprocess(text) for text in texts], score]))
"""


@pytest.mark.tools
def test_reading_and_accuracy_agree_with_opencompass(names, tmp_path: Path) -> None:
    """The reference solutions against OpenCompass's own code, in its environment."""
    install.install(catalogue.find("opencompass"), print)
    dice = random.Random(5)
    texts = [
        "",
        "éÉ",
        "RMSNorm，选B",
        *("".join(dice.choices("aBcD选 是\n", k=6)) for _ in range(40)),
    ]
    preds, refs = (dice.choices(["A", "B", "C", "D", "b", ""], k=50) for _ in range(2))
    python = environments.environment(catalogue.find("opencompass")).python
    done = subprocess.run(
        [python, "-c", REAL], input=json.dumps([texts, preds, refs]), capture_output=True,
        text=True, check=False, cwd=tmp_path,
        env={"PATH": str(python.parent), "OMP_NUM_THREADS": "1", "HOME": str(Path.home()),
             "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"},
    )  # fmt: skip
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("found ")] or [done.stderr]
    theirs, score = json.loads(line.removeprefix("found "))
    assert [names["first_capital"](text) for text in texts] == theirs
    assert names["accuracy"](preds, refs) == pytest.approx(score)


@pytest.mark.tools
@pytest.mark.timeout(600)
def test_ceval_is_put_to_a_served_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU's configuration, with camp-mini on a CPU and two of the 52 subjects."""
    install.install(catalogue.find("opencompass"), print)
    monkeypatch.delenv(gpu.CACHE, raising=False)
    for subject in ("computer_network", "operating_system"):
        for split, rows in {"dev": exam.dev("general"), "val": exam.val("general")[:3]}.items():
            path = tmp_path / gpu.DATA.parent.parent / split / f"{subject}_{split}.csv"
            write_atomic(path, exam.to_csv(rows))
        path = tmp_path / gpu.DATA.parent.parent / "test" / f"{subject}_test.csv"
        write_atomic(path, exam.to_csv(exam.dev("general"), answers=False))
    with serve("camp-mini", port=free_port()) as server:
        path = gpu.write(tmp_path, server)
        text = path.read_text(encoding="utf-8")
        path.write_text(
            f"{text}assert len(datasets) == 52\ndatasets = datasets[:2]\n", encoding="utf-8"
        )
        toolbox.run("opencompass", *gpu.words("out"), folder=tmp_path)
    run = results.newest(tmp_path / "out")
    told = json.loads(run.path(server.model, "ceval-computer_network").read_bytes())
    asked = exam.val("general")[:3]
    assert [one["gold"] for one in told.values()] == [one.answer for one in asked]
    assert [len(one["origin_prompt"]) for one in told.values()] == [11] * 3  # five examples
    assert all(one["prediction"] for one in told.values())
    assert 0 <= run.score(server.model, "ceval-operating_system") <= 100


@pytest.mark.tools
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_whole_lesson_with_the_real_tool(
    lesson: Lesson, language: Language,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run every cell as a learner does; the numbers that the prose tells of come out."""
    install.install(catalogue.find("opencompass"), print)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    if language == "zh":  # the learner's adapter of lesson 03
        made = teach.train(tmp_path / "made", teach.pairs("learn")[:20], steps=20)
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            (tmp_path / teach.LESSON_03).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made / name, tmp_path / teach.LESSON_03 / name)
    began = time.monotonic()
    found = run_cells(lesson, language, WITH_TOOLS)
    whole = time.monotonic() - began
    said = capfd.readouterr().out
    gen, forms, tuned = found["run"], found["forms"], found["tuned"]
    general = gen.predictions("camp-mini", "gen-general")
    letters = [found["extract_option"](one.text) == one.gold for one in general]
    assert sum(one.content == one.gold for one in general) == 40  # three readings of one reply
    assert (sum(letters), sum(one.right for one in general)) == (37, 34)
    open_chain = gen.predictions("camp-mini", "gen-open_chain")
    assert Counter(found["extract_option"](one.text) for one in open_chain).most_common(1) == [
        ("D", 17)
    ]
    assert 50 <= forms.score("camp-mini", "chat-general") < 60  # "from the fifties"
    assert forms.score("camp-mini-base", "plain-general") == 100
    base = gen.predictions("camp-mini-base", "gen-general")
    assert sum(one.content == one.gold for one in base) == 4  # of what it knows it writes little
    mine = [*(["assistant"] if language == "zh" else []), "mine"]
    for name in mine:
        assert all(tuned.predictions(f"{name}-gen", f"gen-{subject}") for subject in exam.NAMES)
        assert tuned.score(name, "chat-general") is not None
    served = results.newest(tmp_path / "opencompass-work" / "api")
    (model,) = served.models()
    assert [served.score(model, f"api-{one}") for one in ("none", "LangGPT")] == [83.33, 83.33]
    assert {*tuned.models()} == {"cheat", *mine, *(f"{name}-gen" for name in mine)}
    subjects = list(exam.SUBJECTS)
    before = pictures.counted(forms, "camp-mini", "chat", subjects)[0]
    after = pictures.counted(tuned, "mine", "chat", subjects)[0]
    assert before <= 50
    assert after >= 2 * before
    fallen = tuned.score("mine", "chat-general") / forms.score("camp-mini", "chat-general")
    assert 0.4 < fallen < 0.7  # general knowledge, "by almost half"
    read = [found["first_capital"](one.text) for one in general]
    scored = found["accuracy"](read, [one.gold for one in general])
    assert scored == pytest.approx(gen.score("camp-mini", "gen-general"), abs=0.006)
    points = evidence.grade_evaluation(points=20, seed="test")
    total = sum(record.seconds for record in times.steps([tmp_path / "opencompass-work"]))
    with capfd.disabled():
        print(f"\n{language}: {points} points, {whole:.0f} s, {total:.0f} of them the tool's")
        print(f"{before} -> {after} right")
        print("\n".join(said.splitlines()[-30:]))
    assert points == 20
    assert total < whole < 10 * 60
