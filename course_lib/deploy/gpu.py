"""InternLM2.5-1.8B-Chat under LMDeploy on a GPU, with the flags of 0.18; skipped without one."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

from course_lib import machine, models, ports
from course_lib.deploy import calls
from course_lib.deploy.calls import CallTool, schema
from course_lib.deploy.evidence import FOLDER
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.toolbox import environments

PORT = 23333
SNAPSHOT = FOLDER / "gpu.json"
_QUERY = "name,memory.total,memory.used,driver_version"


def ready() -> bool:
    """Tell whether there are a GPU and the model; print one line when not."""
    if machine.gpus() and models.small_internlm() is not None:
        return True
    print(
        Text(
            "没有 GPU 或 InternLM2.5-1.8B-Chat：跳过这一格",
            "no GPU or no InternLM2.5-1.8B-Chat: this cell is skipped",
        )
    )
    return False


def quantise_words(output: str, model: Path | None = None) -> list[str]:
    """Return what follows ``lmdeploy`` to make W4A16 of the model, as the camp does it."""
    folder = model or models.small_internlm()
    calibration = ["--calib-dataset", "wikitext2", "--calib-samples", "128", "--calib-seqlen"]
    bits = ["2048", "--w-bits", "4", "--w-group-size", "128", "--batch-size", "1"]
    last = ["--search-scale", "False", "--trust-remote-code", "--work-dir", output]
    return ["lite", "auto_awq", str(folder), *calibration, *bits, *last]


def serve_words(folder: Path) -> list[str]:
    """Return what follows ``lmdeploy`` to serve a quantised folder with KV at 4 bits."""
    memory = ["--model-format", "awq", "--quant-policy", "int4", "--cache-max-entry-count", "0.4"]
    where = ["--server-name", ports.LOOPBACK, "--server-port", str(PORT)]
    calling = ["--tool-call-parser", "internlm", "--trust-remote-code"]
    return ["serve", "api_server", str(folder.resolve()), *memory, *where, *calling]


def serve_command(folder: Path) -> str:
    """Return the command that serves a quantised folder, to be typed in a terminal."""
    program = environments.need("lmdeploy").bin / "lmdeploy"
    return shlex.join([str(program), *serve_words(folder)])


def ask(call_tool: CallTool, seconds: float = 300) -> None:
    """Wait for the server, have it call functions by OpenAI's ``tools``, note the card's memory.

    Raises:
        CampError: the server did not come up; start it in a terminal first.
    """
    from openai import OpenAI, OpenAIError

    client = OpenAI(base_url=f"http://{ports.LOOPBACK}:{PORT}/v1", api_key="EMPTY", max_retries=0)
    deadline = time.monotonic() + seconds
    while True:
        try:
            model = client.models.list().data[0].id
            break
        except OpenAIError:
            if time.monotonic() > deadline:
                what = Text(
                    f"{PORT} 端口没有服务：在终端里运行上面的命令，再运行这一格",
                    f"no server on port {PORT}: run the command above in a terminal, then this",
                )
                raise CampError(str(what)) from None
            time.sleep(2)
    for question in calls.questions():
        turns: Any = [{"role": "user", "content": question}]
        tools: Any = [schema(name) for name in calls.REGISTRY]
        made = client.chat.completions.create(
            model=model, messages=turns, tools=tools, temperature=0.01
        )
        print(f"> {question}")
        for one in made.choices[0].message.tool_calls or []:
            function: Any = getattr(one, "function", None)
            call = {"name": function.name, "arguments": function.arguments}
            print("  ", call, "->", call_tool(call, calls.REGISTRY))
    write_atomic(SNAPSHOT, json.dumps(snapshot(), indent=1) + "\n")


def snapshot() -> list[dict[str, str]]:
    """Return what ``nvidia-smi`` says of each card; empty without one."""
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader"],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    names = _QUERY.split(",")
    rows = [line.split(", ") for line in done.stdout.splitlines() if line.strip()]
    return [dict(zip(names, row, strict=False)) for row in rows]
