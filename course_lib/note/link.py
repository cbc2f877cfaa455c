"""The address of a learner's own note: its place, and what may be wrong with its form."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, parse_qs, urlsplit

from course_lib.language import Text
from course_lib.note.prose import ADDRESS
from course_lib.note.report import Finding, Link

_LINK_LINE = re.compile(
    r"[\W_]*(?:我的|my\s)?\s*(?:笔记|note\s)?\s*(?:链接|link\b)(?:地址)?[\s/*_]*(?:link\b)?[\s*_]*[:：](.*)",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|\\\\|~?/|\.{1,2}[\\/])")
_BARE = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,12}/", re.IGNORECASE)
_LONGEST = 2000
_MOST = 200
_SECRETS = {"token", "access_token", "api_key", "apikey", "password", "passwd", "secret"}
_LOCAL_NAMES = ("localhost", "local", "lan", "internal", "intranet", "corp", "home", "test")
_LECTURES = ("bv18142187g5",)  # of lesson 01; the others' addresses are not known
_TASKS = ("github.com/internlm/tutorial", "feishu.cn/share/base/form/")
_OFFICIAL = (
    "github.com/internlm", "github.com/opendatalab", "github.com/open-compass",
    "github.com/opengvlab", "internlm.intern-ai.org.cn", "internlm-chat.intern-ai.org.cn",
)  # fmt: skip
_DRAFTS = ("editor.csdn.net", "mp.csdn.net", "juejin.cn/editor", "i.cnblogs.com", "member.bilibili")
_PLACES = {
    "zhihu.com": Text("知乎", "Zhihu"),
    "csdn.net": Text("CSDN", "CSDN"),
    "juejin.cn": Text("掘金", "Juejin"),
    "github.com": Text("GitHub", "GitHub"),
    "github.io": Text("GitHub Pages", "GitHub Pages"),
    "gitee.com": Text("Gitee", "Gitee"),
    "cnblogs.com": Text("博客园", "cnblogs"),
    "bilibili.com": Text("哔哩哔哩", "bilibili"),
    "jianshu.com": Text("简书", "Jianshu"),
    "yuque.com": Text("语雀", "Yuque"),
    "segmentfault.com": Text("思否", "SegmentFault"),
    "feishu.cn": Text("飞书文档", "Feishu"),
    "notion.site": Text("Notion", "Notion"),
    "mp.weixin.qq.com": Text("微信公众号", "WeChat"),
    "huggingface.co": Text("Hugging Face", "Hugging Face"),
    "modelscope.cn": Text("魔搭", "ModelScope"),
    "medium.com": Text("Medium", "Medium"),
}
CREDENTIALS = Text(
    "链接里带有密码或令牌：请马上删掉并更换它们",
    "the link holds a password or token: remove it and change it at once",
)
_ANYWHERE = Text("公开网页", "a public page")
_PROBLEMS = {
    "missing": Text(
        "没有找到笔记的链接：发布后把链接写进“链接 / Link:”这一行",
        "no link to your note found: publish it and put its link in the line '链接 / Link:'",
    ),
    "path": Text(
        "链接是你电脑上的文件路径，别人打不开：请填发布后的网址",
        "the link is a file path on your computer; give the address of the published note",
    ),
    "incomplete": Text(
        "链接不是完整的网址：请从浏览器地址栏复制，以 https:// 开头",
        "the link is no whole address: copy it from the browser, it starts with https://",
    ),
    "not_https": Text(
        "链接不是 https:// 开头：请换成 https 的网址",
        "the link does not start with https://; give the https address",
    ),
    "private": Text(
        "链接只在你自己的电脑或内网能打开：请填公开的网址",
        "the link opens only on your own machine or network; give a public address",
    ),
    "credentials": CREDENTIALS,
    "lecture": Text(
        "这是课程视频的链接，不是你自己的笔记", "this is the lecture's link, not your own note's"
    ),
    "task": Text(
        "这是任务、教程或提交表单的链接，不是你自己的笔记",
        "this is the link of the task, tutorial or form, not your own note's",
    ),
    "official": Text(
        "这是官方页面的链接，不是你自己的笔记", "this is an official page, not your own note"
    ),
    "draft": Text(
        "这是编辑页或草稿的链接，只有你自己能打开：请填发布后的网址",
        "this is an editor's or draft's address, which only you can open; publish the note",
    ),
}
_OTHERS = {"link_lecture", "link_task", "link_official"}


def find_link(text: str) -> tuple[Link, tuple[str, ...]]:
    """Return the note's own link and every address in ``text``.

    Own is what stands in the line ``链接 / Link:`` (or the line after it); without such a line
    the first address that is not the lecture's, the task's or an official page's.
    """
    urls = list(dict.fromkeys(_addresses(text)))[:_MOST]
    addresses = tuple(_safe(url) for url in urls)
    lines = [line for line in text.splitlines() if line.strip()]
    for at, line in enumerate(lines):
        if found := _LINK_LINE.match(line[:_LONGEST]):
            here, after = found.group(1), lines[at + 1 : at + 2]
            if here.strip(" *_`<>"):
                return _first(here), addresses
            if after and _address_only(after[0]):
                return _first(after[0]), addresses
            break
    judged = [judge(url) for url in urls]
    own = [link for link in judged if not link.problem or link.problem.code not in _OTHERS]
    return next(iter(own or judged), _with("missing")), addresses


def _addresses(text: str) -> list[str]:
    return [url.rstrip(".,;:!?*_") for url in ADDRESS.findall(text)]


def _address_only(line: str) -> bool:
    start = line.strip(" \t*_`<>-")
    return bool(ADDRESS.match(start) or re.match(r"\[[^\]]{0,200}\]\(\s*http", start))


def _first(text: str) -> Link:
    if found := _addresses(text):
        return judge(found[0])
    plain = text.strip(" \t*_`<>")
    if _PATH.match(plain):
        return _with("path")
    if _BARE.match(plain) or "http" in plain.lower() or "www." in plain.lower():
        return _with("incomplete")
    return _with("missing")


def judge(url: str) -> Link:
    """Return ``url`` with its place, and what is wrong with its form, if anything."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        _ = parts.port
    except ValueError:
        return _with("incomplete", _safe(url))
    tail = f"{host.removeprefix('www.')}{parts.path}".lower()
    problem = _problem(parts, host, tail)
    if problem:
        return _with(problem, _safe(url))
    names = [name for name in _PLACES if host == name or host.endswith(f".{name}")]
    return Link(url=_safe(url), place=_PLACES[names[0]] if names else _ANYWHERE)


