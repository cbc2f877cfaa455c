# ---
# jupyter:
#   course:
#     language: zh
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
        raise ValueError("不能是负数")
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


# %% [markdown] note="hello_intern"
"""
链接 / Link: https://zhuanlan.zhihu.com/p/700000001

# 从一条数据到一个应用：我眼里的书生·浦语全链路

看完第一关，我最想弄明白的不是“模型有多强”，而是“如果明天要我自己做一个模型，每一步该用什么”。按链条走一遍：

## 数据
预训练语料来自公开的书生·万卷（WanJuan）。网页好处理，PDF 难，MinerU 就是做这件事的：把版面、公式、表格变成 Markdown。要做偏好数据，LabelLLM 让几个人一起标对话。我拿自己的毕业论文试想了一下，双栏加公式，没有 MinerU 这一步根本进不了语料。

## 预训练
InternEvo 负责把训练铺到很多卡上。官方表格里 7B 模型从 8 卡到 1024 卡，每卡吞吐从 4078 降到 3625 token/s，还剩 88.9%。这是我这篇笔记里最佩服的一个数字（来源：InternEvo 仓库 README）。

## 微调
XTuner 用一个配置文件加一条命令做 LoRA、QLoRA 或全量微调。我算过：1.8B 模型权重 bf16 是 3.52 GiB，全量微调还要梯度和优化器状态，8 GB 显存肯定不够，所以入门都用 QLoRA。

## 评测
OpenCompass（司南）把数据集、提示词、推理和打分拆开。这关让我改掉一个习惯：看到“MMLU 72.8”先问几个 shot、ppl 还是 gen、哪个版本的 OpenCompass。

## 部署
LMDeploy 有 TurboMind 和 PyTorch 两个引擎，一个快，一个好改。长上下文真正贵的是 KV cache：7B 每个 token 128 KiB，一百万 token 就是 128 GiB，一张卡放不下。

## 应用
智能体这层是 Lagent，搜索是 MindSearch：先把问题拆成图，再分头查。知识库用茴香豆（HuixiangDou），它最有意思的是先判断“该不该回答”，群聊里不乱插话。

## 一点保留意见
“大海捞针接近全绿”并不说明模型读懂了长文，它只说明一句话能被找回来。NeedleBench 加了多针和推理任务，才算补上。另外 1M 上下文只有 7B-Chat-1M 这一个型号有，宣传里常常省略。
"""
