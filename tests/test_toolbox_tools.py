"""The real tools through the toolbox, on the CPU. ``make test-tools`` installs what is missing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from safetensors import safe_open

from course_lib import toolbox
from course_lib.deploy import recipe
from course_lib.toolbox import catalogue, edits, install, xtuner_config
from course_lib.toolbox.records import Outcome
from tests import tiny_model
from tests.small_disk import with_small_disk

pytestmark = [pytest.mark.tools, pytest.mark.timeout(1800)]

QUESTIONS = ("你是谁？", "你叫什么名字？", "请介绍一下你自己。", "Who are you?")
ANSWER = "我是小明的助手阿花。"
TRAIN = ("xtuner", "train", "cfg.py", "--work-dir", "work")


def installed(name: str) -> None:
    """Install the tool ``name`` where it is not."""
    install.install(catalogue.find(name), print)


@pytest.fixture(scope="module", autouse=True)
def english() -> None:
    patch = pytest.MonkeyPatch()
    patch.setenv("CAMP_LANG", "en")
    yield
    patch.undo()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with XTuner's own configuration, a tiny model and its data."""
    installed("xtuner")
    place = tmp_path_factory.mktemp("xtuner")
    corpus = [*QUESTIONS, ANSWER, "user", "assistant", "system"]
    tiny_model.make(place / "model", corpus * 20)
    pairs = [{"conversation": [{"input": q, "output": ANSWER}]} for q in QUESTIONS]
    (place / "data.json").write_text(json.dumps(pairs * 25, ensure_ascii=False))
    toolbox.run("xtuner", "copy-cfg", "internlm2_chat_1_8b_qlora_alpaca_e3", ".", folder=place)
    return place


