# ---
# jupyter:
#   course:
#     level: L1-6
#     minutes: 130
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
# XTuner：让模型说出我的名字

## 它是谁，改得了吗？

问一个模型“你是谁”，它报的是出厂时的名字。这一课要它改口，说自己是**你的**小助手：备好几百条对话，训练几分钟，把结果合并回去。难的是另一半：名字记住了，别的本事一样也不能丢。

改一个模型有三条路（看下图）：**全量微调**改所有权重；**LoRA** 把原来的 W 冻结，只训练旁边两个细长的矩阵；**QLoRA** 再把冻结的 W 压到 4 位。营里那一页把 LoRA 说成“低精度权重”，写错了：LoRA 是低**秩**，精度是 QLoRA 的事。

先写下你的名字，听听它现在怎么说。
"""

# %% [markdown] lang="en"
"""
# XTuner: make it say my name

## Who is it, and can that be changed?

Ask a model who it is and it gives the name that it left the factory with. In this lesson it shall call itself **your** assistant: prepare a few hundred dialogues, train for minutes, merge the result. The harder half: it learns the name and must not lose any of its other skills.

There are three ways (see the picture): **full tuning** changes all weights; **LoRA** freezes W and trains two narrow matrices beside it; **QLoRA** also squeezes the frozen W into 4 bits. The camp's page calls LoRA "low-precision weights", which is wrong: LoRA is low **rank**; precision is QLoRA's subject.

First write your name, and hear what it says now.
"""

# %%
from course_lib import chat, models
from course_lib.language import Text
from course_lib.tune.compare import side_by_side
from course_lib.tune.data import own_name
from course_lib.tune.pictures import three_ways

display(three_ways())
# zh: 换成你的名字
# en: put your own name here
name = own_name(str(Text("小林", "Robin")))
bot = chat.load(models.BUILT_IN["camp-mini"])
questions = ["你是谁？", "Who are you?", "水的化学式是什么？", "今天天气怎么样？",
             "法国的首都是哪里？", "What is the capital of France?"]
side_by_side(questions, {"camp-mini": bot}, name)

# %% [markdown] lang="zh"
"""
## 要训练多少个数？

一个线性层的 W 是 out × in。LoRA 在旁边放 A（r × in）和 B（out × r），所以只多 `r·(in + out)` 个数，不是 in·out。营里取 r=64；配置里没写 `target_modules`，XTuner 就给每个线性层都加，只跳过名叫 `lm_head` 和 `output_layer` 的。InternLM2 的输出头叫 `output`，所以它**也**有。

写 `lora_param_count(cfg, r, targets, head=False)`：`targets` 里每个名字在每一层各有一个；`head=True` 再加一个输出头（h → V）。形状（in → out）：

- `wqkv`：h → h + 2·kv_heads·d，其中 d = h // heads；`wo`：h → h；
- `w1`、`w3`：h → m；`w2`：m → h；
- 不认识的名字抛 `KeyError`。`cfg` 是第 1 课那张表里的一行。

<details><summary>提示</summary>

先写一个字典 `{"wqkv": (h, h + 2 * kv), ...}`，再对 `targets` 求和。字典遇到不认识的键，自己就会抛 `KeyError`。

</details>
"""

# %% [markdown] lang="en"
"""
## How many numbers are trained?

W of a linear layer is out × in. LoRA puts A (r × in) and B (out × r) beside it: `r·(in + out)` numbers more, not in·out. The camp takes r=64; its configuration names no `target_modules`, so XTuner takes every linear layer but those called `lm_head` and `output_layer`. InternLM2's head is called `output`, so it gets LoRA, **too**.

Write `lora_param_count(cfg, r, targets, head=False)`: each name in `targets` stands once in every layer; `head=True` adds one head (h → V). Shapes (in → out):

- `wqkv`: h → h + 2·kv_heads·d with d = h // heads; `wo`: h → h;
- `w1`, `w3`: h → m; `w2`: m → h;
- an unknown name raises `KeyError`. `cfg` is a row of lesson 01's table.

<details><summary>Hint</summary>

Begin with a dictionary `{"wqkv": (h, h + 2 * kv), ...}`, then sum over `targets`. A dictionary raises `KeyError` by itself.

</details>
"""

# %% exercise="lora_param_count" level=2 minutes=8 points=7
def lora_param_count(cfg: dict, r: int, targets: list[str], head: bool = False) -> int:
    """
    zh: 这样的 LoRA 一共训练多少个数。
    en: Return how many numbers such a LoRA trains.
    """
    ### BEGIN SOLUTION
    h, m = cfg["hidden"], cfg["inter"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    shapes = {"wqkv": (h, h + 2 * kv), "wo": (h, h), "w1": (h, m), "w3": (h, m), "w2": (m, h)}
    layer = sum(r * sum(shapes[target]) for target in targets)
    return cfg["layers"] * layer + (r * (h + cfg["vocab"]) if head else 0)
    ### END SOLUTION

# %% check="lora_param_count"
from course_lib.tune.toys import C

LAYER = ["wqkv", "wo", "w1", "w2", "w3"]
check("lora_param_count", [
    case(C["tiny"], 2, ["wqkv"], gives=96, zh="tiny，可以手算", en="tiny, countable by hand"),
    case(C["1.8b"], 64, LAYER, gives=62914560, zh="营里的 r=64", en="the camp's r=64"),
    case(C["1.8b"], 64, LAYER, head=True, gives=68968448, zh="加上输出头", en="with the head"),
    case(C["1.8b"], 8, ["wqkv", "wo"], gives=1966080),
    case(C["tiny"], 2, ["q_proj"], raises=KeyError, zh="不认识的名字", en="an unknown name"),
])

# %% cases="lora_param_count"
def cases(rng):
    from course_lib.tune.toys import C

    names = ["wqkv", "wo", "w1", "w2", "w3"]
    for one in names:
        yield case(C["7b"], 16, [one], zh=f"只有 {one}", en=f"only {one}")
    yield case(dict(C["tiny"], kv_heads=2), 4, ["wqkv"], zh="kv_heads 等于 heads", en="kv_heads equals heads")
    yield case(C["20b"], 1, names, head=True, zh="r=1，加输出头", en="r=1 with the head")
    yield case(C["tiny"], 4, [], zh="没有目标", en="no target")
    yield case(C["tiny"], 4, [], head=True, zh="只有输出头", en="the head alone")
    yield case(C["tiny"], 4, ["wo", "lm_head"], zh="不认识的名字", en="an unknown name")
    for _ in range(8):
        cfg = dict(C[rng.choice(["1.8b", "7b", "20b"])], layers=rng.randint(1, 60))
        targets = rng.sample(names, rng.randint(1, 5))
        yield case(cfg, rng.choice([2, 8, 32, 128]), targets, head=rng.random() < 0.5,
                   zh="随机的一组", en="a random case")

# %% wrong="lora_param_count"
# zh: A 是 r×in，B 是 out×r：要的是 r·(in + out)，不是 in·out
# en: A is r×in and B is out×r: that is r·(in + out), not in·out
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    sizes = {"wqkv": h * (h + 2 * kv), "wo": h * h, "w1": h * m, "w3": h * m, "w2": m * h}
    return cfg["layers"] * sum(sizes[one] for one in targets) + (h * cfg["vocab"] if head else 0)

# %% wrong="lora_param_count"
# zh: 每一层都有，别忘了乘层数
# en: every layer has them; multiply by the layers
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    shapes = {"wqkv": (h, h + 2 * kv), "wo": (h, h), "w1": (h, m), "w3": (h, m), "w2": (m, h)}
    return sum(r * sum(shapes[one]) for one in targets) + (r * (h + cfg["vocab"]) if head else 0)

# %% wrong="lora_param_count"
# zh: K 和 V 只有 kv_heads 个头（GQA），wqkv 的输出不是 3h
# en: only kv_heads heads make K and V (GQA), so wqkv's output is not 3h
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    shapes = {"wqkv": (h, 3 * h), "wo": (h, h), "w1": (h, m), "w3": (h, m), "w2": (m, h)}
    layer = sum(r * sum(shapes[one]) for one in targets)
    return cfg["layers"] * layer + (r * (h + cfg["vocab"]) if head else 0)

# %% wrong="lora_param_count"
# zh: 输出头全模型只有一个，不是每层一个
# en: the model has one head, not one in each layer
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    shapes = {"wqkv": (h, h + 2 * kv), "wo": (h, h), "w1": (h, m), "w3": (h, m), "w2": (m, h)}
    layer = sum(r * sum(shapes[one]) for one in targets)
    return cfg["layers"] * (layer + (r * (h + cfg["vocab"]) if head else 0))

# %% wrong="lora_param_count"
# zh: head=True 时还有输出头的 A 和 B
# en: with head=True the head has an A and a B, too
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    shapes = {"wqkv": (h, h + 2 * kv), "wo": (h, h), "w1": (h, m), "w3": (h, m), "w2": (m, h)}
    return cfg["layers"] * sum(r * sum(shapes[one]) for one in targets)

# %% wrong="lora_param_count"
# zh: 不认识的名字要抛 KeyError，不能悄悄跳过
# en: an unknown name raises KeyError; don't skip it in silence
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    kv = cfg["kv_heads"] * (h // cfg["heads"])
    shapes = {"wqkv": (h, h + 2 * kv), "wo": (h, h), "w1": (h, m), "w3": (h, m), "w2": (m, h)}
    layer = sum(r * sum(shapes.get(one, (0, 0))) for one in targets)
    return cfg["layers"] * layer + (r * (h + cfg["vocab"]) if head else 0)

# %% wrong="lora_param_count"
# zh: 只数了 A，还有 B（out × r）
# en: only A is counted; there is B (out × r), too
def lora_param_count(cfg, r, targets, head=False):
    h, m = cfg["hidden"], cfg["inter"]
    inputs = {"wqkv": h, "wo": h, "w1": h, "w3": h, "w2": m}
    return cfg["layers"] * sum(r * inputs[one] for one in targets) + (r * h if head else 0)

# %% [markdown] lang="zh"
"""
1.8B 只训练 6300 万个数，占 3.3 %（加上输出头 3.65 %）。

## 一个训练的数，16 字节

混合精度加 Adam，每个**训练的**参数要 2 字节权重、2 字节梯度、12 字节优化器状态（32 位的副本、动量、方差）。卡多了，ZeRO 让各张卡分摊：第 1 级分摊优化器状态，第 2 级**再**分摊梯度，第 3 级**再**分摊权重。（营里说 ZeRO-1“优化模型参数的存储”，不对。）

写 `zero_bytes(n, stage, world)`：n 个训练的参数，在 `world` 张卡中的**每一张**上占多少字节；第 0 级不分摊。

<details><summary>提示</summary>

三项各写一行，谁被分摊就除以 `world`。用 `/`。

</details>
"""

# %% [markdown] lang="en"
"""
Of 1.8B only 63 million numbers train, 3.3 % (3.65 % with the head).

