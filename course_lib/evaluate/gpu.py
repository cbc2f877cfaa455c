"""C-Eval on InternLM2.5-1.8B-Chat, accelerated by LMDeploy; skipped without a GPU."""

from __future__ import annotations

import os
from pathlib import Path

from course_lib import machine, models, toolbox
from course_lib.language import Text

DATA = Path("data/ceval/formal_ceval/val/computer_network_val.csv")
CACHE = "COMPASS_DATA_CACHE"


def words(folder: Path, output: str) -> list[str]:
    """Return what follows ``opencompass`` for C-Eval on a chat model through LMDeploy."""
    model = ["--hf-type", "chat", "--hf-path", str(folder), "--max-seq-len", "2048"]
    sizes = ["--max-out-len", "100", "--batch-size", "8"]
    return ["--datasets", "ceval_gen", *model, *sizes, "-a", "lmdeploy", "-w", output, "--debug"]


def evaluate(work: Path) -> None:
    """Run C-Eval, or say in one line what is missing."""
    folder = models.small_internlm()
    data = Path(os.environ.get(CACHE) or work) / DATA
    if not machine.gpus() or folder is None:
        print(
            Text(
                "没有 GPU 或 InternLM2.5-1.8B-Chat：跳过这一步",
                "no GPU or no InternLM2.5-1.8B-Chat: this step is skipped",
            )
        )
    elif not data.is_file():
        print(
            Text(
                f"没有 C-Eval 的数据（{DATA}）：下载后把 {CACHE} 设为装着 data 的目录",
                f"C-Eval's data are missing ({DATA}): download them and let {CACHE} name the "
                "folder that holds data",
            )
        )
    else:
        toolbox.run("opencompass", *words(folder, "internlm"), folder=work)
