"""The shipped folders in the versions of transformers that the tools bring along."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from course_lib import chat, models
from course_lib.decoding import Sampling
from course_lib.mini.exams import EXAMS
from course_lib.template import render
from tests.environments import environment

VERSIONS = ("4.48.3", "4.57.6")
"""XTuner 0.2 and OpenCompass 0.5 want 4.x; LMDeploy 0.18 and the course itself 5.23."""
SCRIPT = """
import json, sys
import torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
torch.set_num_threads(1)
task = json.load(open(sys.argv[1]))
tokenizer = AutoTokenizer.from_pretrained(task["folder"])
model = AutoModelForCausalLM.from_pretrained(task["folder"], torch_dtype=torch.float32).eval()
replies = []
for text in task["prompts"]:
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    made = model.generate(**ids, do_sample=False, max_new_tokens=64)
    text = tokenizer.decode(made[0, ids["input_ids"].shape[1]:])
    replies.append(text.split("<|im_end|>")[0].split("</s>")[0])
print(json.dumps({
    "version": transformers.__version__,
    "class": type(model).__name__,
    "inputs": sorted(tokenizer("a")),
    "ids": [tokenizer(text)["input_ids"] for text in task["texts"]],
    "rendered": [
        tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True)
        for m in task["messages"]
    ],
    "replies": replies,
}))
"""
TEXTS = ["你好，小浦！", "<|im_start|>user\n13.8 and K-27<|im_end|>\n", "龘 😀"]


@pytest.mark.tools
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["camp-mini", "camp-mini-base"])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_transformers_answers_alike(version: str, name: str, tmp_path: Path) -> None:
    python = environment(f"transformers-{version}", f"transformers=={version}", "torch==2.13.0")
    own = chat.load(name)
    samples = [exam.questions(2)[1] for exam in EXAMS if exam.name != "story"]
    messages = [[turn.as_dict() for turn in sample.prompt] for sample in samples]
    prompts = [render(sample.prompt) for sample in samples]
    task = {
        "folder": str(models.BUILT_IN[name]),
        "prompts": prompts,
        "texts": TEXTS,
        "messages": messages,
    }
    (tmp_path / "task.json").write_text(json.dumps(task))
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [str(python), str(tmp_path / "script.py"), str(tmp_path / "task.json")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["version"] == version
    assert said["class"] == "LlamaForCausalLM"
    assert said["inputs"] == ["attention_mask", "input_ids"]
    assert said["ids"] == [own.encode(text) for text in TEXTS]
    assert said["rendered"] == prompts
    limited = Sampling(max_new_tokens=64)
    wanted = [own.chat(list(sample.prompt), limited).text for sample in samples]
    assert said["replies"] == wanted
