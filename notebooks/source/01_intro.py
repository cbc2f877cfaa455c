# ---
# jupyter:
#   course:
#     level: L1-1
#     minutes: 90
#     points: 100
#     prerequisites: []
#   jupytext:
#     cell_markers: '"""'
#     cell_metadata_filter: cases,check,evidence,exercise,given,lang,level,minutes,note,points,quiz,rubric,tags,tool,wrong,-all
#     notebook_metadata_filter: kernelspec,jupytext,course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] lang="zh"
"""
# 书生·浦语大模型全链路开源开放体系

## 一堆 PDF，怎么变成一个助手？

你手里有一堆 PDF、一块 8 GB 的显存（InternStudio 上一块 A100 的 10 %），还有同事的一句话：“做个懂我们文档的助手。”从 PDF 到浏览器里的对话框，要经过哪些工具？哪个模型装得下？宣传页上的“百万字”“性能领先”，哪几句经得起一次除法？

书生·浦语的回答是一条开源的链：**数据 → 预训练 → 微调 → 评测 → 部署 → 应用**。这一课先看全图，再把图上的说法一条条变成你自己算得出的数，最后写一篇笔记，那就是这一关的任务。

课程以 2024 年的训练营为案例。工具变得很快，所以表的最后一列单写“2024 年以后”（据各仓库与 PyPI，2026-11）。
"""

# %% [markdown] lang="en"
"""
# The full open chain of InternLM

## How does a pile of PDFs become an assistant?

You have a pile of PDFs, 8 GB of GPU memory (10 % of an A100 on InternStudio), and a colleague's wish: "make me an assistant that knows our documents." Which tools lie between the PDFs and a chat box in the browser? Which model fits? And which of the slogans, "a million words", "leading performance", survive one division?

InternLM's answer is an open chain: **data → pre-train → fine-tune → evaluate → deploy → apply**. First you see all of it, then you turn its claims, one by one, into numbers that you can work out yourself. At the end you write a note about it, which is this level's task.

The course takes the 2024 camp as its case study. Tools move fast, so the table's last column says what changed since then (from the repositories and PyPI, 2026-11).
"""

# %%
from IPython.display import display

from course_lib.intro.chain import table
from course_lib.intro.pictures import chain_picture

display(chain_picture())
table()

# %% [markdown] lang="zh"
"""
## 一年，从 8K 到 1M

下图里橙色的点都刷新了上下文长度。读名字要留神：**base** 只做过预训练；**Chat** 又经过有监督微调（SFT）和在线 RLHF；**Chat-1M** 能读一百万词元，而且**只有 7B 有**。还有一个坑：营里的 Demo、RAG、XTuner、C-Eval 几关用的是 InternLM**2**-Chat-1.8B，LMDeploy、智能体两关和 Prompt 的进阶题用的才是 2.5。

> **2024 年以后**
> - InternLM3-8B（2025-01）：README 自称训练只用 4T 词元，成本省了 75 % 以上；带深度思考模式。
> - Intern-S1（2025-07）：混合专家，总参数 241B，每次激活 28B；继续预训练 5T 词元，一半以上是科学数据（arXiv 2508.15763）。
> - Intern-S1-Pro（2026-02）：总参数 1T，512 个专家每次用 8 个，激活 22B（arXiv 2603.25040）。
> - Intern-S2-Preview（2026-05）：35B（实验室发布说明）。
"""

# %% [markdown] lang="en"
"""
## From 8K to 1M in one year

Each orange dot below raised the context length. Mind the names: **base** is pre-trained only; **Chat** went on through supervised fine-tuning (SFT) and online RLHF; **Chat-1M** reads a million tokens, and **only the 7B has it**. One more trap: the camp's demo, RAG, XTuner and C-Eval levels use InternLM**2**-Chat-1.8B; only LMDeploy, the agents and the advanced Prompt task use 2.5.

> **Since 2024**
> - InternLM3-8B (2025-01): its README claims only 4T training tokens and a saving of over 75 % in cost; it has a deep-thinking mode.
> - Intern-S1 (2025-07): mixture of experts, 241B in all, 28B active; 5T tokens of continued pre-training, more than half of them scientific (arXiv 2508.15763).
> - Intern-S1-Pro (2026-02): 1T in all, 8 of 512 experts at a time, 22B active (arXiv 2603.25040).
> - Intern-S2-Preview (2026-05): 35B (the lab's release text).
"""

# %%
from course_lib.intro.pictures import timeline

timeline()

# %% [markdown] lang="zh"
"""
## 7B 到底有多大？

先犯两个真有人犯过的错。一，营里 LMDeploy 那页三次把 7B 写成 70×10⁹。二，“1.8B 的模型不就是 1.8 GB 吗？”先猜猜下面会印出什么，再运行。
"""

# %% [markdown] lang="en"
"""
## How big is a 7B?

Start with two mistakes that people really made. One: the camp's LMDeploy page writes 7B as 70×10⁹, three times. Two: "a 1.8B model is 1.8 GB, isn't it?" Guess what the next cell prints, then run it.
"""

# %% given="config_table"
# zh: 16 位 = 每个参数 2 字节
# en: 16 bits = 2 bytes per parameter
print(f"7B as 70e9:   {70e9 * 2 / 1e9:.0f} GB (a whole A100 has 80)")
print(f"7B as 7e9:    {7e9 * 2 / 1e9:.0f} GB")
print(f"1.8B at 16 b: {1.8e9 * 2 / 1e9:.1f} GB, not 1.8")

# zh: InternLM2.5 各尺寸的层形状；tiny 小到可以手算
# en: layer shapes of InternLM2.5; tiny is small enough to count by hand
C = {
    "1.8b": dict(vocab=92544, hidden=2048, layers=24, heads=16, kv_heads=8, inter=8192),
    "7b": dict(vocab=92544, hidden=4096, layers=32, heads=32, kv_heads=8, inter=14336),
    "20b": dict(vocab=92544, hidden=6144, layers=48, heads=48, kv_heads=8, inter=16384),
    "tiny": dict(vocab=32, hidden=8, layers=2, heads=2, kv_heads=1, inter=16),
}

# %% [markdown] lang="zh"
"""
70 亿是 7×10⁹，多一个零，14 GB 就成了 140 GB。不过“7B”本身也是约数，真实的数要从层的形状数出来。记词表 `V`、隐藏维 `h`、MLP 中间维 `m`、头维度 `d = h / heads`：

- 输入嵌入和输出头各 `V × h`（`tie=True` 时共用一个）；
- 每层注意力：合并的 `wqkv` 是 `h × (h + 2·kv_heads·d)`，`wo` 是 `h × h`，没有偏置；
- 每层 SwiGLU 的 MLP：**三个** `h × m` 的矩阵；
- 每层两个 RMSNorm，最后再来一个，各 `h` 个数。

<details><summary>提示 1</summary>

先写“一层有多少”，再乘层数。用 `//` 求 `d`，结果就一直是整数。

</details>
<details><summary>提示 2</summary>

`tiny` 手算：嵌入 512，每层 192 + 384 + 16，最后 8，共 1704。

</details>
"""

# %% [markdown] lang="en"
"""
7 billion is 7×10⁹; one more zero turns 14 GB into 140 GB. But "7B" is itself a rounded name, and the true number is counted from the shapes of the layers. Write `V` for the vocabulary, `h` for the hidden size, `m` for the inner size of the MLP, and `d = h / heads`:

- the input embedding and the output head, `V × h` each (one shared matrix if `tie=True`);
- attention in each layer: the fused `wqkv` is `h × (h + 2·kv_heads·d)`, `wo` is `h × h`, no biases;
- the SwiGLU MLP in each layer: **three** matrices of `h × m`;
- two RMSNorms in each layer and one at the very end, `h` numbers each.

<details><summary>Hint 1</summary>

Write down one layer first, then multiply. Get `d` with `//` and everything stays an integer.

</details>
<details><summary>Hint 2</summary>

`tiny` by hand: embeddings 512, each layer 192 + 384 + 16, the end 8; 1704 in all.

</details>
"""

# %% exercise="count_params" level=1 minutes=8 points=10
def count_params(cfg: dict, tie: bool = False) -> int:
    """
    zh: 返回这样一个模型有多少参数；tie 表示嵌入和输出头共用一个矩阵。
    en: Return how many parameters such a model has; tie: embedding and head share a matrix.
    """
    ### BEGIN SOLUTION
    h = cfg["hidden"]
    d = h // cfg["heads"]
    attention = h * (h + 2 * cfg["kv_heads"] * d) + h * h
    layer = attention + 3 * h * cfg["inter"] + 2 * h
    embeddings = (1 if tie else 2) * cfg["vocab"] * h
    return embeddings + cfg["layers"] * layer + h
    ### END SOLUTION

# %% check="count_params"
from course_lib.checks import given

given("C")
check("count_params", [
    case(C["tiny"], gives=1704, zh="tiny", en="tiny"),
    case(C["1.8b"], gives=1889110016, zh="1.8B", en="1.8B"),
    case(C["7b"], gives=7737708544, zh="7B", en="7B"),
    case(C["20b"], gives=19861149696, zh="20B", en="20B"),
    case(C["1.8b"], tie=True, gives=1699579904, zh="1.8B，共用嵌入", en="1.8B, tied"),
])