def write_config(
    folder: Path, name: str = "cfg.py", *, full: bool = False, **settings: float
) -> str:
    """Write the CPU configuration as lessons do; return its text."""
    text = (folder / "internlm2_chat_1_8b_qlora_alpaca_e3_copy.py").read_text()
    given = {
        "max_length": 256,
        "accumulative_counts": 1,
        "lr": 1e-2,
        "max_epochs": 4,
        "warmup_ratio": 0.1,
        "save_steps": 10,
        "evaluation_freq": 100,
    }
    changes = [
        *xtuner_config.for_cpu(text),
        *(xtuner_config.full_parameter(text) if full else ()),
        *xtuner_config.with_model(text, "model"),
        *xtuner_config.with_data(text, "data.json", QUESTIONS[:1]),
        *xtuner_config.with_settings(text, **(given | settings)),
        *xtuner_config.short_answers(text),
    ]
    made = edits.apply(text, changes)
    (folder / name).write_text(made)
    return made


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    with safe_open(path, "pt") as weights:
        return {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118


def test_a_training_by_lora_is_converted_merged_and_asked(folder: Path) -> None:
    write_config(folder)
    trained = toolbox.run(*TRAIN, folder=folder)
    first, last = trained.losses[0], trained.losses[-1]
    assert last[1] < first[1]
    checkpoint = Path((folder / "work" / "last_checkpoint").read_text())
    steps = int(checkpoint.stem.removeprefix("iter_"))
    assert any(f"Iter(train) [{last[0]}/{steps}]" in line for line in trained.lines)

    words = ("convert", "pth_to_hf", "cfg.py", f"work/{checkpoint.name}", "hf")
    converted = toolbox.run("xtuner", *words, "--fp32", "--safe-serialization", folder=folder)
    assert "hf/adapter_model.safetensors" in converted.record.files
    adapter = json.loads((folder / "hf" / "adapter_config.json").read_text())
    assert adapter["r"] == 64
    assert adapter["lora_alpha"] == 16
    found = shapes(folder / "hf" / "adapter_model.safetensors")
    assert {shape[0] for name, shape in found.items() if "lora_A" in name} == {64}
    assert len(found) == 3 * 7 * 2  # layers, linear layers in each, A and B

    words = ("convert", "merge", "model", "hf", "merged", "--safe-serialization")
    toolbox.run("xtuner", *words, folder=folder)
    base = shapes(folder / "model" / "model.safetensors")
    assert shapes(folder / "merged" / "model.safetensors") == base

    words = ("chat", "merged", "--prompt-template", "internlm2_chat", "--torch-dtype", "fp32")
    chat = toolbox.run("xtuner", *words, stdin="你是谁？\n\nEXIT\n\n", folder=folder)
    assert any("Log: Exit!" in line for line in chat.lines)
    for run in (trained, converted, chat):
        print(run.record.words[:2], f"{run.record.seconds:.0f} s", run.losses[:1], run.losses[-1:])


FOUR_BITS = """
import importlib.util, sys, torch, transformers.integrations as integrations
from pathlib import Path
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

integrations.validate_bnb_backend_availability = lambda **_: None  # which would ask for a GPU
nf4 = BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_compute_dtype=torch.float32, bnb_4bit_use_double_quant=True,
    bnb_4bit_quant_type="nf4")
model = AutoModelForCausalLM.from_pretrained(
    sys.argv[1], quantization_config=nf4, device_map={"": "cpu"})
lora = LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM")
model = get_peft_model(prepare_model_for_kbit_training(model), lora)
print(sum(type(module).__module__.startswith("peft.tuners.lora.bnb") for module in model.modules()))
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
ids = torch.arange(4, 40)[None]
for _ in range(6):
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(float(loss))
package = Path(importlib.util.find_spec("bitsandbytes").origin).parent
cuda = (torch.version.cuda or "13.0").replace(".", "")  # a CPU's torch names none
print((package / f"libbitsandbytes_cuda{cuda}.so").is_file())
"""


def test_four_bits_train_with_xtuners_versions(folder: Path) -> None:
    """QLoRA's parts on the CPU, which bitsandbytes can and XTuner's transformers does not allow."""
    (folder / "four.py").write_text(FOUR_BITS)
    run = toolbox.run(
        "xtuner", "four.py", "model", folder=folder, lines=["^True$"], program="python"
    )
    layers, *losses = run.lines[-8:-1]
    assert int(layers) == 3 * 7
    assert float(losses[-1]) < float(losses[0])


def test_qlora_without_a_gpu_fails_with_its_cause(folder: Path) -> None:
    text = (folder / "internlm2_chat_1_8b_qlora_alpaca_e3_copy.py").read_text()
    kept = [edit for edit in xtuner_config.for_cpu(text) if "quantization" not in edit.pattern]
    changes = [
        *kept,
        *xtuner_config.with_model(text, "model"),
        *xtuner_config.with_data(text, "data.json", QUESTIONS[:1]),
    ]
    (folder / "q.py").write_text(edits.apply(text, changes))
    with pytest.raises(toolbox.ToolError) as caught:
        toolbox.run("xtuner", "train", "q.py", "--work-dir", "q", folder=folder)
    assert caught.value.explanation.name == "qlora-needs-a-gpu"


def test_full_parameter_training_leaves_no_adapter(folder: Path) -> None:
    write_config(folder, "full.py", full=True, lr=2e-3, max_epochs=2, warmup_ratio=0.3)
    run = toolbox.run("xtuner", "train", "full.py", "--work-dir", "full", folder=folder)
    name = Path((folder / "full" / "last_checkpoint").read_text()).name
    words = ("convert", "pth_to_hf", "full.py", f"full/{name}", "full-hf", "--fp32")
    made = toolbox.run("xtuner", *words, "--safe-serialization", folder=folder).record.files
    assert "full-hf/config.json" in made
    assert "full-hf/adapter_config.json" not in made
    assert run.losses[-1][1] < run.losses[0][1]


def test_pre_training_reads_plain_text(folder: Path) -> None:
    copied = ("copy-cfg", "internlm2_1_8b_full_custom_pretrain_e1", ".")
    toolbox.run("xtuner", *copied, folder=folder)
    text = (folder / "internlm2_1_8b_full_custom_pretrain_e1_copy.py").read_text()
    (folder / "text.json").write_text(json.dumps([{"text": ANSWER * 20}] * 60, ensure_ascii=False))
    changes = [
        *xtuner_config.for_cpu(text),
        *xtuner_config.with_model(text, "model"),
        *xtuner_config.with_data(text, "text.json", ["我是"]),
        *xtuner_config.with_settings(
            text, max_length=128, accumulative_counts=1, lr=2e-3, max_epochs=2, warmup_ratio=0.2
        ),
        *xtuner_config.short_answers(text),
    ]
    (folder / "pre.py").write_text(edits.apply(text, changes))
    run = toolbox.run("xtuner", "train", "pre.py", "--work-dir", "pre", folder=folder)
    assert run.losses[-1][1] < run.losses[0][1]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("data.json", "nothing.json", "data-missing"),
        ("dataset_map_fn=None", "dataset_map_fn=alpaca_map_fn", "data-key"),
        ("lr = 0.01", "lr = = 0.01", "config-syntax"),
        ("'model'", "'internlm/internlm2-chat-1_8b'", "hub-out-of-reach"),
    ],
)
def test_a_wrong_configuration_fails_with_its_cause(
    folder: Path, old: str, new: str, problem: str
) -> None:
    text = write_config(folder, "wrong.py")
    assert old in text
    (folder / "wrong.py").write_text(text.replace(old, new))
    with pytest.raises(toolbox.ToolError) as caught:
        toolbox.run("xtuner", "train", "wrong.py", "--work-dir", "wrong", folder=folder)
    assert caught.value.explanation.name == problem


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("copy-cfg no_such_config .", "configuration-unknown"),
        ("convert pth_to_hf cfg.py work/iter_999.pth none-hf --fp32", "file-missing"),
        ("convert pth_to_hf no_such.py work/iter_999.pth none-hf --fp32", "file-missing"),
        ("convert merge model no-adapter none-merged", "adapter-missing"),
        ("convert merge model model none-merged", "adapter-missing"),
        ("chat no-model --prompt-template internlm2_chat", "hub-out-of-reach"),
        ("chat model --prompt-template no_such", "choice-unknown"),
    ],
)
def test_a_wrong_command_fails_with_its_cause(folder: Path, words: str, problem: str) -> None:
    write_config(folder)
    with pytest.raises(toolbox.ToolError) as caught:
        toolbox.run("xtuner", *words.split(), stdin="hi\n\nEXIT\n\n", folder=folder)
    assert caught.value.explanation.name == problem
    assert not list(folder.glob("none-*"))


