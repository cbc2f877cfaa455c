# ---
# jupyter:
#   course:
#     language: en
# ---

# %% exercise="count_params"
def count_params(cfg, tie=False):
    h, m, L = cfg["hidden"], cfg["inter"], cfg["layers"]
    d = h // cfg["heads"]
    embed = cfg["vocab"] * h * (1 if tie else 2)
    attention = h * (h + 2 * cfg["kv_heads"] * d) + h * h
    mlp = 3 * h * m
    norms = 2 * h
    return embed + L * (attention + mlp + norms) + h


# %% exercise="weight_bytes"
def weight_bytes(n, bits):
    if n < 0 or bits < 0:
        raise ValueError("no negative sizes")
    return n * bits / 8


def to_gb(n_bytes):
    return n_bytes / 10**9


def to_gib(n_bytes):
    return n_bytes / 2**30


# %% exercise="parse_model_name"
import re


def parse_model_name(name):
    parts = name.split("/")[-1].lower().split("-")
    family = parts[0]
    if not family.startswith("internlm"):
        raise ValueError(name)
    version = family[len("internlm") :].replace("_", ".") or "1"
    size = None
    for part in parts[1:]:
        if re.fullmatch(r"\d+(_\d+)?b", part):
            size = float(part[:-1].replace("_", "."))
    kind = "base"
    if "chat" in parts or "instruct" in parts:
        kind = "chat"
    if "reward" in parts:
        kind = "reward"
    return {
        "version": version,
        "size_b": size,
        "kind": kind,
        "ctx_1m": "1m" in parts,
        "raw": "base" in parts,
    }


# %% exercise="insert_needle"
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    budget = max(length - buffer - len(needle), 0)
    filler = tokens[:budget]
    position = int(len(filler) * depth_percent / 100)
    return filler[:position] + needle + filler[position:], position


def niah_grid(lengths, n_depth):
    step = 100 / (n_depth - 1) if n_depth > 1 else 0
    return [(n, float(i * step)) for n in lengths for i in range(n_depth)]


# %% exercise="niah_score"
def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    if keyword in pred:
        return 100.0
    if version == "v2":
        return 0.0
    p, n = "".join(pred.split()), "".join(needle.split())
    longest = max(len(p), len(n))
    similar = 1 - distance(p, n) / longest if longest else 1
    return 0.2 * 100 * similar


# %% exercise="niah_summary"
def niah_summary(cells):
    def mean(values):
        return round(sum(values) / len(values), 4)

    lengths, depths = {}, {}
    for (length, depth), score in cells.items():
        lengths.setdefault(length, []).append(score)
        depths.setdefault(depth, []).append(score)
    return {
        "by_length": {k: mean(v) for k, v in lengths.items()},
        "by_depth": {k: mean(v) for k, v in depths.items()},
        "overall": mean(list(cells.values())),
        "worst": min(cells, key=lambda k: (cells[k], k)),
    }


# %% exercise="self_consistency_filter"
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for sample in samples:
        answers = [a.strip() for a in sample["answers"]]
        key = " ".join(sample["question"].lower().split())
        if not answers or key in seen:
            continue
        count = {a: answers.count(a) for a in answers}
        best = min(count, key=lambda a: (-count[a], a))
        if count[best] / len(answers) > min_ratio:
            kept.append((sample["question"].strip(), best))
            seen.add(key)
    return kept


# %% exercise="ladder"
def ladder(scores, higher_is_better=True):
    sign = -1 if higher_is_better else 1
    order = sorted(scores, key=lambda name: (sign * scores[name], name))
    return [
        (
            1 + sum(sign * other < sign * scores[name] for other in scores.values()),
            name,
            scores[name],
        )
        for name in order
    ]


# %% copy="check_ladder"

# %% delete="check_niah_summary"

# %% [markdown] note="hello_intern"
"""
链接 / Link: https://github.com/sam-okoro/notes/blob/main/internlm-chain.md

# The InternLM chain, told by somebody who has to pay for the GPU

My question while watching: where in this chain does the money go, and what do I get at each stage?

**Data.** Text is cheap until it sits in a PDF. MinerU turns pages into Markdown; LabelLLM is where people
write preferences. The WanJuan corpora are open, so you can look at what a model was fed.

**Pre-training.** InternEvo spreads a 7B model over 1,024 GPUs and keeps 3,625 of 4,078 tokens per second and
GPU, 88.9 % (README of InternEvo). I had expected half.

**Fine-tuning.** XTuner: one config, one command. The 1.8B model is 3.52 GiB in bf16, so a LoRA fits an 8 GB
slice and full tuning does not.

**Evaluation.** OpenCompass separates data set, prompt, inference and score. I now distrust every number that
comes without shots and mode.

**Deployment.** LMDeploy has TurboMind for speed and a PyTorch engine for everything else. A million tokens of
context is 128 GiB of KV cache for the 7B model: that is the price of the 1M sticker.

**Applications.** Lagent for tools, MindSearch for search as a graph of questions, HuixiangDou for a group
chat that has to know when to stay silent.

What I do not buy: a green needle-in-a-haystack picture. It shows that one sentence can be found, not that
the text was understood.
"""
