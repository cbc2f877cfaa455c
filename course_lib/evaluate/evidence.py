"""The camp's task of level L1-7, an evaluation that can be checked again, and its evidence.

The learner's notebook and the grader run the same checks, on other draws. In
``evidence/05_opencompass`` lie, put there by :func:`collect`,

- ``gen``, ``ppl`` and ``tuned``: of each run ``summary.csv`` as OpenCompass wrote it,
  ``results/MODEL/DATASET.json`` with its accuracy, and ``predictions/MODEL/DATASET.json`` without
  the prompts, which the exam knows;
- ``adapter_model.safetensors`` and ``adapter_config.json`` of the model named ``mine``.

Of the points 30 % are for scores that follow from the predictions, 45 % for predictions that the
named models make again, 25 % for an adapter that beats camp-mini in another wording.
"""

from __future__ import annotations

import json
from pathlib import Path

from course_lib.errors import CampError
from course_lib.evaluate import exam
from course_lib.evaluate.appraisal import WANTED, Handed, appraise, read_handed
from course_lib.evaluate.results import newest, slim
from course_lib.findings import Mark, earned, report
from course_lib.hand_in import put
from course_lib.language import Text
from course_lib.tune.adapter import CONFIG, WEIGHTS
from course_lib.tune.llama import one_thread
from course_lib.verdicts import NotPassed

FOLDER = Path("evidence/05_opencompass")


def collect(work: Path, adapter: Path, folder: Path | str = FOLDER) -> Path:
    """Copy the newest runs and the adapter into the evidence folder, and say where that is.

    Args:
        work: where OpenCompass ran; its outputs are ``gen``, ``ppl`` and ``tuned`` there.
        adapter: the folder of the adapter that was evaluated as ``mine``.
        folder: where the evidence goes. An earlier set that differs is moved to
            ``evidence-before`` first, never overwritten.

    Raises:
        CampError: something is missing; the text says which step makes it.
    """
    target = Path(folder)
    found: dict[str, bytes] = {}
    for name, pairs in WANTED.items():
        run = newest(work / name)
        found[f"{name}/summary.csv"] = run.summary.read_bytes()
        for model, form in pairs:
            for subject in exam.NAMES:
                path = run.path(model, f"{form}-{subject}")
                if not path.is_file():
                    what = Text(
                        f"没有 {path}：重新运行评测", f"no {path}: run the evaluation again"
                    )
                    raise CampError(str(what))
                found[f"{name}/predictions/{model}/{path.name}"] = slim(path).encode()
                accuracy = {"accuracy": run.result(model, path.stem)}
                found[f"{name}/results/{model}/{path.name}"] = json.dumps(accuracy).encode()
    for name in (WEIGHTS, CONFIG):
        try:
            found[name] = (adapter / name).read_bytes()
        except OSError:
            what = Text(f"没有 {adapter / name}：先训练", f"no {adapter / name}: train first")
            raise CampError(str(what)) from None
    put(target, found)
    return target


def check_evaluation(folder: Path | str = FOLDER) -> None:
    """Print what the evidence shows so far; raises nothing. The grader draws other wordings."""
    place = Path(folder)
    if not place.is_dir():
        print(Text(f"⬜ 没有 {place}：先运行 collect", f"⬜ no {place}: run collect first"))
        return
    with one_thread():
        report(appraise(read_handed(place), "visible"))
    what = Text(
        f"把 {place} 和笔记本一起交；换一种问法的题，批改时另抽",
        f"hand in {place} with the notebook; the grader draws the other wordings anew",
    )
    print(what)


def grade_evaluation(
    folder: Path | str = FOLDER, *, points: float, seed: int | str = "public"
) -> float:
    """Return the points of the evidence handed in, and print why.

    Args:
        folder: where the evidence lies.
        points: what all of it is worth.
        seed: draws the questions; the builder writes in the cohort's.

    Raises:
        NotPassed: nothing was handed in.
    """
    place = Path(folder)
    if not any((place / name).exists() for name in (*WANTED, WEIGHTS)):
        text = Text(f"⬜ 没有 {place}：先运行 collect", f"⬜ no {place}: run collect first")
        raise NotPassed("not attempted", text)
    with one_thread():
        handed = read_handed(place)
        findings = appraise(handed, str(seed))
    report(findings, _marks(handed, str(seed)))
    return earned(findings, points)


def _marks(handed: Handed, seed: str) -> list[Mark]:
    """Return what no two learners have alike: the adapter. All else follows from it."""
    sketch = handed.adapter.sketch(handed.base, seed) if handed.adapter else ""
    return [Mark("like", sketch)] if sketch else []
