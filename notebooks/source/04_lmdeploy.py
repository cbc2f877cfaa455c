# ---
# jupyter:
#   course:
#     level: L2-3
#     minutes: 120
#     points: 100
#     prerequisites:
#     - 01_intro
#     - 02_demo
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
# LMDeploy：同一张卡，服务更多的人

## 还没人提问，显存怎么就满了？

24 GB 的卡，7B 的权重 14 GB，LMDeploy 一启动，`nvidia-smi` 就显示用掉 23 GB。泄漏了吗？没有：权重装好以后，**剩下的**显存有八成被预留给 KV 缓存（`cache_max_entry_count`，默认 0.8），每个词元的 K 和 V 将来放在里面。

所以“KV 用 int4，省了 4 GB”是这一关最常见的错话：预留多少由比例定，一个字节也没省；变的是里面能**放多少词元**。这一课先算清账，再压缩权重和 KV，量一量丢了什么，最后开成服务，让它安全地调用函数。
"""

# %% [markdown] lang="en"
"""
# LMDeploy: one card, more people served

## Nobody has asked yet; why is the memory full?

A card of 24 GB, a 7B of 14 GB, and as soon as LMDeploy starts, `nvidia-smi` shows 23 GB taken. A leak? No: once the weights are in, eight tenths of what is **left** are reserved for the KV cache (`cache_max_entry_count`, default 0.8), where the K and V of every token will lie.

So "int4 for KV saved 4 GB" is this level's most common mistake: the ratio decides what is reserved, and not one byte is saved; what changes is how many **tokens** fit into it. In this lesson you first do the sums, then squeeze weights and KV and measure what is lost, and finally serve the model and let it call functions safely.
"""

# %%
from course_lib import chat, models
from course_lib.deploy import pictures, recipe
from course_lib.deploy.sizes import shape_of

bot = chat.load(models.BUILT_IN["camp-mini"])
print("camp-mini:", shape_of(bot))
pictures.card_picture()

# %% [markdown] lang="zh"
"""
## 一个词元占多少

生成下一个词元要用到前面所有词元的 K 和 V，所以把它们存起来：每层一份 K、一份 V。右图是关键：InternLM2.5 用 **GQA**，几个查询头共用一组 K、V，存的只有 `kv_heads` 份；7B 有 32 个查询头，只存 8 份，是四分之一。

写两个函数（`cfg` 是第 1 课那张表里的一行，头维度 d = hidden // heads）：

- `kv_bytes_per_token(cfg, bits=16)`：2 · 层数 · kv_heads · d · 字节数；
- `kv_bytes_quant(cfg, bits, meta_bytes=4)`：16 位时和上面一样；8 位、4 位时，每层每个头的 K 和 V **各**多存 `meta_bytes` 字节（一个缩放、一个零点，各 16 位）。

<details><summary>提示</summary>

元数据的份数和头的份数一样：`2 * layers * kv_heads`。位数除以 8 才是字节。

</details>
"""

# %% [markdown] lang="en"
"""
## What a token takes

The next token needs the K and V of all before it, so they are kept: one K and one V in each layer. The picture on the right is the point: InternLM2.5 uses **GQA**, several query heads share one K and V, and only `kv_heads` of them are stored; the 7B has 32 query heads and stores 8, a quarter.