def test_an_interrupted_training_goes_on(folder: Path) -> None:
    write_config(folder, "long.py", max_epochs=12)
    words = ("xtuner", "train", "long.py", "--work-dir", "long")
    code = f"from course_lib import toolbox; toolbox.run(*{words!r})"
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=folder)
    deadline = time.monotonic() + 300
    while not (folder / "long" / "last_checkpoint").is_file():
        assert time.monotonic() < deadline
        assert caller.poll() is None
        time.sleep(0.1)
    caller.send_signal(signal.SIGINT)
    caller.wait(timeout=30)
    left = [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(folder)]
    assert left == []
    saved = int(Path((folder / "long" / "last_checkpoint").read_text()).stem.split("_")[1])
    run = toolbox.run(*words, folder=folder, again="continue")
    assert run.record.outcome is Outcome.PASSED
    assert run.losses[0][0] > saved


def test_opencompass_scores_a_model(folder: Path) -> None:
    installed("opencompass")
    rows = ["question,A,B,C,D,answer", "1+1=?,1,2,3,4,B", "2+1=?,1,2,3,4,C", "1+0=?,1,2,3,4,A"]
    (folder / "sums.csv").write_text("\n".join(rows) + "\n")
    words = [
        *("--custom-dataset-path", "sums.csv", "--custom-dataset-data-type", "mcq"),
        *("--custom-dataset-infer-method", "gen", "--hf-type", "chat", "--hf-path", "model"),
        *(
            "--max-seq-len",
            "512",
            "--max-out-len",
            "4",
            "--hf-num-gpus",
            "0",
            "-w",
            "out",
            "--debug",
        ),
    ]
    run = toolbox.run("opencompass", *words, folder=folder)
    assert any("summary_" in name for name in run.record.files)
    wrong = ["nomodel" if word == "model" else word for word in words if word != "--debug"]
    with pytest.raises(toolbox.ToolError, match="its table has not one score"):
        toolbox.run("opencompass", *wrong, folder=folder)


