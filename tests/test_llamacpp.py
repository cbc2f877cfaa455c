"""camp-mini in llama.cpp: its GGUF files, what it answers, ``camp mini bench``.

What is marked ``tools`` runs llama.cpp in its own environment; the rest a stand-in.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import llamacpp, models, toolbox
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.deploy.quantised import linear_layers
from course_lib.llamacpp import running
from course_lib.mini import bench
from course_lib.mini.exams import EXAMS
from course_lib.template import render
from course_lib.toolbox import catalogue, environments, install
from tests import stand_in
from tests.fixed_prompts import FIXED

pytestmark = pytest.mark.usefixtures("english")
CHAT = models.BUILT_IN["camp-mini"]
TRANSFORMERS = bench.Timing("transformers", 1, 1, 1, 1)


def test_bench_says_why_llama_cpp_has_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.make(tmp_path, "llamacpp", "import sys; sys.exit('cannot be exported: no')")
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path))
    monkeypatch.setattr(bench, "_timing", lambda *_: TRANSFORMERS)
    assert bench.measure(CHAT, 4, 1) == (
        [TRANSFORMERS], "no row for llama.cpp: cannot be exported: no",
    )  # fmt: skip


# ---- with llama.cpp itself


@pytest.fixture(scope="module")
def installed() -> Path:
    """Return the Python of llama.cpp's environment."""
    tool = catalogue.find("llamacpp")
    install.install(tool, print)
    return environments.environment(tool).python