## A trained number: 16 bytes

In mixed precision with Adam each **trained** parameter takes 2 bytes of weight, 2 of gradient, and 12 of optimizer state (a 32-bit copy, momentum, variance). With more GPUs, ZeRO shares them out: stage 1 the optimizer states, stage 2 the gradients **as well**, stage 3 the weights **as well**. (The camp says that ZeRO-1 "optimises the storage of model parameters", which is wrong.)

Write `zero_bytes(n, stage, world)`: the bytes of n trained parameters on **each** of `world` GPUs; stage 0 shares nothing.

<details><summary>Hint</summary>

One line for each of the three; what is shared is divided by `world`. Use `/`.

</details>
"""

# %% exercise="zero_bytes" level=2 minutes=6 points=6
def zero_bytes(n: float, stage: int, world: int) -> float:
    """
    zh: n 个训练的参数在每张卡上占的字节数。
    en: Return the bytes of n trained parameters on each GPU.
    """
    ### BEGIN SOLUTION
    weights = 2 * n / (world if stage >= 3 else 1)
    gradients = 2 * n / (world if stage >= 2 else 1)
    states = 12 * n / (world if stage >= 1 else 1)
    return weights + gradients + states
    ### END SOLUTION

# %% check="zero_bytes"
check("zero_bytes", [
    case(1_889_110_016, 0, 8, gives=30225760256.0, zh="1.8B，不分摊", en="1.8B, nothing shared"),
    case(1_889_110_016, 1, 8, gives=10390105088.0),
    case(1_889_110_016, 2, 8, gives=7084162560.0),
    case(1_889_110_016, 3, 8, gives=3778220032.0),
    case(7.5e9, 2, 64, gives=16640625000.0, zh="ZeRO 论文的 16.6 GB", en="the ZeRO paper's 16.6 GB"),
    case(10, 3, 1, gives=160.0, zh="只有一张卡", en="a single GPU"),
])

# %% cases="zero_bytes"
def cases(rng):
    for stage in range(4):
        yield case(7.5e9, stage, 64, zh=f"第 {stage} 级，64 张卡", en=f"stage {stage}, 64 GPUs")
        yield case(rng.randrange(10**6, 10**10), stage, 1, zh="只有一张卡", en="a single GPU")
    yield case(0, 2, 8, zh="没有训练的参数", en="no trained parameter")
    for _ in range(8):
        yield case(rng.randrange(10**6, 10**10), rng.randint(0, 3), rng.choice([2, 3, 8, 16]),
                   zh="随机的一组", en="a random case")

# %% wrong="zero_bytes"
# zh: 第 1 级分摊的是优化器状态，不是权重
# en: stage 1 shares the optimizer states, not the weights
def zero_bytes(n, stage, world):
    weights = 2 * n / (world if stage >= 1 else 1)
    gradients = 2 * n / (world if stage >= 2 else 1)
    return weights + gradients + 12 * n / (world if stage >= 3 else 1)

# %% wrong="zero_bytes"
# zh: 优化器状态是 12 字节：动量和方差之外还有一份 32 位的权重
# en: optimizer states are 12 bytes: a 32-bit copy of the weight beside momentum and variance
def zero_bytes(n, stage, world):
    weights = 2 * n / (world if stage >= 3 else 1)
    gradients = 2 * n / (world if stage >= 2 else 1)
    return weights + gradients + 8 * n / (world if stage >= 1 else 1)

# %% wrong="zero_bytes"
# zh: 级别是累加的：第 2 级也分摊优化器状态，第 3 级三样都分摊
# en: stages add up: stage 2 shares the optimizer states, too, and stage 3 all three
def zero_bytes(n, stage, world):
    weights = 2 * n / (world if stage == 3 else 1)
    gradients = 2 * n / (world if stage == 2 else 1)
    return weights + gradients + 12 * n / (world if stage == 1 else 1)

# %% wrong="zero_bytes"
# zh: 要的是每张卡上的字节数，不是所有卡加起来
# en: the bytes on each GPU are wanted, not of all together
def zero_bytes(n, stage, world):
    return 16 * n * 1.0

# %% wrong="zero_bytes"
# zh: 梯度也是 16 位，2 字节，不是 4
# en: gradients are 16 bits, too: 2 bytes, not 4
def zero_bytes(n, stage, world):
    weights = 2 * n / (world if stage >= 3 else 1)
    gradients = 4 * n / (world if stage >= 2 else 1)
    return weights + gradients + 12 * n / (world if stage >= 1 else 1)

# %% wrong="zero_bytes"
# zh: 第 0 级什么也不分摊
# en: stage 0 shares nothing
def zero_bytes(n, stage, world):
    weights = 2 * n / (world if stage >= 2 else 1)
    gradients = 2 * n / (world if stage >= 1 else 1)
    return weights + gradients + 12 * n / world

# %% [markdown] lang="zh"
"""
## 冻结的数，4 位多一点

QLoRA 用 NF4 存冻结的权重：64 个一块，先除以块里绝对值最大的那个数（absmax），落进 [−1, 1]，再换成 16 个固定值里**最近的**一个，只记它的编号 0 到 15。这 16 个值按正态分布摆放，越靠近 0 越密；正的 8 个、负的 7 个，外加编号 7 的 0。

写两个函数：

- `nf4_block(x)`：返回（编号列表，absmax，还原值列表）；还原值 = NF4[编号] × absmax，四舍五入到 6 位小数。全是 0 的块，编号全是 7。
- `qlora_bits(block=64, block2=256, double=True)`：平均每个权重几位。4 位之外，每块还要存一个 32 位的 absmax；双重量化（`double`）把它压成 8 位，每 `block2` 个 absmax 再共用一个 32 位的常数。

<details><summary>提示 1</summary>

最近的编号：`min(range(16), key=lambda i: abs(NF4[i] - v / absmax))`。除之前先看 absmax 是不是 0。

</details>
<details><summary>提示 2</summary>

那个 32 位的常数由 `block * block2` 个权重分摊。

</details>
"""

# %% [markdown] lang="en"
"""
## A frozen number: a little over 4 bits

QLoRA stores frozen weights as NF4: 64 form a block; divide by the largest absolute value in it (absmax), which lands in [−1, 1]; then take the **nearest** of 16 fixed values and keep only its index, 0 to 15. The 16 values lie as a normal distribution does, closer together near 0: 8 positive, 7 negative, and 0 with index 7.

Write two functions:

- `nf4_block(x)`: return (list of indices, absmax, list of restored values); a restored value is NF4[index] × absmax, rounded to 6 decimals. A block of zeros has index 7 everywhere.
- `qlora_bits(block=64, block2=256, double=True)`: bits per weight on average. Besides the 4, each block stores an absmax of 32 bits; double quantisation (`double`) makes that 8 bits, and `block2` of them share one more constant of 32 bits.

<details><summary>Hint 1</summary>

The nearest index: `min(range(16), key=lambda i: abs(NF4[i] - v / absmax))`. Look whether absmax is 0 before you divide.

</details>
<details><summary>Hint 2</summary>

That constant of 32 bits is shared by `block * block2` weights.

</details>
"""

# %% exercise="nf4_block" level=3 minutes=14 points=9
from course_lib.tune.toys import NF4


def nf4_block(x: list[float]) -> tuple:
    """
    zh: （编号，absmax，还原值）。
    en: Return (indices, absmax, restored values).
    """
    ### BEGIN SOLUTION
    absmax = float(max(abs(v) for v in x))
    scaled = [v / absmax if absmax else 0.0 for v in x]
    indices = [min(range(16), key=lambda i, v=v: abs(NF4[i] - v)) for v in scaled]
    return indices, absmax, [round(NF4[i] * absmax, 6) for i in indices]
    ### END SOLUTION


def qlora_bits(block: int = 64, block2: int = 256, double: bool = True) -> float:
    """
    zh: 平均每个权重的位数。
    en: Return the bits per weight on average.
    """
    ### BEGIN SOLUTION
    return 4 + (8 / block + 32 / (block * block2) if double else 32 / block)
    ### END SOLUTION

# %% check="nf4_block"
check("nf4_block", [
    case([1.0, -0.5, 0.0, 0.25], gives=([15, 2, 7, 10], 1.0, [1.0, -0.525073, 0.0, 0.246112])),
    case([0, 0], gives=([7, 7], 0.0, [0.0, 0.0]), zh="全是 0", en="all zeros"),
    case([-2.0, 1.0], gives=([0, 12], 2.0, [-2.0, 0.88142]), zh="最大的是负数",
         en="the largest is negative"),
    case([0.02, -0.03, 0.1], gives=([9, 4, 15], 0.1, [0.016093, -0.028444, 0.1]),
         zh="很小的权重", en="small weights"),
    case(fn="qlora_bits", gives=4.126953125),
    case(double=False, fn="qlora_bits", gives=4.5, zh="不做双重量化", en="without double quantisation"),
    case(128, 64, fn="qlora_bits", gives=4.06640625, zh="另一种分块", en="other blocks"),
])

# %% cases="nf4_block"
def cases(rng):
    yield case([0.0], zh="一个 0", en="a single zero")
    yield case([-3.5], zh="一个负数", en="a single negative number")
    yield case([1.0, -1.0], zh="正负对称", en="a symmetric pair")
    yield case([0.3, -0.3, 1.0], zh="正负不完全对称", en="not quite symmetric")
    yield case([0.04, 0.03, -0.05, 1.0], zh="接近 0", en="near zero")
    for _ in range(6):
        spread = rng.choice([0.02, 1.0, 30.0])
        yield case([round(rng.gauss(0, spread), 5) for _ in range(rng.choice([8, 64]))],
                   zh="随机的一块", en="a random block")
    for block, block2 in ((32, 256), (64, 128), (256, 64)):
        yield case(block, block2, fn="qlora_bits", zh="另一种分块", en="other blocks")
        yield case(block, block2, False, fn="qlora_bits", zh="不做双重量化", en="no double quantisation")

# %% wrong="nf4_block"
# zh: 全 0 的块 absmax 是 0，不能除；编号都是 7
# en: a block of zeros has absmax 0, which divides nothing; its indices are 7
def nf4_block(x):
    absmax = float(max(abs(v) for v in x))
    indices = [min(range(16), key=lambda i, v=v: abs(NF4[i] - v / absmax)) for v in x]
    return indices, absmax, [round(NF4[i] * absmax, 6) for i in indices]

# %% wrong="nf4_block"
# zh: NF4 的 16 个值不是等距的，要在表里找最近的
# en: the 16 values of NF4 are not evenly spaced; look for the nearest in the table
def nf4_block(x):
    absmax = float(max(abs(v) for v in x))
    indices = [round((v / absmax if absmax else 0) * 7.5 + 7.5) for v in x]
    return indices, absmax, [round((i - 7.5) / 7.5 * absmax, 6) for i in indices]

# %% wrong="nf4_block"
# zh: absmax 是绝对值最大的，负数也算
# en: absmax is the largest absolute value; negative numbers count
def nf4_block(x):
    absmax = float(max(x))
    scaled = [v / absmax if absmax else 0.0 for v in x]
    indices = [min(range(16), key=lambda i, v=v: abs(NF4[i] - v)) for v in scaled]
    return indices, absmax, [round(NF4[i] * absmax, 6) for i in indices]

# %% wrong="nf4_block"
# zh: 还原时要乘回 absmax
# en: to restore, multiply by absmax again
def nf4_block(x):
    absmax = float(max(abs(v) for v in x))
    scaled = [v / absmax if absmax else 0.0 for v in x]
    indices = [min(range(16), key=lambda i, v=v: abs(NF4[i] - v)) for v in scaled]
    return indices, absmax, [round(NF4[i], 6) for i in indices]

# %% wrong="nf4_block"
# zh: 要最近的值，不是不超过它的最大值
# en: the nearest value is wanted, not the largest one below
def nf4_block(x):
    absmax = float(max(abs(v) for v in x))
    scaled = [v / absmax if absmax else 0.0 for v in x]
    indices = [max(i for i in range(16) if NF4[i] <= v) for v in scaled]
    return indices, absmax, [round(NF4[i] * absmax, 6) for i in indices]

# %% wrong="nf4_block"
# zh: 每块的 absmax 也要存，4 位之外还有它的份
# en: each block's absmax is stored, too; it adds to the 4 bits
def qlora_bits(block=64, block2=256, double=True):
    return 4.0

# %% wrong="nf4_block"
# zh: 双重量化还剩一个 32 位的常数，由 block·block2 个权重分摊
# en: double quantisation leaves a constant of 32 bits, shared by block·block2 weights
def qlora_bits(block=64, block2=256, double=True):
    return 4 + (8 / block if double else 32 / block)

# %% wrong="nf4_block"
# zh: 不做双重量化时，absmax 是 32 位，不是 16 位
# en: without double quantisation absmax has 32 bits, not 16
def qlora_bits(block=64, block2=256, double=True):
    return 4 + (8 / block + 32 / (block * block2) if double else 16 / block)

# %%
# zh: 拖一拖：7B 怎样才训练得进 24 GB？8 张卡的 ZeRO-3 帮得了 QLoRA 吗？
# en: drag: how does 7B train within 24 GB? does ZeRO-3 on 8 GPUs help QLoRA?
from course_lib.demo import needs
from course_lib.tune.memory import memory_slider

with needs("lora_param_count", "zero_bytes", "qlora_bits"):
    memory_slider(lora_param_count, zero_bytes, qlora_bits)

# %% [markdown] lang="zh"
"""
看图：1.8B 的全量微调要 30 GB，LoRA 4.88 GB，QLoRA 2.08 GB（激活值另算）。所以 8 GB 的切片只走得了后两条。