def is_video(url: str) -> bool:
    """Tell whether ``url`` is a video's on bilibili, as a lecture's is."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (host == "bilibili.com" or host.endswith(".bilibili.com")) and parts.path.startswith(
        "/video/"
    )


def judge_given(text: str) -> Link:
    """Return what a form's field holds as an address, judged.

    Nothing has cut it out of a text: only what is an address and nothing else has the right form.
    """
    if len(text) <= _LONGEST and ADDRESS.fullmatch(text):
        return judge(text)
    return _with("incomplete", _safe(text) if "://" in text else text[:_LONGEST])


def _problem(parts: SplitResult, host: str, tail: str) -> str | None:
    if parts.scheme.lower() == "file":
        return "path"
    if parts.username or parts.password or _has_secret(parts.query):
        return "credentials"
    if not host:
        return "incomplete"
    if _is_local(host):
        return "private"
    if any(name in tail for name in _LECTURES):
        return "lecture"
    if any(_under(tail, name) for name in _TASKS):
        return "task"
    if any(_under(tail, name) for name in _OFFICIAL):
        return "official"
    if any(name in tail for name in _DRAFTS) or tail.rstrip("/").endswith(("/edit", "/write")):
        return "draft"
    return None if parts.scheme.lower() == "https" else "not_https"


def _under(tail: str, prefix: str) -> bool:
    """Tell whether an address lies under ``prefix``, whole path parts, any subdomain."""
    at = tail.find(prefix.rstrip("/"))
    end = at + len(prefix.rstrip("/"))
    return at >= 0 and (at == 0 or tail[at - 1] == ".") and tail[end : end + 1] in ("", "/")


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.rsplit(".", 1)[-1] in _LOCAL_NAMES


def _safe(url: str) -> str:
    """Return ``url`` without its user part, and without a query that holds a secret."""
    head, mark, query = url[:_LONGEST].partition("?")
    scheme, _, rest = head.partition("://")
    host, slash, path = rest.partition("/")
    kept = "" if _has_secret(query) else mark + query
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{kept}"


def _has_secret(query: str) -> bool:
    return bool(_SECRETS & parse_qs(query[:_LONGEST].lower()).keys())


def _with(problem: str, url: str = "") -> Link:
    return Link(url=url, problem=Finding(code=f"link_{problem}", text=_PROBLEMS[problem]))
