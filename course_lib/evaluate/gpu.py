"""C-Eval on InternLM2.5-1.8B-Chat, served by LMDeploy; skipped without a GPU.

OpenCompass asks the served model, as in ``course_lib.evaluate.api``. Its own way, ``-a lmdeploy``,
wants LMDeploy in the same environment, and loading the model there wants sentencepiece; neither is
in OpenCompass's environment. The course's authors had no GPU to run this on: the configuration was
run with camp-mini served on a CPU.
"""

from __future__ import annotations

import os
from pathlib import Path
from string import Template

from course_lib import machine, models, serving, toolbox
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.serving import Server, serve

DATA = Path("data/ceval/formal_ceval/val/computer_network_val.csv")
CACHE = "COMPASS_DATA_CACHE"
FILE = "ceval.py"
READY_SECONDS = 900.0
_TEXT = Template("""\
from mmengine.config import read_base
from opencompass.models import OpenAISDK

with read_base():
    from opencompass.configs.datasets.ceval.ceval_gen_5f30c7 import ceval_datasets
    from opencompass.configs.summarizers.groups.ceval import ceval_summary_groups

roles = dict(round=[dict(role="HUMAN", api_role="HUMAN"),
                    dict(role="BOT", api_role="BOT", generate=True)])
models = [dict(type=OpenAISDK, abbr=$name, path=$name, key="EMPTY", openai_api_base=$url,
               tokenizer_path=$folder, meta_template=roles, temperature=0.0, query_per_second=100,
               max_seq_len=16384, max_out_len=100, batch_size=32, retry=2)]
datasets = ceval_datasets
summarizer = dict(summary_groups=ceval_summary_groups)
""")


def write(work: Path, server: Server) -> Path:
    """Write ``ceval.py``, which asks a served model C-Eval's 52 subjects by ``ceval_gen``.

    Lengths are counted by camp-mini's tokenizer: the model's own needs sentencepiece.
    """
    tokenizer = models.BUILT_IN["camp-mini"].resolve()
    text = _TEXT.substitute(
        name=repr(server.model), url=repr(f"{server.url}/"), folder=repr(str(tokenizer))
    )
    path = work / FILE
    write_atomic(path, text)
    return path


def words(output: str) -> list[str]:
    """Return what follows ``opencompass`` for the configuration that :func:`write` wrote."""
    return [FILE, "-w", output, "--debug"]


def evaluate(work: Path) -> None:
    """Run C-Eval, or say in one line what is missing.

    Raises:
        CampError: the model could not be served.
        ToolError: OpenCompass did not succeed.
    """
    folder = models.small_internlm()
    data = Path(os.environ.get(CACHE) or work) / DATA
    if not machine.gpus() or folder is None:
        what = Text(
            "没有 GPU 或 InternLM2.5-1.8B-Chat：跳过这一步",
            "no GPU or no InternLM2.5-1.8B-Chat: this step is skipped",
        )
    elif not data.is_file():
        what = Text(
            f"没有 C-Eval 的数据（{DATA}）：下载后把 {CACHE} 设为装着 data 的目录",
            f"C-Eval's data are missing ({DATA}): download them and let {CACHE} name the "
            "folder that holds data",
        )
    elif serving.lmdeploy() is None:
        what = Text(
            "没有 LMDeploy：在终端运行 camp tools install lmdeploy，再运行这一格",
            "no LMDeploy: run `camp tools install lmdeploy` in a terminal, then this cell",
        )
    else:
        print(
            Text(
                "我们没有在 GPU 上运行过这一步：参数来自文档和源码",
                "we have not run this step on a GPU: it follows documentation and source",
            )
        )
        with serve(folder, seconds=READY_SECONDS) as server:
            write(work, server)
            toolbox.run("opencompass", *words("internlm"), folder=work)
        return
    print(what)