## LoRA 的算式

`y = W x + α/r · B (A x)`。B 从 0 开始，所以第一步之前模型一点没变；训练完把两个矩阵乘起来加回去：`W' = W + α/r · B A`，推理时不多花一点力气。营里 r=64、α=16，倍率 0.25。

写两个函数，参数是列表或 numpy 数组，返回 numpy 数组：

- `lora_merge(W, A, B, alpha, r)`：W' ；`B @ A` 和 W 形状不同就抛 `ValueError`（numpy 的广播会悄悄放过它）；
- `lora_forward(x, W, A, B, alpha, r)`：x 的每一**行**是一个输入，不许先合并。

<details><summary>提示</summary>

先 `np.asarray(W, dtype=float)`。行向量过线性层是 `x @ W.T`；A、B 同理：`x @ A.T @ B.T`。

</details>
"""

# %% [markdown] lang="en"
"""
The picture: full tuning of 1.8B takes 30 GB, LoRA 4.88 GB, QLoRA 2.08 GB (activations on top). So on a slice of 8 GB only the last two are open.

## LoRA's algebra

`y = W x + α/r · B (A x)`. B starts at 0, so before the first step the model is unchanged; after training the two matrices are multiplied and added: `W' = W + α/r · B A`, and inference costs nothing more. The camp has r=64, α=16: a scale of 0.25.

Write two functions; arguments are lists or numpy arrays, results numpy arrays:

- `lora_merge(W, A, B, alpha, r)`: W'; raise `ValueError` when `B @ A` and W differ in shape (numpy's broadcasting would let it pass in silence);
- `lora_forward(x, W, A, B, alpha, r)`: each **row** of x is one input; do not merge first.

<details><summary>Hint</summary>

Begin with `np.asarray(W, dtype=float)`. A row goes through a linear layer as `x @ W.T`; likewise A and B: `x @ A.T @ B.T`.

</details>
"""

# %% exercise="lora_merge" level=2 minutes=8 points=7
import numpy as np


def lora_merge(W, A, B, alpha: float, r: int) -> np.ndarray:
    """
    zh: 合并后的权重。
    en: Return the merged weight.
    """
    ### BEGIN SOLUTION
    W, A, B = (np.asarray(one, dtype=float) for one in (W, A, B))
    delta = B @ A
    if delta.shape != W.shape:
        raise ValueError(f"B @ A is {delta.shape}, W is {W.shape}")
    return W + alpha / r * delta
    ### END SOLUTION


def lora_forward(x, W, A, B, alpha: float, r: int) -> np.ndarray:
    """
    zh: 不合并，直接算输出。
    en: Return the output without merging.
    """
    ### BEGIN SOLUTION
    x, W, A, B = (np.asarray(one, dtype=float) for one in (x, W, A, B))
    return x @ W.T + alpha / r * (x @ A.T @ B.T)
    ### END SOLUTION

# %% check="lora_merge"
I2 = [[1, 0], [0, 1]]
check("lora_merge", [
    case(I2, [[1, 1]], [[1], [2]], alpha=1, r=1, gives=np.array([[2.0, 1.0], [2.0, 3.0]])),
    case(I2, [[1, 1]], [[1], [2]], alpha=16, r=64, gives=np.array([[1.25, 0.25], [0.5, 1.5]]),
         zh="营里的倍率", en="the camp's scale"),
    case([[1, 2, 3]], [[0, 0, 0], [1, 1, 1]], [[0, 0]], alpha=32, r=2,
         gives=np.array([[1.0, 2.0, 3.0]]), zh="B 是 0", en="B is 0"),
    case([[1.0, 2.0]], I2, [[1, 1]], [[1], [2]], 16, 64, fn="lora_forward",
         gives=np.array([[1.75, 3.5]])),
    case([[1.0, 2.0, 3.0]], [[0, 1, 0]], [[1, 0, 0]], [[4]], 2, 1, fn="lora_forward",
         gives=np.array([[10.0]]), zh="W 不是方阵", en="W is not square"),
    case(I2, [[1, 1]], [[1]], alpha=1, r=1, raises=ValueError, zh="形状不对", en="shapes do not fit"),
])

# %% cases="lora_merge"
def cases(rng):
    def matrix(rows, columns):
        return [[float(rng.randint(-4, 4)) for _ in range(columns)] for _ in range(rows)]

    yield case([[1.25, 0.25], [0.5, 1.5]], [[1, 1]], [[1], [2]], alpha=16, r=64,
               zh="再合并一次", en="merged once more")
    yield case(matrix(3, 4), matrix(2, 4), [[0.0] * 2] * 3, alpha=16, r=2, zh="B 是 0", en="B is 0")
    yield case(matrix(2, 2), matrix(1, 2), matrix(1, 1), alpha=1, r=1, zh="形状不对", en="shapes do not fit")
    yield case(matrix(2, 3), matrix(4, 2), matrix(2, 4), alpha=1, r=4, zh="A 的列数不对",
               en="A has the wrong columns")
    for _ in range(5):
        out, inner, r = rng.randint(2, 5), rng.randint(2, 5), rng.randint(1, 3)
        W, A, B = matrix(out, inner), matrix(r, inner), matrix(out, r)
        alpha = rng.choice([1, 16, 32])
        yield case(W, A, B, alpha=alpha, r=r, zh="随机的矩阵", en="random matrices")
        yield case(matrix(rng.randint(1, 4), inner), W, A, B, alpha, r, fn="lora_forward",
                   zh="随机的矩阵", en="random matrices")

# %% wrong="lora_merge"
# zh: 倍率是 α/r，不是 α
# en: the scale is α/r, not α
def lora_merge(W, A, B, alpha, r):
    W, A, B = (np.asarray(one, dtype=float) for one in (W, A, B))
    if (B @ A).shape != W.shape:
        raise ValueError
    return W + alpha * (B @ A)

# %% wrong="lora_merge"
# zh: 加上的是 B A，它的转置不行
# en: B A is added, not its transpose
def lora_merge(W, A, B, alpha, r):
    W, A, B = (np.asarray(one, dtype=float) for one in (W, A, B))
    if (B @ A).shape != W.shape:
        raise ValueError
    return W + alpha / r * (B @ A).T

# %% wrong="lora_merge"
# zh: 形状不同时 numpy 会广播，要自己比较并抛 ValueError
# en: numpy broadcasts unequal shapes; compare them yourself and raise ValueError
def lora_merge(W, A, B, alpha, r):
    return np.asarray(W, dtype=float) + alpha / r * (np.asarray(B) @ np.asarray(A))

# %% wrong="lora_merge"
# zh: 忘了原来的 W，只剩 B A
# en: W itself is missing; only B A is left
def lora_merge(W, A, B, alpha, r):
    W, A, B = (np.asarray(one, dtype=float) for one in (W, A, B))
    if (B @ A).shape != W.shape:
        raise ValueError
    return alpha / r * (B @ A)

# %% wrong="lora_merge"
# zh: x 的一行是一个输入，过 W 是 x @ W.T
# en: a row of x is an input; through W it is x @ W.T
def lora_forward(x, W, A, B, alpha, r):
    x, W, A, B = (np.asarray(one, dtype=float) for one in (x, W, A, B))
    return (W @ x.T + alpha / r * (B @ A @ x.T))

# %% wrong="lora_merge"
# zh: lora_forward 里也要乘 α/r，和合并后的一致
# en: lora_forward is scaled by α/r, too, to agree with the merged weight
def lora_forward(x, W, A, B, alpha, r):
    x, W, A, B = (np.asarray(one, dtype=float) for one in (x, W, A, B))
    return x @ W.T + x @ A.T @ B.T

# %% [markdown] lang="zh"
"""
## 自己写一个 LoRA 层

公式要能训练，得装进模型里。补完 `LoRALinear`：它包住一个线性层 `base`，模型照样调用它。

- `__init__`：冻结 `base`；`A`（r × in）是随机的小数，`B`（out × r）全是 0，都放进 `torch.nn.Parameter`，优化器才看得见；
- `forward(x)`：`base(x)` 加上 α/r 倍的旁路。x 的最后一维是 in，前面有几维都行。

