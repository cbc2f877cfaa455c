"""A small, sound lesson source for tests, and ways to break it."""

HEADER = '''# ---
# jupyter:
#   course:
#     level: L1-1
#     minutes: 20
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
'''

PROSE = '''
# %% [markdown] lang="zh"
"""
# 大小

权重占多少字节？
"""

# %% [markdown] lang="en"
"""
# Sizes

How many bytes do weights take?
"""
'''

BODY = '''
# %%
print("a demonstration")

# %% given="table"
SIZES = {"1.8b": 1889110016, "tiny": 1704}

# %% exercise="weight_bytes" level=1 minutes=5 points=70
def weight_bytes(n: float, bits: int) -> float:
    """
    zh: 返回字节数。
    en: Return the number of bytes.
    """
    ### BEGIN SOLUTION
    if n < 0:
        raise ValueError("n is negative")
    return n * bits / 8
    ### END SOLUTION

# %% check="weight_bytes"
check(
    "weight_bytes",
    [
        case(SIZES["tiny"], 16, gives=3408.0),
        case(-1, 16, raises=ValueError),
    ],
)

# %% cases="weight_bytes"
def cases(rng):
    yield case(0, 8, zh="零个参数", en="no parameters")
    yield case(-5, 4, zh="负数", en="negative")
    for _ in range(5):
        yield case(rng.randrange(10**9), rng.choice([4, 8, 16]), zh="普通", en="ordinary")

# %% wrong="weight_bytes"
# zh: 位不是字节
# en: bits are not bytes
def weight_bytes(n, bits):
    if n < 0:
        raise ValueError
    return n * bits

# %% wrong="weight_bytes"
# zh: 没有拒绝负数
# en: a negative count is not refused
def weight_bytes(n, bits):
    return n * bits / 8

# %% quiz="unit"
quiz(
    zh="一个字节几位？",
    en="How many bits are a byte?",
    choices=[
        choice(zh="8", en="8", why_zh="对，八位", why_en="yes, eight", right=True),
        choice(zh="10", en="10", why_zh="不是十进制", why_en="not decimal"),
    ],
)

# %% [markdown] note="story" points=30
"""
链接 / Link:

（正文 / text）
"""

# %% rubric="story"
rubric(
    criterion(zh="有数字", en="a number", points=10),
    criterion(zh="自己的话", en="own words", points=20),
)
'''

GOOD = HEADER + PROSE + BODY