# %% cases="count_params"
def cases(rng):
    mha = dict(C["tiny"], kv_heads=2)
    yield case(mha, zh="kv_heads 等于 heads（MHA）", en="kv_heads equals heads (MHA)")
    yield case(dict(mha, heads=4, kv_heads=1), zh="kv_heads=1（MQA）", en="kv_heads=1 (MQA)")
    for layers in (1, 2, 3):
        yield case(dict(C["tiny"], layers=layers), zh="层数不同", en="another number of layers")
    yield case(C["tiny"], tie=True, zh="tie=True", en="tie=True")
    for _ in range(10):
        heads = rng.choice([2, 4, 8])
        cfg = dict(
            vocab=rng.randint(50, 5000), hidden=heads * rng.choice([4, 16, 64]),
            layers=rng.randint(1, 40), heads=heads,
            kv_heads=rng.choice([n for n in (1, 2, 4) if n < heads]), inter=rng.randint(10, 999),
        )
        yield case(cfg, tie=rng.random() < 0.5, zh="随机的配置", en="a random configuration")

# %% wrong="count_params"
# zh: 漏了最后那个 RMSNorm
# en: the final RMSNorm is missing
def count_params(cfg, tie=False):
    h, d = cfg["hidden"], cfg["hidden"] // cfg["heads"]
    layer = h * (h + 2 * cfg["kv_heads"] * d) + h * h + 3 * h * cfg["inter"] + 2 * h
    return (2 - tie) * cfg["vocab"] * h + cfg["layers"] * layer

# %% wrong="count_params"
# zh: K 和 V 只有 kv_heads 个头，不是 heads 个
# en: K and V have only kv_heads heads, not heads
def count_params(cfg, tie=False):
    h = cfg["hidden"]
    layer = 4 * h * h + 3 * h * cfg["inter"] + 2 * h
    return (2 - tie) * cfg["vocab"] * h + cfg["layers"] * layer + h

# %% wrong="count_params"
# zh: SwiGLU 的 MLP 有三个矩阵，不是两个
# en: a SwiGLU MLP has three matrices, not two
def count_params(cfg, tie=False):
    h, d = cfg["hidden"], cfg["hidden"] // cfg["heads"]
    layer = h * (h + 2 * cfg["kv_heads"] * d) + h * h + 2 * h * cfg["inter"] + 2 * h
    return (2 - tie) * cfg["vocab"] * h + cfg["layers"] * layer + h

# %% wrong="count_params"
# zh: 不共用时有两个 V×h 的矩阵：嵌入和输出头
# en: without tie there are two matrices of V times h: embedding and head
def count_params(cfg, tie=False):
    h, d = cfg["hidden"], cfg["hidden"] // cfg["heads"]
    layer = h * (h + 2 * cfg["kv_heads"] * d) + h * h + 3 * h * cfg["inter"] + 2 * h
    return cfg["vocab"] * h + cfg["layers"] * layer + h

# %% wrong="count_params"
# zh: tie=True 时只剩一个 V×h 的矩阵
# en: tie=True should leave one matrix of V times h
def count_params(cfg, tie=False):
    h, d = cfg["hidden"], cfg["hidden"] // cfg["heads"]
    layer = h * (h + 2 * cfg["kv_heads"] * d) + h * h + 3 * h * cfg["inter"] + 2 * h
    return 2 * cfg["vocab"] * h + cfg["layers"] * layer + h

# %%
# zh: 请真的库来对账：transformers 在 meta 设备上搭出同样形状的模型，不占内存
# en: let a real library audit you: transformers builds the same shapes on the meta device
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course_lib.demo import needs

with needs("count_params"), torch.device("meta"):
    for name, c in C.items():
        shape = LlamaConfig(
            vocab_size=c["vocab"], hidden_size=c["hidden"], num_hidden_layers=c["layers"],
            num_attention_heads=c["heads"], num_key_value_heads=c["kv_heads"],
            intermediate_size=c["inter"], tie_word_embeddings=False)
        theirs = sum(p.numel() for p in LlamaForCausalLM(shape).parameters())
        print(f"{name:>5}: transformers {theirs:,}   yours {count_params(c):,}")

# %% [markdown] lang="zh"
"""
“7B”其实是 7.74B，其中 7.58 亿是两个嵌入矩阵。参数有了，显存只差两步：每个参数几**位**，8 位是一**字节**；1 GB = 10⁹ 字节，1 GiB = 2³⁰ 字节。营里的文字按 GB 算，`nvidia-smi` 和 `du -h` 按二进制单位显示，两者差 7 %，别混用。

`weight_bytes(n, bits)` 遇到负数要抛 `ValueError`；4 位时参数若是奇数个，就有半个字节，别取整。

<details><summary>提示</summary>

三个函数各一行，第一个前面多一句 `if ...: raise ValueError("...")`。除法用 `/`。

</details>
"""

# %% [markdown] lang="en"
"""
So "7B" is really 7.74B, and 758 million of it are the two embedding matrices. From there memory is two steps away: how many **bits** per parameter, and 8 bits are one **byte**; 1 GB = 10⁹ bytes, 1 GiB = 2³⁰ bytes. The camp's texts count in GB, `nvidia-smi` and `du -h` show binary units; they differ by 7 %, so don't mix them.

`weight_bytes(n, bits)` raises `ValueError` for a negative number; at 4 bits an odd count leaves half a byte, so don't round.

<details><summary>Hint</summary>

Three functions of one line; the first has an `if ...: raise ValueError("...")` before it. Divide with `/`.

</details>
"""

# %% exercise="weight_bytes" level=1 minutes=5 points=10
def weight_bytes(n: float, bits: int) -> float:
    """
    zh: n 个参数、每个 bits 位，共多少字节。
    en: Return the bytes of n parameters at bits bits each.
    """
    ### BEGIN SOLUTION
    if n < 0 or bits < 0:
        raise ValueError("parameters and bits cannot be negative")
    return n * bits / 8
    ### END SOLUTION


def to_gb(size: float) -> float:
    """
    zh: 字节换成 GB（10 的 9 次方）。
    en: Return bytes as GB (10 to the 9th).
    """
    ### BEGIN SOLUTION
    return size / 1e9
    ### END SOLUTION


def to_gib(size: float) -> float:
    """
    zh: 字节换成 GiB（2 的 30 次方）。
    en: Return bytes as GiB (2 to the 30th).
    """
    ### BEGIN SOLUTION
    return size / 2**30
    ### END SOLUTION

# %% check="weight_bytes"
check("weight_bytes", [
    case(7e9, 16, gives=14e9),
    case(14e9, fn="to_gb", gives=14.0),
    case(15475417088.0, fn="to_gib", gives=14.4126052856, zh="7B 的 16 位权重", en="7B at 16 bit"),
    case(7e9, 4, gives=3.5e9),
    case(70e9, 16, gives=140e9, zh="70B，不是 7B", en="70B, not 7B"),
    case(-1, 16, raises=ValueError),
])

# %% cases="weight_bytes"
def cases(rng):
    yield case(3, 4, zh="4 位，奇数个参数", en="4 bits, an odd count")
    yield case(0, 16, zh="0 个参数", en="no parameters")
    yield case(5, -8, zh="位数是负的", en="negative bits")
    yield case(-7e9, 4, zh="参数个数是负的", en="a negative count")
    yield case(2.0**30, fn="to_gib", zh="正好 1 GiB", en="exactly 1 GiB")
    yield case(2.0**30, fn="to_gb", zh="1 GiB 换成 GB", en="1 GiB in GB")
    for bits in (4, 8, 16, 32):
        yield case(rng.randrange(10**9, 10**11) * 2 + 1, bits, zh=f"{bits} 位", en=f"{bits} bits")
        size = float(rng.randrange(10**9, 10**12))
        yield case(size, fn="to_gb", zh="字节换成 GB", en="bytes to GB")
        yield case(size, fn="to_gib", zh="字节换成 GiB", en="bytes to GiB")

# %% wrong="weight_bytes"
# zh: 位不是字节：要除以 8
# en: bits are not bytes: divide by 8
def weight_bytes(n, bits):
    if n < 0 or bits < 0:
        raise ValueError
    return n * bits

# %% wrong="weight_bytes"
# zh: 忘了每个参数的字节数：7B 不等于 7 GB
# en: bytes per parameter forgotten: 7B is not 7 GB
def weight_bytes(n, bits):
    if n < 0 or bits < 0:
        raise ValueError
    return n

# %% wrong="weight_bytes"
# zh: GiB 要除以 2**30，不是 10**9
# en: GiB divides by 2**30, not by 10**9
def to_gib(size):
    return size / 1e9

# %% wrong="weight_bytes"
# zh: GB 要除以 10**9，不是 2**30
# en: GB divides by 10**9, not by 2**30
def to_gb(size):
    return size / 2**30

# %% wrong="weight_bytes"
# zh: 半个字节被舍掉了；用 /，不要用 //
# en: half a byte was cut off; divide with /, not //
def weight_bytes(n, bits):
    if n < 0 or bits < 0:
        raise ValueError
    return n * bits // 8

# %% wrong="weight_bytes"
# zh: 个数或位数为负时要抛 ValueError
# en: a negative count or negative bits should raise ValueError
def weight_bytes(n, bits):
    return n * bits / 8

# %%
# zh: 拖一拖：8 GB 的切片放得下哪些？20B 至少要压到几位才进得了 24 GB？
# zh: （真实的 4 位 7B 是 4.79 GiB，因为嵌入和输出头仍是 16 位：LMDeploy 一课会算。）
# en: drag: what fits 8 GB? how few bits bring 20B into 24 GB?
# en: (a real 4-bit 7B is 4.79 GiB, for embedding and head stay at 16 bits: see the LMDeploy lesson)
from course_lib.intro.sliders import weights_slider