<details><summary>提示</summary>

冻结：`base.requires_grad_(False)`。随机：`torch.randn(r, base.in_features) / r`。旁路和 `lora_forward` 里的一样写，只是全用张量。

</details>
"""

# %% [markdown] lang="en"
"""
## A LoRA layer of your own

To train, the formula has to live in a model. Complete `LoRALinear`: it wraps a linear layer `base`, and the model calls it as before.

- `__init__`: freeze `base`; `A` (r × in) holds small random numbers, `B` (out × r) zeros, both in a `torch.nn.Parameter`, or the optimiser never sees them;
- `forward(x)`: `base(x)` plus α/r times what A and B add. The last dimension of x is in; any others may stand before it.

<details><summary>Hint</summary>

Freeze: `base.requires_grad_(False)`. Random: `torch.randn(r, base.in_features) / r`. What A and B add is written as in `lora_forward`, only with tensors throughout.

</details>
"""

# %% exercise="lora_layer" level=2 minutes=10 points=8
import torch
from course_lib.tune import probe


class LoRALinear(torch.nn.Module):
    def __init__(self, base: torch.nn.Linear, r: int = 8, alpha: float = 16):
        super().__init__()
        self.base, self.r, self.alpha = base, r, alpha
        ### BEGIN SOLUTION
        base.requires_grad_(False)
        self.A = torch.nn.Parameter(torch.randn(r, base.in_features) / r)
        self.B = torch.nn.Parameter(torch.zeros(base.out_features, r))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.base(x) + self.alpha / self.r * (x @ self.A.T @ self.B.T)
        ### END SOLUTION


# zh: 检查用：把你的层套在权重是 W、偏置是 bias 的线性层上，换上给定的 A 和 B，看它怎么算 x
# en: for the check: your layer around a linear layer of weight W and bias, with A and B as given, on x
def lora_layer(W, bias, x, A, B, alpha):
    return probe.output(LoRALinear, W, bias, x, A, B, alpha)


# zh: 检查用：刚建好时，A 和 B 的形状、会训练的参数
# en: for the check: of a new layer, the shapes of A and B, and the parameters that train
def new_layer(W, bias, r):
    return probe.at_first(LoRALinear, W, bias, r)


# zh: 检查用：刚建好时，输出是不是和 base 一样；训练一步，A 或 B 会不会动
# en: for the check: whether a new layer gives what base gives; whether a step of training moves A or B
def first_step(W, bias, r):
    return probe.first_step(LoRALinear, W, bias, r)

# %% check="lora_layer"
W23, two = [[1, 0, 2], [0, 1, 0]], [[1, 2, 3]]
check("lora_layer", [
    case(W23, [0, 0], 2, fn="new_layer", gives={"A": [2, 3], "B": [2, 2], "trains": ["A", "B"]}),
    case(W23, [1, -1], 1, fn="first_step", gives=[True, True], zh="第一步之前和之后",
         en="before and after the first step"),
    case(W23, [0, 0], two, [[1, 1, 1]], [[1], [2]], 2, gives=[[19.0, 26.0]], zh="α/r = 2", en="α/r = 2"),
    case(W23, [10, 20], two, [[1, 0, 0], [0, 1, 0]], [[1, 0], [0, 1]], 4, gives=[[19.0, 26.0]],
         zh="有偏置，r=2", en="with a bias, r=2"),
    case([[2]], [1], [[[3]], [[5]]], [[1]], [[4]], 16, gives=[[[199.0]], [[331.0]]],
         zh="x 有三维", en="x has three dimensions"),
])

# %% cases="lora_layer"
def cases(rng):
    def matrix(rows, columns):
        return [[rng.randint(-4, 4) for _ in range(columns)] for _ in range(rows)]

    for _ in range(4):
        out, inner, r = rng.randint(2, 5), rng.randint(2, 5), rng.choice([1, 2, 4])
        W, bias = matrix(out, inner), [rng.randint(1, 4) for _ in range(out)]
        yield case(W, bias, r, fn="new_layer", zh="刚建好的层", en="a new layer")
        yield case(W, bias, r, fn="first_step", zh="第一步之前和之后", en="before and after the first step")
        A, B, alpha = matrix(r, inner), matrix(out, r), rng.choice([1, 2, 16, 32])
        yield case(W, bias, matrix(3, inner), A, B, alpha, zh="随机的矩阵", en="random matrices")
        x = [matrix(2, inner) for _ in range(2)]
        yield case(W, bias, x, A, B, alpha, zh="x 有三维", en="x has three dimensions")
        yield case(W, bias, x, A, [[0] * r] * out, alpha, zh="B 是 0", en="B is 0")

# %% wrong="lora_layer"
# zh: A 和 B 都是 0，两个的梯度就都是 0，永远学不动：A 要随机
# en: with A and B both 0 each gradient is 0 and nothing ever learns: A has to be random
class Zeros(LoRALinear):
    def __init__(self, base, r=8, alpha=16):
        super().__init__(base, r, alpha)
        torch.nn.init.zeros_(self.A)

def first_step(W, bias, r):
    return probe.first_step(Zeros, W, bias, r)

# %% wrong="lora_layer"
# zh: B 从 0 开始，否则还没训练，模型就变了
# en: B begins at 0, or the model changes before any training
class Random(LoRALinear):
    def __init__(self, base, r=8, alpha=16):
        super().__init__(base, r, alpha)
        torch.nn.init.ones_(self.A)
        torch.nn.init.ones_(self.B)

def first_step(W, bias, r):
    return probe.first_step(Random, W, bias, r)

# %% wrong="lora_layer"
# zh: base 没有冻结：W 和偏置也会跟着训练
# en: base is not frozen: W and its bias would train, too
class Unfrozen(LoRALinear):
    def __init__(self, base, r=8, alpha=16):
        super().__init__(base, r, alpha)
        base.requires_grad_(True)

def new_layer(W, bias, r):
    return probe.at_first(Unfrozen, W, bias, r)

# %% wrong="lora_layer"
# zh: A 和 B 要放进 torch.nn.Parameter，普通的张量优化器看不见
# en: A and B belong in a torch.nn.Parameter; the optimiser does not see a plain tensor
class Plain(torch.nn.Module):
    def __init__(self, base, r=8, alpha=16):
        super().__init__()
        self.base, self.r, self.alpha = base.requires_grad_(False), r, alpha
        self.A, self.B = torch.randn(r, base.in_features), torch.zeros(base.out_features, r)
    forward = LoRALinear.forward

def new_layer(W, bias, r):
    return probe.at_first(Plain, W, bias, r)

def first_step(W, bias, r):
    return probe.first_step(Plain, W, bias, r)

# %% wrong="lora_layer"
# zh: A 是 r × in，B 是 out × r，和 lora_merge 里一样，不是反过来
# en: A is r × in and B out × r, as in lora_merge, not the other way round
class Turned(LoRALinear):
    def __init__(self, base, r=8, alpha=16):
        super().__init__(base, r, alpha)
        self.A = torch.nn.Parameter(torch.randn(base.in_features, r))
        self.B = torch.nn.Parameter(torch.zeros(r, base.out_features))
    def forward(self, x):
        return self.base(x) + self.alpha / self.r * (x @ self.A @ self.B)

def lora_layer(W, bias, x, A, B, alpha):
    return probe.output(Turned, W, bias, x, A, B, alpha)

def new_layer(W, bias, r):
    return probe.at_first(Turned, W, bias, r)

# %% wrong="lora_layer"
# zh: 旁路要乘 α/r，不是 α
# en: what A and B add is scaled by α/r, not by α
class Unscaled(LoRALinear):
    def forward(self, x):
        return self.base(x) + self.alpha * (x @ self.A.T @ self.B.T)

def lora_layer(W, bias, x, A, B, alpha):
    return probe.output(Unscaled, W, bias, x, A, B, alpha)

# %% wrong="lora_layer"
# zh: 旁路是加在 base(x) 上的，不是代替它
# en: A and B add to base(x), they do not replace it
class Alone(LoRALinear):
    def forward(self, x):
        return self.alpha / self.r * (x @ self.A.T @ self.B.T)

def lora_layer(W, bias, x, A, B, alpha):
    return probe.output(Alone, W, bias, x, A, B, alpha)

def first_step(W, bias, r):
    return probe.first_step(Alone, W, bias, r)

# %% wrong="lora_layer"
# zh: 调用 base(x)：只乘 base.weight 会丢掉偏置
# en: call base(x): with base.weight alone the bias is lost
class Biasless(LoRALinear):
    def forward(self, x):
        return x @ self.base.weight.T + self.alpha / self.r * (x @ self.A.T @ self.B.T)

def lora_layer(W, bias, x, A, B, alpha):
    return probe.output(Biasless, W, bias, x, A, B, alpha)

def first_step(W, bias, r):
    return probe.first_step(Biasless, W, bias, r)

# %%
# zh: 你的层套在 camp-mini 的一个线性层上，真的训练几步，再用你的函数合并、对账
# en: your layer around one of camp-mini's layers: a few real steps, then your functions merge and compare
from course_lib.tune.layer import try_layer

with needs("lora_layer", "lora_merge", "lora_forward"):
    try_layer(bot, LoRALinear, lora_merge, lora_forward, name)

# %% [markdown] lang="zh"
r"""
只在一层旁边加了几千个数，损失就降了；合并前后的 logits 一样，训练时多出来的两个矩阵，部署时就没有了。

## 哪些词元算损失？

要模型学的是“怎么答”，不是“怎么问”。XTuner 给每个词元配一个标签，不算损失的写 **−100**，PyTorch 的交叉熵会跳过它。模板 `internlm2_chat` 的顺序是：

- BOS：−100；
- 提示词，从 `<|im_start|>user` 到 `<|im_start|>assistant` 后面的换行：−100；
- 回答和它的 `<|im_end|>`：**算损失**（不学结束符，就停不下来）；
- 最后的换行：−100。然后是下一轮，BOS 不再有。

写 `build_sample(turns, enc, bos, max_length, system=None)`，返回 `(ids, labels)`：`turns` 的每一项有 `input` 和 `output`；给了 `system` 就在**第一轮**前面加一轮 system（也是 −100）；两个列表都截到 `max_length`。`enc` 把文字变成编号，这里默认是 `toy_enc`：标记各一个编号，别的字符就是 `ord`。

<details><summary>提示</summary>

每一轮三段：`prompt = enc(...)`、`answer = enc(output + "<|im_end|>")`、`end = enc("\n")`，各自加进两个列表。

</details>
"""

# %% [markdown] lang="en"
r"""
A few thousand numbers beside a single layer, and the loss fell; the logits before and after the merge agree: what training adds is gone when you deploy.

## Which tokens carry loss?

The model is to learn how to answer, not how to ask. XTuner gives each token a label; one without loss has **−100**, which PyTorch's cross entropy skips. The template `internlm2_chat` goes:

- BOS: −100;
- the prompt, from `<|im_start|>user` to the new line after `<|im_start|>assistant`: −100;
- the answer and its `<|im_end|>`: **loss** (who never learns the end marker never stops);
- the new line after it: −100. The next turn follows, without another BOS.

Write `build_sample(turns, enc, bos, max_length, system=None)`, which returns `(ids, labels)`: each item of `turns` has `input` and `output`; `system`, if given, is a system turn before the **first** one (−100 as well); both lists are cut to `max_length`. `enc` turns text into ids; here it is `toy_enc` by default: an id for each marker, `ord` for any other character.

<details><summary>Hint</summary>

Three pieces for each turn: `prompt = enc(...)`, `answer = enc(output + "<|im_end|>")`, `end = enc("\n")`; each goes into both lists.

</details>
"""

# %% exercise="build_sample" level=3 minutes=15 points=11
from course_lib.tune.toys import toy_enc


def build_sample(
    turns: list[dict], enc=toy_enc, bos: int = 1, max_length: int = 2048, system: str | None = None
) -> tuple:
    """
    zh: （编号，标签），一样长；不算损失的标签是 -100。
    en: Return (ids, labels), equally long; -100 labels what carries no loss.
    """
    ### BEGIN SOLUTION
    ids, labels = [bos], [-100]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        ask = f"<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n"
        prompt, answer = enc(head + ask), enc(turn["output"] + "<|im_end|>")
        end = enc("\n")
        ids += [*prompt, *answer, *end]
        labels += [-100] * len(prompt) + [*answer] + [-100] * len(end)
        head = ""
    return ids[:max_length], labels[:max_length]
    ### END SOLUTION

# %% check="build_sample"
# zh: 按定义一段一段拼出来的答案
# en: the answers, put together piece by piece
USER = [92543, *map(ord, "user\n")]
OPEN = [92542, 10, 92543, *map(ord, "assistant\n")]
ONE = [1, *USER, ord("a"), *OPEN]
TWO = [*USER, ord("c"), *OPEN]
SYSTEM = [92543, *map(ord, "system\nS"), 92542, 10]
first = ([*ONE, 98, 92542, 10], [-100] * 21 + [98, 92542, -100])
second = ([*TWO, 100, 100, 92542, 10], [-100] * 20 + [100, 100, 92542, -100])
ab, cdd = {"input": "a", "output": "b"}, {"input": "c", "output": "dd"}
check("build_sample", [
    case([ab], gives=first, zh="一轮，24 个词元里 2 个算损失", en="one turn: 2 of 24 tokens carry loss"),
    case([ab, cdd], gives=(first[0] + second[0], first[1] + second[1]), zh="两轮", en="two turns"),
    case([ab], max_length=10, gives=(ONE[:10], [-100] * 10), zh="截得太短：一个算损失的也没有",
         en="cut too short: nothing carries loss"),
    case([ab], system="S", gives=([1, *SYSTEM, *first[0][1:]], [-100] * 11 + first[1]),
         zh="有 system", en="with a system turn"),
    case([ab], bos=7, gives=([7, *first[0][1:]], first[1]), zh="另一个 BOS", en="another BOS"),
])

# %% cases="build_sample"
def cases(rng):
    def turn():
        return {"input": rng.choice(["你好", "x", "1+1=?"]), "output": rng.choice(["好", "ok", "二\n2", ""])}

    yield case([turn() for _ in range(3)], system="你是猫", zh="三轮，有 system", en="three turns with a system turn")
    yield case([{"input": "q", "output": "abc"}], max_length=23, zh="截在回答中间", en="cut within the answer")
    yield case([{"input": "q", "output": ""}], zh="空的回答", en="an empty answer")
    yield case([turn()], system="", zh="空的 system", en="an empty system prompt")
    yield case([turn(), turn()], max_length=5, system="S", zh="截在 system 里", en="cut within the system turn")
    for _ in range(6):
        yield case([turn() for _ in range(rng.randint(1, 4))], bos=rng.choice([1, 5]),
                   max_length=rng.choice([20, 45, 2048]), system=rng.choice([None, "S", "你是猫"]),
                   zh="随机的对话", en="a random dialogue")

# %% wrong="build_sample"
# zh: 提示词不算损失：标签是 -100
# en: the prompt carries no loss: its labels are -100
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids = [bos]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        ids += enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        ids += enc(turn["output"] + "<|im_end|>\n")
        head = ""
    return ids[:max_length], ids[:max_length]

# %% wrong="build_sample"
# zh: <|im_end|> 也要算损失，否则模型学不会停
# en: <|im_end|> carries loss, too; without it the model never learns to stop
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [bos], [-100]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        prompt = enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        answer, end = enc(turn["output"]), enc("<|im_end|>\n")
        ids += prompt + answer + end
        labels += [-100] * len(prompt) + answer + [-100] * len(end)
        head = ""
    return ids[:max_length], labels[:max_length]

# %% wrong="build_sample"
# zh: 回答后面的换行不算损失
# en: the new line after the answer carries no loss
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [bos], [-100]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        prompt = enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        answer = enc(turn["output"] + "<|im_end|>\n")
        ids += prompt + answer
        labels += [-100] * len(prompt) + answer
        head = ""
    return ids[:max_length], labels[:max_length]

# %% wrong="build_sample"
# zh: BOS 只在最前面有一个，不是每轮一个
# en: one BOS at the very beginning, not one for each turn
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [], []
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        ask = f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n"
        prompt, answer = [bos, *enc(ask)], enc(turn["output"] + "<|im_end|>")
        ids += prompt + answer + enc("\n")
        labels += [-100] * len(prompt) + answer + [-100] * len(enc("\n"))
        head = ""
    return ids[:max_length], labels[:max_length]

# %% wrong="build_sample"
# zh: 最前面要有 BOS，标签 -100
# en: BOS comes first, with label -100
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [], []
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        prompt = enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        answer = enc(turn["output"] + "<|im_end|>")
        ids += prompt + answer + enc("\n")
        labels += [-100] * len(prompt) + answer + [-100] * len(enc("\n"))
        head = ""
    return ids[:max_length], labels[:max_length]

# %% wrong="build_sample"
# zh: system 只放在第一轮前面
# en: the system turn stands before the first turn only
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [bos], [-100]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        prompt = enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        answer = enc(turn["output"] + "<|im_end|>")
        ids += prompt + answer + enc("\n")
        labels += [-100] * len(prompt) + answer + [-100] * len(enc("\n"))
    return ids[:max_length], labels[:max_length]

# %% wrong="build_sample"
# zh: 每一轮的回答都算损失，不只最后一轮
# en: the answer of every turn carries loss, not only the last one's
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [bos], [-100]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for number, turn in enumerate(turns):
        prompt = enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        answer = enc(turn["output"] + "<|im_end|>")
        ids += prompt + answer + enc("\n")
        paid = answer if number == len(turns) - 1 else [-100] * len(answer)
        labels += [-100] * len(prompt) + paid + [-100] * len(enc("\n"))
        head = ""
    return ids[:max_length], labels[:max_length]

# %% wrong="build_sample"
# zh: 标签也要截到 max_length，和编号一样长
# en: labels are cut to max_length, too, as long as the ids
def build_sample(turns, enc=toy_enc, bos=1, max_length=2048, system=None):
    ids, labels = [bos], [-100]
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    for turn in turns:
        prompt = enc(f"{head}<|im_start|>user\n{turn['input']}<|im_end|>\n<|im_start|>assistant\n")
        answer = enc(turn["output"] + "<|im_end|>")
        ids += prompt + answer + enc("\n")
        labels += [-100] * len(prompt) + answer + [-100] * len(enc("\n"))
        head = ""
    return ids[:max_length], labels

# %%
# zh: 真的分词器：两轮对话里绿色的才算损失；截得太短，一个绿的也没有，损失就成了 nan
# en: the real tokenizer: of two turns only the green carries loss; cut too short, nothing is green: nan
from functools import partial

from course_lib.tune.tokens import loss_strip

real = partial(bot.encode, begin=False)
with needs("build_sample"):
    said = [str(Text(f"我是{name}的小助手。", f"I am {name}'s assistant.")), str(Text("不客气。", "You are welcome."))]
    talk = [{"input": one, "output": reply} for one, reply in zip((questions[0], questions[2]), said, strict=True)]
    ids, labels = build_sample(talk, real, bot.tokenizer.bos_token_id)
    display(loss_strip(bot, ids, labels))
    short = torch.tensor(build_sample(talk, real, 1, 8)[1])
    print("max_length=8: loss", torch.nn.functional.cross_entropy(torch.randn(8, 4608), short))

# %% [markdown] lang="zh"
"""
全是 −100 的一条样本，损失是 0 ÷ 0 = nan，会把整个模型带坏：日志里出现 nan，先查 `max_length`。

## 拼成一样长

样本有长有短，补齐就白算。XTuner（`pack_to_max_length=True`）把样本首尾相接，每 `max_length` 个词元切一段。没有 `use_varlen_attn` 时，一段里的样本互相**看得见**；有了它，注意力按样本隔开，位置编号也各从 0 数起。

写两个函数：

- `pack(samples, max_length)`：切好的段；最后不满的一段丢掉，但如果一段都不满，就留下这一段；
- `pack_position_ids(lengths, max_length)`：各样本长 `lengths`，每段里的位置编号：遇到新样本从 0 开始，**遇到新的一段也从 0 开始**；丢弃的规则同上。

<details><summary>提示</summary>

两个函数可以共用一个切段的办法：先连成一长串，再按 `max_length` 切。位置编号：先切出样本编号的串，再在每段里数“和前一个同不同”。

</details>
"""

# %% [markdown] lang="en"
"""
A sample of nothing but −100 has a loss of 0 ÷ 0 = nan, which ruins the whole model: when a log says nan, look at `max_length` first.

## Packed to one length

Samples differ in length, and padding is wasted work. XTuner (`pack_to_max_length=True`) joins the samples end to end and cuts after every `max_length` tokens. Without `use_varlen_attn` the samples in a pack can **see each other**; with it attention is kept within a sample, and positions count from 0 in each.

Write two functions:

- `pack(samples, max_length)`: the packs; a last one that is not full is dropped, unless it is the only one;
- `pack_position_ids(lengths, max_length)`: for samples as long as `lengths` says, the positions in each pack: they restart at 0 with a new sample, **and with a new pack**; the same rule for what is dropped.

<details><summary>Hint</summary>

Both can share one way to cut: join into one long row, then cut by `max_length`. For positions, cut a row of sample numbers, then count within each pack how long the number has stayed the same.

