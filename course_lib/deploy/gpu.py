"""InternLM2.5-1.8B-Chat under LMDeploy on a GPU, with the flags of 0.18; skipped without one.

Written from LMDeploy's documentation and source. Its own parser takes the flags, but the course's
authors had no GPU to run them on.
"""

from __future__ import annotations

import json
import shlex
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from course_lib import machine, models, ports, toolbox
from course_lib.deploy import calls, card
from course_lib.deploy.appraisal import GPU_TALK
from course_lib.deploy.calls import CallTool, schema
from course_lib.deploy.evidence import FOLDER
from course_lib.errors import CampError
from course_lib.hand_in import put
from course_lib.language import Text
from course_lib.template import Message
from course_lib.toolbox import environments, uv
from course_lib.transcript import Exchange, Settings, add_to

if TYPE_CHECKING:
    from openai import OpenAI

PORT = 23333
VLM = "OpenGVLab/InternVL2-2B-AWQ"
"""A quantised vision-language model as its authors publish it: the ViT has 16 bits."""
TEMPERATURE, TOKENS = 0.01, 256
_NEVER_RUN = Text(
    "我们没有在 GPU 上运行过这一格：参数来自 LMDeploy 0.18 的文档和源码",
    "we have not run this cell on a GPU: its flags are from the documentation and source of "
    "LMDeploy 0.18",
)
_HUB = {"HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0"}


def ready() -> bool:
    """Tell whether there are a GPU and the model; print one line in either case."""
    if machine.gpus() and models.small_internlm() is not None:
        print(_NEVER_RUN)
        return True
    print(
        Text(
            "没有 GPU 或 InternLM2.5-1.8B-Chat：跳过这一格",
            "no GPU or no InternLM2.5-1.8B-Chat: this cell is skipped",
        )
    )
    return False


def quantise(work: Path) -> Path:
    """Make W4A16 of InternLM2.5-1.8B-Chat in ``work/gpu``; return the folder that LMDeploy wrote.

    WikiText-2 comes from the hub. The folder is one of its own because in ``work`` the CPU's
    calibration text stands in for it.
    """
    place = work / "gpu"
    place.mkdir(parents=True, exist_ok=True)
    words = quantise_words("internlm2_5-4bit")
    toolbox.run("lmdeploy", *words, folder=place, variables=_HUB)
    return place / "internlm2_5-4bit"


def quantise_words(output: str, model: Path | None = None) -> list[str]:
    """Return what follows ``lmdeploy`` to make W4A16 of the model, as the camp does it.

    The camp's ``--search-scale False`` is the default now, and the flag takes no value any more.
    """
    folder = model or models.small_internlm()
    calibration = ["--calib-dataset", "wikitext2", "--calib-samples", "128", "--calib-seqlen"]
    bits = ["2048", "--w-bits", "4", "--w-group-size", "128", "--batch-size", "1"]
    last = ["--trust-remote-code", "--work-dir", output]
    return ["lite", "auto_awq", str(folder), *calibration, *bits, *last]


def serve_words(folder: Path) -> list[str]:
    """Return what follows ``lmdeploy`` to serve a quantised folder with KV at 4 bits."""
    return [*_served(str(folder.resolve()), "0.4"), "--tool-call-parser", "internlm"]


def vlm_words(model: str = VLM) -> list[str]:
    """Return what follows ``lmdeploy`` to serve a quantised vision-language model.

    Its KV cache gets a tenth of what is left, as in the camp: the ViT needs room for images.
    """
    return _served(model, "0.1")


def _served(model: str, share: str) -> list[str]:
    memory = ["--model-format", "awq", "--quant-policy", "int4", "--cache-max-entry-count", share]
    where = ["--server-name", ports.LOOPBACK, "--server-port", str(PORT)]
    return ["serve", "api_server", model, *memory, *where, "--trust-remote-code"]


def serve_command(folder: Path) -> str:
    """Return the command that serves a quantised folder, to be typed in a terminal."""
    return shlex.join([_program(), *serve_words(folder)])


def vlm_command() -> str:
    """Return the commands that serve a vision-language model, to be typed in a terminal.

    LMDeploy cuts images into tiles with torchvision, which its environment here lacks.
    """
    python = environments.need("lmdeploy").python
    add = [str(uv.program()), "pip", "install", "--python", str(python), "torchvision"]
    return f"{shlex.join(add)} &&\n{shlex.join([_program(), *vlm_words()])}"


def _program() -> str:
    return str(environments.need("lmdeploy").bin / "lmdeploy")


def ask(
    call_tool: CallTool, *, port: int = PORT, folder: Path = FOLDER, seconds: float = 300
) -> None:
    """Wait for the server and have it call functions by OpenAI's ``tools``.

    What was said goes into the evidence as a transcript, and with it what ``nvidia-smi`` says.

    Raises:
        CampError: the server did not come up; start it in a terminal first.
    """
    from openai import OpenAI

    client = OpenAI(base_url=f"http://{ports.LOOPBACK}:{port}/v1", api_key="EMPTY", max_retries=0)
    model = _model(client, port, seconds)
    for question in calls.questions():
        print(f"> {question}")
        made, exchange = _exchange(client, model, question)
        for call in made:
            print("  ", call, "->", call_tool(call, calls.REGISTRY))
        add_to(folder / GPU_TALK, exchange)
    if (taken := card.take()) is not None:
        put(folder, {card.FILE: taken.write().encode()})


def _model(client: OpenAI, port: int, seconds: float) -> str:
    """Return the name of the model served, as soon as the server answers."""
    from openai import OpenAIError

    deadline = time.monotonic() + seconds
    while True:
        try:
            return client.models.list().data[0].id
        except OpenAIError:
            if time.monotonic() > deadline:
                what = Text(
                    f"{port} 端口没有服务：在终端里运行上面的命令，再运行这一格",
                    f"no server on port {port}: run the command above in a terminal, then this",
                )
                raise CampError(str(what)) from None
            time.sleep(2)


def _exchange(client: OpenAI, model: str, question: str) -> tuple[list[dict[str, str]], Exchange]:
    """Ask with the tools on offer; return the calls asked for, and all as an exchange."""
    at, began = datetime.now(UTC), time.perf_counter()
    turns: Any = [{"role": "user", "content": question}]
    tools: Any = [schema(name) for name in calls.REGISTRY]
    made = client.chat.completions.create(
        model=model, messages=turns, tools=tools, temperature=TEMPERATURE, max_tokens=TOKENS
    )
    took, choice = time.perf_counter() - began, made.choices[0]
    functions: list[Any] = [
        getattr(one, "function", one) for one in choice.message.tool_calls or ()
    ]
    found = [{"name": one.name, "arguments": one.arguments} for one in functions]
    told = [json.dumps(call, ensure_ascii=False) for call in found]
    finish: Literal["stop", "length"] = "length" if choice.finish_reason == "length" else "stop"
    return found, Exchange(
        at=at,
        model=model,
        settings=Settings(
            temperature=TEMPERATURE, top_k=0, top_p=1, repetition_penalty=1,
            max_new_tokens=TOKENS, seed=None,
        ),
        messages=(Message("user", question),),
        reply="\n".join(filter(None, [choice.message.content, *told])),
        finish=finish,
        prompt_tokens=made.usage.prompt_tokens if made.usage else 0,
        new_tokens=made.usage.completion_tokens if made.usage else 0,
        first_token_seconds=took,
        seconds=took,
    )  # fmt: skip