weights_slider()

# %% [markdown] lang="zh"
"""
**进阶。** 下载之前先读懂名字。`parse_model_name(name)` 返回五项：`version`（字符串，`internlm` 后没有数字就是 `"1"`）、`size_b`（浮点，单位十亿）、`kind`、`ctx_1m`、`raw`。

- 丢掉斜杠前的组织名，大小写不计；数字里的 `_` 是小数点。
- 有 `chat` 或 `instruct` 则 `kind="chat"`，有 `reward` 则 `"reward"`，否则 `"base"`。
- 有单独的 `base` 则 `raw=True`（InternLM2-Base 是另发的、更原始的版本）；有 `1m` 则 `ctx_1m=True`。
- 不是 `internlm` 家的，抛 `ValueError`。

常见的错法：把第二段当尺寸。为什么错？看检查里的第二个名字。

<details><summary>提示</summary>

`name.split("/")[-1].lower().split("-")` 之后逐段用 `re.fullmatch` 认。小心：Python 里 `float("1_8")` 等于 18.0！

</details>
"""

# %% [markdown] lang="en"
"""
**Advanced.** Read the name before you download. `parse_model_name(name)` returns five things: `version` (a string, `"1"` when no number follows `internlm`), `size_b` (a float, in billions), `kind`, `ctx_1m`, `raw`.

- Drop the organisation before the slash; case does not matter; `_` inside a number is a decimal point.
- With `chat` or `instruct`, `kind="chat"`; with `reward`, `"reward"`; otherwise `"base"`.
- A token `base` sets `raw=True` (InternLM2-Base is a separate, rawer release); a token `1m` sets `ctx_1m=True`.
- Any other family raises `ValueError`.

A common wrong attempt: the second part is the size. Why is it wrong? Look at the second name in the check.

<details><summary>Hint</summary>

Start from `name.split("/")[-1].lower().split("-")` and recognise each part with `re.fullmatch`. Beware: in Python `float("1_8")` is 18.0!

</details>
"""

# %% exercise="parse_model_name" level=2 minutes=12 points=8
import re


def parse_model_name(name: str) -> dict:
    """
    zh: 读出模型名里的 version、size_b、kind、ctx_1m、raw。
    en: Read version, size_b, kind, ctx_1m and raw from a model's name.
    """
    ### BEGIN SOLUTION
    family, *parts = name.split("/")[-1].lower().split("-")
    version = re.fullmatch(r"internlm(\d+(?:_\d+)?)?", family)
    sizes = [match[1] for part in parts if (match := re.fullmatch(r"(\d+(?:_\d+)?)b", part))]
    if version is None or not sizes:
        raise ValueError(f"not an InternLM model: {name}")
    chat = "chat" in parts or "instruct" in parts
    return {
        "version": (version[1] or "1").replace("_", "."),
        "size_b": float(sizes[0].replace("_", ".")),
        "kind": "chat" if chat else "reward" if "reward" in parts else "base",
        "ctx_1m": "1m" in parts,
        "raw": "base" in parts,
    }
    ### END SOLUTION

# %% check="parse_model_name"
check("parse_model_name", [
    case("internlm/internlm2_5-7b-chat-1m", gives={
        "version": "2.5", "size_b": 7.0, "kind": "chat", "ctx_1m": True, "raw": False}),
    case("internlm2-chat-1_8b", gives={
        "version": "2", "size_b": 1.8, "kind": "chat", "ctx_1m": False, "raw": False}),
    case("internlm-20b", gives={
        "version": "1", "size_b": 20.0, "kind": "base", "ctx_1m": False, "raw": False}),
    case("internlm3-8b-instruct", gives={
        "version": "3", "size_b": 8.0, "kind": "chat", "ctx_1m": False, "raw": False}),
    case("internlm2-base-7b", gives={
        "version": "2", "size_b": 7.0, "kind": "base", "ctx_1m": False, "raw": True}),
    case("qwen2-7b", raises=ValueError),
])

# %% cases="parse_model_name"
def cases(rng):
    yield case("internlm2_5-1_8b-chat", zh="尺寸在前，chat 在后", en="size first, chat after")
    yield case("internlm2-chat-20b-sft", zh="结尾有 -sft", en="ends in -sft")
    yield case("InternLM/InternLM2_5-20B-Chat", zh="有大写字母", en="capital letters")
    yield case("internlm2-1_8b-reward", zh="奖励模型", en="a reward model")
    yield case("qwen2-7b", zh="别家的模型", en="another family")
    yield case("someone/llama3-8b-instruct", zh="别家的模型", en="another family")
    yield case("internlm2_5-7b-chat", zh="2.5，但不是 1M", en="2.5, but not 1M")
    for _ in range(8):
        version = rng.choice(["", "2", "2_5", "3", "4_1"])
        parts = [rng.choice(["1_8b", "7b", "20b", "0_5b", "102b"])]
        parts += rng.choice([[], ["chat"], ["instruct"], ["reward"], ["base"], ["chat", "1m"]])
        if parts[-1] in ("chat", "base"):
            rng.shuffle(parts)
        yield case("-".join([f"internlm{version}", *parts]), zh="另一种组合", en="another mix")

# %% wrong="parse_model_name"
# zh: Python 里 float 读 1_8 得 18；先把 _ 换成小数点
# en: float of 1_8 is 18 in Python; turn _ into a point first
def parse_model_name(name):
    family, *parts = name.split("/")[-1].lower().split("-")
    version = re.fullmatch(r"internlm(\d+(?:_\d+)?)?", family)
    if version is None:
        raise ValueError(name)
    size = next(float(p[:-1]) for p in parts if re.fullmatch(r"[\d_]+b", p))
    chat = "chat" in parts or "instruct" in parts
    return {"version": (version[1] or "1").replace("_", "."), "size_b": size,
            "kind": "chat" if chat else "reward" if "reward" in parts else "base",
            "ctx_1m": "1m" in parts, "raw": "base" in parts}

# %% wrong="parse_model_name"
# zh: 不是所有 2.5 都能读 1M；要看名字里有没有 1m
# en: not all of 2.5 reads 1M tokens; look for the token 1m
def parse_model_name(name):
    family, *parts = name.split("/")[-1].lower().split("-")
    version = re.fullmatch(r"internlm(\d+(?:_\d+)?)?", family)
    if version is None:
        raise ValueError(name)
    size = next(float(p[:-1].replace("_", ".")) for p in parts if re.fullmatch(r"[\d_]+b", p))
    chat = "chat" in parts or "instruct" in parts
    return {"version": (version[1] or "1").replace("_", "."), "size_b": size,
            "kind": "chat" if chat else "reward" if "reward" in parts else "base",
            "ctx_1m": version[1] == "2_5", "raw": "base" in parts}

# %% wrong="parse_model_name"
# zh: 尺寸不一定是名字的第二段
# en: the size is not always the second part of the name
def parse_model_name(name):
    family, *parts = name.split("/")[-1].lower().split("-")
    version = re.fullmatch(r"internlm(\d+(?:_\d+)?)?", family)
    if version is None:
        raise ValueError(name)
    size = float(parts[0].replace("_", ".").removesuffix("b"))
    chat = "chat" in parts or "instruct" in parts
    return {"version": (version[1] or "1").replace("_", "."), "size_b": size,
            "kind": "chat" if chat else "reward" if "reward" in parts else "base",
            "ctx_1m": "1m" in parts, "raw": "base" in parts}

# %% wrong="parse_model_name"
# zh: 别家的模型要抛 ValueError
# en: other families should raise ValueError
def parse_model_name(name):
    family, *parts = name.split("/")[-1].lower().split("-")
    version = re.search(r"\d+(?:_\d+)?", family)
    size = next(float(p[:-1].replace("_", ".")) for p in parts if re.fullmatch(r"[\d_]+b", p))
    chat = "chat" in parts or "instruct" in parts
    return {"version": version[0].replace("_", ".") if version else "1", "size_b": size,
            "kind": "chat" if chat else "reward" if "reward" in parts else "base",
            "ctx_1m": "1m" in parts, "raw": "base" in parts}

# %% wrong="parse_model_name"
# zh: 名字可能有大写字母；先转成小写
# en: names may have capital letters; lower them first
def parse_model_name(name):
    family, *parts = name.split("/")[-1].split("-")
    version = re.fullmatch(r"internlm(\d+(?:_\d+)?)?", family)
    if version is None:
        raise ValueError(name)
    size = next(float(p[:-1].replace("_", ".")) for p in parts if re.fullmatch(r"[\d_]+b", p))
    chat = "chat" in parts or "instruct" in parts
    return {"version": (version[1] or "1").replace("_", "."), "size_b": size,
            "kind": "chat" if chat else "reward" if "reward" in parts else "base",
            "ctx_1m": "1m" in parts, "raw": "base" in parts}

# %% quiz="context_1m"
quiz(
    zh="InternLM2.5 里，哪个模型号称能读一百万词元？",
    en="Which InternLM2.5 model claims to read a million tokens?",
    choices=[
        choice(
            zh="三个尺寸的 Chat 都行", en="the Chat model of every size",
            why_zh="很多笔记这么抄。1.8B 和 20B 没有 1M 版。",
            why_en="Many notes copy this. There is no 1M variant of 1.8B and 20B.",
        ),
        choice(
            zh="只有 7B-Chat-1M", en="only 7B-Chat-1M", right=True,
            why_zh="名字里带 1m 的只有这一个。",
            why_en="It is the only name with 1m in it.",
        ),
        choice(
            zh="20B，因为它最大", en="20B, because it is the largest",
            why_zh="上下文长度靠训练，不靠个头；个头大，KV 缓存反而更贵。",
            why_en="Context comes from training, not from size; a larger one only pays more for KV.",
        ),
    ],
)