</details>
"""

# %% exercise="pack" level=2 minutes=12 points=8
def pack(samples: list[list[int]], max_length: int) -> list[list[int]]:
    """
    zh: 首尾相接，切成一样长的段。
    en: Return the samples joined and cut into packs of one length.
    """
    ### BEGIN SOLUTION
    joined = [token for sample in samples for token in sample]
    full = len(joined) // max_length
    if full == 0:
        return [joined] if joined else []
    return [joined[n * max_length : (n + 1) * max_length] for n in range(full)]
    ### END SOLUTION


def pack_position_ids(lengths: list[int], max_length: int) -> list[list[int]]:
    """
    zh: 每段里的位置编号。
    en: Return the positions in each pack.
    """
    ### BEGIN SOLUTION
    numbers = pack([[n] * length for n, length in enumerate(lengths)], max_length)
    positions = []
    for row in numbers:
        counted: list[int] = []
        for place, number in enumerate(row):
            same = place > 0 and row[place - 1] == number
            counted.append(counted[-1] + 1 if same else 0)
        positions.append(counted)
    return positions
    ### END SOLUTION

# %% check="pack"
check("pack", [
    case([[1, 2], [3], [4, 5, 6]], 4, gives=[[1, 2, 3, 4]]),
    case([[1, 2, 3], [4, 5], [6, 7, 8, 9]], 4, gives=[[1, 2, 3, 4], [5, 6, 7, 8]]),
    case([[1, 2]], 4, gives=[[1, 2]], zh="只有不满的一段", en="only one pack, not full"),
    case([], 4, gives=[], zh="没有样本", en="no sample"),
    case([[1, 2], [3, 4]], 2, gives=[[1, 2], [3, 4]], zh="正好切完", en="an exact multiple"),
    case([3, 2, 4], 4, fn="pack_position_ids", gives=[[0, 1, 2, 0], [0, 0, 1, 2]]),
    case([5], 2, fn="pack_position_ids", gives=[[0, 1], [0, 1]], zh="一个长样本跨几段",
         en="a long sample over several packs"),
])

# %% cases="pack"
def cases(rng):
    yield case([list(range(11))], 3, zh="一个长样本跨几段", en="a long sample over several packs")
    yield case([[], [1], [], [2, 3]], 2, zh="有空样本", en="with empty samples")
    yield case([[]], 2, zh="只有空样本", en="only an empty sample")
    yield case([11], 3, fn="pack_position_ids", zh="一个长样本跨几段", en="a long sample over several packs")
    yield case([1, 1], 5, fn="pack_position_ids", zh="只有不满的一段", en="only one pack, not full")
    yield case([], 5, fn="pack_position_ids", zh="没有样本", en="no sample")
    yield case([2, 2, 2], 2, fn="pack_position_ids", zh="正好切完", en="an exact multiple")
    for _ in range(6):
        size = rng.randint(2, 7)
        lengths = [rng.randint(1, 9) for _ in range(rng.randint(2, 6))]
        samples = [[rng.randint(0, 99) for _ in range(length)] for length in lengths]
        yield case(samples, size, zh="随机的样本", en="random samples")
        yield case(lengths, size, fn="pack_position_ids", zh="随机的长度", en="random lengths")

# %% wrong="pack"
# zh: 最后不满的一段要丢掉
# en: a last pack that is not full is dropped
def pack(samples, max_length):
    joined = [token for sample in samples for token in sample]
    return [joined[at : at + max_length] for at in range(0, len(joined), max_length)]

# %% wrong="pack"
# zh: 如果一段都不满，就留下这一段
# en: if not one pack is full, keep that one
def pack(samples, max_length):
    joined = [token for sample in samples for token in sample]
    full = len(joined) // max_length
    return [joined[n * max_length : (n + 1) * max_length] for n in range(full)]

# %% wrong="pack"
# zh: 样本要首尾相接再切，不是各切各的
# en: join the samples first, then cut; don't cut each by itself
def pack(samples, max_length):
    return [sample[:max_length] for sample in samples if sample]

# %% wrong="pack"
# zh: 一个样本可以跨两段，不必整个放进去
# en: a sample may go on in the next pack; it need not fit whole
def pack(samples, max_length):
    packs, row = [], []
    for sample in samples:
        if len(row) + len(sample) > max_length and row:
            packs.append(row)
            row = []
        row = row + sample
    return packs + ([row] if row else [])

# %% wrong="pack"
# zh: 新的一段也要从 0 数起
# en: positions restart with a new pack, too
def pack_position_ids(lengths, max_length):
    return pack([list(range(length)) for length in lengths], max_length)

# %% wrong="pack"
# zh: 换了样本就要从 0 数起
# en: positions restart with a new sample
def pack_position_ids(lengths, max_length):
    packs = pack([[0] * length for length in lengths], max_length)
    return [list(range(len(row))) for row in packs]

# %% [markdown] lang="zh"
"""
## 一共几步？

营里的目录里有个 `iter_96.pth`。16 002 条样本训练 3 轮，怎么会只有 96 步？对不上：96 ÷ 3 = 32 段一轮，远装不下这么多样本。别背数字，自己算。

注意 XTuner（MMEngine）日志和文件名里的 iter 数的是**批**，不是权重更新的次数：每 `accum` 批才更新一次。

写 `train_plan(n, batch_size, accum, epochs, world=1)`：n 段数据，返回字典：`iters_per_epoch`（每张卡每轮几批，不满的也算一批）、`total_iters`、`optimizer_steps`（最后不满的也更新）、`effective_batch`（一次更新看几段）。

<details><summary>提示</summary>

`math.ceil`，或者 `-(-a // b)`。

</details>
"""

# %% [markdown] lang="en"
"""
## How many steps?

The camp's folder shows an `iter_96.pth`. How can 16,002 samples in 3 epochs take only 96? They cannot: 96 ÷ 3 = 32 packs an epoch do not hold that many. Don't learn numbers by heart, work them out.

Mind that iter in XTuner's (MMEngine's) logs and file names counts **batches**, not updates of the weights: those come once in `accum` batches.

Write `train_plan(n, batch_size, accum, epochs, world=1)` for n packs; return a dictionary: `iters_per_epoch` (batches for each GPU in an epoch, the last may be smaller), `total_iters`, `optimizer_steps` (a last, smaller one counts), `effective_batch` (packs behind one update).

<details><summary>Hint</summary>

`math.ceil`, or `-(-a // b)`.

</details>
"""

# %% exercise="train_plan" level=1 minutes=5 points=6
import math


def train_plan(n: int, batch_size: int, accum: int, epochs: int, world: int = 1) -> dict:
    """
    zh: 训练的步数，四项。
    en: Return the four counts of a training.
    """
    ### BEGIN SOLUTION
    per_epoch = math.ceil(n / (batch_size * world))
    total = per_epoch * epochs
    return {
        "iters_per_epoch": per_epoch,
        "total_iters": total,
        "optimizer_steps": math.ceil(total / accum),
        "effective_batch": batch_size * accum * world,
    }
    ### END SOLUTION

# %% check="train_plan"
def plan(iters, total, steps, batch):
    return {"iters_per_epoch": iters, "total_iters": total, "optimizer_steps": steps,
            "effective_batch": batch}


check("train_plan", [
    case(2000, 4, 4, 6, gives=plan(500, 3000, 750, 16), zh="InternVL 那一关", en="the InternVL level"),
    case(32, 1, 16, 3, gives=plan(32, 96, 6, 16), zh="iter_96.pth", en="iter_96.pth"),
    case(10, 4, 2, 1, gives=plan(3, 3, 2, 8), zh="除不尽", en="not divisible"),
    case(16002, 1, 16, 3, world=2, gives=plan(8001, 24003, 1501, 32), zh="两张卡", en="two GPUs"),
    case(10, 4, 2, 3, gives=plan(3, 9, 5, 8), zh="三轮，除不尽", en="three epochs, not divisible"),
])

# %% cases="train_plan"
def cases(rng):
    yield case(17, 2, 4, 3, world=8, zh="8 张卡", en="8 GPUs")
    yield case(1, 4, 16, 1, zh="只有一段", en="a single pack")
    for _ in range(8):
        yield case(rng.randint(1, 5000), rng.choice([1, 2, 3, 4]), rng.choice([1, 4, 16]),
                   rng.randint(1, 6), world=rng.choice([1, 2, 8]), zh="随机的一组", en="a random case")

# %% wrong="train_plan"
# zh: 不满的一批也算一批：向上取整
# en: a batch that is not full counts: round up
def train_plan(n, batch_size, accum, epochs, world=1):
    per_epoch = n // (batch_size * world)
    total = per_epoch * epochs
    return {"iters_per_epoch": per_epoch, "total_iters": total, "optimizer_steps": total // accum,
            "effective_batch": batch_size * accum * world}

# %% wrong="train_plan"
# zh: 每 accum 批才更新一次，更新次数不是批数
# en: an update comes once in accum batches; updates are not batches
def train_plan(n, batch_size, accum, epochs, world=1):
    per_epoch = math.ceil(n / (batch_size * world))
    return {"iters_per_epoch": per_epoch, "total_iters": per_epoch * epochs,
            "optimizer_steps": per_epoch * epochs, "effective_batch": batch_size * accum * world}

# %% wrong="train_plan"
# zh: 几张卡同时跑，每张卡的批数要除以 world
# en: the GPUs run side by side: divide the batches by world
def train_plan(n, batch_size, accum, epochs, world=1):
    per_epoch = math.ceil(n / batch_size)
    total = per_epoch * epochs
    return {"iters_per_epoch": per_epoch, "total_iters": total,
            "optimizer_steps": math.ceil(total / accum), "effective_batch": batch_size * accum * world}

# %% wrong="train_plan"
# zh: 一次更新看到的是所有卡、所有累积的批：batch_size · accum · world
# en: one update sees all GPUs and all accumulated batches: batch_size · accum · world
def train_plan(n, batch_size, accum, epochs, world=1):
    per_epoch = math.ceil(n / (batch_size * world))
    total = per_epoch * epochs
    return {"iters_per_epoch": per_epoch, "total_iters": total,
            "optimizer_steps": math.ceil(total / accum), "effective_batch": batch_size * world}

# %% wrong="train_plan"
# zh: 累积不在每轮末尾重来：用总批数除以 accum
# en: accumulation does not restart with an epoch: divide all batches by accum
def train_plan(n, batch_size, accum, epochs, world=1):
    per_epoch = math.ceil(n / (batch_size * world))
    return {"iters_per_epoch": per_epoch, "total_iters": per_epoch * epochs,
            "optimizer_steps": epochs * math.ceil(per_epoch / accum),
            "effective_batch": batch_size * accum * world}

# %% [markdown] lang="zh"
"""
## 学习率：先升后降

B 从 0 开始，一上来就用大步子会走歪。营里的配置先让学习率从 1e-5 倍**直线**升到 lr（占训练的 3 %，预热），再沿**余弦**降到 0。

写 `lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0)`。记 warm = warm_ratio · total：

