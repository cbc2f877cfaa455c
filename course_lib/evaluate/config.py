"""OpenCompass's configurations for the course's exam, as a person would write them.

The templates ``gen`` and ``letters`` are those of ``ceval_gen_5f30c7`` and ``ceval_ppl`` in
OpenCompass 0.5.4 (the latter without examples); ``gen_base`` gives a base model, as plain text,
what ``gen`` asks a chat model; ``plain`` and ``chat`` put the option's own text in the place of its
letter, as a base model and as a chat model read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Literal

from course_lib.errors import CampError
from course_lib.evaluate import exam
from course_lib.files import write_atomic
from course_lib.language import Text

Form = Literal["gen", "gen_base", "letters", "plain", "chat"]
BATCH, CONTEXT, MAX_OUT = 16, 2048, 16
OPTIONS = "{question}\nA. {A}\nB. {B}\nC. {C}\nD. {D}\n答案: "
GEN = "以下是中国关于%s考试的单项选择题，请选出其中的正确答案。\n" + OPTIONS
LETTERS = "以下是关于%s的单项选择题，请直接给出正确答案的选项。\n" + OPTIONS
TEXTS: Mapping[Form, str] = {
    "plain": "问：{question}\n答：%s",
    "chat": "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n%s<|im_end|>",
}
"""What a label's text is put into, for the PPL of option texts."""

_TEXT = Template("""\
from opencompass.datasets import CEvalDataset
from opencompass.models import HuggingFaceBaseModel, HuggingFacewithChatTemplate
from opencompass.openicl.icl_evaluator import AccEvaluator
from opencompass.openicl.icl_inferencer import GenInferencer, PPLInferencer
from opencompass.openicl.icl_prompt_template import PromptTemplate
from opencompass.openicl.icl_retriever import FixKRetriever, ZeroRetriever
from opencompass.utils.text_postprocessors import first_capital_postprocess

reader = dict(
    input_columns=["question", "A", "B", "C", "D"], output_column="answer",
    train_split="dev", test_split="val")
common = dict(type=CEvalDataset, path="opencompass/ceval-exam", reader_cfg=reader)
by_letter = dict(evaluator=dict(type=AccEvaluator),
                 pred_postprocessor=dict(type=first_capital_postprocess))
by_ppl = dict(evaluator=dict(type=AccEvaluator))
$datasets
cpu = dict(max_seq_len=$context, max_out_len=$out, batch_size=$batch, run_cfg=dict(num_gpus=0),
           model_kwargs=dict(torch_dtype="torch.float32"))
$models
model_dataset_combinations = [
$pairs
]
models = [model for pair in model_dataset_combinations for model in pair["models"]]
datasets = [$forms]
""")
_GEN = Template("""
gen = [
    dict(abbr=f"gen-{name}", name=name, eval_cfg=by_letter, **common, infer_cfg=dict(
        ice_template=dict(type=PromptTemplate, ice_token="</E>", template=dict(
            begin="</E>", round=[dict(role="HUMAN", prompt=prompt),
                                 dict(role="BOT", prompt="{answer}")])),
        retriever=dict(type=FixKRetriever, fix_id_list=[0, 1, 2, 3, 4]),
        inferencer=dict(type=GenInferencer)))
    for name, prompt in $prompts.items()
]
""")
_PPL = Template("""
$form = [
    dict(abbr=f"$form-{name}", name=name, eval_cfg=by_ppl, **common, infer_cfg=dict(
        prompt_template=dict(type=PromptTemplate, template=labels),
        retriever=dict(type=ZeroRetriever),
        inferencer=dict(type=PPLInferencer)))
    for name, labels in $prompts.items()
]
""")


_RIGHT = 'dict(padding_side="right")'
"""Padded to the left, as OpenCompass does it by default, ``get_ppl`` of 0.5.4 also counts what the
model makes of ``<s>`` after the padding, so that a PPL depends on the other texts of its batch."""


def labels(form: Form, subject: str) -> dict[str, str]:
    """Return the text whose PPL is taken for each letter, with OpenCompass's placeholders."""
    if form == "letters":
        whole = LETTERS % exam.NAMES[subject].zh
        return {letter: whole + letter for letter in "ABCD"}
    return {letter: TEXTS[form] % f"{{{letter}}}" for letter in "ABCD"}


def prompt(subject: str) -> str:
    """Return the question as the GEN mode asks it, with OpenCompass's placeholders."""
    return GEN % exam.NAMES[subject].zh


def write(
    work: Path,
    name: str,
    asked: Sequence[tuple[str, Path, Iterable[Form]]],
    subjects: Iterable[str] = tuple(exam.NAMES),
) -> Path:
    """Write ``NAME.py``, which asks each model in its forms, and return its path.

    Args:
        work: the folder in which OpenCompass will run; the exam is written there, too.
        name: the configuration's name.
        asked: short name, folder and forms of each model.
        subjects: the subjects asked.

    Raises:
        CampError: a name is to be loaded in two ways; OpenCompass would take the first for both.
    """
    for model, _, chosen in asked:
        if len({_kind(form) for form in chosen}) > 1:
            what = Text(
                f"{model}：让它写和算 PPL 要分成两项，各用一个名字",
                f"{model}: writing and PPL are two entries, each with a name of its own",
            )
            raise CampError(str(what), 2)
    exam.write(work)
    names = list(subjects)
    forms = sorted({dataset_of(form) for *_, chosen in asked for form in chosen})
    pairs = [
        f"    dict(models=[{_variable(model)}_{_kind(form)}], datasets={dataset_of(form)}),"
        for model, _, chosen in asked
        for form in chosen
    ]
    built = {
        f"{_variable(model)}_{kind} = {_model(model, folder, kind)}"
        for model, folder, chosen in asked
        for kind in map(_kind, chosen)
    }
    text = _TEXT.substitute(
        datasets="".join(_datasets(form, names) for form in forms),
        models="\n".join(sorted(built)),
        pairs="\n".join(pairs),
        forms=", ".join(f"*{form}" for form in forms),
        context=CONTEXT,
        out=MAX_OUT,
        batch=BATCH,
    )
    path = work / f"{name}.py"
    write_atomic(path, text)
    return path


def _datasets(form: Form, subjects: Sequence[str]) -> str:
    if form == "gen":
        return _GEN.substitute(prompts=_literal({one: prompt(one) for one in subjects}))
    prompts = {one: labels(form, one) for one in subjects}
    return _PPL.substitute(form=form, prompts=_literal(prompts))


def _literal(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=4)


def dataset_of(form: Form) -> Form:
    """Return the form that names the data set, in the configuration and in the results."""
    return "gen" if form == "gen_base" else form


def _kind(form: Form) -> str:
    """Return how the model is loaded: to chat, to go on with a text, or to give a text its PPL."""
    return {"gen": "chat", "gen_base": "text"}.get(form, "ppl")


def _model(name: str, folder: Path, kind: str) -> str:
    wrapper = "HuggingFacewithChatTemplate" if kind == "chat" else "HuggingFaceBaseModel"
    more = f", tokenizer_kwargs={_RIGHT}" if kind == "ppl" else ""
    return f"dict(type={wrapper}, abbr={name!r}, path={str(folder.resolve())!r}, **cpu{more})"


def _variable(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name)