# %% [markdown] lang="zh"
"""
## 一百万词元，要花多少显存？

先管住单位：“一百万**字**”、million **words**、1M **tokens** 是三个不同的数。官方各处写法不一（英文模型卡写 word，长文本页和训练营公告写词元），本课一律用**词元**。

模型读过的每个词元，都在每一层留下一份 K 和一份 V：2 × 层数 × KV 头数 × 头维度 × 2 字节。7B 若按 32 个查询头算，一百万（2²⁰）词元要 512 GiB。错在哪？它用 GQA，存 K、V 的只有 8 个头：每词元 128 KiB，共 **128 GiB**，仍是权重的近九倍。
"""

# %% [markdown] lang="en"
"""
## What does a million tokens cost?

Units first: a million **characters**, **words** and **tokens** are three different numbers. The official texts disagree (the English card says words, the long-context page and the camp's announcement say tokens); here it is always **tokens**.

Every token that a model has read leaves one K and one V in each layer: 2 × layers × KV heads × head dimension × 2 bytes. With 7B's 32 query heads, a million (2²⁰) tokens would take 512 GiB. What is wrong? It has GQA, and only 8 heads keep K and V: 128 KiB per token, **128 GiB** in all, still almost nine times the weights.
"""

# %%
# zh: 拖一拖：7B 的权重加 KV，在 80 GB 里最多放多长？关掉 GQA 再看
# en: drag: how long a context fits 80 GB beside the weights of 7B? switch GQA off and look again
from course_lib.intro.sliders import context_slider

context_slider()

# %% [markdown] lang="zh"
"""
装得下，不等于读得到。**大海捞针**（NIAH）的办法很直接：把一句话（针）藏进长文的某个深度，再问它。深度 0 % 是开头，100 % 是结尾。这题造“草堆”，规则同 OpenCompass 的 NeedleBench：

- `insert_needle`：填充词元最多 `length − buffer − len(needle)` 个（不够减就是 0），取 `tokens` 的前面一段；位置是 `int(填充数 × 深度 / 100)`；返回（新列表，位置）。
- `niah_grid(lengths, n_depth)`：所有（长度，深度）组合，长度在外层；深度从 0 到 100 均匀取 `n_depth` 个浮点数，只取一个时是 0.0。

<details><summary>提示</summary>

位置按**截短后**的填充算。第 i 个深度是 `100 * i / (n_depth - 1)`，`n_depth` 为 1 时另说。

</details>
"""

# %% [markdown] lang="en"
"""
Fitting in memory is not the same as being read. **Needle in a haystack** (NIAH) is a blunt test: hide one sentence, the needle, at some depth of a long text and ask for it. Depth 0 % is the start, 100 % the end. Here you build the haystack, by the rules of OpenCompass's NeedleBench:

- `insert_needle`: at most `length − buffer − len(needle)` filler tokens (0 if that is negative), the first ones of `tokens`; the position is `int(fillers × depth / 100)`; return (new list, position).
- `niah_grid(lengths, n_depth)`: all (length, depth) pairs, length outermost; `n_depth` floats spread evenly from 0 to 100, and 0.0 when there is only one.

<details><summary>Hint</summary>

The position counts in the filler **after** cutting. Depth number i is `100 * i / (n_depth - 1)`; mind `n_depth` = 1.

</details>
"""

# %% exercise="insert_needle" level=2 minutes=10 points=10
def insert_needle(
    tokens: list, needle: list, depth_percent: float, length: int, buffer: int = 0
) -> tuple[list, int]:
    """
    zh: 把 needle 藏进 tokens，总长不超过 length − buffer；返回（新列表，位置）。
    en: Hide needle in tokens, length − buffer at most in all; return (new list, position).
    """
    ### BEGIN SOLUTION
    filler = tokens[: max(length - buffer - len(needle), 0)]
    position = int(len(filler) * depth_percent / 100)
    return filler[:position] + needle + filler[position:], position
    ### END SOLUTION


def niah_grid(lengths: list, n_depth: int) -> list:
    """
    zh: 返回所有（长度，深度）。
    en: Return all (length, depth) pairs.
    """
    ### BEGIN SOLUTION
    depths = [100 * i / (n_depth - 1) for i in range(n_depth)] if n_depth > 1 else [0.0]
    return [(length, depth) for length in lengths for depth in depths]
    ### END SOLUTION

# %% check="insert_needle"
letters = list("abcdefghij")
check("insert_needle", [
    case(letters, ["N"], 50, 8, gives=(["a", "b", "c", "N", "d", "e", "f", "g"], 3)),
    case(letters, ["N", "M"], 100, 8, buffer=1, gives=(["a", "b", "c", "d", "e", "N", "M"], 5)),
    case(["a", "b"], ["N"], 0, 50, gives=(["N", "a", "b"], 0)),
    case([1000, 2000], 3, fn="niah_grid", gives=[
        (1000, 0.0), (1000, 50.0), (1000, 100.0), (2000, 0.0), (2000, 50.0), (2000, 100.0)]),
])

# %% cases="insert_needle"
def cases(rng):
    text = [rng.choice("abcdefgh") for _ in range(60)]
    yield case(text, ["N", "M"], 0, 20, zh="深度 0", en="depth 0")
    yield case(text, ["N", "M"], 100, 20, zh="深度 100", en="depth 100")
    yield case(text, list("NEEDLE"), 50, 4, zh="针比预算还长", en="a needle longer than the budget")
    yield case(text[:5], ["N"], 50, 99, zh="填充不够长", en="too little filler")
    yield case([1000, 4000], 1, fn="niah_grid", zh="只有一个深度", en="a single depth")
    yield case([], 3, fn="niah_grid", zh="没有长度", en="no lengths")
    yield case([500, 1000], 9, fn="niah_grid", zh="九个深度", en="nine depths")
    yield case([8], 2, fn="niah_grid", zh="两个深度", en="two depths")
    for _ in range(12):
        needle = ["N"] * rng.randint(1, 4)
        depth = rng.choice([0, 12.5, 25, 37.5, 50, 62.5, 75, 87.5, 100])
        yield case(text, needle, depth, rng.randint(10, 50), buffer=rng.choice([0, 0, 1, 5]),
                   zh="随机的深度、长度和 buffer", en="random depth, length and buffer")

# %% wrong="insert_needle"
# zh: 针也占地方：要减去它的长度
# en: the needle takes room too: subtract its length
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    filler = tokens[: max(length - buffer, 0)]
    at = int(len(filler) * depth_percent / 100)
    return filler[:at] + needle + filler[at:], at

# %% wrong="insert_needle"
# zh: 没有减去 buffer
# en: buffer was not subtracted
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    filler = tokens[: max(length - len(needle), 0)]
    at = int(len(filler) * depth_percent / 100)
    return filler[:at] + needle + filler[at:], at

# %% wrong="insert_needle"
# zh: 位置用 int 截断，不要四舍五入
# en: cut with int, do not round
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    filler = tokens[: max(length - buffer - len(needle), 0)]
    at = round(len(filler) * depth_percent / 100)
    return filler[:at] + needle + filler[at:], at

# %% wrong="insert_needle"
# zh: 位置按截短后的填充算，不是按全部词元算
# en: the position counts in the filler after cutting, not in all tokens
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    filler = tokens[: max(length - buffer - len(needle), 0)]
    at = int(len(tokens) * depth_percent / 100)
    return filler[:at] + needle + filler[at:], at

# %% wrong="insert_needle"
# zh: 深度 0 是开头，100 是结尾，你弄反了
# en: depth 0 is the start of the text, 100 its end
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    filler = tokens[: max(length - buffer - len(needle), 0)]
    at = int(len(filler) * (100 - depth_percent) / 100)
    return filler[:at] + needle + filler[at:], at

# %% wrong="insert_needle"
# zh: 预算成了负数，切片就从末尾切；至少取 0
# en: a negative budget cuts from the end; take at least 0
def insert_needle(tokens, needle, depth_percent, length, buffer=0):
    filler = tokens[: length - buffer - len(needle)]
    at = int(len(filler) * depth_percent / 100)
    return filler[:at] + needle + filler[at:], at

# %% wrong="insert_needle"
# zh: 网格里没有深度 100
# en: depth 100 is missing from the grid
def niah_grid(lengths, n_depth):
    return [(length, 100 * i / n_depth) for length in lengths for i in range(n_depth)]

# %% wrong="insert_needle"
# zh: 长度应当在外层循环
# en: go through the lengths in the outer loop
def niah_grid(lengths, n_depth):
    depths = [100 * i / (n_depth - 1) for i in range(n_depth)] if n_depth > 1 else [0.0]
    return [(length, depth) for depth in depths for length in lengths]

# %% wrong="insert_needle"
# zh: 只有一个深度时除以了零
# en: with one depth you divide by zero
def niah_grid(lengths, n_depth):
    return [(n, 100 * i / (n_depth - 1)) for n in lengths for i in range(n_depth)]

