"""A trained network as a Hugging Face folder that each tool's own transformers reads alike.

Written by hand, not by ``save_pretrained``: transformers 4.48, 4.57 and 5.23 write different
files, and only what all three understand is here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from tokenizers import AddedToken, Tokenizer, processors
from torch import Tensor

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.mini.network import EPSILON, ROTARY_BASE, Network, Shape
from course_lib.mini.tokenizer import BEGIN, END_OF_TEXT, SPECIAL, TURN_END
from course_lib.template import JINJA


def llama_weights(network: Network) -> dict[str, Tensor]:
    """Return the weights under the names of ``LlamaForCausalLM``, in bfloat16."""
    shape, own = network.shape, network.state_dict()
    weights = {
        "model.embed_tokens.weight": own["embedding.weight"],
        "model.norm.weight": own["norm.weight"],
    }
    sizes = [n * shape.head_dim for n in (shape.heads, shape.kv_heads, shape.kv_heads)]
    for layer in range(shape.layers):
        old, new = f"blocks.{layer}.", f"model.layers.{layer}."
        q, k, v = own[f"{old}qkv.weight"].split(sizes)
        gate, up = own[f"{old}gate_up.weight"].chunk(2)
        weights |= {
            f"{new}input_layernorm.weight": own[f"{old}attention_norm.weight"],
            f"{new}self_attn.q_proj.weight": q,
            f"{new}self_attn.k_proj.weight": k,
            f"{new}self_attn.v_proj.weight": v,
            f"{new}self_attn.o_proj.weight": own[f"{old}out.weight"],
            f"{new}post_attention_layernorm.weight": own[f"{old}ffn_norm.weight"],
            f"{new}mlp.gate_proj.weight": gate,
            f"{new}mlp.up_proj.weight": up,
            f"{new}mlp.down_proj.weight": own[f"{old}down.weight"],
        }
    return {name: w.to(torch.bfloat16).contiguous().clone() for name, w in weights.items()}


def config(shape: Shape) -> dict[str, Any]:
    """Return ``config.json``."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": BEGIN,
        "eos_token_id": END_OF_TEXT,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.ffn,
        "max_position_embeddings": shape.positions,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "pad_token_id": END_OF_TEXT,
        "rms_norm_eps": EPSILON,
        "rope_theta": ROTARY_BASE,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }


def generation_config() -> dict[str, Any]:
    """Return ``generation_config.json``: a turn's end ends the reply, as in InternLM2."""
    return {
        "bos_token_id": BEGIN,
        "eos_token_id": [END_OF_TEXT, TURN_END],
        "pad_token_id": END_OF_TEXT,
        "max_new_tokens": 512,
    }


def tokenizer_config(shape: Shape) -> dict[str, Any]:
    """Return ``tokenizer_config.json``."""
    return {
        "add_bos_token": True,
        "additional_special_tokens": list(SPECIAL[3:5]),
        "bos_token": SPECIAL[BEGIN],
        "chat_template": JINJA,
        "clean_up_tokenization_spaces": False,
        "eos_token": SPECIAL[END_OF_TEXT],
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": shape.positions,
        "pad_token": SPECIAL[END_OF_TEXT],
        "padding_side": "left",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": SPECIAL[0],
    }


def shipped_tokenizer(tokenizer: Tokenizer) -> Tokenizer:
    """Return ``tokenizer`` with its markers set apart and ``<s>`` put before plain text.

    The markers of tool calls are part of a reply, so servers, which drop special tokens from what
    they send, must not take them for special.
    """
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL[:5]])
    copy.add_tokens([AddedToken(t, special=False, normalized=False) for t in SPECIAL[5:]])
    begin = SPECIAL[BEGIN]
    copy.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A",
        pair=f"{begin} $A {begin} $B",
        special_tokens=[(begin, BEGIN)],
    )
    return copy


def export(network: Network, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model into ``folder``: weights, configurations, tokenizer, chat template."""

    def dump(name: str, data: dict[str, Any]) -> None:
        write_atomic(folder / name, json.dumps(data, ensure_ascii=False, indent=2) + "\n")

    write_atomic(folder / "model.safetensors", save(llama_weights(network), {"format": "pt"}))
    dump("config.json", config(network.shape))
    dump("generation_config.json", generation_config())
    dump("tokenizer_config.json", tokenizer_config(network.shape))
    write_atomic(folder / "tokenizer.json", shipped_tokenizer(tokenizer).to_str())


def load_network(folder: Path) -> Network:
    """Return the network of an exported folder, to train it further.

    Raises :class:`CampError` for a model of another make.
    """
    try:
        return _read_network(folder)
    except (KeyError, RuntimeError) as error:
        raise CampError(f"{folder}: not a model of camp mini train ({error})") from error


def _read_network(folder: Path) -> Network:
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        vocabulary=raw["vocab_size"],
        hidden=raw["hidden_size"],
        layers=raw["num_hidden_layers"],
        heads=raw["num_attention_heads"],
        kv_heads=raw["num_key_value_heads"],
        ffn=raw["intermediate_size"],
        positions=raw["max_position_embeddings"],
    )
    weights = load_file(folder / "model.safetensors")
    own = {
        "embedding.weight": weights["model.embed_tokens.weight"],
        "norm.weight": weights["model.norm.weight"],
    }
    for layer in range(shape.layers):
        old, new = f"blocks.{layer}.", f"model.layers.{layer}."
        attention = [weights[f"{new}self_attn.{part}_proj.weight"] for part in "qkv"]
        ffn = [weights[f"{new}mlp.{part}_proj.weight"] for part in ("gate", "up")]
        own |= {
            f"{old}attention_norm.weight": weights[f"{new}input_layernorm.weight"],
            f"{old}qkv.weight": torch.cat(attention),
            f"{old}out.weight": weights[f"{new}self_attn.o_proj.weight"],
            f"{old}ffn_norm.weight": weights[f"{new}post_attention_layernorm.weight"],
            f"{old}gate_up.weight": torch.cat(ffn),
            f"{old}down.weight": weights[f"{new}mlp.down_proj.weight"],
        }
    network = Network(shape)
    network.load_state_dict({name: weight.float() for name, weight in own.items()})
    return network