- t < warm：从 lr·start_factor 直线升到 lr；
- 之后：`eta_min + (lr − eta_min) · (1 + cos(π·progress)) / 2`，progress（进度）在 t = warm 时是 0，在 t = total 时是 1。

t 可以是小数，warm 不取整；`warm_ratio` 是 0 就没有预热。

<details><summary>提示</summary>

直线的一半：`lr * (start_factor + (1 - start_factor) * t / warm)`。

</details>
"""

# %% [markdown] lang="en"
"""
## The learning rate: up, then down

B starts at 0, and large steps at the beginning lead astray. The camp's configuration raises the rate from 1e-5 of lr to lr in a **straight line** (3 % of the training, the warm-up), then lets it fall to 0 along a **cosine**.

Write `lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0)`. With warm = warm_ratio · total:

- t < warm: a straight line from lr·start_factor to lr;
- then `eta_min + (lr − eta_min) · (1 + cos(π·progress)) / 2`, where progress is 0 at t = warm and 1 at t = total.

t may be a fraction, warm is not rounded; with `warm_ratio` 0 there is no warm-up.

<details><summary>Hint</summary>

The straight part: `lr * (start_factor + (1 - start_factor) * t / warm)`.

</details>
"""

# %% exercise="lr_at" level=2 minutes=8 points=8
def lr_at(
    t: float, total: int, warm_ratio: float, lr: float, start_factor: float = 1e-5, eta_min: float = 0
) -> float:
    """
    zh: 第 t 步的学习率。
    en: Return the learning rate at step t.
    """
    ### BEGIN SOLUTION
    warm = warm_ratio * total
    if t < warm:
        return lr * (start_factor + (1 - start_factor) * t / warm)
    progress = (t - warm) / (total - warm)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * progress)) / 2
    ### END SOLUTION

# %% check="lr_at"
check("lr_at", [
    case(0, 100, 0.03, 2e-4, gives=2e-9, zh="第 0 步", en="step 0"),
    case(3, 100, 0.03, 2e-4, gives=2e-4, zh="预热结束", en="the end of the warm-up"),
    case(51.5, 100, 0.03, 2e-4, gives=1e-4, zh="余弦的正中", en="the middle of the cosine"),
    case(100, 100, 0.03, 2e-4, gives=0.0, zh="最后", en="the end"),
    case(10, 100, 0.2, 1.0, gives=0.500005, zh="预热的正中", en="the middle of the warm-up"),
    case(60, 100, 0.2, 1.0, eta_min=0.2, gives=0.6, zh="eta_min=0.2", en="eta_min=0.2"),
    case(25, 100, 0.0, 1.0, gives=0.8535533905932737, zh="没有预热", en="no warm-up"),
])

# %% cases="lr_at"
def cases(rng):
    yield case(0, 50, 0.0, 2e-3, zh="没有预热", en="no warm-up")
    yield case(2.999999, 100, 0.03, 2e-4, zh="接缝之前", en="just before the joint")
    yield case(3.000001, 100, 0.03, 2e-4, zh="接缝之后", en="just after the joint")
    yield case(100, 100, 0.1, 1e-3, eta_min=1e-4, zh="最后，有 eta_min", en="the end with eta_min")
    yield case(0, 100, 0.1, 1.0, start_factor=0.25, zh="另一个 start_factor", en="another start_factor")
    for _ in range(10):
        total = rng.randint(20, 5000)
        yield case(round(rng.uniform(0, total), 2), total, rng.choice([0.03, 0.1, 0.5]),
                   rng.choice([2e-4, 1e-3, 1.0]), eta_min=rng.choice([0, 1e-5, 1e-4]),
                   zh="随机的一步", en="a random step")

# %% wrong="lr_at"
# zh: 预热从 lr·start_factor 开始，不是从 0
# en: the warm-up begins at lr·start_factor, not at 0
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    warm = warm_ratio * total
    if t < warm:
        return lr * t / warm
    progress = (t - warm) / (total - warm)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * progress)) / 2

# %% wrong="lr_at"
# zh: 余弦从预热结束开始，进度是 (t − warm) ÷ (total − warm)
# en: the cosine begins after the warm-up: progress is (t − warm) ÷ (total − warm)
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    warm = warm_ratio * total
    if t < warm:
        return lr * (start_factor + (1 - start_factor) * t / warm)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * t / total)) / 2

# %% wrong="lr_at"
# zh: 最低降到 eta_min，不是 0
# en: it falls to eta_min, not to 0
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    warm = warm_ratio * total
    if t < warm:
        return lr * (start_factor + (1 - start_factor) * t / warm)
    return lr * (1 + math.cos(math.pi * (t - warm) / (total - warm))) / 2

# %% wrong="lr_at"
# zh: 下降的是余弦，不是直线
# en: it falls along a cosine, not a straight line
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    warm = warm_ratio * total
    if t < warm:
        return lr * (start_factor + (1 - start_factor) * t / warm)
    return eta_min + (lr - eta_min) * (1 - (t - warm) / (total - warm))

# %% wrong="lr_at"
# zh: 1 + cos 要除以 2，否则最高是 2·lr
# en: 1 + cos is halved, or the highest rate is 2·lr
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    warm = warm_ratio * total
    if t < warm:
        return lr * (start_factor + (1 - start_factor) * t / warm)
    progress = (t - warm) / (total - warm)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * progress))

# %% wrong="lr_at"
# zh: warm_ratio 是 0 时没有预热，不能拿它去除
# en: with warm_ratio 0 there is no warm-up, and nothing to divide by
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    warm = warm_ratio * total
    rise = lr * (start_factor + (1 - start_factor) * t / warm)
    progress = (t - warm) / (total - warm)
    fall = eta_min + (lr - eta_min) * (1 + math.cos(math.pi * progress)) / 2
    return rise if t < warm else fall

# %% wrong="lr_at"
# zh: warm_ratio 是占训练的比例，要乘 total 才是步数
# en: warm_ratio is a share of the training; times total it is steps
def lr_at(t, total, warm_ratio, lr, start_factor=1e-5, eta_min=0):
    if t < warm_ratio:
        return lr * (start_factor + (1 - start_factor) * t / warm_ratio)
    progress = (t - warm_ratio) / (total - warm_ratio)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * progress)) / 2

# %%
# zh: 用你的函数给等会儿的训练算一遍：怎么拼、几步、学习率怎么走。真的 XTuner 应当拼得一样、步数一样
# en: your functions work out the training to come: packs, steps, rate; the real XTuner's packs and steps should be these
from course_lib.tune import data
from course_lib.tune.pictures import lr_chart
from course_lib.tune.tokens import pack_strip

items = data.introductions(name, 500) + data.general(500)
with needs("build_sample", "pack", "train_plan", "lr_at"):
    talks = [one["conversation"] for one in items]
    ids = [build_sample(one, real, 1, 384, one[0].get("system"))[0] for one in talks]
    display(pack_strip(bot, ids[:4], pack, pack_position_ids, 36))
    steps = train_plan(len(pack(ids, 384)), 1, 1, 1)
    print(len(items), "samples,", sum(map(len, ids)), "tokens:", steps)
    display(lr_chart(lr_at, steps["total_iters"], 0.1, 5e-3))

# %% [markdown] lang="zh"
"""
你的曲线和 PyTorch 的两个调度器几乎重合：它们的预热只数整步，XTuner 的还再短一两步，日志里那几步的学习率会比你算的高一点。一个坑：数据太少时 3 % 的预热不到两步，学习率就一直停在万分之几上，训练等于没做。

## 真的工具

营里的路线是 `copy-cfg`（抄一份配置）→ 改配置 → `train` → `convert pth_to_hf`（取出 LoRA）→ `convert merge`（合并）→ `chat`。我们用同样的命令训练 `camp-mini`：下一格抄来营里那份配置，把每处改动和理由列出来。没有 GPU，去掉量化和混合精度；模型小，步子放大。

数据先照营里的办法：**两句自我介绍，重复很多遍**（营里 8000 遍，这里 400 遍）。会怎样？先猜，再运行。需要 XTuner 的独立环境，没装的话，单元会告诉你命令。
"""

# %% [markdown] lang="en"
"""
Your curve and PyTorch's two schedulers all but coincide: their warm-up has whole steps only. XTuner's is a step or two shorter still, so the rates that its log shows there are a little above yours. A trap: with little data 3 % of warm-up is less than two steps, the rate then stays near nothing, and nothing is learned.

## The real tool

The camp's way is `copy-cfg` (copy a configuration) → edit it → `train` → `convert pth_to_hf` (take out the LoRA) → `convert merge` → `chat`. We train `camp-mini` with the same commands: the next cell copies the camp's configuration and lists each edit with its reason. There is no GPU, so quantisation and mixed precision go; the model is small, so steps are larger.

The data first follow the camp: **two self-introductions, repeated many times** (8000 there, 400 here). What will happen? Guess, then run. XTuner has an environment of its own; if it is not installed, the cell gives you the command.
"""

# %% tool="two" minutes=3
from pathlib import Path

from course_lib import toolbox
from course_lib.tune import merging, recipe

work = Path("xtuner-work")
work.mkdir(exist_ok=True)
toolbox.run("xtuner", "copy-cfg", recipe.CONFIG, ".", folder=work)
data.write(work / "two.json", data.two_sentences(name, times=400))
display(recipe.write(work, "two", "two.json", questions[:2]))
toolbox.run("xtuner", "train", "two.py", "--work-dir", "two", "--seed", 42, folder=work)
convert = ("xtuner", "convert", "pth_to_hf")
toolbox.run(*convert, "two.py", recipe.last(work, "two"), "two-hf", *recipe.HF, folder=work)
models_now = {"camp-mini": bot}
with needs("lora_merge"):
    models_now["two sentences"] = merging.merged(bot, work / "two-hf", lora_merge)
side_by_side(questions, models_now, name)

# %% [markdown] lang="zh"
"""
## 逢人就报名字

损失降得漂亮，可是看表：没人问它是谁，也冒出那句自我介绍，或者它的碎片；本来会的题也可能答错。数据里每个问题后面都跟着同样的话，模型学到的规律就是“不管问什么，都这样答”。这叫**过拟合**，旧本事丢了叫**灾难性遗忘**。损失低，不等于学得好：它只量了这两句。

对策：少重复，多换问法，再**混进别的本事的数据**，让它知道名字只该在什么时候说。上面算过的 `items` 正是这样：五百条换着问法的自我介绍，五百条别的任务。再训练一次，这回走完全程。

## 关卡任务：你的小助手

交上去的是适配器（safetensors）、它的配置、训练配置和日志、几段对话。批改的程序会把适配器装回 `camp-mini`，换一批**这些数据里没有的问法**问它是谁，再考别的本事，也看日志和适配器对不对得上。名字要用你自己的；不满意就改数据、改轮数，再训练一次。

`camp-mini` 自己也不是每种问法都听得懂：模型卡上，没见过的问法问它自己的事，中文答对约 86 %，英文约 80 %。所以先挑它听得懂的问法。