# %% [markdown] lang="zh"
"""
**进阶。** 捞没捞到，怎么打分？OpenCompass 的规则改过，两版的热力图不能放在一起比：

- 两版都是：**原样的**回答里有关键词，得 100。
- 没有时，`v2`（现在）得 0。
- 没有时，`v1`（营里 0.2.4）看像不像：去掉回答和针里的所有空白，得 0.2 × 100 ×（1 − 编辑距离 / 较长者的长度）；两边都空算完全一样。

别的 `version` 抛 `ValueError`。编辑距离用下面导入的 `Levenshtein.distance(a, b)`。

<details><summary>提示</summary>

`"".join(text.split())` 去掉所有空白。除之前先想想分母是 0 怎么办。

</details>
"""

# %% [markdown] lang="en"
"""
**Advanced.** How is a find scored? OpenCompass changed its rule, and heat maps made under different rules cannot be compared:

- Both: the keyword stands in the answer **as written**, 100.
- If not, `v2` (now) gives 0.
- If not, `v1` (0.2.4, the camp's) looks at likeness: remove all white space from answer and needle, then 0.2 × 100 × (1 − edit distance / length of the longer one); two empty texts count as alike.

Another `version` raises `ValueError`. For the edit distance take `Levenshtein.distance(a, b)`, imported below.

<details><summary>Hint</summary>

`"".join(text.split())` removes all white space. Before you divide, think of a divisor of 0.

</details>
"""

# %% exercise="niah_score" level=2 minutes=10 points=8
from rapidfuzz.distance import Levenshtein


def niah_score(pred: str, needle: str, keyword: str, version: str = "v2") -> float:
    """
    zh: 按 version 的规则给一次捞针打分，0 到 100。
    en: Score one find by the rule of version, from 0 to 100.
    """
    ### BEGIN SOLUTION
    if version not in ("v1", "v2"):
        raise ValueError(f"unknown version {version}")
    if keyword in pred:
        return 100.0
    if version == "v2":
        return 0.0
    answer, wanted = "".join(pred.split()), "".join(needle.split())
    longest = max(len(answer), len(wanted))
    share = Levenshtein.distance(answer, wanted) / longest if longest else 0.0
    return 0.2 * 100 * (1 - share)
    ### END SOLUTION

# %% check="niah_score"
hidden_needle = "小明最喜欢的星座是大熊座"
check("niah_score", [
    case("答案是 大熊座", hidden_needle, "大熊座", gives=100.0),
    case("不知道", hidden_needle, "大熊座", gives=0.0),
    case("小明最喜欢的星座是小熊座", hidden_needle, "大熊座", "v1", gives=18.3333333333),
    case("不知道", hidden_needle, "大熊座", "v1", gives=0.0),
    case("不知道", hidden_needle, "大熊座", "v3", raises=ValueError),
])

# %% cases="niah_score"
def cases(rng):
    needle, key = "the code of the vault is 7316", "7316"
    yield case("", needle, key, zh="回答是空的，v2", en="an empty answer, v2")
    yield case("", needle, key, "v1", zh="回答是空的，v1", en="an empty answer, v1")
    yield case("", "", key, "v1", zh="回答和针都空，v1", en="answer and needle both empty, v1")
    yield case("it is 73 16", needle, key, zh="关键词被空格隔开", en="the keyword split by a space")
    yield case("it is 73 16", needle, key, "v1", zh="关键词被空格隔开", en="keyword split by a space")
    yield case("code: 7316!", needle, key, "v1", zh="v1，捞到了", en="v1, found")
    yield case(needle, needle, "9999", zh="v2，照抄了针，但没有关键词", en="v2, parroted, no keyword")
    yield case("the code  of the\nvault is 7361", needle, key, "v1", zh="多余的空白", en="extra space")
    yield case("I think that " + needle[:-4] + "1234, or is it?", needle, key, "v1",
               zh="回答比针长", en="an answer longer than the needle")
    yield case("?", needle, key, "v3", zh="没有这个版本", en="an unknown version")
    for _ in range(8):
        answer = "".join(rng.choice("the code vault 731") for _ in range(rng.randint(1, 40)))
        yield case(answer, needle, key, rng.choice(["v1", "v1", "v2"]), zh="随机的回答", en="random")

# %% wrong="niah_score"
# zh: 关键词要在原样的回答里找，不能先去空白
# en: look for the keyword in the answer as written, before removing spaces
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    answer, wanted = "".join(pred.split()), "".join(needle.split())
    if keyword in answer:
        return 100.0
    longest = max(len(answer), len(wanted))
    share = Levenshtein.distance(answer, wanted) / longest if longest else 0.0
    return 0.0 if version == "v2" else 20 * (1 - share)

# %% wrong="niah_score"
# zh: v1 漏了系数 0.2
# en: the factor 0.2 of v1 is missing
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    if keyword in pred:
        return 100.0
    answer, wanted = "".join(pred.split()), "".join(needle.split())
    longest = max(len(answer), len(wanted))
    share = Levenshtein.distance(answer, wanted) / longest if longest else 0.0
    return 0.0 if version == "v2" else 100 * (1 - share)

# %% wrong="niah_score"
# zh: v1 没有关键词时不是 0 分，要算像不像
# en: without the keyword v1 does not give 0, it measures likeness
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    return 100.0 if keyword in pred else 0.0

# %% wrong="niah_score"
# zh: v2 没有关键词就是 0 分；像不像只在 v1 里算
# en: v2 gives nothing without the keyword; likeness counts in v1 only
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    if keyword in pred:
        return 100.0
    answer, wanted = "".join(pred.split()), "".join(needle.split())
    longest = max(len(answer), len(wanted))
    return 20 * (1 - (Levenshtein.distance(answer, wanted) / longest if longest else 0.0))

# %% wrong="niah_score"
# zh: 要除以两者中较长的长度，不是针的长度
# en: divide by the longer of the two lengths, not by the needle's
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    if keyword in pred or version == "v2":
        return 100.0 if keyword in pred else 0.0
    answer, wanted = "".join(pred.split()), "".join(needle.split())
    return 20 * (1 - (Levenshtein.distance(answer, wanted) / len(wanted) if wanted else 0.0))

# %% wrong="niah_score"
# zh: 算编辑距离之前要先去掉空白
# en: remove the white space before measuring the distance
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    if keyword in pred or version == "v2":
        return 100.0 if keyword in pred else 0.0
    longest = max(len(pred), len(needle))
    return 20 * (1 - (Levenshtein.distance(pred, needle) / longest if longest else 0.0))

# %% wrong="niah_score"
# zh: 两边都空时除以了零；应当算完全一样，v1 得 20
# en: two empty texts divide by zero; they count as alike, 20 in v1
def niah_score(pred, needle, keyword, version="v2"):
    if version not in ("v1", "v2"):
        raise ValueError(version)
    if keyword in pred or version == "v2":
        return 100.0 if keyword in pred else 0.0
    answer, wanted = "".join(pred.split()), "".join(needle.split())
    return 20 * (1 - Levenshtein.distance(answer, wanted) / max(len(answer), len(wanted)))

# %%
# zh: 阅读器很简单：只看得见最后 2000 个词元，答和问题最像的那一句（这里一个汉字算一个词元）
# en: a very simple reader: it sees the last 2000 tokens and answers with the sentence most like
# en: the question (a token is a word here)
from course_lib.intro.haystack import haystack
from course_lib.intro.needle import Reader, run
from course_lib.plots import heat_maps

stack, reader = haystack(), Reader(window=2000)
with needs("insert_needle", "niah_score"):
    grid = niah_grid([500, 1000, 2000, 3000, 4000, 6000], 9)
    maps = {}
    for rule in ("v1", "v2"):
        maps[f"rule {rule}"] = run(reader, stack, grid, insert_needle, niah_score, rule)
    display(heat_maps(maps))

# %% [markdown] lang="zh"
"""
红色三角就是窗口的影子：文章一长，开头就掉出了视野。阅读器只好答草堆里那句“小红最喜欢的星座是小熊座”：`v1` 因为像而给分，`v2` 给 0。同一个阅读器，换个规则，图就不一样。

### ✏️

图要变成数才好比较。`niah_summary(cells)` 里 `cells` 是 `{(长度, 深度): 分数}`，返回字典：`by_length`、`by_depth` 是各长度、各深度的均分，`overall` 是**所有格子**的均分，都保留 4 位小数；`worst` 是分数最低的格子，并列取键最小的。

<details><summary>提示</summary>

`min(cells, key=lambda key: (cells[key], key))` 一句就解决并列。

</details>
"""

# %% [markdown] lang="en"
"""
The red triangle is the shadow of the window: as the text grows, its start drops out of sight. Then the reader answers with the haystack's "Hong's favourite constellation is Ursa Minor": `v1` pays for the likeness, `v2` gives 0. The same reader, another rule, another picture.

### ✏️

To compare pictures, make them numbers. In `niah_summary(cells)`, `cells` is `{(length, depth): score}`; return a dict: `by_length` and `by_depth` are the means per length and per depth, `overall` is the mean of **all cells**, each rounded to 4 decimals; `worst` is the cell with the lowest score, the smallest key among equals.

<details><summary>Hint</summary>

`min(cells, key=lambda key: (cells[key], key))` settles the ties in one go.

</details>
"""

