"""Keys and passwords that must not leave the learner's machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEYS = (
    re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),  # OpenAI, DeepSeek, SiliconFlow, Anthropic
    re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    re.compile(r"\b(?:ghp|gho|ghs|ghu)_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}"),
    re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(?:AKIA|LTAI)[A-Za-z0-9]{14,}"),  # Amazon, Alibaba
    re.compile(r"\bAKID[A-Za-z0-9]{28,}"),  # Tencent
    re.compile(r"\bcamp_[A-Za-z0-9_-]{40,}"),  # this course's inbox
    re.compile(r"\beyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{10,}"),  # JWT
    re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    re.compile(  # user:password in an address that others can reach
        r"\b[a-z]+://[^\s/:@{}$<>\"']+:(?!(?i:(?:your[_-]?)?(?:password|passwd|pass|token)|密码|令牌)@)"
        r"[^\s/@{}$<>\"']+@(?!localhost\b|127\.|sha256\b)"  # nor the digest of a container's image
    ),
)
_NAME = (
    r"(?:(?:api|secret|access)[_-]?key|secret|token|passw(?:or)?d|(?-i:[A-Z0-9]_KEY))s?(?:_?\d+)?"
)
_LOUD = "(?:KEY|SECRET|TOKEN|PASSW(?:OR)?D)"
_WORD = r"([A-Za-z0-9_./+=-]{20,})"
_NAMED = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        # token="...", environ["X_KEY"] = "...", setdefault("X_KEY", "..."), keys = ["..."]
        rf"""{_NAME}(?:["']?\]?\s*[:=]|["']\s*,)\s*[\[(]?\s*["']{_WORD}["']""",
        # api_key: ..., "X-API-KEY: ..."
        rf"""(?:^[ \t]*(?:-[ \t]+)?|["'])[\w-]*{_NAME}:[ \t]*{_WORD}(?=["'\s]|$)""",
        rf"(?<![\w-])--[\w-]*{_NAME}[ \t=]+{_WORD}(?=\s|$)",  # --api-key ...
        rf"^[ \t]*(?:[!%]?(?:export|env|set)[ \t]+)?(?-i:[A-Z0-9_]*{_LOUD})={_WORD}(?=\s|$)",
        rf"\bBearer\s+{_WORD}",
    )
)


def find_keys(text: str) -> Iterator[str]:
    """Yield the first characters of what looks like a key in ``text``.

    Known forms, and a text of 20 characters or more with digits and letters (not that of a number
    such as 1e-05) that is given to a name such as ``api_key`` or comes after ``Bearer``.
    """
    for pattern in _KEYS:
        for found in pattern.finditer(text):
            yield found[0][:8] + "…"
    words = dict.fromkeys(found[1] for pattern in _NAMED for found in pattern.finditer(text))
    for word in words:
        known = any(pattern.search(word) for pattern in _KEYS) or _is_place(word)
        if not known and re.search(r"\d", word) and re.search(r"[A-DF-Za-df-z]", word):
            yield word[:4] + "…"


def _is_place(word: str) -> bool:
    """Tell whether ``word`` is a path, or a model as ``owner/name``.

    A key in base64 may hold a slash, but then none of the other signs.
    """
    slashed = word.startswith("/") or word.count("/") == 1
    return slashed and bool(re.search("[._-]", word)) and not re.search("[+=]", word)