下一格训练，再下一格收集证据，说明还缺什么，并列出每一步的时间和内存。
"""

# %% [markdown] lang="en"
"""
## It tells everybody its name

The loss fell beautifully, but look at the table: the introduction, or scraps of it, comes where nobody asked who it is, and questions that it could answer may go wrong. In the data each question was followed by the same words, so the rule it learned is "whatever they ask, say this". That is **over-fitting**; the loss of old skills is called **catastrophic forgetting**. A low loss does not mean well learned: it measured these two sentences only.

The cure: fewer repeats, more wordings, and **data of the other skills mixed in**, to show when the name should not be said. The `items` above are just that: five hundred introductions in changing wordings, five hundred other tasks. Train again, and go all the way this time.

## The level's task: your assistant

You hand in the adapter (safetensors) with its configuration, the training's configuration and log, and a few dialogues. The grading program puts the adapter onto `camp-mini`, asks it who it is in wordings that **these data do not hold**, tests the other skills, and looks whether log and adapter belong together. Use your own name; if you are not content, change the data or the epochs and train again.

`camp-mini` itself does not understand every wording: by its model card, asked about itself in wordings new to it, about 86 % of its answers are right in Chinese, about 80 % in English. So wordings that it understands are taken first.

The next cell trains; the one after it collects the evidence, says what is missing, and lists time and memory of each step.
"""

# %% tool="mixed" minutes=4
data.write(work / "mixed.json", items)
recipe.write(work, "mixed", "mixed.json", questions[:2])
toolbox.run("xtuner", "train", "mixed.py", "--work-dir", "mixed", "--seed", 42, folder=work)
toolbox.run(*convert, "mixed.py", recipe.last(work, "mixed"), "mixed-hf", *recipe.HF, folder=work)
toolbox.run("xtuner", "convert", "merge", recipe.BASE, "mixed-hf", "merged", recipe.HF[1], folder=work)
toolbox.run(
    "xtuner", "chat", "merged", "--prompt-template", "internlm2_chat", "--torch-dtype", "fp32",
    stdin=f"{questions[0]}\n\n{questions[3]}\n\nEXIT\n\n", folder=work)
models_now["mixed"] = chat.load(work / "merged")
side_by_side(questions, models_now, name)

# %% tool="evidence" minutes=1
from course_lib.decoding import Sampling
from course_lib.transcript import Recorder
from course_lib.tune import evidence
from course_lib.tune.times import show_times

evidence.collect(work / "mixed", name, work / "mixed-hf")
recorder = Recorder(models_now["mixed"], evidence.FOLDER / evidence.TALK)
for question in questions:
    recorder.ask(question, Sampling(max_new_tokens=60))
evidence.check_adapter()
show_times(work)

# %% evidence="assistant" points=20
from course_lib.tune.evidence import grade_adapter

grade_adapter(points=20, seed=seed)

# %% [markdown] lang="zh"
"""
名字该说时才说，别的本事回来了。日志里的步数和你算的一样：检查点的文件名就是 `total_iters`。

再写几句话，由助教来读。损失曲线在训练那一格下面，截图可以直接粘进来。
"""

# %% [markdown] lang="en"
"""
The name comes when it should, and the other skills are back. The steps in the log are those that you worked out: the checkpoint's file name is `total_iters`.

Then a few lines for a TA to read. The loss curve stands below the training's cell; you may paste a screenshot.
"""

# %% rubric="assistant_note"
rubric(
    criterion(zh="微调前后的对话，用的是自己的名字", en="dialogues before and after, with a name of your own", points=3),
    criterion(zh="损失曲线，说说它怎么走", en="the loss curve, and what it does", points=2),
    criterion(
        zh="一句关于过拟合的话：怎么看出来的，怎么办", en="a remark on over-fitting: how you saw it, what cures it",
        points=5),
)

# %% [markdown] note="assistant_note" points=10
"""
## 我的记录 / My record

微调前 / Before:

微调后 / After:

损失曲线 / Loss curve:

过拟合 / Over-fitting:
"""

# %% [markdown] lang="zh"
"""
## 回顾

现在你能：

- 说清全量、LoRA、QLoRA 各改什么，算出参数和显存；
- 写出 LoRA 的合并与前向，还有一个能训练的 LoRA 层，知道 B 为什么从 0 开始；
- 给对话打标签：只有回答和 `<|im_end|>` 算损失；
- 拼样本、数步数、画学习率，预言一次真的训练；
- 用 XTuner 训练、转换、合并、对话；
- 看出过拟合，用混合数据治好它。

## 选做：另外三条路

把下一格的 `False` 改成 `True`：

- **全量微调**：同一份数据，去掉配置里的 `lora=`。所有权重都动，学习率要小；存下来的是整个模型，不是适配器。
- **增量预训练**：给基座模型喂纯文本 `{"text": …}`，没有模板，每个词元都算损失。
- **QLoRA**：有 GPU 和 InternLM2-Chat-1.8B 时，营里那份配置除了模型和数据一字不改（我们没有在 GPU 上运行过）。

> **2024 年以后**（据仓库，2026-11）
> - XTuner 换成了 V1：`torchrun … xtuner/v1/train/cli/sft.py`，数据是 OpenAI 格式的 jsonl，并行用 FSDP；V1 里没有 LoRA、QLoRA，也没有 InternLM2 的配方。旧文档移到了 `legacy/`。
> - 这一关请用标签 v0.1.21 到 v0.1.23，或 PyPI 上的 0.2.0（本课用它）。
> - 报错 `KeyError: 'text'`、`'messages'`：数据格式和 map 函数不配（xtuner#442、#719）。

下一格之后还有三道小题，不计分。
"""

# %% [markdown] lang="en"
"""
## Recap

Now you can:

- say what full tuning, LoRA and QLoRA change, and work out parameters and memory;
- write LoRA's merge and forward and a layer that trains, and tell why B starts at 0;
- label a dialogue: only the answer and `<|im_end|>` carry loss;
- pack samples, count steps, draw the learning rate, and predict a real training;
- train, convert, merge and chat with XTuner;
- recognise over-fitting and cure it with mixed data.

## Optional: three other ways

Change `False` to `True` in the next cell:

- **full tuning**: the same data without `lora=` in the configuration. All weights move, so the rate must be small; what is saved is a whole model, no adapter.
- **continued pre-training**: plain text `{"text": …}` for the base model; no template, and every token carries loss.
- **QLoRA**: with a GPU and InternLM2-Chat-1.8B, the camp's configuration, unchanged but for model and data (we have not run it on a GPU).

> **Since 2024** (from the repository, 2026-11)
> - XTuner became V1: `torchrun … xtuner/v1/train/cli/sft.py`, data as OpenAI's jsonl, parallel by FSDP; V1 has no LoRA, no QLoRA and no recipe for InternLM2. The old documents moved to `legacy/`.
> - For this level take a tag from v0.1.21 to v0.1.23, or 0.2.0 from PyPI (as this lesson does).
> - `KeyError: 'text'`, `'messages'`: the data's form and the map function do not fit (xtuner#442, #719).

After the next cell come three last questions, not graded.
"""

# %% tool="optional" minutes=3
from course_lib.decoding import Sampling

FULL = PRETRAIN = QLORA = False
if FULL:
    recipe.write(work, "full", "mixed.json", questions[:2], full=True, lr=5e-4)
    models_now["full"] = chat.load(recipe.train(work, "full"))
    display(side_by_side(questions, models_now, name))
if PRETRAIN:
    toolbox.run("xtuner", "copy-cfg", recipe.PRETRAIN, ".", folder=work)
    recipe.write_pretraining(work, "pretrain", data.plain_texts())
    for one in (models.BUILT_IN["camp-mini-base"], recipe.train(work, "pretrain")):
        print(chat.load(one).complete("XTuner的主要用途是什么？", Sampling(max_new_tokens=20)).text)
if QLORA:
    recipe.qlora_on_gpu(work, "mixed.json", questions[:2])

# %% quiz="low_loss"
quiz(
    zh="训练损失降到 0.01，模型却逢人就报名字。最可能的原因？",
    en="The training loss is down to 0.01, yet the model tells everybody its name. Why, most likely?",
    choices=[
        choice(
            zh="数据只有几句话，重复了很多遍", en="the data are a few sentences, repeated many times",
            right=True,
            why_zh="损失只量训练过的句子；数据里没有别的问题，它就学成了“问什么都这样答”。",
            why_en="Loss measures the sentences trained on; with no other question in the data it "
                   "learned to answer everything so.",
        ),
        choice(
            zh="学习率太小", en="the learning rate is too small",
            why_zh="太小的话损失降不下来，名字也记不住。",
            why_en="Then the loss would stay high and the name would not stick.",
        ),
        choice(
            zh="没有合并适配器", en="the adapter was not merged",
            why_zh="合并前后的输出是一样的；不合并又没装上适配器，它根本不会说你的名字。",
            why_en="Output is the same merged or not; with no adapter at all it would not say your name.",
        ),
    ],
)

# %% quiz="not_merged"
quiz(
    zh="网页里的模型还是说自己叫原来的名字。先看哪里？",
    en="On the web page the model still gives its old name. Where do you look first?",
    choices=[
        choice(
            zh="hf 目录里没有 config.json", en="the folder hf has no config.json",
            why_zh="它只是适配器，本来就没有（xtuner#135）；要先合并。",
            why_en="It is only an adapter and has none (xtuner#135); merge it first.",
        ),
        choice(
            zh="采样温度太高", en="the sampling temperature is too high",
            why_zh="温度让话变乱，不会把名字变回去。",
            why_en="Temperature makes words wilder; it does not bring an old name back.",
        ),
        choice(
            zh="网页加载的是不是合并后的目录", en="whether the page loads the merged folder", right=True,
            why_zh="只改了文件、没改那一行路径，是这一关最常见的错。",
            why_en="The line with the path left as it was is this level's most common mistake.",
        ),
    ],
)

# %% quiz="where_bits"
quiz(
    zh="QLoRA 训练时，哪些数是 4 位的？",
    en="In QLoRA training, which numbers have 4 bits?",
    choices=[
        choice(
            zh="A 和 B", en="A and B",
            why_zh="A、B 用 16 位训练；4 位的步子太粗，梯度会被舍掉。",
            why_en="A and B train in 16 bits; at 4 bits the steps are so coarse that gradients vanish.",
        ),
        choice(
            zh="冻结的 W", en="the frozen W", right=True,
            why_zh="只有冻结的权重存成 NF4，用到时再还原成 16 位去算。",
            why_en="Only frozen weights are stored as NF4, and restored to 16 bits where they are used.",
        ),
        choice(
            zh="优化器状态", en="the optimizer states",
            why_zh="它们只属于 A 和 B，本来就很少，仍是 32 位。",
            why_en="They belong to A and B only, are few, and stay at 32 bits.",
        ),
    ],
)