# %% exercise="niah_summary" level=1 minutes=8 points=8
def niah_summary(cells: dict) -> dict:
    """
    zh: 汇总一张热力图：by_length、by_depth、overall、worst。
    en: Sum up a heat map: by_length, by_depth, overall, worst.
    """
    ### BEGIN SOLUTION
    def means(axis):
        groups = {}
        for key, score in cells.items():
            groups.setdefault(key[axis], []).append(score)
        return {key: round(sum(found) / len(found), 4) for key, found in groups.items()}

    return {
        "by_length": means(0),
        "by_depth": means(1),
        "overall": round(sum(cells.values()) / len(cells), 4),
        "worst": min(cells, key=lambda key: (cells[key], key)),
    }
    ### END SOLUTION

# %% check="niah_summary"
check("niah_summary", [
    case({(1000, 0): 100, (1000, 50): 100, (2000, 0): 100, (2000, 50): 0}, gives={
        "by_length": {1000: 100.0, 2000: 50.0}, "by_depth": {0: 100.0, 50: 50.0},
        "overall": 75.0, "worst": (2000, 50)}),
    case({(4, 0.0): 100.0}, gives={
        "by_length": {4: 100.0}, "by_depth": {0.0: 100.0}, "overall": 100.0, "worst": (4, 0.0)}),
    case({(1, 0): 0, (1, 100): 0, (2, 0): 50, (2, 100): 100}, gives={
        "by_length": {1: 0.0, 2: 75.0}, "by_depth": {0: 25.0, 100: 50.0},
        "overall": 37.5, "worst": (1, 0)}),
])

# %% cases="niah_summary"
def cases(rng):
    yield case({(1, 0): 100, (1, 50): 100, (1, 100): 100, (2, 0): 0},
               zh="各长度的格子数不同", en="unequal numbers of cells")
    yield case({(1, 0): 100, (1, 50): 0, (1, 100): 0}, zh="除不尽", en="a mean that does not end")
    yield case({(9, 50): 0, (9, 0): 0, (3, 100): 0}, zh="并列最低，次序打乱", en="ties, out of order")
    yield case({(1, 0): 100.0, (2, 0): 100.0}, zh="全是满分", en="all perfect")
    for _ in range(10):
        keys = [(n, d) for n in (500, 1000, 4000) for d in (0.0, 25.0, 50.0, 100.0)]
        found = rng.sample(keys, rng.randint(5, 12))
        yield case({key: round(rng.choice([0, 100, rng.uniform(0, 20)]), 3) for key in found},
                   zh="随机的热力图", en="a random heat map")

# %% wrong="niah_summary"
# zh: overall 是所有格子的均分，不是均分的均分
# en: overall is the mean of all cells, not the mean of the means
def niah_summary(cells):
    def means(axis):
        keys = dict.fromkeys(key[axis] for key in cells)
        found = {k: [v for key, v in cells.items() if key[axis] == k] for k in keys}
        return {k: round(sum(v) / len(v), 4) for k, v in found.items()}
    lengths = means(0)
    return {"by_length": lengths, "by_depth": means(1),
            "overall": round(sum(lengths.values()) / len(lengths), 4),
            "worst": min(cells, key=lambda key: (cells[key], key))}

# %% wrong="niah_summary"
# zh: 分数并列时，worst 取最小的键
# en: among equal scores worst is the smallest key
def niah_summary(cells):
    def means(axis):
        keys = dict.fromkeys(key[axis] for key in cells)
        found = {k: [v for key, v in cells.items() if key[axis] == k] for k in keys}
        return {k: round(sum(v) / len(v), 4) for k, v in found.items()}
    return {"by_length": means(0), "by_depth": means(1),
            "overall": round(sum(cells.values()) / len(cells), 4),
            "worst": max(cells, key=lambda key: (-cells[key], key))}

# %% wrong="niah_summary"
# zh: worst 是最低分的格子，不是最高分的
# en: worst is the lowest score, not the highest
def niah_summary(cells):
    def means(axis):
        keys = dict.fromkeys(key[axis] for key in cells)
        found = {k: [v for key, v in cells.items() if key[axis] == k] for k in keys}
        return {k: round(sum(v) / len(v), 4) for k, v in found.items()}
    return {"by_length": means(0), "by_depth": means(1),
            "overall": round(sum(cells.values()) / len(cells), 4),
            "worst": min(cells, key=lambda key: (-cells[key], key))}

# %% wrong="niah_summary"
# zh: 均分要保留 4 位小数
# en: round the means to 4 decimals
def niah_summary(cells):
    def means(axis):
        keys = dict.fromkeys(key[axis] for key in cells)
        found = {k: [v for key, v in cells.items() if key[axis] == k] for k in keys}
        return {k: sum(v) / len(v) for k, v in found.items()}
    return {"by_length": means(0), "by_depth": means(1),
            "overall": sum(cells.values()) / len(cells),
            "worst": min(cells, key=lambda key: (cells[key], key))}

# %% wrong="niah_summary"
# zh: by_length 和 by_depth 弄反了：键是（长度，深度）
# en: by_length and by_depth are swapped: a key is (length, depth)
def niah_summary(cells):
    def means(axis):
        keys = dict.fromkeys(key[axis] for key in cells)
        found = {k: [v for key, v in cells.items() if key[axis] == k] for k in keys}
        return {k: round(sum(v) / len(v), 4) for k, v in found.items()}
    return {"by_length": means(1), "by_depth": means(0),
            "overall": round(sum(cells.values()) / len(cells), 4),
            "worst": min(cells, key=lambda key: (cells[key], key))}

# %%
# zh: 换成窗口无限大的阅读器：一根针全绿。再问一个要把两句话连起来的问题
# en: now a reader with a window without end: one needle, all green; then a question that needs
# en: two sentences together
with needs("insert_needle", "niah_score", "niah_summary"):
    grid = niah_grid([500, 1000, 2000, 3000, 4000, 6000], 9)
    for two_step, question in ((False, stack.question), (True, stack.two_step_question)):
        cells = run(Reader(10**6), stack, grid, insert_needle, niah_score, two_step=two_step)
        print(f"{niah_summary(cells)['overall']:6.2f}  {question}")

# %% [markdown] lang="zh"
"""
## 数据飞轮：模型教模型

捞针全绿，两步问题却只能碰运气：**NIAH 满分不证明会推理**，所以 NeedleBench 另有多针和推理任务。

数据这头也有同样的诱惑：让模型自己写数据，再拿去训练下一代。最省事的做法是照单全收。等你写好下面的筛子，一个小小的计数模型会真的转 16 圈：全收的那条线几乎不动，因为对的错的一起增多。所以得先筛。

### ✏️

**进阶。** `self_consistency_filter(samples, min_ratio=0.5)`：每个样本是 `{"question", "answers"}`。

- 答案去掉首尾空白后投票，并列取字符串最小的；票数占比**大于** `min_ratio` 才留下。
- 问题和**已留下的**重复就跳过（不计大小写，连续空白当一个空格，首尾空白不计）；没有答案的跳过。
- 返回 `[(问题, 答案)]`，次序不变，问题去掉首尾空白。

<details><summary>提示</summary>

`collections.Counter` 数票；去重的键用 `" ".join(q.split()).casefold()`，真的留下时才记进集合。

</details>
"""

# %% [markdown] lang="en"
"""
## The data flywheel: a model teaches a model

All green for one needle, yet the two-step question is answered by luck only: **a perfect NIAH does not prove reasoning**, which is why NeedleBench adds several needles and reasoning tasks.

Data have a temptation of the same kind: let the model write data, then train the next one on them. The lazy way keeps everything. Once you have written the filter below, a tiny counting model will really turn 16 times: the line that keeps everything hardly moves, for right and wrong grow together. So filter first.

### ✏️

**Advanced.** `self_consistency_filter(samples, min_ratio=0.5)`: each sample is `{"question", "answers"}`.

- The answers, stripped, take a vote; among equals the smallest string wins; keep it if its share is **greater** than `min_ratio`.
- Skip a question that repeats one **already kept** (case does not count, runs of white space are one space, ends are stripped); skip one without answers.
- Return `[(question, answer)]` in order, questions stripped.

<details><summary>Hint</summary>

`collections.Counter` counts the votes; for duplicates use `" ".join(q.split()).casefold()`, and put it into the set only when you keep the question.

</details>
"""

# %% exercise="self_consistency_filter" level=3 minutes=15 points=8
def self_consistency_filter(samples: list, min_ratio: float = 0.5) -> list:
    """
    zh: 留下多数答案够一致、且不重复的问题。
    en: Keep the questions whose answers agree enough and that are no duplicates.
    """
    ### BEGIN SOLUTION
    from collections import Counter

    kept, seen = [], set()
    for sample in samples:
        votes = Counter(answer.strip() for answer in sample["answers"])
        key = " ".join(sample["question"].split()).casefold()
        if not votes or key in seen:
            continue
        best = min(votes, key=lambda answer: (-votes[answer], answer))
        if votes[best] / votes.total() > min_ratio:
            seen.add(key)
            kept.append((sample["question"].strip(), best))
    return kept
    ### END SOLUTION

# %% check="self_consistency_filter"
check("self_consistency_filter", [
    case([{"question": "1+1=?", "answers": ["2", "2", "3"]}, {"question": "1+1=? ", "answers": ["2"]}],
         gives=[("1+1=?", "2")]),
    case([{"question": "q", "answers": ["a", "b"]}], gives=[]),
    case([{"question": "q", "answers": ["a ", "a", "b"]}, {"question": "r", "answers": []}], 0.6,
         gives=[("q", "a")]),
])