Write two functions (`cfg` is a row of lesson 01's table, the head dimension is d = hidden // heads):

- `kv_bytes_per_token(cfg, bits=16)`: 2 · layers · kv_heads · d · bytes;
- `kv_bytes_quant(cfg, bits, meta_bytes=4)`: the same at 16 bits; at 8 and 4 bits the K and the V of each head in each layer take `meta_bytes` more **each** (a scale and a zero of 16 bits).

<details><summary>Hint</summary>

There are as many of these extras as there are stored heads: `2 * layers * kv_heads`. Bits divided by 8 are bytes.

</details>
"""

# %% exercise="kv_bytes_per_token" level=1 minutes=8 points=7
def kv_bytes_per_token(cfg: dict, bits: int = 16) -> float:
    """
    zh: 一个词元的 K 和 V 一共几个字节。
    en: Return the bytes of one token's K and V.
    """
    ### BEGIN SOLUTION
    d = cfg["hidden"] // cfg["heads"]
    return 2 * cfg["layers"] * cfg["kv_heads"] * d * bits / 8
    ### END SOLUTION


def kv_bytes_quant(cfg: dict, bits: int, meta_bytes: int = 4) -> float:
    """
    zh: 同上，算上缩放和零点。
    en: The same with scales and zeros.
    """
    ### BEGIN SOLUTION
    extra = 0 if bits == 16 else 2 * cfg["layers"] * cfg["kv_heads"] * meta_bytes
    return kv_bytes_per_token(cfg, bits) + extra
    ### END SOLUTION

# %% check="kv_bytes_per_token"
from course_lib.tune.toys import C

check("kv_bytes_per_token", [
    case(C["1.8b"], gives=98304.0, zh="1.8B，96 KiB", en="1.8B, 96 KiB"),
    case(C["7b"], gives=131072.0, zh="7B，128 KiB", en="7B, 128 KiB"),
    case(C["20b"], gives=196608.0, zh="20B，192 KiB", en="20B, 192 KiB"),
    case(C["7b"], 4, gives=32768.0),
    case(C["7b"], 16, fn="kv_bytes_quant", gives=131072.0, zh="16 位没有缩放", en="no scale at 16 bits"),
    case(C["7b"], 8, fn="kv_bytes_quant", gives=67584.0),
    case(C["7b"], 4, fn="kv_bytes_quant", gives=34816.0),
])

# %% cases="kv_bytes_per_token"
def cases(rng):
    from course_lib.tune.toys import C

    yield case(dict(C["7b"], kv_heads=32), zh="每个头都存（MHA）", en="every head is stored (MHA)")
    yield case(dict(C["7b"], kv_heads=1), 8, zh="只存一个头（MQA）", en="one head is stored (MQA)")
    yield case(C["tiny"], 4, fn="kv_bytes_quant", zh="tiny", en="tiny")
    yield case(C["7b"], 8, meta_bytes=8, fn="kv_bytes_quant", zh="元数据 8 字节", en="8 bytes of extras")
    yield case(C["1.8b"], 16, meta_bytes=8, fn="kv_bytes_quant", zh="16 位", en="16 bits")
    part = dict(C["7b"], hidden=2048, heads=16, kv_heads=4)
    yield case(part, rng.choice([4, 8, 16]), zh="tp=2，一张卡上的那一半头", en="the heads on one of two cards (tp=2)")
    for _ in range(8):
        cfg = dict(C[rng.choice(["1.8b", "7b", "20b"])], layers=rng.randint(1, 80))
        bits = rng.choice([4, 8, 16])
        yield case(cfg, bits, zh="随机的一组", en="a random case")
        yield case(cfg, bits, fn="kv_bytes_quant", zh="随机的一组", en="a random case")

# %% wrong="kv_bytes_per_token"
# zh: 存的只有 kv_heads 个头，不是 heads 个（GQA）
# en: only kv_heads heads are stored, not heads (GQA)
def kv_bytes_per_token(cfg, bits=16):
    return 2 * cfg["layers"] * cfg["hidden"] * bits / 8

def kv_bytes_quant(cfg, bits, meta_bytes=4):
    extra = 0 if bits == 16 else 2 * cfg["layers"] * cfg["heads"] * meta_bytes
    return kv_bytes_per_token(cfg, bits) + extra

# %% wrong="kv_bytes_per_token"
# zh: K 和 V 是两份，少了因子 2
# en: K and V are two, the factor 2 is missing
def kv_bytes_per_token(cfg, bits=16):
    return cfg["layers"] * cfg["kv_heads"] * (cfg["hidden"] // cfg["heads"]) * bits / 8

def kv_bytes_quant(cfg, bits, meta_bytes=4):
    extra = 0 if bits == 16 else cfg["layers"] * cfg["kv_heads"] * meta_bytes
    return kv_bytes_per_token(cfg, bits) + extra

# %% wrong="kv_bytes_per_token"
# zh: 要的是字节：位数还要除以 8
# en: bytes are wanted: divide the bits by 8
def kv_bytes_per_token(cfg, bits=16):
    return 2 * cfg["layers"] * cfg["kv_heads"] * (cfg["hidden"] // cfg["heads"]) * bits * 1.0

def kv_bytes_quant(cfg, bits, meta_bytes=4):
    extra = 0 if bits == 16 else 2 * cfg["layers"] * cfg["kv_heads"] * meta_bytes
    return kv_bytes_per_token(cfg, bits) + extra

# %% wrong="kv_bytes_per_token"
# zh: 每一层都有一份，别忘了乘层数
# en: every layer has its own; multiply by the layers
def kv_bytes_per_token(cfg, bits=16):
    return 2 * cfg["kv_heads"] * (cfg["hidden"] // cfg["heads"]) * bits / 8

def kv_bytes_quant(cfg, bits, meta_bytes=4):
    extra = 0 if bits == 16 else 2 * cfg["kv_heads"] * meta_bytes
    return kv_bytes_per_token(cfg, bits) + extra

# %% wrong="kv_bytes_per_token"
# zh: 缩放和零点在 K 和 V 里各有一份，不是合起来一份
# en: K and V have a scale and a zero each, not one for both
def kv_bytes_per_token(cfg, bits=16):
    return 2 * cfg["layers"] * cfg["kv_heads"] * (cfg["hidden"] // cfg["heads"]) * bits / 8

def kv_bytes_quant(cfg, bits, meta_bytes=4):
    extra = 0 if bits == 16 else cfg["layers"] * cfg["kv_heads"] * meta_bytes
    return kv_bytes_per_token(cfg, bits) + extra

# %% wrong="kv_bytes_per_token"
# zh: 16 位没有量化，也就没有缩放和零点
# en: 16 bits are not quantised, so there is no scale and no zero
def kv_bytes_per_token(cfg, bits=16):
    return 2 * cfg["layers"] * cfg["kv_heads"] * (cfg["hidden"] // cfg["heads"]) * bits / 8

def kv_bytes_quant(cfg, bits, meta_bytes=4):
    return kv_bytes_per_token(cfg, bits) + 2 * cfg["layers"] * cfg["kv_heads"] * meta_bytes

# %% [markdown] lang="zh"
"""
4 位并不正好是 16 位的四分之一：算上元数据，7B 在同样的字节里放得下 3.76 倍的词元，不是 4 倍。

## 营里那张显存表

写 `memory_plan(total, weights, ratio=0.8, other=1.0)`：返回 `(kv, used)`，单位 GB，四舍五入到 3 位小数。`kv` = 比例 ×（总显存 − 权重），`used` = 权重 + kv + 其余（`other`：CUDA 上下文、激活等）。权重比总显存还大，抛 `MemoryError`；比例不在 0 到 1 之间，抛 `ValueError`。

激活随一次算的词元数变：LMDeploy 一次最多预填 8192 个，7B 的 MLP 那时要 8192 × 2 × 14336 × 2 字节，0.47 GB。

（到 0.2.1 版为止，比例对**总**显存说，默认 0.5，旧笔记的算式因此不同。）

<details><summary>提示</summary>

先检查，再算；最后才舍入。

</details>
"""

# %% [markdown] lang="en"
"""
4 bits are not quite a quarter of 16: with the extras the same bytes hold 3.76 times the 7B's tokens, not 4 times.

## The camp's memory table

Write `memory_plan(total, weights, ratio=0.8, other=1.0)`: return `(kv, used)` in GB, rounded to 3 decimals. `kv` = ratio × (memory − weights), `used` = weights + kv + the rest (`other`: CUDA context, activations and so on). Weights larger than the memory raise `MemoryError`; a ratio outside 0 to 1 raises `ValueError`.

Activations grow with the tokens of one pass: LMDeploy prefills at most 8192, for which the 7B's MLP takes 8192 × 2 × 14336 × 2 bytes, 0.47 GB.

(Up to 0.2.1 the ratio was of the **whole** memory, default 0.5; old notes have other sums for that reason.)

<details><summary>Hint</summary>

Check first, then compute; round last.

</details>
"""

# %% exercise="memory_plan" level=1 minutes=5 points=6
def memory_plan(total: float, weights: float, ratio: float = 0.8, other: float = 1.0) -> tuple:
    """
    zh: （预留给 KV 的 GB，一共用掉的 GB）。
    en: Return (GB reserved for KV, GB used in all).
    """
    ### BEGIN SOLUTION
    if weights > total:
        raise MemoryError(f"weights {weights} GB > {total} GB")
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio {ratio}")
    kv = ratio * (total - weights)
    return round(kv, 3), round(weights + kv + other, 3)
    ### END SOLUTION

# %% check="memory_plan"
check("memory_plan", [
    case(24, 14, gives=(8.0, 23.0), zh="7B，默认比例", en="7B, default ratio"),
    case(24, 14, 0.4, gives=(4.0, 19.0)),
    case(40, 14, 0.8, 0, gives=(20.8, 34.8), zh="40 GB 的卡", en="a card of 40 GB"),
    case(24, 3.5, 0.8, gives=(16.4, 20.9), zh="W4A16", en="W4A16"),
    case(24, 3.5, 0.4, 1.8, gives=(8.2, 13.5)),
    case(8, 14, raises=MemoryError, zh="权重放不下", en="the weights do not fit"),
    case(24, 14, 80, raises=ValueError, zh="比例写成了百分数", en="the ratio as a percentage"),
])

# %% cases="memory_plan"
def cases(rng):
    yield case(24, 22, 0.1, 1.6, zh="26B 的 VLM", en="the 26B VLM")
    yield case(24, 14, 0, zh="比例 0", en="ratio 0")
    yield case(24, 14, 1, zh="比例 1", en="ratio 1")
    yield case(14, 14, zh="权重正好占满", en="the weights fill it exactly")
    yield case(24, 14, -0.1, zh="负的比例", en="a negative ratio")
    yield case(24, 14, 1.01, zh="比例大于 1", en="a ratio above 1")
    yield case(24, 24.001, zh="权重多一点点", en="weights too large by a hair")
    for _ in range(8):
        yield case(rng.choice([24, 40, 80]), round(rng.uniform(1, 23), 2), rng.choice([0.1, 0.4, 0.8]),
                   round(rng.uniform(0, 2), 1), zh="随机的一组", en="a random case")

# %% wrong="memory_plan"
# zh: 比例是对装完权重以后剩下的显存说的，不是总显存
# en: the ratio is of what is left beside the weights, not of the whole memory
def memory_plan(total, weights, ratio=0.8, other=1.0):
    if weights > total:
        raise MemoryError
    if not 0 <= ratio <= 1:
        raise ValueError
    return round(ratio * total, 3), round(weights + ratio * total + other, 3)

# %% wrong="memory_plan"
# zh: used 里少了其余的 other
# en: the rest, other, is missing in used
def memory_plan(total, weights, ratio=0.8, other=1.0):
    if weights > total:
        raise MemoryError
    if not 0 <= ratio <= 1:
        raise ValueError
    kv = ratio * (total - weights)
    return round(kv, 3), round(weights + kv, 3)

# %% wrong="memory_plan"
# zh: other 不从剩余里先扣：LMDeploy 在装完权重时量剩余显存
# en: other is not taken off first: LMDeploy measures what is left right after the weights
def memory_plan(total, weights, ratio=0.8, other=1.0):
    if weights > total:
        raise MemoryError
    if not 0 <= ratio <= 1:
        raise ValueError
    kv = ratio * (total - weights - other)
    return round(kv, 3), round(weights + kv + other, 3)

# %% wrong="memory_plan"
# zh: 权重比总显存大时要抛 MemoryError
# en: weights larger than the memory raise MemoryError
def memory_plan(total, weights, ratio=0.8, other=1.0):
    if not 0 <= ratio <= 1:
        raise ValueError
    kv = ratio * (total - weights)
    return round(kv, 3), round(weights + kv + other, 3)

# %% wrong="memory_plan"
# zh: 比例不在 0 到 1 之间时要抛 ValueError
# en: a ratio outside 0 to 1 raises ValueError
def memory_plan(total, weights, ratio=0.8, other=1.0):
    if weights > total:
        raise MemoryError
    kv = ratio * (total - weights)
    return round(kv, 3), round(weights + kv + other, 3)

# %% [markdown] lang="zh"
"""
## 放得下多少词元

缓存按**块**分配，一块 64 个词元（`cache_block_seq_len`），不满一块的零头不用。写 `max_blocks(kv_bytes, per_token, block=64)`：返回两个整数 `(块数, 词元数)`。

然后拖动下面的规划器。图里是营里的四种配置，倒数第二行是我们加的：最后一行占的显存和它一样，放得下的词元却是近四倍。（营里把 7B 算成 14 GB，4 位 3.5 GB；真正的大一些，后面会算。）

<details><summary>提示</summary>

整除再转成 `int`：`kv_bytes` 可能是 8e9 这样的小数。

</details>
"""

# %% [markdown] lang="en"
"""
## How many tokens fit

The cache is handed out in **blocks** of 64 tokens (`cache_block_seq_len`); what does not fill a block is not used. Write `max_blocks(kv_bytes, per_token, block=64)`: return two integers, `(blocks, tokens)`.

Then drag the planner below. It shows the camp's four settings, and one of ours in the last row but one: that takes the same memory to the byte as the last row, which holds nearly four times the tokens. (The camp counts the 7B as 14 GB, at 4 bits as 3.5 GB; why the real one is larger comes later.)

<details><summary>Hint</summary>

Floor division, then `int`: `kv_bytes` may be a float such as 8e9.

</details>
"""

# %% exercise="max_blocks" level=2 minutes=5 points=6
def max_blocks(kv_bytes: float, per_token: float, block: int = 64) -> tuple:
    """
    zh: （块数，词元数）。
    en: Return (blocks, tokens).
    """
    ### BEGIN SOLUTION
    blocks = int(kv_bytes // (per_token * block))
    return blocks, blocks * block
    ### END SOLUTION

# %% check="max_blocks"
check("max_blocks", [
    case(8e9, 131072, gives=(953, 60992), zh="8 GB，7B", en="8 GB, 7B"),
    case(4e9, 131072, gives=(476, 30464), zh="4 GB，16 位", en="4 GB, 16 bits"),
    case(4e9, 34816.0, gives=(1795, 114880), zh="4 GB，4 位带元数据", en="4 GB, 4 bits with extras"),
    case(1000, 131072, gives=(0, 0), zh="一块也放不下", en="not even one block"),
])

# %% cases="max_blocks"
def cases(rng):
    yield case(64 * 1024, 1024, zh="正好一块", en="exactly one block")
    yield case(64 * 1024 - 1, 1024, zh="差一个字节", en="a byte short")
    yield case(4e9, 131072, block=128, zh="一块 128 个词元", en="blocks of 128 tokens")
    yield case(0, 1024, zh="没有缓存", en="no cache")
    per_token = rng.choice([131072, 34816.0])
    yield case(per_token * 2**20, per_token, zh="一百万个词元", en="a million tokens")
    for _ in range(8):
        yield case(rng.uniform(1e8, 4e10), float(rng.randrange(2**14, 2**18)), block=rng.choice([16, 64]),
                   zh="随机的一组", en="a random case")

# %% wrong="max_blocks"
# zh: 不满一块的零头不能用：先算整块，再乘块长
# en: what does not fill a block is lost: whole blocks first, times their length
def max_blocks(kv_bytes, per_token, block=64):
    tokens = int(kv_bytes // per_token)
    return tokens // block, tokens

# %% wrong="max_blocks"
# zh: 块数要向下取整
# en: round the blocks down
def max_blocks(kv_bytes, per_token, block=64):
    blocks = int(-(-kv_bytes // (per_token * block)))
    return blocks, blocks * block

# %% wrong="max_blocks"
# zh: 块长是参数 block，不总是 64
# en: a block has block tokens, not always 64
def max_blocks(kv_bytes, per_token, block=64):
    blocks = int(kv_bytes // (per_token * 64))
    return blocks, blocks * 64

# %% wrong="max_blocks"
# zh: 顺序是（块数，词元数）
# en: the order is (blocks, tokens)
def max_blocks(kv_bytes, per_token, block=64):
    blocks = int(kv_bytes // (per_token * block))
    return blocks * block, blocks

# %% wrong="max_blocks"
# zh: 要整数：// 对小数的结果还是小数，转成 int
# en: integers are wanted: // of floats gives a float, so take int
def max_blocks(kv_bytes, per_token, block=64):
    blocks = kv_bytes // (per_token * block)
    return float(blocks), float(blocks * block)

# %%
# zh: 你的三个函数做成的规划器；试试 20B 放进 24 GB，要怎么配
# en: a planner made of your three functions; how does a 20B get into 24 GB?
from course_lib.demo import needs
from course_lib.deploy.planner import memory_planner
from course_lib.tune.toys import C

with needs("kv_bytes_quant", "memory_plan", "max_blocks"):
    memory_planner(C, kv_bytes_quant, memory_plan, max_blocks)

# %% [markdown] lang="zh"
"""
## 把权重压到 4 位

4 位只有 16 个编号。最先想到的办法：整层权重找一个最小值、一个最大值，等分 15 段，四舍五入。错在哪里？只要有**一个**特别大的数，段就很宽，别的数全挤进同一个编号。所以要**分组**：每行里相邻的 `group` 个数用自己的缩放和零点（LMDeploy 默认 128 个一组）。

写三个函数（`w` 是 out × in，返回 numpy 数组）：

- `quant_groups(w, bits=4, group=128)` → `(q, scale, zero)`：每组 lo = min(组, 0)，hi = max(组, 0)（这样零点不会越界），scale = (hi − lo) ÷ (2^bits − 1)，为 0 时取 1；zero = round(−lo ÷ scale)；q = round(w ÷ scale) + zero，截到 0 … 2^bits − 1。q 和 w 同形，scale、zero 是 out × 组数；in 不能被 group 整除就抛 `ValueError`；
- `dequant_groups(q, scale, zero, group=128)`：还原成小数；
- `quant_err(w, bits=4, group=128)` → `(最大绝对误差, 均方误差)`，四舍五入到 8 位小数。

<details><summary>提示 1</summary>

`w.reshape(out, -1, group)` 以后，沿最后一维取 min、max；`scale[..., None]` 让它能和每组的数相除。

</details>
<details><summary>提示 2</summary>

还原：`(q - zero) * scale`，不是 `q * scale - zero`。

</details>
"""

# %% [markdown] lang="en"
"""
## Squeeze weights into 4 bits

4 bits are 16 codes. The first idea: one minimum and one maximum for the whole layer, 15 equal steps between, and round. What is wrong with it? A **single** large number makes the steps so wide that all others fall into the same code. So weights go in **groups**: each `group` neighbours in a row have a scale and a zero of their own (LMDeploy's default is 128).

Write three functions (`w` is out × in; return numpy arrays):

- `quant_groups(w, bits=4, group=128)` → `(q, scale, zero)`: in each group lo = min(group, 0), hi = max(group, 0) (so that the zero is never out of range), scale = (hi − lo) ÷ (2^bits − 1), or 1 where that is 0; zero = round(−lo ÷ scale); q = round(w ÷ scale) + zero, clipped to 0 … 2^bits − 1. q has w's shape, scale and zero are out × groups; an in that group does not divide raises `ValueError`;
- `dequant_groups(q, scale, zero, group=128)`: back to floats;
- `quant_err(w, bits=4, group=128)` → `(largest absolute error, mean squared error)`, rounded to 8 decimals.

<details><summary>Hint 1</summary>

After `w.reshape(out, -1, group)` take min and max along the last axis; `scale[..., None]` divides the numbers of each group.

</details>
<details><summary>Hint 2</summary>

Back: `(q - zero) * scale`, not `q * scale - zero`.

</details>
"""

# %% exercise="quant_groups" level=3 minutes=18 points=12
import numpy as np


def quant_groups(w, bits: int = 4, group: int = 128) -> tuple:
    """
    zh: （编号，缩放，零点）。
    en: Return (codes, scales, zeros).
    """
    ### BEGIN SOLUTION
    w = np.asarray(w, dtype=float)
    rows, size = w.shape
    if size % group:
        raise ValueError(f"{size} inputs, groups of {group}")
    parts, top = w.reshape(rows, -1, group), 2**bits - 1
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(rows, size), scale, zero
    ### END SOLUTION


def dequant_groups(q, scale, zero, group: int = 128):
    """
    zh: 还原成小数，和 q 同形。
    en: Return the restored floats, in q's shape.
    """
    ### BEGIN SOLUTION
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)
    ### END SOLUTION


def quant_err(w, bits: int = 4, group: int = 128) -> tuple:
    """
    zh: （最大绝对误差，均方误差）。
    en: Return (largest absolute error, mean squared error).
    """
    ### BEGIN SOLUTION
    w = np.asarray(w, dtype=float)
    error = dequant_groups(*quant_groups(w, bits, group), group) - w
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)
    ### END SOLUTION

# %% check="quant_groups"
ROW = [[0.1, -0.2, 0.3, 0.05, 9.0, 0.1, 0.2, -0.3]]
CODES = np.array([[0, 5, 10, 15, 0, 5, 10, 15]]), np.array([[0.2, 0.2]]), np.array([[0, 5]])
check("quant_groups", [
    case([[0.0, 1, 2, 3, -1, 0, 1, 2]], 4, 4, gives=CODES, zh="两组，可以手算", en="two groups, by hand"),
    case(*CODES, 4, fn="dequant_groups", gives=np.array([[0.0, 1, 2, 3, -1, 0, 1, 2]])),
    case([[5.0, 5, 5, 5]], 4, 4, zh="四个 5", en="four 5s",
         gives=(np.array([[15] * 4]), np.array([[1 / 3]]), np.array([[0]]))),
    case(ROW, 4, 8, fn="quant_err", gives=(0.3, 0.0465625), zh="9.0 毁了一整组", en="9.0 ruins its group"),
    case(ROW, 4, 4, fn="quant_err", gives=(0.3, 0.02878472), zh="小组把它关住", en="smaller groups confine it"),
    case([[1.0, 2, 3]], 4, 2, raises=ValueError, zh="除不尽", en="not divisible"),
    case([[0.0, 3, 1, 2]], 2, 4, zh="2 位", en="2 bits",
         gives=(np.array([[0, 3, 1, 2]]), np.array([[1.0]]), np.array([[0]]))),
    case([[-1.0, 1, 0.5, -0.5]], 4, 4, zh="两边一样宽，截到 15", en="as wide on both sides, clipped to 15",
         gives=(np.array([[0, 15, 12, 4]]), np.array([[2 / 15]]), np.array([[8]]))),
])

# %% cases="quant_groups"
def cases(rng):
    import numpy as np

    yield case([[0.0] * 4, [0.0] * 4], 4, 4, zh="全是 0", en="all zeros")
    yield case([[-2.0] * 4], 4, 2, zh="全是同一个负数", en="all the same negative number")
    yield case([[1.0, 2.6, 3.0, 2.0]], 4, 4, zh="全是正数", en="all positive")
    yield case([[-1.0, -2.6, -3.0, -2.0]], 8, 4, zh="全是负数", en="all negative")
    yield case([[1.0, 2, 3, 4, 5, 6]], 4, 4, zh="除不尽", en="not divisible")
    half = rng.choice([0.25, 0.5, 2.0])
    yield case([[2 * half, -half, -2 * half, half]], 8, 4, zh="两边一样宽", en="as wide on both sides")
    yield case([[2 * half, -half, -2 * half, half]], 4, 4, fn="quant_err", zh="两边一样宽", en="as wide on both sides")
    yield case([[0.3, -0.9, 0.1, 0.7]], rng.choice([2, 3]), 4, zh="不到 4 位", en="below 4 bits")
    for _ in range(5):
        rows = [[round(rng.gauss(0, 1), 4) for _ in range(16)] for _ in range(3)]
        bits, group = rng.choice([2, 3, 4, 8]), rng.choice([4, 8, 16])
        yield case(rows, bits, group, zh=f"随机的权重，{bits} 位", en=f"random weights, {bits} bits")
        yield case(rows, bits, group, fn="quant_err", zh="误差，随机的权重", en="the error of random weights")
        codes = np.array([[rng.randrange(16) for _ in range(16)]])
        parts = np.array([[round(rng.uniform(0.1, 1), 3) for _ in range(4)]]), np.array([[1, 0, 7, 15]])
        yield case(codes, *parts, 4, fn="dequant_groups", zh="还原，随机的编号", en="restoring random codes")

# %% wrong="quant_groups"
# zh: 每组用自己的缩放和零点，不是一行共用
# en: each group has its own scale and zero, not one for the row
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    low, top = np.minimum(w.min(-1, keepdims=True), 0), 2**bits - 1
    scale = (np.maximum(w.max(-1, keepdims=True), 0) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    return np.clip(np.round(w / scale) + zero, 0, top).astype(int), scale, zero

def dequant_groups(q, scale, zero, group=128):
    return (np.asarray(q) - np.asarray(zero)[:, :1]) * np.asarray(scale)[:, :1]

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 16 个编号之间只有 15 段：除以 2^bits − 1
# en: 16 codes have 15 steps between them: divide by 2^bits − 1
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 2**bits - 1
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / 2**bits
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 范围里要有 0：lo = min(组, 0)，hi = max(组, 0)
# en: the range must hold 0: lo = min(group, 0), hi = max(group, 0)
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 2**bits - 1
    low = parts.min(-1)
    scale = (parts.max(-1) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 还原是 (q − zero) · scale，不是 q · scale − zero
# en: restoring is (q − zero) · scale, not q · scale − zero
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 2**bits - 1
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return (parts * np.asarray(scale)[..., None] - np.asarray(zero)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 忘了截到 0 … 2^bits − 1：零点四舍五入以后，最大的数会多出 1
# en: clip to 0 … 2^bits − 1: once the zero is rounded, the largest number may be 1 too high
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 2**bits - 1
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return codes.astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 位数不只 4 和 8：编号到 2^bits − 1
# en: bits are not only 4 and 8: codes go to 2^bits − 1
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 255 if bits == 8 else 15
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 全是 0 的组 scale 取 1，不能除以 0
# en: a group of zeros has scale 1; don't divide by 0
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 2**bits - 1
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / top
    if (scale == 0).any():
        raise ZeroDivisionError
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float((error**2).mean()), 8)

# %% wrong="quant_groups"
# zh: 第二个是均方误差：误差的平方的平均，不是绝对值的平均
# en: the second is the mean of the squared error, not of its absolute value
def quant_groups(w, bits=4, group=128):
    w = np.asarray(w, dtype=float)
    if w.shape[1] % group:
        raise ValueError
    parts, top = w.reshape(len(w), -1, group), 2**bits - 1
    low = np.minimum(parts.min(-1), 0)
    scale = (np.maximum(parts.max(-1), 0) - low) / top
    scale = np.where(scale == 0, 1.0, scale)
    zero = np.round(-low / scale).astype(int)
    codes = np.round(parts / scale[..., None]) + zero[..., None]
    return np.clip(codes, 0, top).astype(int).reshape(w.shape), scale, zero

def dequant_groups(q, scale, zero, group=128):
    parts = np.asarray(q).reshape(len(q), -1, group)
    return ((parts - np.asarray(zero)[..., None]) * np.asarray(scale)[..., None]).reshape(len(q), -1)

def quant_err(w, bits=4, group=128):
    error = dequant_groups(*quant_groups(w, bits, group), group) - np.asarray(w, dtype=float)
    return round(float(np.abs(error).max()), 8), round(float(np.abs(error).mean()), 8)

# %% [markdown] lang="zh"
"""
下一格的第一张图是 `camp-mini` 的一层，用的就是你的函数：组越小，误差越小，但每组要多存一个缩放和一个零点，32 个一组就多了 0.625 位。

## AWQ：不是每个权重都一样要紧

误差要看**输出**。输出是权重乘激活，所以碰上大激活的那几列权重，错一点就很疼。AWQ 不把它们留成 16 位（那样硬件不好算），而是取整前把这些列乘上 s、激活除以 s：乘积不变，这几列的取整误差缩小到 1/s。s 取激活平均大小的 α 次方；α 太大，别的列又被挤坏了。

这不是说说而已：后两张图里，`camp-mini` 读 30 段对话，记下流进这一层的激活，再用你的函数量一遍 α 从 0 到 1。
"""

# %% [markdown] lang="en"
"""
The first picture of the next cell is a layer of `camp-mini`, by your functions: smaller groups, smaller error; but each group stores a scale and a zero, in groups of 32 that is 0.625 bits more a weight.

## AWQ: some weights matter more

What counts is the error of the **output**. That is weights times activations, so an error hurts in those columns that meet large activations. AWQ does not keep them at 16 bits (hardware dislikes the mixture): before rounding it multiplies these columns by s and divides the activations by s. The product is the same, and the rounding error of these columns shrinks to 1/s. s is the mean size of the activation to the power α; too large an α ruins the other columns.

That is not hearsay: for the other two pictures `camp-mini` reads 30 dialogues, what flows into this layer is recorded, and your functions measure α from 0 to 1.
"""

# %%
from course_lib.deploy import quantised, salient

weight = quantised.linear_layers(bot)[salient.PLACE].weight
inputs = salient.layer_inputs(bot, recipe.dialogues(30))
with needs("quant_groups", "dequant_groups"):
    display(pictures.group_errors(weight, quant_groups, dequant_groups, (384, 128, 64, 32, 16)))
    display(salient.salient_chart(bot, inputs, quant_groups, dequant_groups))

# %% [markdown] lang="zh"
"""
橙点是这一层最好的 α。`camp-mini` 的激活还算平均，好处不大；大模型里有的通道能比别的大 100 倍左右（SmoothQuant，arXiv 2211.10438），差别才悬殊。LMDeploy 默认 α = 0.5，还要除以这一列权重自己的大小；`--search-scale` 会逐层去找 α，慢得多。

## 八个数装进一个 int32

4 位的编号八个一组，打包进一个 int32。为了让 GPU 解包快，AWQ 的顺序是 `[0, 2, 4, 6, 1, 3, 5, 7]`：从最低位数起，第 i 格放**第 order[i] 个**数。

写 `pack_int4(values, order)`（超出 0 到 15 抛 `ValueError`，结果不带符号）、`unpack_int4(packed, order)`（负的 int32 也要认得）、`to_int32(packed)`（32 位无符号数换成带符号的）。

<details><summary>提示</summary>

装：`values[order[i]] << 4 * i`；拆：`(packed >> 4 * i) & 15` 放回 `order[i]`。Python 的 `&` 对负数就按补码算。

</details>
"""

# %% [markdown] lang="en"
"""
The orange dot is this layer's best α. The activations of `camp-mini` are fairly even, so little is gained; in large models some channels are about 100 times larger than the others (SmoothQuant, arXiv 2211.10438), and more is at stake. LMDeploy takes α = 0.5 by default and also divides by the size of the column's own weights; `--search-scale` looks for α layer by layer and takes much longer.

## Eight numbers in one int32

Eight codes of 4 bits go into one int32. For fast unpacking on a GPU AWQ's order is `[0, 2, 4, 6, 1, 3, 5, 7]`: counted from the lowest bits, slot i holds **number order[i]**.

Write `pack_int4(values, order)` (outside 0 to 15 it raises `ValueError`; the result is unsigned), `unpack_int4(packed, order)` (a negative int32 must work, too), `to_int32(packed)` (32 unsigned bits to the signed number).

<details><summary>Hint</summary>

In: `values[order[i]] << 4 * i`; out: `(packed >> 4 * i) & 15` goes back to `order[i]`. Python's `&` takes negative numbers as two's complement.

</details>
"""

# %% exercise="pack_int4" level=2 minutes=10 points=9
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def pack_int4(values: list[int], order: list[int] = AWQ_ORDER) -> int:
    """
    zh: 八个 4 位数装成一个不带符号的 32 位数。
    en: Return eight 4-bit numbers as one unsigned 32-bit number.
    """
    ### BEGIN SOLUTION
    if any(not 0 <= value <= 15 for value in values):
        raise ValueError(f"4 bits hold 0 to 15: {values}")
    return sum(values[place] << 4 * slot for slot, place in enumerate(order))
    ### END SOLUTION


def unpack_int4(packed: int, order: list[int] = AWQ_ORDER) -> list[int]:
    """
    zh: 拆出八个数。
    en: Return the eight numbers.
    """
    ### BEGIN SOLUTION
    values = [0] * 8
    for slot, place in enumerate(order):
        values[place] = (packed >> 4 * slot) & 15
    return values
    ### END SOLUTION


def to_int32(packed: int) -> int:
    """
    zh: 换成带符号的 int32。
    en: Return the signed int32.
    """
    ### BEGIN SOLUTION
    return packed - 2**32 if packed >= 2**31 else packed
    ### END SOLUTION

# %% check="pack_int4"
check("pack_int4", [
    case([0, 1, 2, 3, 4, 5, 6, 7], gives=0x75316420),
    case([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7], gives=0x76543210, zh="自然顺序", en="natural order"),
    case([0, 16, 0, 0, 0, 0, 0, 0], raises=ValueError, zh="16 装不进 4 位", en="16 needs 5 bits"),
    case(0x75316420, fn="unpack_int4", gives=[0, 1, 2, 3, 4, 5, 6, 7]),
    case(-268435456, fn="unpack_int4", gives=[0, 0, 0, 0, 0, 0, 0, 15], zh="负的 int32", en="a negative int32"),
    case(0xF0000000, fn="to_int32", gives=-268435456),
    case(0x75316420, fn="to_int32", gives=1966171168, zh="最高位是 0", en="the highest bit is 0"),
])

# %% cases="pack_int4"
def cases(rng):
    yield case([15] * 8, zh="全是 15", en="all 15")
    yield case([0] * 8, zh="全是 0", en="all 0")
    yield case([1, 2, 3, -1, 0, 0, 0, 0], zh="负数", en="a negative number")
    yield case([0] * 7 + [16], zh="16", en="16")
    yield case(-1, fn="unpack_int4", zh="全是 1 的 int32", en="an int32 of ones")
    yield case(2**31, fn="to_int32", zh="最小的 int32", en="the smallest int32")
    yield case(2**31 - 1, fn="to_int32", zh="最大的 int32", en="the largest int32")
    for _ in range(6):
        values = [rng.randrange(16) for _ in range(8)]
        order = rng.sample(range(8), 8)
        yield case(values, zh="随机的八个数", en="eight random numbers")
        yield case(values, order, zh="别的顺序", en="another order")
        yield case(rng.randrange(-2**31, 2**31), fn="unpack_int4", zh="随机的 int32", en="a random int32")
        yield case(rng.randrange(2**32), order, fn="unpack_int4", zh="别的顺序", en="another order")
        yield case(rng.randrange(2**32), fn="to_int32", zh="随机的数", en="a random number")

# %% wrong="pack_int4"
# zh: 要按 order 的顺序装，不是自然顺序
# en: pack in order's order, not in the natural one
def pack_int4(values, order=AWQ_ORDER):
    if any(not 0 <= value <= 15 for value in values):
        raise ValueError
    return sum(value << 4 * slot for slot, value in enumerate(values))

def unpack_int4(packed, order=AWQ_ORDER):
    return [(packed >> 4 * slot) & 15 for slot in range(8)]

def to_int32(packed):
    return packed - 2**32 if packed >= 2**31 else packed

# %% wrong="pack_int4"
# zh: 方向反了：第 i 格放第 order[i] 个数，不是第 i 个数放进第 order[i] 格
# en: the wrong way round: slot i holds number order[i]; number i does not go to slot order[i]
def pack_int4(values, order=AWQ_ORDER):
    if any(not 0 <= value <= 15 for value in values):
        raise ValueError
    return sum(value << 4 * order[number] for number, value in enumerate(values))

def unpack_int4(packed, order=AWQ_ORDER):
    return [(packed >> 4 * slot) & 15 for slot in order]

def to_int32(packed):
    return packed - 2**32 if packed >= 2**31 else packed

# %% wrong="pack_int4"
# zh: 4 位只能装 0 到 15，超出要抛 ValueError
# en: 4 bits hold 0 to 15; anything else raises ValueError
def pack_int4(values, order=AWQ_ORDER):
    return sum((values[place] & 15) << 4 * slot for slot, place in enumerate(order))

def unpack_int4(packed, order=AWQ_ORDER):
    values = [0] * 8
    for slot, place in enumerate(order):
        values[place] = (packed >> 4 * slot) & 15
    return values

def to_int32(packed):
    return packed - 2**32 if packed >= 2**31 else packed

# %% wrong="pack_int4"
# zh: 从 2**31 起是负数：减去 2**32
# en: from 2**31 on it is negative: take off 2**32
def pack_int4(values, order=AWQ_ORDER):
    if any(not 0 <= value <= 15 for value in values):
        raise ValueError
    return sum(values[place] << 4 * slot for slot, place in enumerate(order))

def unpack_int4(packed, order=AWQ_ORDER):
    values = [0] * 8
    for slot, place in enumerate(order):
        values[place] = (packed >> 4 * slot) & 15
    return values

def to_int32(packed):
    return packed

# %% wrong="pack_int4"
# zh: 最低的 4 位是第 0 格，不是最高的
# en: slot 0 is the lowest 4 bits, not the highest
def pack_int4(values, order=AWQ_ORDER):
    if any(not 0 <= value <= 15 for value in values):
        raise ValueError
    return sum(values[place] << 4 * (7 - slot) for slot, place in enumerate(order))

def unpack_int4(packed, order=AWQ_ORDER):
    values = [0] * 8
    for slot, place in enumerate(order):
        values[place] = (packed >> 4 * (7 - slot)) & 15
    return values

def to_int32(packed):
    return packed - 2**32 if packed >= 2**31 else packed

# %% wrong="pack_int4"
# zh: 每个数占 4 位，要移 4·i，不是 8·i
# en: each number has 4 bits: shift by 4·i, not 8·i
def pack_int4(values, order=AWQ_ORDER):
    if any(not 0 <= value <= 15 for value in values):
        raise ValueError
    return sum(values[place] << 8 * slot for slot, place in enumerate(order))

def unpack_int4(packed, order=AWQ_ORDER):
    values = [0] * 8
    for slot, place in enumerate(order):
        values[place] = (packed >> 8 * slot) & 15
    return values

def to_int32(packed):
    return packed - 2**32 if packed >= 2**31 else packed

# %% [markdown] lang="zh"
"""
## 为什么不是四分之一

营里的 7B 从 15G 变成 4.9G，不是 3.8G。量化的只有**线性层**：两个嵌入矩阵（V × h，输入和输出头）和归一化仍是 16 位；每组还有一个 16 位的缩放和一个 `bits` 位的零点。

写 `awq_bytes(cfg, group=128, bits=4)`：整个模型几个字节。每层的线性层：h → h + 2·kv_heads·d、h → h、三个 h × m；其余：两个 V × h，每层两个归一化（各 h），最后再一个。

<details><summary>提示</summary>

设 `linear` 是线性层权重总数：`linear * bits / 8 + linear / group * (2 + bits / 8) + 2 * rest`。

</details>
"""

# %% [markdown] lang="en"
"""
## Why it is no quarter

The camp's 7B went from 15G to 4.9G, not to 3.8G. Only **linear layers** are quantised: two embedding matrices (V × h, input and head) and the norms keep 16 bits; and each group has a scale of 16 bits and a zero of `bits`.

Write `awq_bytes(cfg, group=128, bits=4)`: the bytes of the whole model. Linear layers of each layer: h → h + 2·kv_heads·d, h → h, and three of h × m; the rest: two of V × h, two norms (h each) in each layer, and one more at the end.

<details><summary>Hint</summary>

With `linear` the number of weights in linear layers: `linear * bits / 8 + linear / group * (2 + bits / 8) + 2 * rest`.

</details>
"""

# %% exercise="awq_bytes" level=2 minutes=8 points=8
def awq_bytes(cfg: dict, group: int = 128, bits: int = 4) -> float:
    """
    zh: AWQ 量化以后，模型几个字节。
    en: Return the bytes of the model after AWQ.
    """
    ### BEGIN SOLUTION
    h, layers = cfg["hidden"], cfg["layers"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    linear = layers * (h * (h + 2 * kv) + h * h + 3 * h * cfg["inter"])
    rest = 2 * cfg["vocab"] * h + (2 * layers + 1) * h
    return linear * bits / 8 + linear / group * (2 + bits / 8) + 2 * rest
    ### END SOLUTION

# %% check="awq_bytes"
from course_lib.tune.toys import C

check("awq_bytes", [
    case(C["tiny"], group=8, gives=2040.0, zh="tiny，可以手算", en="tiny, by hand"),
    case(C["7b"], gives=5142749184.0, zh="7B，4.79 GiB", en="7B, 4.79 GiB"),
    case(C["1.8b"], gives=1542787072.0, zh="1.8B，1.437 GiB", en="1.8B, 1.437 GiB"),
    case(C["7b"], group=32, gives=5551693824.0, zh="7B，32 个一组，5.17 GiB", en="7B in groups of 32, 5.17 GiB"),
])

# %% cases="awq_bytes"
def cases(rng):
    from course_lib.tune.toys import C

    yield case(C["7b"], group=64, zh="64 个一组", en="groups of 64")
    yield case(C["20b"], zh="20B", en="20B")
    yield case(C["1.8b"], bits=8, zh="8 位", en="8 bits")
    yield case(dict(C["tiny"], kv_heads=2), group=4, zh="kv_heads 等于 heads", en="kv_heads equals heads")
    for _ in range(6):
        cfg = dict(C[rng.choice(["1.8b", "7b", "20b"])], layers=rng.randint(1, 60))
        yield case(cfg, group=rng.choice([32, 64, 128]), bits=rng.choice([4, 8]),
                   zh="随机的一组", en="a random case")

# %% wrong="awq_bytes"
# zh: 嵌入、输出头和归一化不量化，仍是 16 位
# en: embeddings, head and norms are not quantised; they keep 16 bits
def awq_bytes(cfg, group=128, bits=4):
    h, layers = cfg["hidden"], cfg["layers"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    linear = layers * (h * (h + 2 * kv) + h * h + 3 * h * cfg["inter"])
    rest = 2 * cfg["vocab"] * h + (2 * layers + 1) * h
    return (linear + rest) * bits / 8

# %% wrong="awq_bytes"
# zh: 还有每组的缩放和零点
# en: there are a scale and a zero in each group, too
def awq_bytes(cfg, group=128, bits=4):
    h, layers = cfg["hidden"], cfg["layers"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    linear = layers * (h * (h + 2 * kv) + h * h + 3 * h * cfg["inter"])
    rest = 2 * cfg["vocab"] * h + (2 * layers + 1) * h
    return linear * bits / 8 + 2 * rest

# %% wrong="awq_bytes"
# zh: 零点只有 bits 位，不是 16 位
# en: a zero has bits bits, not 16
def awq_bytes(cfg, group=128, bits=4):
    h, layers = cfg["hidden"], cfg["layers"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    linear = layers * (h * (h + 2 * kv) + h * h + 3 * h * cfg["inter"])
    rest = 2 * cfg["vocab"] * h + (2 * layers + 1) * h
    return linear * bits / 8 + linear / group * 4 + 2 * rest

# %% wrong="awq_bytes"
# zh: 嵌入和输出头是两个 V × h
# en: embedding and head are two matrices of V × h
def awq_bytes(cfg, group=128, bits=4):
    h, layers = cfg["hidden"], cfg["layers"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    linear = layers * (h * (h + 2 * kv) + h * h + 3 * h * cfg["inter"])
    rest = cfg["vocab"] * h + (2 * layers + 1) * h
    return linear * bits / 8 + linear / group * (2 + bits / 8) + 2 * rest

# %% wrong="awq_bytes"
# zh: K 和 V 只有 kv_heads 个头（GQA）
# en: only kv_heads heads make K and V (GQA)
def awq_bytes(cfg, group=128, bits=4):
    h, layers = cfg["hidden"], cfg["layers"]
    linear = layers * (4 * h * h + 3 * h * cfg["inter"])
    rest = 2 * cfg["vocab"] * h + (2 * layers + 1) * h
    return linear * bits / 8 + linear / group * (2 + bits / 8) + 2 * rest

# %% wrong="awq_bytes"
# zh: 没量化的每个参数 2 字节，不是 1
# en: what is not quantised takes 2 bytes a parameter, not 1
def awq_bytes(cfg, group=128, bits=4):
    h, layers = cfg["hidden"], cfg["layers"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    linear = layers * (h * (h + 2 * kv) + h * h + 3 * h * cfg["inter"])
    rest = 2 * cfg["vocab"] * h + (2 * layers + 1) * h
    return linear * bits / 8 + linear / group * (2 + bits / 8) + rest

# %% [markdown] lang="zh"
"""
## 真的工具

营里的命令是 `lmdeploy lite auto_awq 模型 --calib-dataset 'ptb' …`。今天 `ptb` 已经没了（默认 wikitext2），要联网；下一格先写一个同名的本地目录顶替它，里面是 `camp-mini` 自己会读到的对话。`--device cpu` 让它在这里也能跑，每组 64 个（192 不能被 128 整除）。

然后打开产物：用你的 `unpack_int4` 拆开每一层，还原，除掉 AWQ 的缩放，和原来的权重比**输出**。灰点是你的普通取整，橙点是 LMDeploy 的。`smooth_quant`（W8A8）也跑一遍：权重和激活都是 8 位，换来整数乘法的速度。

LMDeploy 装在独立的环境里；没装的话，单元会告诉你命令。
"""

# %% [markdown] lang="en"
"""
## The real tool

The camp's command is `lmdeploy lite auto_awq MODEL --calib-dataset 'ptb' …`. Today `ptb` is gone (the default is wikitext2) and the hub is needed; the next cell puts a local folder of that name in its place, with dialogues such as `camp-mini` meets. `--device cpu` makes it run here, in groups of 64 (128 does not divide 192).

Then open what it wrote: unpack each layer with your `unpack_int4`, restore it, take AWQ's scales out again, and compare the **output** with that of the original weights. Grey dots are your plain rounding, orange ones LMDeploy's. `smooth_quant` (W8A8) runs, too: weights and activations at 8 bits, for the speed of integer products.

LMDeploy has an environment of its own; if it is not installed, the cell gives you the command.
"""

# %% tool="quantise" minutes=2
from pathlib import Path

from course_lib import toolbox
from course_lib.deploy import prompts, talk

work = Path("lmdeploy-work")
recipe.write_calibration(work)
toolbox.run("lmdeploy", "check_env", folder=work, lines=["^LMDeploy: "])
# zh: 聊天模板和分词器取自模型目录；内置的 internlm2 在 0.15 删掉了，按名字取不报错（日志里有警告），标记却全丢了：看最后一行
# en: template and tokenizer come from the folder; the built-in internlm2 went in 0.15: asked for by name it gives a
# en: warning in the log, no error, and a prompt without any marker: see the last line
prompts.show(bot, talk.questions()[0], work)
toolbox.run("lmdeploy", *recipe.words("auto_awq", "camp-mini-4bit"), folder=work)
toolbox.run("lmdeploy", *recipe.words("smooth_quant", "camp-mini-w8a8"), folder=work)
for folder in (recipe.BASE, work / "camp-mini-4bit", work / "camp-mini-w8a8"):
    print(f"{folder.name:>16}: {(folder / 'model.safetensors').stat().st_size / 1e6:.2f} MB")

# %% tool="open" minutes=1
from course_lib.deploy import awq

tensors = awq.read_folder(work / "camp-mini-4bit")
for name, one in tensors.items():
    if name.startswith("model.layers.0.self_attn.q_proj"):
        print(name, tuple(one.shape), one.dtype)
with needs("unpack_int4", "quant_groups", "dequant_groups"):
    restored = awq.in_base_terms(tensors, bot.model.state_dict(), unpack_int4)
    errors = awq.layer_errors(bot, restored, inputs, quant_groups, dequant_groups)
    display(awq.error_chart(errors))

# %% [markdown] lang="zh"
"""
## KV 也来 8 位、4 位

（上一张图里两种点不相上下：`camp-mini` 的激活太平均，AWQ 没有多少可救的；每一层都还原得回来，才是这次要核对的。）

KV 是边生成边产生的，不能慢慢校准。LMDeploy 在线做：每个词元、每个头的那一小段向量，用自己的最小值和缩放（`quant_policy` 8 或 4）。

写 `kv_quant_head(x, bits)` → `(编号, scale, min, 还原值)`：scale = (最大 − 最小) ÷ (2^bits − 1)，常数向量取 1；编号 = (x − min) ÷ scale，**四舍五入**（.5 进位）；还原值 = min + 编号 × scale。scale 和还原值保留 6 位小数，计算时用没有舍入的 scale。

下面的表量出代价：同一批问题，换权重位数，再换 KV 位数；2 位是让你看看悬崖在哪里。装了 llama.cpp（`camp tools install llamacpp`，0.2 GB），权重和 KV 真按 16、8、4 位存放和计算，所以也有**速度**；32 个数一组，只有缩放（8 位一组 34 字节，4 位 18）。没装，torch 的内核只量权重（4 位的编号出自你的函数，8 位每行一个缩放）。其余由你的函数量化、再还原，没有速度。

<details><summary>提示</summary>

.5 进位：`math.floor(v + 0.5)`；Python 的 `round(2.5)` 是 2。

</details>
"""

# %% [markdown] lang="en"
"""
## KV at 8 and 4 bits, too

(In the last picture both kinds of dots are about level: the activations of `camp-mini` are too even for AWQ to save much. That every layer can be restored is what this audit was for.)

K and V come as tokens are generated; there is no time to calibrate. LMDeploy does it on the fly: the short vector of each head of each token has a minimum and a scale of its own (`quant_policy` 8 or 4).

Write `kv_quant_head(x, bits)` → `(codes, scale, min, restored)`: scale = (max − min) ÷ (2^bits − 1), or 1 for a constant vector; codes = (x − min) ÷ scale, **rounded half up**; restored = min + code × scale. scale and restored have 6 decimals; compute with the unrounded scale.

The table below measures the price: the same questions with other weight bits and other KV bits; 2 bits are there to show where the cliff is. If llama.cpp is installed (`camp tools install llamacpp`, 0.2 GB), weights and KV really lie in memory and are computed at 16, 8 and 4 bits, so there is a **speed**, too; 32 numbers share a scale, without a zero (34 bytes at 8 bits, 18 at 4). If not, torch's kernels only measure the weights (the codes at 4 bits are your function's, at 8 bits each row has one scale). The rest is quantised by your functions and restored: no speed.

<details><summary>Hint</summary>

Half up: `math.floor(v + 0.5)`; Python's `round(2.5)` is 2.

</details>
"""

# %% exercise="kv_quant_head" level=2 minutes=8 points=8
import math


def kv_quant_head(x: list[float], bits: int) -> tuple:
    """
    zh: （编号，scale，min，还原值）。
    en: Return (codes, scale, min, restored).
    """
    ### BEGIN SOLUTION
    low = min(x)
    scale = (max(x) - low) / (2**bits - 1) or 1.0
    codes = [math.floor((value - low) / scale + 0.5) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]
    ### END SOLUTION

# %% check="kv_quant_head"
check("kv_quant_head", [
    case([0.0, 1.0, 2.0, 3.0], 4, gives=([0, 5, 10, 15], 0.2, 0.0, [0.0, 1.0, 2.0, 3.0])),
    case([-1.0, 0.0, 1.0], 8, gives=([0, 128, 255], 0.007843, -1.0, [-1.0, 0.003922, 1.0])),
    case([2.0, 2.0], 4, gives=([0, 0], 1.0, 2.0, [2.0, 2.0]), zh="常数向量", en="a constant vector"),
    case([0.0, 2.5, 15.0], 4, gives=([0, 3, 15], 1.0, 0.0, [0.0, 3.0, 15.0]), zh=".5 进位", en="half up"),
    case([0.0, 1.0, 2.0, 3.0], 2, gives=([0, 1, 2, 3], 1.0, 0.0, [0.0, 1.0, 2.0, 3.0]), zh="2 位", en="2 bits"),
])

# %% cases="kv_quant_head"
def cases(rng):
    yield case([0.0, 0.5, 4.5, 15.0], 4, zh=".5 进位", en="half up")
    yield case([-7.0], 8, zh="只有一个数", en="a single number")
    yield case([0.0, 0.0, 0.0], 8, zh="全是 0", en="all zeros")
    yield case([5.0, 6.0, 8.0], 4, zh="全是正数", en="all positive")
    yield case([-5.0, -6.0, -8.0], 4, zh="全是负数", en="all negative")
    for _ in range(6):
        x = [round(rng.gauss(0, 2), 3) for _ in range(rng.choice([8, 16, 64]))]
        for bits in (rng.choice([2, 3]), 4, 8):
            yield case(x, bits, zh=f"随机的向量，{bits} 位", en=f"a random vector, {bits} bits")

# %% wrong="kv_quant_head"
# zh: 16 个编号之间只有 15 段：除以 2^bits − 1
# en: 16 codes have 15 steps between them: divide by 2^bits − 1
def kv_quant_head(x, bits):
    low = min(x)
    scale = (max(x) - low) / 2**bits or 1.0
    codes = [math.floor((value - low) / scale + 0.5) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]

# %% wrong="kv_quant_head"
# zh: 位数不只 4 和 8：编号到 2^bits − 1
# en: bits are not only 4 and 8: codes go to 2^bits − 1
def kv_quant_head(x, bits):
    low = min(x)
    scale = (max(x) - low) / (255 if bits == 8 else 15) or 1.0
    codes = [math.floor((value - low) / scale + 0.5) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]

# %% wrong="kv_quant_head"
# zh: .5 要进位；round 会舍到偶数
# en: half goes up; round goes to the even number
def kv_quant_head(x, bits):
    low = min(x)
    scale = (max(x) - low) / (2**bits - 1) or 1.0
    codes = [round((value - low) / scale) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]

# %% wrong="kv_quant_head"
# zh: 要四舍五入，不是截掉小数
# en: round; don't cut the decimals off
def kv_quant_head(x, bits):
    low = min(x)
    scale = (max(x) - low) / (2**bits - 1) or 1.0
    codes = [int((value - low) / scale) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]

# %% wrong="kv_quant_head"
# zh: 常数向量的 scale 取 1，不能除以 0
# en: a constant vector has scale 1; don't divide by 0
def kv_quant_head(x, bits):
    low = min(x)
    scale = (max(x) - low) / (2**bits - 1)
    codes = [math.floor((value - low) / scale + 0.5) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]

# %% wrong="kv_quant_head"
# zh: 还原时要加回最小值
# en: restoring adds the minimum again
def kv_quant_head(x, bits):
    low = min(x)
    scale = (max(x) - low) / (2**bits - 1) or 1.0
    codes = [math.floor((value - low) / scale + 0.5) for value in x]
    return codes, round(scale, 6), low, [round(code * scale, 6) for code in codes]

# %% wrong="kv_quant_head"
# zh: 范围从最小值开始，不是从 0 开始
# en: the range begins at the minimum, not at 0
def kv_quant_head(x, bits):
    low = min(*x, 0.0)
    scale = (max(x) - low) / (2**bits - 1) or 1.0
    codes = [math.floor((value - low) / scale + 0.5) for value in x]
    return codes, round(scale, 6), low, [round(low + code * scale, 6) for code in codes]

# %%
from functools import partial

from course_lib.deploy import kv, llama, speed
from course_lib.deploy.packed import packed
from course_lib.deploy.savings import Way, savings

with needs("quant_groups", "dequant_groups", "kv_quant_head", "kv_bytes_quant"):
    ways = {f"W{bits}, KV16": Way(packed(bot, quant_groups, bits), bits) for bits in (16, 8, 4)}
    ways["W2, KV16"] = Way(quantised.quantised(bot, quant_groups, dequant_groups, 2), 2)
    for bits in (8, 4, 2):
        cache = partial(kv.QuantisedCache, kv_quant_head, bits)
        ways[f"W16, KV{bits}"] = Way(ways["W16, KV16"].bot, 16, bits, cache)
    ways["W4, KV4"] = Way(ways["W4, KV16"].bot, 4, 4, ways["W16, KV4"].cache)
    table = savings(ways, kv_bytes_quant, measured=llama.measured(bot))
    display(table, table.chart(), speed.speed_chart(quant_groups))

# %% [markdown] lang="zh"
"""
`camp-mini` 的表里，8 位、4 位和 16 位分不出高下（18 道题分不出这么小的差别，困惑度有时反而低一点），2 位就掉下了悬崖；速度没差四倍，这么小的模型，时间不花在权重上（开销小的 llama.cpp 快得多）。大模型的账（LMDeploy 文档，2.5-7B-chat，GSM8K）：KV 16 位 85.67，int8 85.44，int4 83.78。8 位几乎白捡，4 位要付一点钱。

再看最后一张图，7B 大小的一层，从左边看起：一次只算一个词元时，时间花在**读权重**上，读得少就快。往右，一批词元一起算，时间花在乘法上，谁快要看这颗 CPU 有哪些乘法指令。所以量化解决的首先是**大小**；快几倍没有一个固定的数，要在自己的机器、自己的批大小上量。

## 同样的开头只存一次（选做）

很多请求的开头一样：同一个系统提示词、同一段文档。开头相同的**整块**可以共用，这叫前缀缓存。一个块由它结尾以前的**整个前缀**决定：内容一样、前文不同，K 和 V 就不同，不能共用。

写 `prefix_blocks(requests, block)` → `(不共用要几块, 共用要几块)`；不满一块的尾巴也占一块，但不共用。

<details><summary>提示</summary>

把 `tuple(request[:end])` 放进一个集合，`end` 取每个整块的结尾。

</details>
"""

# %% [markdown] lang="en"
"""
In the table of `camp-mini` 8 and 4 bits cannot be told from 16 (18 questions cannot show so small a difference, and perplexity may even be lower), and 2 bits fall off the cliff; speeds do not differ fourfold, for so small a model spends its time on other things than weights (llama.cpp, which has less overhead, is much faster). For a large model (LMDeploy's documentation, 2.5-7B-chat, GSM8K): KV at 16 bits 85.67, int8 85.44, int4 83.78. 8 bits are nearly free, 4 bits cost a little.

Now the last chart, a layer of the 7B's size, from the left: with one token at a time the time goes into **reading weights**, and reading less is faster. To the right, with a batch of tokens, it goes into products, and who is faster depends on the instructions that this CPU has for them. So quantisation is first of all about **size**; how many times faster it is has no fixed number: measure on your machine, with your batch.

## The same beginning, stored once (optional)

Many requests begin alike: the same system prompt, the same document. **Whole blocks** of a common beginning can be shared, which is called prefix caching. A block is known by the **whole prefix** up to its end: with the same content after another text, K and V differ and cannot be shared.

Write `prefix_blocks(requests, block)` → `(blocks without sharing, blocks with it)`; a tail that does not fill a block takes one, too, but is not shared.

<details><summary>Hint</summary>

Put `tuple(request[:end])` into a set, for `end` at each whole block's end.

</details>
"""

# %% exercise="prefix_blocks" level=3 minutes=10 points=7
def prefix_blocks(requests: list[list[int]], block: int) -> tuple:
    """
    zh: （不共用的块数，共用的块数）。
    en: Return (blocks without sharing, blocks with it).
    """
    ### BEGIN SOLUTION
    without = sum(-(-len(request) // block) for request in requests)
    shared = {
        tuple(request[:end])
        for request in requests
        for end in range(block, len(request) + 1, block)
    }
    tails = sum(len(request) % block > 0 for request in requests)
    return without, len(shared) + tails
    ### END SOLUTION

# %% check="prefix_blocks"
check("prefix_blocks", [
    case([[1, 2, 3, 4, 5], [1, 2, 3, 4, 9]], 2, gives=(6, 4)),
    case([[1, 2], [1, 2], [1, 2]], 2, gives=(3, 1), zh="三个一样的请求", en="three equal requests"),
    case([[1], [1]], 4, gives=(2, 2), zh="不满一块不共用", en="a part of a block is not shared"),
    case([[1, 2, 7, 8], [3, 4, 7, 8]], 2, gives=(4, 4), zh="块一样，前文不同", en="equal blocks after other texts"),
])

# %% cases="prefix_blocks"
def cases(rng):
    yield case([], 4, zh="没有请求", en="no request")
    yield case([[], [1, 2]], 2, zh="空的请求", en="an empty request")
    yield case([[5, 5, 5, 5]], 2, zh="一个请求里内容重复", en="a request that repeats itself")
    yield case([[9, 1, 2], [8, 1, 2]], 1, zh="块长 1", en="blocks of 1")
    for _ in range(8):
        start = [rng.randrange(3) for _ in range(rng.randint(0, 9))]
        requests = [start + [rng.randrange(3) for _ in range(rng.randint(0, 7))] for _ in range(5)]
        yield case(requests, rng.choice([1, 2, 3, 4]), zh="随机的请求", en="random requests")

# %% wrong="prefix_blocks"
# zh: 块由整个前缀决定，不只看块里的内容
# en: a block is known by its whole prefix, not by its content alone
def prefix_blocks(requests, block):
    without = sum(-(-len(request) // block) for request in requests)
    shared = {
        tuple(request[end - block : end])
        for request in requests for end in range(block, len(request) + 1, block)
    }
    return without, len(shared) + sum(len(request) % block > 0 for request in requests)

# %% wrong="prefix_blocks"
# zh: 不满一块的尾巴不能共用
# en: a tail that does not fill a block is not shared
def prefix_blocks(requests, block):
    without = sum(-(-len(request) // block) for request in requests)
    shared = {
        tuple(request[: end + block])
        for request in requests for end in range(0, len(request), block)
    }
    return without, len(shared)

# %% wrong="prefix_blocks"
# zh: 不满一块的尾巴也占一块
# en: a tail that does not fill a block takes one, too
def prefix_blocks(requests, block):
    shared = {
        tuple(request[:end])
        for request in requests for end in range(block, len(request) + 1, block)
    }
    return sum(len(request) // block for request in requests), len(shared)

# %% wrong="prefix_blocks"
# zh: 部分相同也能共用：比的是每个块的前缀，不是整个请求
# en: requests that agree in part share, too: compare each block's prefix, not whole requests
def prefix_blocks(requests, block):
    without = sum(-(-len(request) // block) for request in requests)
    different = {tuple(request) for request in requests}
    full = sum(len(request) // block for request in different)
    return without, full + sum(len(request) % block > 0 for request in requests)

# %% [markdown] lang="zh"
"""
## 服务，和不会被骗的函数调用

`lmdeploy serve api_server` 开的是 OpenAI 格式的服务，CPU 上我们用 `course_lib.serving` 代替它，客户端代码一字不差。

模型自己不会算数，它只会写“请调用 add，参数是 …”，程序去运行，再把结果作为 **environment** 一轮送回去。（写也会写错：模型卡上，`camp-mini` 的调用中文约 81 % 对，英文约 71 %。）营里的脚本是这样运行的：`eval(f'{name}(**{args})')`。名字和参数都是**模型写的**，也就是任何人能用提示词左右的。练习之后那一格有两行给你看：名字里写一段代码，`eval` 照办（这里只是报出当前目录，换成删文件也一样），你的 `call_tool` 不理。

写 `call_tool(call, registry)`，`call` 是 `{"name": …, "arguments": …}`，返回 `{"ok": True, "result": …}` 或 `{"ok": False, "error": …}`。依次：

1. `arguments` 是 JSON 文本（也可能已经是字典）；解析失败，或解析出来不是字典：`bad-json`；
2. `registry` 里没有这个名字：`unknown-tool`；
3. 参数和函数的签名对不上：`bad-args`；
4. 运行；函数抛异常，error 是异常的类名。

<details><summary>提示</summary>

`inspect.signature(f).bind(**arguments)` 只核对参数，不运行，对不上抛 `TypeError`。

</details>
"""

# %% [markdown] lang="en"
"""
## Serving, and function calls that cannot be tricked

`lmdeploy serve api_server` opens a server in OpenAI's format; on a CPU `course_lib.serving` stands in for it, and a client's code is the same to the letter.

The model does not calculate; it writes "please call add with …", a program runs that, and the result goes back as a turn of **environment**. (It may write it wrong: by the model card about 81 % of `camp-mini`'s calls are right in Chinese, 71 % in English.) The camp's script runs it like this: `eval(f'{name}(**{args})')`. Name and arguments are **written by the model**, which anybody can steer by a prompt. Two lines of the cell after the exercise show it: with code in the name, `eval` obeys (here it tells the folder; it might delete files), and your `call_tool` does not.

Write `call_tool(call, registry)`; `call` is `{"name": …, "arguments": …}`; return `{"ok": True, "result": …}` or `{"ok": False, "error": …}`. In this order:

1. `arguments` is a JSON text (or a dictionary already); if it cannot be parsed or is no dictionary: `bad-json`;
2. the name is not in `registry`: `unknown-tool`;
3. the arguments do not fit the function's signature: `bad-args`;
4. run it; if the function raises, error is the exception's class name.

<details><summary>Hint</summary>

`inspect.signature(f).bind(**arguments)` only looks at the arguments and runs nothing; it raises `TypeError` when they do not fit.

</details>
"""

# %% exercise="call_tool" level=2 minutes=12 points=7
import inspect
import json

from course_lib.deploy.toys import REGISTRIES, TOOLS


# zh: 用名叫 which 的另一套工具运行；不用改
# en: run with other tools, those named which; leave it as it is
def call_tool_in(which: str, call: dict) -> dict:
    return call_tool(call, REGISTRIES[which])


def call_tool(call: dict, registry: dict = TOOLS) -> dict:
    """
    zh: 安全地运行一次函数调用，不用 eval。
    en: Run a function call safely, without eval.
    """
    ### BEGIN SOLUTION
    arguments = call["arguments"]
    try:
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return {"ok": False, "error": "bad-json"}
    if not isinstance(arguments, dict):
        return {"ok": False, "error": "bad-json"}
    function = registry.get(call["name"])
    if function is None:
        return {"ok": False, "error": "unknown-tool"}
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    try:
        return {"ok": True, "result": function(**arguments)}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}
    ### END SOLUTION

# %% check="call_tool"
check("call_tool", [
    case({"name": "add", "arguments": '{"a":3,"b":5}'}, gives={"ok": True, "result": 8}),
    case({"name": "add", "arguments": '{"a":3}'}, gives={"ok": False, "error": "bad-args"}),
    case({"name": "rm", "arguments": "{}"}, gives={"ok": False, "error": "unknown-tool"}),
    case({"name": "add", "arguments": "{a:3}"}, gives={"ok": False, "error": "bad-json"}),
    case({"name": "greet", "arguments": '{"name":"Lin","polite":true}'}, zh="JSON 的 true", en="JSON's true",
         gives={"ok": True, "result": "Good morning, Lin."}),
    case({"name": "divide", "arguments": '{"a":1,"b":0}'}, zh="函数抛异常", en="the function raises",
         gives={"ok": False, "error": "ZeroDivisionError"}),
    case("words", {"name": "add", "arguments": '{"a":3,"b":5}'}, fn="call_tool_in", zh="另一套工具里的 add",
         en="the add of other tools", gives={"ok": True, "result": "3 5"}),
])

# %% cases="call_tool"
def cases(rng):
    yield case("words", {"name": "divide", "arguments": '{"a":1,"b":2}'}, fn="call_tool_in", zh="那一套里没有 divide",
               en="those tools have no divide")
    yield case("words", {"name": "twice", "arguments": '{"word":"ha"}'}, fn="call_tool_in", zh="只在那一套里",
               en="a tool of those alone")
    yield case({"name": "add", "arguments": '{"x":1,"y":2}'}, zh="参数的名字不对", en="arguments of other names")
    yield case({"name": "divide", "arguments": '{"b":2,"a":1}'}, zh="参数换了顺序", en="arguments in another order")
    yield case({"name": "add", "arguments": {"a": 1, "b": 2}}, zh="已经是字典", en="a dictionary already")
    yield case({"name": "add", "arguments": "[1, 2]"}, zh="列表，不是对象", en="a list, no object")
    yield case({"name": "add", "arguments": '{"a":1,"b":2,"c":3}'}, zh="多一个参数", en="one argument too many")
    yield case({"name": "add", "arguments": '{"a":1,"b":null}'}, zh="null", en="null")
    yield case({"name": "greet", "arguments": '{"name":"Ada","polite":false}'}, zh="false", en="false")
    yield case({"name": "greet", "arguments": '{"name":"Ada"}'}, zh="有默认值的参数", en="an argument with a default")
    yield case({"name": "__import__('os').getcwd", "arguments": "{}"}, zh="名字里是代码", en="code in the name")
    yield case({"name": "rm", "arguments": "{a"}, zh="名字和参数都不对", en="name and arguments both wrong")
    for _ in range(6):
        a, b = rng.randint(-99, 99), rng.choice([0, 1, 2, 4])
        yield case({"name": rng.choice(["add", "divide"]), "arguments": json.dumps({"a": a, "b": b})},
                   zh="随机的数", en="random numbers")

# %% wrong="call_tool"
# zh: JSON 解析出来不是对象（比如列表）也是 bad-json
# en: JSON that is no object (a list, say) is bad-json, too
def call_tool(call, registry=TOOLS):
    try:
        arguments = call["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return {"ok": False, "error": "bad-json"}
    if call["name"] not in registry:
        return {"ok": False, "error": "unknown-tool"}
    try:
        inspect.signature(registry[call["name"]]).bind(**arguments)
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    try:
        return {"ok": True, "result": registry[call["name"]](**arguments)}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}

# %% wrong="call_tool"
# zh: 不要 eval：它不认识 JSON 的 true、null，而且什么代码都肯运行
# en: no eval: it does not know JSON's true and null, and it runs any code whatever
def call_tool(call, registry=TOOLS):
    try:
        result = eval(f"{call['name']}(**{call['arguments']})", dict(registry))
        return {"ok": True, "result": result}
    except SyntaxError:
        return {"ok": False, "error": "bad-json"}
    except NameError:
        return {"ok": False, "error": "unknown-tool"}
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}

# %% wrong="call_tool"
# zh: 工具在参数 registry 里找，不是总在 TOOLS 里
# en: look tools up in the parameter registry, not always in TOOLS
def call_tool(call, registry=TOOLS):
    registry = TOOLS
    try:
        arguments = call["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
        if not isinstance(arguments, dict):
            return {"ok": False, "error": "bad-json"}
    except ValueError:
        return {"ok": False, "error": "bad-json"}
    if call["name"] not in registry:
        return {"ok": False, "error": "unknown-tool"}
    try:
        inspect.signature(registry[call["name"]]).bind(**arguments)
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    try:
        return {"ok": True, "result": registry[call["name"]](**arguments)}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}

def call_tool_in(which, call):
    return call_tool(call, REGISTRIES[which])

# %% wrong="call_tool"
# zh: 参数按名字传，不是按先后；名字也要对得上
# en: arguments are passed by name, not by place, and the names must fit, too
def call_tool(call, registry=TOOLS):
    try:
        arguments = call["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
        if not isinstance(arguments, dict):
            return {"ok": False, "error": "bad-json"}
    except ValueError:
        return {"ok": False, "error": "bad-json"}
    if call["name"] not in registry:
        return {"ok": False, "error": "unknown-tool"}
    try:
        inspect.signature(registry[call["name"]]).bind(*arguments.values())
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    try:
        return {"ok": True, "result": registry[call["name"]](*arguments.values())}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}

def call_tool_in(which, call):
    return call_tool(call, REGISTRIES[which])

# %% wrong="call_tool"
# zh: 函数自己抛的异常也要接住，error 是它的类名
# en: catch what the function itself raises; error is its class name
def call_tool(call, registry=TOOLS):
    try:
        arguments = call["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
        if not isinstance(arguments, dict):
            return {"ok": False, "error": "bad-json"}
    except ValueError:
        return {"ok": False, "error": "bad-json"}
    if call["name"] not in registry:
        return {"ok": False, "error": "unknown-tool"}
    try:
        inspect.signature(registry[call["name"]]).bind(**arguments)
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    return {"ok": True, "result": registry[call["name"]](**arguments)}

# %% wrong="call_tool"
# zh: 函数里的 TypeError 不是 bad-args：先用 bind 核对签名，再运行
# en: a TypeError inside the function is not bad-args: bind to the signature first, then run
def call_tool(call, registry=TOOLS):
    try:
        arguments = call["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
        if not isinstance(arguments, dict):
            return {"ok": False, "error": "bad-json"}
    except ValueError:
        return {"ok": False, "error": "bad-json"}
    if call["name"] not in registry:
        return {"ok": False, "error": "unknown-tool"}
    try:
        return {"ok": True, "result": registry[call["name"]](**arguments)}
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}

# %% wrong="call_tool"
# zh: arguments 可能已经是字典，不一定要解析
# en: arguments may be a dictionary already; then there is nothing to parse
def call_tool(call, registry=TOOLS):
    try:
        arguments = json.loads(call["arguments"])
        if not isinstance(arguments, dict):
            return {"ok": False, "error": "bad-json"}
    except (ValueError, TypeError):
        return {"ok": False, "error": "bad-json"}
    if call["name"] not in registry:
        return {"ok": False, "error": "unknown-tool"}
    try:
        inspect.signature(registry[call["name"]]).bind(**arguments)
    except TypeError:
        return {"ok": False, "error": "bad-args"}
    try:
        return {"ok": True, "result": registry[call["name"]](**arguments)}
    except Exception as error:
        return {"ok": False, "error": type(error).__name__}

# %% tool="serve" minutes=2
from openai import OpenAI

from course_lib.deploy import calls, evidence, load, proxy, talk
from course_lib.serving import serve

bad = {"name": "__import__('os').getcwd", "arguments": "{}"}
with serve("camp-mini") as server:
    client = OpenAI(base_url=server.url, api_key=server.key)
    talk.say(client, server.model, talk.questions(), evidence.FOLDER)
    with needs("call_tool"):
        calls.converse(client, server.model, calls.questions(), call_tool, evidence.FOLDER)
        print("eval:     ", eval(f"{bad['name']}(**{bad['arguments']})"))
        print("call_tool:", calls.refuse(bad, call_tool, evidence.FOLDER))
    alone = load.served(client, server.model)
    display(load.throughput_chart(alone, proxy.two_servers(server, "camp-mini"), load.batched(bot)))

# %% [markdown] lang="zh"
"""
CPU 上的这个服务一个一个地算，请求多了只是排队。绿线是两个服务，前面站着 `lmdeploy serve proxy`：它把请求分给后面的服务，核够用时吞吐最多翻一倍。同样的请求并成**一批**，吞吐上升得更多，因为权重读一次、大家用。LMDeploy 的引擎让请求随到随走地并批，KV 缓存放得下多少词元，就能并多少人：这就是第一节那笔账的用处。

## 有 GPU 时

下一格收好证据以后，在 InternStudio 上还会用今天的参数量化 InternLM2.5-1.8B-Chat，给出启动服务的命令，让它调用函数，把对话和 `nvidia-smi` 记进证据；没有 GPU 就跳过。参数取自文档和源码，**我们没有在 GPU 上运行过**。4 位内核要计算能力 7.0 以上的卡（lmdeploy#3175）。最后一条命令服务视觉语言模型 InternVL2：只量化了语言部分，ViT 仍是 16 位。

> **2024 年以后**（LMDeploy 0.18.0，2026-11）
> - `serve gradio`、`serve api_client` 在 0.10.0 删掉了；校准集 `ptb` 在 0.12.0 删掉了（camp 的 issue #1893）。
> - `--quant-policy` 现在写 `int4`、`int8`、`fp8`；InternLM2 要加 `--trust-remote-code`，函数调用要加 `--tool-call-parser internlm`。
> - 量化目录的 `--model-format awq` 不能忘；工具的类型写 `integer`，不是 `int`。

## 关卡任务

交上去的是：量化目录的配置和一层打包的权重、服务的对话记录、函数调用的日志（都在 `evidence/04_lmdeploy`）。批改的程序不运行它们：它自己拆包、还原，和 `camp-mini` 的权重比，再让 `camp-mini` 把对话重说一遍，把函数重算一遍。最后写几句记录给助教。
"""

# %% [markdown] lang="en"
"""
This CPU server computes one request after the other; more of them only wait. The green line is two servers behind `lmdeploy serve proxy`, which shares requests out among them: at most twice the throughput, if there are cores for both. The same requests as **one batch** raise it further, because weights are read once for all. LMDeploy's engine lets requests join and leave the batch as they come, and as many people fit as the KV cache holds tokens: that is what the sums at the beginning are for.

## With a GPU

After collecting the evidence the next cell, on InternStudio, quantises InternLM2.5-1.8B-Chat with today's flags, gives the command that starts the server, has it call functions, and keeps the talk and `nvidia-smi` as evidence; without a GPU it is skipped. The flags come from documentation and source; **we have not run them on a GPU**. The 4-bit kernels need a card of compute capability 7.0 (lmdeploy#3175). The last command serves InternVL2, a vision-language model: only its language part is quantised; the ViT keeps 16 bits.

> **Since 2024** (LMDeploy 0.18.0, 2026-11)
> - `serve gradio` and `serve api_client` went in 0.10.0, the calibration set `ptb` in 0.12.0 (the camp's issue #1893).
> - `--quant-policy` is now written `int4`, `int8`, `fp8`; InternLM2 needs `--trust-remote-code`, function calls need `--tool-call-parser internlm`.
> - Don't forget `--model-format awq` for the quantised folder; a tool's type is `integer`, not `int`.

## The level's task

You hand in the configuration of the quantised folder with one packed layer, the transcript of the served dialogue, and the log of function calls (all in `evidence/04_lmdeploy`). The grading program runs none of it: it unpacks and restores the layer itself, compares it with `camp-mini`'s weights, has `camp-mini` say the dialogues again, and computes the functions again. Then write a few lines for a TA.
"""

# %% tool="evidence" minutes=1
from course_lib.deploy import evidence, gpu
from course_lib.tune.times import show_times

try:
    evidence.collect(work / "camp-mini-4bit")
finally:
    evidence.check_deploy()
show_times(work)
if gpu.ready():
    print(gpu.serve_command(gpu.quantise(work)))
    with needs("call_tool"):
        gpu.ask(call_tool)
        evidence.check_deploy()
    print(gpu.vlm_command())

# %% evidence="deploy" points=20
from course_lib.deploy.evidence import grade_deploy

grade_deploy(points=20)

# %% rubric="deploy_note"
rubric(
    criterion(
        zh="自己的显存算式：权重、KV、其余（有 GPU 时和 nvidia-smi 对照，没有就用规划器）",
        en="your own sum of memory: weights, KV, the rest (beside nvidia-smi with a GPU, else the planner)",
        points=4),
    criterion(
        zh="说清 KV 换成 int4 以后什么变了、什么没变", en="what int4 for KV changes, and what it does not", points=3),
    criterion(
        zh="从测量里得出一个结论，带数字", en="a conclusion from the measurements, with numbers", points=3),
)

# %% [markdown] note="deploy_note" points=10
"""
## 我的记录 / My record

显存算式（和实测的差，为什么）/ My sum of memory (and why it differs from what I saw):

KV int4 变了什么 / What int4 for KV changed:

一个结论 / A conclusion:
"""

# %% [markdown] lang="zh"
"""
## 回顾

现在你能：

- 算出权重、KV、其余，说清显存为什么一启动就满；
- 按 GQA 和块算出一张卡能放多少词元；
- 分组量化、打包、拆包，量出误差，知道 AWQ 为什么缩放；
- 用 LMDeploy 量化一个模型，并核对它的产物；
- 说清 4 位的权重和 KV 各换来什么、丢了什么；
- 开服务，安全地运行模型要求的函数。

最后三道小题，不计分。
"""

# %% [markdown] lang="en"
"""
## Recap

Now you can:

- add weights, KV and the rest, and say why the memory is full from the start;
- work out by GQA and blocks how many tokens a card holds;
- quantise in groups, pack, unpack, measure the error, and say why AWQ scales;
- quantise a model with LMDeploy and audit what it wrote;
- say what 4 bits for weights and for KV give and what they cost;
- serve a model, and run the functions that it asks for safely.

Three last questions, not graded.
"""

# %% quiz="int4_saves"
quiz(
    zh="比例不变，KV 从 16 位改成 int4，nvidia-smi 会怎样？",
    en="With the ratio unchanged KV goes from 16 bits to int4. What does nvidia-smi show?",
    choices=[
        choice(
            zh="少了约四分之三的 KV", en="about three quarters of the KV cache less",
            why_zh="预留的字节由比例定，和位数无关。",
            why_en="The ratio decides the bytes reserved, whatever the bits.",
        ),
        choice(
            zh="变多，因为有缩放和零点", en="more, because of scales and zeros",
            why_zh="它们也在预留的那一份里，所以是 3.76 倍而不是 4 倍。",
            why_en="They lie within what is reserved, which is why it is 3.76 times and not 4.",
        ),
        choice(
            zh="几乎不变", en="almost the same", right=True,
            why_zh="同样的字节里放下约 3.76 倍的词元。",
            why_en="The same bytes hold about 3.76 times the tokens.",
        ),
    ],
)

# %% quiz="ratio_high"
quiz(
    zh="把 cache_max_entry_count 设成 0.99，服务一来长请求就崩。为什么？",
    en="With cache_max_entry_count at 0.99 the server dies at the first long request. Why?",
    choices=[
        choice(
            zh="没有给激活留下显存", en="nothing is left for activations", right=True,
            why_zh="KV 占走了剩余的 99 %，计算时的中间结果没地方放。",
            why_en="KV took 99 % of what was left; intermediate results have no room.",
        ),
        choice(
            zh="块太小", en="blocks are too small",
            why_zh="块长只影响零头，和崩溃无关。",
            why_en="The block's length only matters for the last tokens of a request.",
        ),
        choice(
            zh="权重没有量化", en="the weights are not quantised",
            why_zh="量化了也一样：剩余更多，KV 就占得更多。",
            why_en="Quantised or not: the more is left, the more KV takes.",
        ),
    ],
)

# %% quiz="w4a16"
quiz(
    zh="W4A16 里，乘法是用几位算的？",
    en="In W4A16, at how many bits are the products computed?",
    choices=[
        choice(
            zh="4 位", en="4",
            why_zh="4 位只是权重的存放方式。",
            why_en="4 bits are only how weights are stored.",
        ),
        choice(
            zh="16 位", en="16", right=True,
            why_zh="用到时权重先还原成 16 位，再和 16 位的激活相乘；快在少读数据。",
            why_en="Weights are restored to 16 bits and meet 16-bit activations; the gain is in reading less.",
        ),
        choice(
            zh="8 位", en="8",
            why_zh="那是 W8A8（smooth_quant）：权重和激活都是 8 位。",
            why_en="That is W8A8 (smooth_quant): weights and activations at 8 bits.",
        ),
    ],
)
