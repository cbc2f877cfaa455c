"""A GGUF file in llama.cpp's server, in this process; runs in the environment of ``llamacpp``."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import xllamacpp

_BIAS = 1e3  # on a token, so that no other is written
_ALL = 10**6  # tokens, more than any vocabulary has


@dataclass
class Written:
    """A reply as it came.

    Attributes:
        text: without the end marker.
        tokens: how many there were, each time that this process heard of more.
        engine: seconds on the engine's clock, at each of these times.
        seen: seconds since the request.
    """

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)


class Engine:
    """A loaded model.

    Args:
        path: a GGUF file.
        kv: the kind of the KV cache's numbers, as in :data:`course_lib.llamacpp.KINDS`.
        threads: that compute.
    """

    def __init__(self, path: str, kv: str = "F16", threads: int = 1) -> None:
        asked = xllamacpp.CommonParams()
        asked.model.path, asked.verbosity = path, 1  # which is to tell errors only
        asked.fit_params, asked.cache_ram_mib = False, 0  # its context is the model's, no less
        asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = threads
        asked.cache_type_k = asked.cache_type_v = xllamacpp.ggml_type[f"GGML_TYPE_{kv}"]
        # a cache of few bits needs it
        asked.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
        asked.api_keys = [secrets.token_hex()]  # it listens on a port too, which nobody uses
        self._server = xllamacpp.Server(asked)
        # before its loop runs, which it does when it answers, its end would be waited for for ever
        self._server.handle_completions({"prompt": [0], "max_tokens": 1})

    def scores(self, prompt: Sequence[int], reply: Sequence[int]) -> list[tuple[float, bool]]:
        """Return each token's log probability, and whether it is the likeliest, given all before.

        The server tells this of tokens that it writes, so it is made to write these.

        Args:
            prompt: ids.
            reply: ids, the last one that of an end.
        """
        found = []
        for number, token in enumerate(reply):
            before = [*prompt, *reply[:number]]
            told = self._next(before, token, 1)
            if told is None:  # a byte of a character, of which it is silent: ask for all instead
                every = self._next(before, reply[-1], _ALL)
                assert every is not None
                (own,) = (one for one in every["top_logprobs"] if one["id"] == token)
                told = {**every, "logprob": own["logprob"]}
            found.append((float(told["logprob"]), told["top_logprobs"][0]["id"] == token))
        return found

    def _next(self, before: list[int], token: int, count: int) -> dict[str, Any] | None:
        """Have ``token`` written; return what is told of it and of the ``count`` likeliest."""
        bias = [[token, _BIAS]]
        asked = {"prompt": before, "max_tokens": 1, "n_probs": count, "logit_bias": bias}
        told = _checked(self._server.handle_completions(asked))["choices"][0]["logprobs"]
        return told and dict(told["content"][0])

    def write(self, prompt: str | Sequence[int], tokens: int, *, ends: bool = True) -> Written:
        """Return the reply to a prompt (ids, or text for llama.cpp's own tokenizer), greedily.

        Args:
            prompt: with its markers.
            tokens: at most.
            ends: it may end before.
        """
        asked = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": not ends}
        how = {"stream": True, "timings_per_token": True, "cache_prompt": False}
        heard: list[tuple[float, dict[str, Any]]] = []  # an error in here would be lost
        began = time.perf_counter()
        self._server.handle_completions(
            asked | how, lambda piece: heard.append((time.perf_counter() - began, piece))
        )
        written = Written()
        for seen, piece in heard:
            written.text += "".join(one["text"] for one in _checked(piece)["choices"])
            timings = piece["timings"]
            if timings["predicted_n"] not in written.tokens:  # the last piece tells of none
                written.tokens.append(timings["predicted_n"])
                written.engine.append(timings["predicted_ms"] / 1000)
                written.seen.append(seen)
        return written


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise RuntimeError(answer["error"]["message"])
    return answer
