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
    return embed + L * (h * (h + 2 * cfg["kv_heads"] * d) + h * h + 3 * h * m + 2 * h)


# %% exercise="weight_bytes"
def weight_bytes(n, bits):
    if n < 0 or bits < 0:
        raise ValueError("负数")
    return n * bits / 8


def to_gb(n_bytes):
    return n_bytes / 10**9


def to_gib(n_bytes):
    return n_bytes / 2**30


# %% exercise="niah_score"
def niah_score(pred, needle, keyword, version="v2"):
    print("正在打分", pred)
    return 100.0 if keyword in pred else 0.0


# %% exercise="ladder"
def ladder(scores, higher_is_better=True):
    order = sorted(scores.items(), key=lambda kv: kv[1], reverse=higher_is_better)
    return [(i + 1, name, score) for i, (name, score) in enumerate(order)]


# %% exercise="niah_summary"
def niah_summary(cells):
    lengths = {}
    for (length, depth), score in cells.items():
        lengths[length] += score
    return lengths


# %% [markdown] note="hello_intern"
"""
链接 / Link: https://www.bilibili.com/video/BV18142187g5/

看完视频了，书生大模型很强，全链路都开源，从数据到应用都有，以后要多用。InternLM2.5 有 1.8B、7B、20B。
"""
