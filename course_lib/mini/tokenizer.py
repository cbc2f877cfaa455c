"""The tokenizer: a token for each common character, digit and capital, bytes for all else.

Words of small letters are merged (with the space before them), so English stays short; what
InternLM2 marks with special tokens is special here, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from course_lib.mini.mixture import STAGES
from course_lib.mini.world import HANZI, World

SPECIAL = (
    *("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|action_start|>"),
    *("<|action_end|>", "<|plugin|>", "<|interpreter|>"),
)
UNKNOWN, BEGIN, END_OF_TEXT, TURN_START, TURN_END = range(5)
"""Ids of the first special tokens."""
PUNCTUATION = "，。！？：；、“”‘’（）《》【】…—×÷·～￥"
SIZE = 4608
"""Tokens in all, a multiple of 256."""
_MARK = re.compile(r"<\|[a-z_]+\|>")
_SPLIT = r"[0-9]|[\u3000-\uffff]|[A-Z]|\u2581?[a-z]+|[^0-9A-Za-z\u3000-\uffff\u2581]+|\u2581+"


def corpus(documents: int = 12_000) -> Iterable[str]:
    """Yield the text that the merges are learned from, both stages in turn."""
    worlds = {stage: World(f"tokenizer {stage}") for stage in STAGES}
    for number in range(documents):
        for stage, world in worlds.items():
            kinds = list(STAGES[stage].values())
            text = kinds[number % len(kinds)].make(world).text
            yield from (piece for piece in _MARK.split(text) if piece)


def train_tokenizer() -> Tokenizer:
    """Return the tokenizer; it depends on nothing but the data generators."""
    alphabet = [*HANZI, *PUNCTUATION, *(chr(code) for code in range(33, 127)), "\n", "▁"]
    tokenizer = Tokenizer(
        models.BPE(unk_token=SPECIAL[UNKNOWN], byte_fallback=True, fuse_unk=False)
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_SPLIT), "isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - 256,
        special_tokens=list(SPECIAL),
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        min_frequency=15,
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return with_bytes(tokenizer)


def with_bytes(tokenizer: Tokenizer) -> Tokenizer:
    """Return ``tokenizer`` with its 256 byte tokens right after the special ones."""
    state = json.loads(tokenizer.to_str())
    learned = sorted(state["model"]["vocab"], key=state["model"]["vocab"].__getitem__)
    bytes_ = [f"<0x{code:02X}>" for code in range(256)]
    order = [*SPECIAL, *bytes_, *(token for token in learned if token not in SPECIAL)]
    order += [f"<|unused_{number}|>" for number in range(SIZE - len(order))]
    state["model"]["vocab"] = {token: number for number, token in enumerate(order)}
    state["decoder"] = json.loads(
        json.dumps(
            {
                "type": "Sequence",
                "decoders": [
                    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                    {"type": "ByteFallback"},
                    {"type": "Fuse"},
                ],
            }
        )
    )
    return Tokenizer.from_str(json.dumps(state))


def load(path: Path) -> Tokenizer:
    """Read a ``tokenizer.json``."""
    return Tokenizer.from_file(str(path))
