"""LMDeploy's own proxy, ``lmdeploy serve proxy``: one address before several CPU servers."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.request
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

from openai import OpenAI, OpenAIError

from course_lib import ports
from course_lib.background import Service
from course_lib.deploy import load
from course_lib.deploy.load import Point
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.serving import READY_SECONDS, Server, serve
from course_lib.toolbox import environments

FIRST_PORT = 8000
"""LMDeploy's default for its proxy; the next free one is taken."""


class Proxy(Service):
    """A running proxy; servers that :meth:`add` names share its requests."""

    what = Text("代理", "the proxy")

    def __init__(self, port: int) -> None:
        tool = environments.need("lmdeploy")
        command = [str(tool.bin / "lmdeploy"), "serve", "proxy", "--server-name", ports.LOOPBACK]
        command += ["--server-port", str(port), "--disable-cache-status"]
        path = os.pathsep.join([str(tool.bin), os.environ.get("PATH", os.defpath)])
        variables = os.environ | tool.tool.variables | {"PATH": path}
        log = Path(tempfile.mkdtemp(prefix="camp-proxy-")) / "proxy.log"
        super().__init__(command, port, "/v1/models", log, variables)

    def add(self, server: Server) -> None:
        """Let the proxy send requests to ``server``, too.

        Raises:
            CampError: it did not take the server; the text names its log.
        """
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/nodes/add",
            json.dumps({"url": server.address}).encode(),
            {"Content-Type": "application/json"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=30) as answer:
                said = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            said = str(error)
        if "Added" not in said:
            what = Text(
                f"代理没有收下 {server.address}（{said[:80]}）：看日志 {self.log}",
                f"the proxy did not take {server.address} ({said[:80]}): see its log {self.log}",
            )
            raise self.trouble(what)


def two_servers(server: Server, model: str) -> list[Point]:
    """Measure ``server`` and a second one behind the proxy.

    Args:
        server: a running one.
        model: what it serves, as ``serve`` takes it.

    Returns:
        What :func:`load.served` measures; empty, after a line that says why, where LMDeploy is not
        installed or its proxy fails.
    """
    if not environments.has("lmdeploy"):
        print(Text("没有 LMDeploy：跳过它的代理", "no LMDeploy: its proxy is skipped"))
        return []
    try:
        return _measured(server, model)
    except (CampError, OpenAIError) as error:
        print(Text(f"跳过 LMDeploy 的代理：{error}", f"LMDeploy's proxy is skipped: {error}"))
        return []


def _measured(server: Server, model: str) -> list[Point]:
    with ExitStack() as running:
        second = running.enter_context(serve(model))
        proxy = running.enter_context(Proxy(ports.first_free(FIRST_PORT) or FIRST_PORT))
        proxy.wait(READY_SECONDS)
        for one in (server, second):
            proxy.add(one)
        client = OpenAI(base_url=f"{proxy.address}/v1", api_key=server.key)
        return load.served(client, server.model)