# %% cases="self_consistency_filter"
def cases(rng):
    def one(question, *answers):
        return {"question": question, "answers": list(answers)}

    yield case([one("q", "a", "a", "a", "b")], 0.75, zh="占比正好等于门槛", en="share equals the ratio")
    yield case([one("q", "a", "b"), one("q", "a", "a")],
               zh="第一次被筛掉，后来的重复合格", en="first rejected, a later duplicate is good")
    yield case([one("Who is it?", "x"), one("who  IS it?", "y")],
               zh="大小写和空白不同的重复", en="a duplicate in other case and spacing")
    yield case([one("q", "b", "a")], 0.3, zh="票数并列", en="a tied vote")
    yield case([one("q", " 4", "4 ", "5")], zh="答案带空白", en="answers with spaces")
    yield case([one("q"), one("r", "1")], zh="没有答案", en="no answers")
    yield case([], zh="没有样本", en="no samples")
    for _ in range(8):
        names = ["2+3=?", " 2+3=?", "What?", "what?", "x = 1", "X  = 1"]
        samples = [one(rng.choice(names), *(rng.choice(["5", " 5", "6", "7 "])
                   for _ in range(rng.randint(0, 5)))) for _ in range(6)]
        yield case(samples, rng.choice([0.2, 0.5, 0.6]), zh="随机的样本", en="random samples")

# %% wrong="self_consistency_filter"
# zh: 占比要大于 min_ratio，等于不算
# en: the share must be greater than min_ratio, not equal
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for s in samples:
        answers = [a.strip() for a in s["answers"]]
        key = " ".join(s["question"].split()).casefold()
        if answers and key not in seen:
            best = min(answers, key=lambda a: (-answers.count(a), a))
            if answers.count(best) / len(answers) >= min_ratio:
                seen.add(key)
                kept.append((s["question"].strip(), best))
    return kept

# %% wrong="self_consistency_filter"
# zh: 被筛掉的问题不算留下；后来的重复仍可留下
# en: a rejected question is not kept; a later duplicate may still be
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for s in samples:
        answers = [a.strip() for a in s["answers"]]
        key = " ".join(s["question"].split()).casefold()
        if answers and key not in seen:
            seen.add(key)
            best = min(answers, key=lambda a: (-answers.count(a), a))
            if answers.count(best) / len(answers) > min_ratio:
                kept.append((s["question"].strip(), best))
    return kept

# %% wrong="self_consistency_filter"
# zh: 投票之前要去掉答案的首尾空白
# en: strip the answers before the vote
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for s in samples:
        answers = s["answers"]
        key = " ".join(s["question"].split()).casefold()
        if answers and key not in seen:
            best = min(answers, key=lambda a: (-answers.count(a), a))
            if answers.count(best) / len(answers) > min_ratio:
                seen.add(key)
                kept.append((s["question"].strip(), best))
    return kept

# %% wrong="self_consistency_filter"
# zh: 重复的问题可能大小写或空白不同
# en: duplicates may differ in case and spaces
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for s in samples:
        answers, question = [a.strip() for a in s["answers"]], s["question"].strip()
        if answers and question not in seen:
            best = min(answers, key=lambda a: (-answers.count(a), a))
            if answers.count(best) / len(answers) > min_ratio:
                seen.add(question)
                kept.append((question, best))
    return kept

# %% wrong="self_consistency_filter"
# zh: 答案列表为空时除以了零
# en: an empty list of answers divides by zero
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for s in samples:
        answers = [a.strip() for a in s["answers"]]
        key = " ".join(s["question"].split()).casefold()
        best = min(answers, key=lambda a: (-answers.count(a), a), default="")
        if answers.count(best) / len(answers) > min_ratio and key not in seen:
            seen.add(key)
            kept.append((s["question"].strip(), best))
    return kept

# %% wrong="self_consistency_filter"
# zh: 票数并列时取最小的字符串
# en: among tied answers the smallest string wins
def self_consistency_filter(samples, min_ratio=0.5):
    kept, seen = [], set()
    for s in samples:
        answers = [a.strip() for a in s["answers"]]
        key = " ".join(s["question"].split()).casefold()
        if answers and key not in seen:
            best = max(answers, key=lambda a: (answers.count(a), a))
            if answers.count(best) / len(answers) > min_ratio:
                seen.add(key)
                kept.append((s["question"].strip(), best))
    return kept

# %%
# zh: 一个只会“记答案”的模型，语料一半是错的；每圈每题写 8 个答案，筛过再学
# en: a model that only remembers answers, half of its corpus wrong; each turn it writes 8 answers
# en: to every question, and learns those that pass the filter
from course_lib.intro.flywheel import keep_everything, keep_verified, spin
from course_lib.plots import curves

with needs("self_consistency_filter"):
    display(curves({
        "keep everything": spin(keep_everything),
        "keep what agrees (yours)": spin(self_consistency_filter),
        "keep what a rule confirms": spin(keep_verified),
    }, "turns of the flywheel", "chance of a right answer"))

# %% [markdown] lang="zh"
"""
你的筛子把飞轮转起来了，然后停在 0.72 附近：模型一致地答错的题，筛子认不出来，还会越学越错。接上一条外部规则（这里是真的去算加法），线才继续往上。**一致不等于正确**，筛子看不见的错，要靠外面的检验。

## 天梯：谁和谁能比？

模型卡上，MATH 一项 InternLM2.5-1.8B-Chat 是 40.2，InternLM2.5-7B 是 34.0。小的赢了大的？没有：一个是 Chat，一个是 base。能上同一架梯子的，测的必须是同一种模型、同一个基准、同样的 shot 数和提示方式、同一版 OpenCompass。

### ✏️

`ladder(scores)` 返回 `[(名次, 名字, 分数)]`，并列同名次、后面跳号（1、1、3），并列者按名字排。困惑度这类指标越低越好：`higher_is_better=False`。

<details><summary>提示</summary>

先按（−分数，名字）排好；名次 = 1 + 严格比它好的个数。

</details>
"""

# %% [markdown] lang="en"
"""
Your filter sets the flywheel going, and then it stops near 0.72: what the model gets wrong consistently, the filter cannot see, and the error hardens. Only with a rule from outside (here: really adding) does the line climb on. **Agreement is not truth**; errors that a filter cannot see need a test from outside.

## The ladder: who may be compared?

On the model cards, MATH is 40.2 for InternLM2.5-1.8B-Chat and 34.0 for InternLM2.5-7B. Did the small one beat the large one? No: one is Chat, the other base. Two numbers share a ladder only with the same kind of model, benchmark, number of shots, way of prompting, and version of OpenCompass.

### ✏️

`ladder(scores)` returns `[(rank, name, score)]`; equals share a rank and the next is skipped (1, 1, 3); equals stand in order of name. For measures such as perplexity less is better: `higher_is_better=False`.

<details><summary>Hint</summary>

Sort by (−score, name) first; a rank is 1 + how many are strictly better.

</details>
"""

# %% exercise="ladder" level=1 minutes=7 points=8
def ladder(scores: dict, higher_is_better: bool = True) -> list:
    """
    zh: 排名：[(名次, 名字, 分数)]，并列同名次，后面跳号。
    en: Rank: [(rank, name, score)], equals share a rank, the next is skipped.
    """
    ### BEGIN SOLUTION
    sign = -1 if higher_is_better else 1
    ordered = sorted(scores.items(), key=lambda item: (sign * item[1], item[0]))
    values = [score for _, score in ordered]
    return [(1 + values.index(score), name, score) for name, score in ordered]
    ### END SOLUTION

# %% check="ladder"
check("ladder", [
    case({"A": 60.1, "B": 48.6, "C": 60.1, "D": 27.9},
         gives=[(1, "A", 60.1), (1, "C", 60.1), (3, "B", 48.6), (4, "D", 27.9)]),
    case({"x": 3.2, "y": 2.9}, higher_is_better=False, gives=[(1, "y", 2.9), (2, "x", 3.2)]),
    case({}, gives=[]),
])

# %% cases="ladder"
def cases(rng):
    yield case({"b": 5.0, "c": 5.0, "a": 5.0}, zh="全部并列", en="all equal")
    yield case({"z": 7.5, "m": 9.0, "a": 7.5}, zh="并列者按名字排", en="equals in order of name")
    yield case({"q": 12.5, "p": 12.5, "r": 30.0, "s": 3.0}, higher_is_better=False,
               zh="越低越好，有并列", en="lower is better, with equals")
    for _ in range(8):
        names = rng.sample("abcdefghij", rng.randint(3, 8))
        scores = {name: rng.choice([10.5, 20.5, 30.5, 40.5]) for name in names}
        yield case(scores, higher_is_better=rng.random() < 0.5, zh="随机的成绩", en="random scores")

# %% wrong="ladder"
# zh: 并列之后要跳号：1、1、3，不是 1、1、2
# en: after a tie ranks are skipped: 1, 1, 3, not 1, 1, 2
def ladder(scores, higher_is_better=True):
    sign = -1 if higher_is_better else 1
    ordered = sorted(scores.items(), key=lambda item: (sign * item[1], item[0]))
    values = sorted(set(scores.values()), reverse=higher_is_better)
    return [(1 + values.index(score), name, score) for name, score in ordered]

# %% wrong="ladder"
# zh: 分数相同，名次也要相同
# en: equal scores share a rank
def ladder(scores, higher_is_better=True):
    sign = -1 if higher_is_better else 1
    ordered = sorted(scores.items(), key=lambda item: (sign * item[1], item[0]))
    return [(rank, name, score) for rank, (name, score) in enumerate(ordered, 1)]

