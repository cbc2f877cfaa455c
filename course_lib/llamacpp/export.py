"""A Llama-like Hugging Face folder as GGUF: ``export.py MODEL BITS FILE [BITS FILE ...]``.

Runs in the environment of the tool ``llamacpp``. At 8 and 4 bits the linear layers are quantised
(see :data:`course_lib.llamacpp.KINDS`); the embedding, which camp-mini's head shares, and rows that
32 does not divide stay at 16 bits, the norms at 32, as llama.cpp wants them.

The tokenizer is one that merges characters by rank, with spaces as ``▁`` and bytes for what it does
not know. llama.cpp's SentencePiece tokenizer does the same when a token's score is its merge's
rank; it only differs in that it does not first split the text, so of three, five, ... spaces before
a word of small letters it may give the last to the word.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import gguf
import numpy as np
from gguf.utility import SafetensorsLocal

from course_lib.llamacpp import KINDS

Array = np.ndarray[Any, Any]
_BLOCK = 32
_PLAIN = {
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "rope_scaling": None,
}
"""What a configuration says, if anything, where this export holds."""


def export(folder: Path, bits: int, target: Path) -> None:
    """Write the model of ``folder`` to ``target``, its linear layers at 16, 8 or 4 bits.

    Raises:
        SystemExit: the model is none that this export knows; the text says why.
    """
    config, tokenizer, words = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("config", "tokenizer", "tokenizer_config")
    )
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_name(folder.name)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{KINDS[bits]}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_shape(writer, config)
    _add_tokenizer(writer, tokenizer, words)
    kind = gguf.GGMLQuantizationType[KINDS[bits]]
    for name, weight in _weights(folder, config):
        if weight.ndim == 1:
            writer.add_tensor(name, weight)
        elif "token_embd" in name or name == "output.weight" or weight.shape[1] % _BLOCK:
            writer.add_tensor(name, weight.astype(np.float16))
        else:
            writer.add_tensor(name, gguf.quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _refuse(why: str) -> NoReturn:
    sys.exit(f"cannot be exported to GGUF: {why}")


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    for name, wanted in _PLAIN.items():
        if (found := config.get(name, wanted)) != wanted:
            _refuse(f"{name} is {found!r}, not {wanted!r}")
    rope = config.get("rope_parameters") or {}  # where transformers 5 keeps it
    if rope.get("rope_type", "default") != "default":
        _refuse(f"rope_type is {rope['rope_type']!r}, not 'default'")
    heads = config["num_attention_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(rope.get("rope_theta") or config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _add_tokenizer(
    writer: gguf.GGUFWriter, tokenizer: dict[str, Any], words: dict[str, Any]
) -> None:
    model, spaces = tokenizer["model"], tokenizer["normalizer"] or {}
    if model["type"] != "BPE" or not model.get("byte_fallback") or spaces.get("content") != "▁":
        _refuse("its tokenizer is not one of merges with ▁ for spaces and bytes for the rest")
    ids: dict[str, int] = dict(model["vocab"])
    types = dict.fromkeys(ids, gguf.TokenType.NORMAL)
    types |= {f"<0x{code:02X}>": gguf.TokenType.BYTE for code in range(256)}
    for added in tokenizer["added_tokens"]:
        ids[added["content"]] = added["id"]
        special = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        types[added["content"]] = special
    types[model["unk_token"]] = gguf.TokenType.UNKNOWN
    merges = ("".join(one.split(" ") if isinstance(one, str) else one) for one in model["merges"])
    ranks = {token: rank for rank, token in enumerate(merges)}
    tokens = sorted(ids, key=ids.__getitem__)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([float(-ranks.get(token, len(ranks))) for token in tokens])
    writer.add_token_types([types[token] for token in tokens])
    writer.add_bos_token_id(ids[words["bos_token"]])
    writer.add_eos_token_id(ids[words["eos_token"]])
    writer.add_unk_token_id(ids[model["unk_token"]])
    writer.add_add_bos_token(False)  # chats go without
    writer.add_add_space_prefix(False)
    # llama.cpp's Jinja takes no name for a value that a message may lack
    template = words.get("chat_template", "")
    defined = "if m['name'] is defined and m['name'] in"
    writer.add_chat_template(template.replace("if m['name'] in", defined))


def _weights(folder: Path, config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """Yield the weights under llama.cpp's names, float32."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    for path in sorted(folder.glob("model*.safetensors")):
        for old, tensor in SafetensorsLocal(path).tensors.items():
            name = names.get_name(old, try_suffixes=(".weight",))
            if name is None:
                _refuse(f"no place for its tensor {old}")
            if name == "output.weight" and config.get("tie_word_embeddings"):
                continue
            weight = _floats(tensor.mmap_bytes(), tensor.dtype).reshape(tensor.shape)
            for part, count in heads.items():
                if f".{part}." in old:
                    weight = interleaved(weight, config[count])
            yield name, weight


def _floats(raw: Array, kind: str) -> Array:
    """Return numbers of safetensors as float32."""
    if kind == "BF16":  # the upper half of a float32
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if kind not in ("F16", "F32"):
        _refuse(f"its weights are {kind}, not BF16, F16 or F32")
    return raw.view(np.float16 if kind == "F16" else np.float32).astype(np.float32)


def interleaved(weight: Array, heads: int) -> Array:
    """Return a query or key projection (heads · d × in) with the rows in llama.cpp's order.

    Both turn a head's numbers in pairs, by angles that grow with the position. Hugging Face pairs
    number n with n + d/2, llama.cpp with its neighbour.
    """
    halves = weight.reshape(heads, 2, -1, weight.shape[1])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def main(model: str, *targets: str) -> None:
    """Write each file, and print its size."""
    for bits, target in zip(targets[::2], targets[1::2], strict=True):
        export(Path(model), int(bits), Path(target))
        print(f"{target}: {KINDS[int(bits)]}, {Path(target).stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