def test_mineru_turns_a_page_into_markdown(tmp_path: Path) -> None:
    installed("mineru")
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0.1, 0.8, "The camp starts on Monday.", fontsize=14)
    figure.savefig(tmp_path / "page.pdf")
    words = ("parse", "page.pdf", "-o", "out", "--tier", "flash", "--ocr-mode", "txt")
    toolbox.run("mineru", *words, folder=tmp_path)
    (page,) = (tmp_path / "out").rglob("*.md")
    assert "The camp starts on Monday." in page.read_text()


def test_lmdeploy_and_labelu_answer(tmp_path: Path) -> None:
    for name, words, line in (
        ("lmdeploy", ("check_env",), "^LMDeploy: 0.18.0"),
        ("labelu", ("--help",), "--port"),
    ):
        installed(name)
        toolbox.run(name, *words, folder=tmp_path, lines=[line])


FILLS_UP = """
import json, sys
from course_lib import toolbox
words = json.loads(sys.argv[1])
try:
    toolbox.run(*words, folder=sys.argv[2])
except toolbox.ToolError as error:
    sys.exit(f"explained: {error.explanation.name}")
"""


def fills_up(words: Sequence[str], folder: Path, small: Path, size: str) -> str:
    """Run a step that writes into the folder ``small``, a disk of ``size``; return its end."""
    small.mkdir(exist_ok=True)
    command = [sys.executable, "-c", FILLS_UP, json.dumps(words), str(folder)]
    done = subprocess.run([*with_small_disk(small, size), *command], capture_output=True, text=True)
    return "\n".join(done.stderr.splitlines()[-1:]) or done.stdout[-3000:]


def test_a_disk_that_fills_up_is_named(folder: Path) -> None:
    """Each step of XTuner that writes; the model and the adapter are those of a real training."""
    write_config(folder)
    copied = ("copy-cfg", "internlm2_chat_1_8b_qlora_alpaca_e3", "small")
    train = ("train", "cfg.py", "--work-dir", "small")
    toolbox.run(*TRAIN, folder=folder)
    checkpoint = Path((folder / "work" / "last_checkpoint").read_text()).name
    convert = ("convert", "pth_to_hf", "cfg.py", f"work/{checkpoint}")
    toolbox.run("xtuner", *convert, "hf", "--fp32", "--safe-serialization", folder=folder)
    merge = ("convert", "merge", "model", "hf", "small/merged")
    ends = {
        " ".join(words): fills_up(("xtuner", *words), folder, folder / "small", size)
        for words, size in (
            (copied, "4k"),
            (train, "100k"),
            ((*convert, "small/hf", "--fp32", "--safe-serialization"), "100k"),
            ((*convert, "small/hf", "--fp32"), "100k"),
            ((*merge, "--safe-serialization"), "100k"),
            (merge, "100k"),
        )
    }
    assert set(ends.values()) == {"explained: disk-full"}, ends


def test_a_disk_that_fills_up_while_lmdeploy_quantises_is_named(tmp_path: Path) -> None:
    installed("lmdeploy")
    recipe.write_calibration(tmp_path)
    words = ["lmdeploy", *map(str, recipe.words("auto_awq", "small"))]
    assert fills_up(words, tmp_path, tmp_path / "small", "1m") == "explained: disk-full"