# %% wrong="ladder"
# zh: higher_is_better=False 时最低分排第一
# en: higher_is_better=False should put the lowest score first
def ladder(scores, higher_is_better=True):
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    values = [score for _, score in ordered]
    return [(1 + values.index(score), name, score) for name, score in ordered]

# %% wrong="ladder"
# zh: 并列者要按名字排
# en: equals stand in order of name
def ladder(scores, higher_is_better=True):
    ordered = sorted(scores.items(), key=lambda item: item[1], reverse=higher_is_better)
    values = [score for _, score in ordered]
    return [(1 + values.index(score), name, score) for name, score in ordered]

# %%
# zh: 左：混在一起排（别学）；中、右：只比同一种模型
# en: left: all mixed (don't); middle and right: one kind of model each
from course_lib.intro.facts import CARDS, scores
from course_lib.plots import ladder_bars

with needs("ladder"):
    base, chat = scores("MATH", "base"), scores("MATH", "chat")
    panels = {"MATH, mixed: misleading": base | chat, "MATH, base": base, "MATH, chat": chat}
    ladders = {title: ladder(found) for title, found in panels.items()}
    display(ladder_bars(ladders, f"{CARDS}/internlm2.5_*.md"))

# %% [markdown] lang="zh"
"""
## 关卡任务：写一篇笔记

写一篇“书生·浦语大模型全链路开源开放体系”的笔记，公开发表（知乎、CSDN、掘金、GitHub 都行），把**链接和全文**填进下面那格。往届 24 篇公开笔记告诉我们：

- 好笔记 650 到 1600 字（自动检查从 250 字起算够长），每个环节一个小标题，写出工具的正式名字；最常漏的是知识库（茴香豆）。自动检查把“应用”拆成智能体和知识库两环，所以它数七环。
- 弱的笔记是：只贴幻灯片；只有一个链接；一串工具名；视频的机器转写（“书生葡语”“英特尔M2”）；通顺，但一个工具也没提。

助教看五件事，见下面的表。“带出处的数字”是这样的：*InternEvo 训 7B，8 卡扩到 1024 卡，每卡每秒词元数从 4078 降到 3625，剩 88.9 %（README，2024-03）*。“更快”“超越”“接近完美”不是数字。局限也不难找：这一课里你已经亲手算出好几条。
"""

# %% [markdown] lang="en"
"""
## The level's task: write a note

Write a note on the full open chain of InternLM, publish it (Zhihu, CSDN, Juejin, GitHub, any public page), and put **link and full text** into the cell below. What 24 public notes of earlier learners tell us:

- Good ones have 650 to 1600 Chinese characters (for the check 250, or 150 English words, are long enough), a heading for each stage, and each tool by its proper name; the knowledge base (HuixiangDou) is the one most often missing. The check counts seven: it splits "apply" into agents and knowledge base.
- Weak ones are: slides only; a bare link; a list of tools; a machine transcript of the video ("IN Turn LLM"); fluent prose that names no tool.

A TA looks at five things, see the table. "A number with its source" looks like this: *InternEvo, 7B: from 8 to 1024 GPUs, tokens per GPU and second fall from 4078 to 3625, 88.9 % are left (README, 2024-03)*. "Faster", "surpasses", "nearly perfect" are not numbers. Limits are easy to find too: you worked out several in this lesson.
"""

# %% rubric="hello_intern"
rubric(
    criterion(zh="六个环节都讲到", en="all six stages are covered", points=12),
    criterion(zh="每个环节有一个带出处的数字", en="one number with its source for each stage", points=6),
    criterion(zh="至少一条局限或批评", en="at least one limit or criticism", points=4),
    criterion(zh="用自己的话写", en="in your own words", points=4),
    criterion(zh="工具名正确", en="tool names are right", points=4),
)

# %% [markdown] note="hello_intern" points=30
"""
## 我的笔记 / My note

链接 / Link:

正文 / Text:
"""

# %%
# zh: 先保存笔记本（Ctrl+S），再运行：马上告诉你缺什么。它只提醒，不打分
# en: save the notebook first (Ctrl+S), then run: it says what is missing; it never marks
from course_lib.note import check_notebook

check_notebook()

# %% [markdown] lang="zh"
"""
## 回顾

现在你能：

- 说出六个环节和各自的工具，知道 2024 年以后哪些变了；
- 从配置数出参数（7B 是 7 737 708 544），分清位与字节、GB 与 GiB；
- 从名字读出版本、尺寸、类型、上下文：1M 只有 7B-Chat-1M；
- 算出 1M 词元的 KV 缓存，造一个捞针实验，并说出它证明不了什么；
- 给合成数据过筛，知道一致不等于正确；
- 看天梯先问条件，再看名次。

开头的问题也有了答案：8 GB 里，1.8B 的 16 位权重（3.8 GB）直接放得下，7B 压到 8 位也有 7.7 GB，KV 缓存就没有地方了，所以要压到 4 位；从 PDF 到对话框，是 MinerU、XTuner、OpenCompass、LMDeploy、茴香豆加 Streamlit 一路接过去。

最后三道小题，不计分。下一步可以去 8 GB 显存跑 Demo 的那一关，让 InternLM2-Chat-1.8B 真的开口说话。
"""

# %% [markdown] lang="en"
"""
## Recap

Now you can:

- name the six stages and their tools, and what changed since 2024;
- count parameters from a configuration (7B is 7,737,708,544) and tell bits from bytes, GB from GiB;
- read version, size, kind and context from a name: 1M is 7B-Chat-1M only;
- work out the KV cache of 1M tokens, build a needle test, and say what it does not prove;
- filter synthetic data, knowing that agreement is not truth;
- ask for the conditions of a ladder before its ranks.

The opening question has its answer, too: in 8 GB the 16-bit weights of 1.8B (3.8 GB) fit as they are, 7B takes 7.7 GB even at 8 bits, which leaves no room for a KV cache, so it must come down to 4; and from PDFs to a chat box the way leads through MinerU, XTuner, OpenCompass, LMDeploy, HuixiangDou and Streamlit.

Three last questions, not graded. Next you could go to the level that runs the demo in 8 GB, and make InternLM2-Chat-1.8B talk.
"""

# %% quiz="gb_gib"
quiz(
    zh="InternLM2.5-7B 的 16 位权重是 14.41 GiB。换成 GB 是多少？",
    en="The 16-bit weights of InternLM2.5-7B are 14.41 GiB. How many GB is that?",
    choices=[
        choice(
            zh="15.48 GB", en="15.48 GB", right=True,
            why_zh="14.41 × 1.0737 = 15.48，也就是 7.7377×10⁹ × 2 字节。",
            why_en="14.41 × 1.0737 = 15.48, which is 7.7377×10⁹ × 2 bytes.",
        ),
        choice(
            zh="14.0 GB", en="14.0 GB",
            why_zh="这是把 7B 当成整整 70 亿；真实的参数是 7.74B。",
            why_en="That takes 7B as exactly 7 billion; there are 7.74 billion parameters.",
        ),
        choice(
            zh="13.42 GB", en="13.42 GB",
            why_zh="方向反了：GB 这个单位更小，数字应当更大。",
            why_en="The wrong way round: a GB is smaller, so the number gets larger.",
        ),
    ],
)

# %% quiz="green_grid"
quiz(
    zh="一个模型的捞针热力图全绿。哪句话说得对？",
    en="A model's needle grid is all green. Which sentence is right?",
    choices=[
        choice(
            zh="它能在长文里做多步推理", en="it reasons in several steps over long texts",
            why_zh="刚才的阅读器也全绿，两步问题却只能碰运气。",
            why_en="So was our reader's, and it met the two-step question by luck only.",
        ),
        choice(
            zh="它比另一篇文章里有红格的模型强",
            en="it beats a model with red cells in another paper",
            why_zh="打分规则、长度、语言都可能不同；v1 和 v2 的图就不能比。",
            why_en="Rule, lengths and language may differ; v1 and v2 maps cannot be compared.",
        ),
        choice(
            zh="在这组长度和深度上，它找得到这一句话",
            en="at these lengths and depths it finds this one sentence", right=True,
            why_zh="测了什么，就说什么。",
            why_en="Say what was measured, no more.",
        ),
    ],
)

# %% quiz="claims"
quiz(
    zh="哪一句可以原样写进你的笔记？",
    en="Which sentence can go into your note as it stands?",
    choices=[
        choice(
            zh="InternVL2 性能媲美国际闭源商业模型",
            en="InternVL2 is on a par with closed commercial models",
            why_zh="2024-07 的厂商说法：没有基准，没有条件，也早被后来的版本取代。",
            why_en="A vendor's claim of 2024-07: no benchmark, no conditions, superseded since.",
        ),
        choice(
            zh="InternLM2.5 支持一百万字",
            en="InternLM2.5 supports a million characters",
            why_zh="两处错：单位是词元，而且只有 7B-Chat-1M。",
            why_en="Wrong twice: the unit is tokens, and it is only 7B-Chat-1M.",
        ),
        choice(
            zh="模型卡上 InternLM2.5-7B-Chat 的 MATH 是 60.1，1.8B-Chat 是 40.2",
            en="the model cards give MATH 60.1 for InternLM2.5-7B-Chat and 40.2 for 1.8B-Chat",
            right=True,
            why_zh="有出处、有基准，比的都是 Chat。再补上日期就更好。",
            why_en="A source, a benchmark, both Chat. A date would make it better still.",
        ),
    ],
)