@pytest.fixture(scope="module")
def files(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return camp-mini's GGUF files by bits."""
    folder = tmp_path_factory.mktemp("gguf")
    return {bits: folder / name for bits, name in running.export(CHAT, folder).items()}


def run(python: Path, script: str, task: Any) -> tuple[Any, str]:
    """Run a script in llama.cpp's environment; return what it prints as JSON last, and its log."""
    done = subprocess.run(
        [python, "-c", script, json.dumps(task)], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(llamacpp.ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


READ = """
import json, sys
import gguf
found = []
for path in json.loads(sys.argv[1]):
    reader = gguf.GGUFReader(path)
    found.append({
        "fields": {
            name: field.contents() for name, field in reader.fields.items()
            if name.startswith("llama.")
        },
        "tensors": {
            one.name: [one.tensor_type.name, int(one.n_bytes), [int(n) for n in one.shape]]
            for one in reader.tensors
        },
        "query": next(
            gguf.dequantize(one.data, one.tensor_type).tolist()
            for one in reader.tensors if one.name == "blk.0.attn_q.weight"
        ),
    })
print(json.dumps(found))
"""


@pytest.mark.tools
def test_the_files_hold_the_model(files: dict[int, Path], installed: Path, mini: ChatModel) -> None:
    """Shapes, sizes by hand, and a projection's rows in llama.cpp's order."""
    books, _ = run(installed, READ, [str(path) for path in files.values()])
    layers = linear_layers(mini).values()
    linear = sum(layer.weight.numel() for layer in layers)
    embedding = mini.model.get_input_embeddings().weight.numel()
    norms = mini.model.num_parameters() - linear - embedding
    weight = mini.model.model.layers[0].self_attn.q_proj.weight.detach()
    size = mini.model.config.head_dim
    order = [
        head * size + number + half
        for head in range(mini.model.config.num_attention_heads)
        for number in range(size // 2)
        for half in (0, size // 2)
    ]
    for bits, book, a_block, far in zip(
        files, books, (64, 34, 18), (0.001, 0.01, 0.12), strict=True
    ):
        tensors = book["tensors"]
        taken = linear // 32 * a_block + 2 * embedding + 4 * norms
        assert sum(length for _, length, _ in tensors.values()) == taken
        assert 0 < files[bits].stat().st_size - taken < 150_000  # the tokenizer, and gaps
        kinds = {kind for kind, _, shape in tensors.values() if len(shape) > 1}
        assert kinds == {"F16", llamacpp.KINDS[bits]}
        assert tensors["token_embd.weight"][0] == "F16"
        assert len(tensors) == 6 * 9 + 2
        made = torch.tensor(book["query"])
        assert float((made - weight[order]).norm() / weight.norm()) < far
        fields = book["fields"]
        assert fields["llama.rope.freq_base"] == 10000.0
        assert fields["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
        assert fields["llama.attention.head_count_kv"] == 1


ANSWER = """
import json, sys, urllib.request
import xllamacpp
from course_lib.llamacpp.engine import Engine

task = json.loads(sys.argv[1])
engine = Engine(task["path"])
replies = [engine.write(text, 96).text for text in task["prompts"]]
chats = [
    engine._server.handle_chat_completions({"messages": one, "max_tokens": 96, "temperature": 0})
    ["choices"][0]["message"]["content"]
    for one in task["chats"]
]
params = xllamacpp.CommonParams()
params.model.path, params.verbosity = task["path"], 1
server = xllamacpp.Server(params)
def ids(text):
    body = json.dumps({"content": text, "add_special": True, "parse_special": True}).encode()
    head = {"Content-Type": "application/json"}
    asked = urllib.request.Request(server.listening_address + "/tokenize", body, head)
    return json.load(urllib.request.urlopen(asked))["tokens"]
print(json.dumps({"replies": replies, "chats": chats, "ids": [ids(one) for one in task["texts"]]}))
"""
TEXTS = ["你好，小浦！", "13.8 and K-27\n  - a list", "龘 😀 “the” ▁x", "    return 1", " \n\n"]


@pytest.mark.tools
@pytest.mark.parametrize("saved", [False, True], ids=["as shipped", "saved anew"])
def test_llama_cpp_answers_as_transformers(
    files: dict[int, Path], installed: Path, mini: ChatModel, tmp_path: Path, saved: bool
) -> None:
    """By its own tokenizer and by the template in the file, also for what transformers 5 saved."""
    path = files[16]
    if saved:
        mini.model.save_pretrained(tmp_path / "model")
        mini.tokenizer.save_pretrained(tmp_path / "model")
        path = tmp_path / running.export(tmp_path / "model", tmp_path)[16]
    texts = TEXTS + [
        render(one.turns, add_generation_prompt=False)
        for exam in EXAMS
        for one in exam.questions(3)
    ]
    chats = [fixed for fixed in FIXED if all(turn.name is None for turn in fixed.prompt)]
    task = {
        "path": str(path),
        "prompts": [render(fixed.prompt) for fixed in FIXED],
        "chats": [[turn.as_dict() for turn in fixed.prompt] for fixed in chats],
        "texts": texts,
    }
    found, _ = run(installed, ANSWER, task)
    assert found["ids"] == [mini.encode(text, begin=False) for text in texts]
    limited = Sampling(max_new_tokens=96)
    wanted = {fixed: mini.chat(fixed.prompt, limited).text for fixed in FIXED}
    assert found["replies"] == list(wanted.values())
    assert found["chats"] == [wanted[fixed] for fixed in chats]


CACHE = """
import json, sys
import xllamacpp
path, kind = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path, params.verbosity, params.n_ctx = path, 4, 2**15
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type[f"GGML_TYPE_{kind}"]
server = xllamacpp.Server(params)
server.handle_completions({"prompt": [0], "max_tokens": 1})  # see Engine
print("null")
"""


@pytest.mark.tools
@pytest.mark.parametrize(("kind", "token"), [("F16", 1536), ("Q8_0", 816), ("Q4_0", 432)])
def test_the_cache_takes_what_the_sum_says(
    files: dict[int, Path], installed: Path, kind: str, token: int
) -> None:
    """By llama.cpp's own log, for so many tokens that its two decimals of MiB say it all."""
    _, log = run(installed, CACHE, [str(files[16]), kind])
    cells, taken = (
        re.findall(r"KV buffer size = +([\d.]+) MiB", log),
        re.findall(r"K \((\w+)\)", log),
    )
    assert [float(one) * 2**20 for one in cells] == [token * 2**15]
    assert taken == [kind.lower()]


@pytest.mark.tools
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_type": "internlm2"}, "model_type is 'internlm2', not 'llama'"),
        ({"rope_scaling": {"factor": 2.0}}, "rope_scaling is {'factor': 2.0}, not None"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "rope_type is 'llama3', not 'default'"),
    ],
)
def test_another_kind_of_model_is_refused(
    installed: Path, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(CHAT, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(toolbox.ToolError) as caught:
        running.export(folder, tmp_path)
    assert caught.value.explanation.name == "gguf-cannot-be-made"
    assert why in str(caught.value)


@pytest.mark.tools
@pytest.mark.parametrize("damage", [lambda raw: raw[:3_000_000], lambda raw: b"no" + raw[2:]])
def test_a_damaged_file_is_named(files: dict[int, Path], tmp_path: Path, damage: Any) -> None:
    (tmp_path / "a.gguf").write_bytes(damage(files[16].read_bytes()))
    job = {"ways": [["a.gguf", "F16"]], "questions": [], "prompt": [3], "tokens": 2, "threads": 1}
    (tmp_path / "job.json").write_text(json.dumps(job | {"out": "out.json"}))
    with pytest.raises(toolbox.ToolError, match=r"it wrote no out.json") as caught:
        running.run(llamacpp.SAVINGS, "job.json", files=["out.json"], work=tmp_path)
    assert caught.value.explanation.name == "gguf-not-loaded"


@pytest.mark.tools
def test_bench_has_a_row_for_llama_cpp(installed: Path) -> None:
    timings, lacks = bench.measure(CHAT, 24, 1)
    assert lacks == ""
    ours, theirs = timings
    assert theirs.engine == "llama.cpp (GGUF)"
    assert 0 < theirs.load_seconds < 10
    assert 0 < theirs.first_token_seconds < 10
    assert theirs.tokens_per_second > ours.tokens_per_second  # by a factor of about ten
    assert 10 < theirs.memory < ours.memory
