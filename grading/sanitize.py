"""Learners' text made safe to show: Markdown, HTML and outputs of their code.

Formgrader and feedback render what learners wrote, in a TA's browser. Everything goes through
one allow-list (nh3): no script, style, form, frame, SVG or event handler, no image that a
browser would have to fetch. Formulas become MathML here, before the allow-list is applied, so
pages need no MathJax: they work offline, and every current browser draws MathML itself.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

import nh3
from bs4 import BeautifulSoup
from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert as latex_to_mathml
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

MAX_TEXT = 100_000  # characters of one Markdown text or output that are shown
MAX_CODE, MAX_COLOURED = 20_000, 2_000  # characters of one cell of code
MAX_TAGS, MAX_OPENINGS = 20_000, 200  # more take parsers minutes; shown as plain text
MAX_FORMULA = 2_000
MAX_IMAGE = 10_000_000

_MATH_TAGS = (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover "
    "munderover mmultiscripts mprescripts mtable mtr mtd mstyle mpadded mphantom menclose"
)
_HTML_TAGS = (
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong "
    "sub summary sup table tbody td tfoot th thead tr tt u ul var"
)
_TAGS = set(_MATH_TAGS.split()) | set(_HTML_TAGS.split())
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"lang", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align", "style"},
    "th": {"colspan", "rowspan", "align", "style", "scope"},
    "ol": {"start"},
    "details": {"open"},
    "div": {"class"},
    "span": {"class"},
    "math": {"display", "xmlns"},
    "mo": {"stretchy", "fence", "form", "separator", "largeop", "movablelimits", "accent"},
    "mi": {"mathvariant"},
    "mn": {"mathvariant"},
    "mspace": {"width"},
    "mfrac": {"linethickness"},
    "mtable": {"columnalign", "rowspacing", "columnspacing"},
    "mtd": {"columnalign"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "menclose": {"notation"},
    "mover": {"accent"},
    "munder": {"accentunder"},
}
_DROPPED_WITH_CONTENT = {"script", "style", "svg", "iframe", "object", "template", "noscript"}
_CLASSES = {name for name in STANDARD_TYPES.values() if name}  # of Pygments, nothing else
_OPENING = re.compile(r"\\begin\{|\\\\[\[(]")
BESIDE = "beside"
"""Where formgrader's page of a submission has the files handed in with it, below its address."""
_WEB_ADDRESS = re.compile(r"(?i)(https?://|mailto:)")
_BESIDE = re.compile(rf"(?ia){BESIDE}/(?!.*(\.|%2e){{2}})[\w.~%/-]+\Z")
_INLINE_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+\Z")
_SIZE = re.compile(r"[0-9.]{1,8}(%|px|em)?\Z")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-_])")
_RETURN = re.compile(r"\r\n?")
_CONTROL = re.compile(  # also what turns the direction of text, and halves of pairs
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def plain(text: str) -> str:
    """Return text without what would steer a terminal: no escape sequence, no control character.

    Colours of a terminal vanish, a carriage return becomes a new line, the rest becomes �.
    """
    return _CONTROL.sub("�", _RETURN.sub("\n", _ESCAPE.sub("", text)))


def clean_html(markup: str) -> str:
    """Return ``markup`` with only what the allow-list has; remote images become links."""
    if markup.count("<") > MAX_TAGS:
        return f"<pre>{html.escape(markup)}</pre>"
    if "<img" in markup.lower():
        markup = _link_remote_images(markup)
    return nh3.clean(
        markup,
        tags=_TAGS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties={"text-align"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    match attribute:
        case "href":
            return value if _WEB_ADDRESS.match(value) or _BESIDE.match(value) else None
        case "src":
            return value if _INLINE_IMAGE.match(value) else None
        case "class" if tag == "div":
            return "highlight" if value == "highlight" else None
        case "class":
            return value if value in _CLASSES else None
        case "width" | "height" if tag == "img":
            return value if _SIZE.match(value) else None
    return value


def _link_remote_images(markup: str) -> str:
    """Replace images that a browser would fetch by links: opening a page must call nobody."""
    soup = BeautifulSoup(markup, "html.parser")
    for image in soup.find_all("img"):
        source = str(image.get("src", ""))
        if not _INLINE_IMAGE.match(source):
            link = soup.new_tag("a", href=source)
            link.string = f"🖼 {image.get('alt') or source}"
            image.replace_with(link)
    return str(soup)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown renderer with formulas as MathML, and code without colours.

    Whoever writes a note would choose the lexer, and many of Pygments' take minutes for some text.
    """

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{html.escape(code)}</code></pre>"

    def inline_math(self, body: str) -> str:
        if body != body.strip():  # "from $5 to $6" is money
            return html.escape(f"${body}$")
        return _formula(body, "inline")

    def block_math(self, body: str) -> str:
        return _formula(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def multiline_math(self, text: str) -> str:
        return _formula(text.strip("$"), "block")


def _formula(latex: str, display: str) -> str:
    if len(latex) <= MAX_FORMULA:
        try:
            return str(latex_to_mathml(html.unescape(latex), display=display))
        except Exception:  # noqa: S110 - any formula that cannot be drawn is shown as written
            pass
    return f"<code>{html.escape(latex)}</code>"


def markdown_to_html(text: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Return learners' Markdown as safe HTML; what cannot be rendered is shown as written.

    Args:
        text: Markdown with ``$...$`` formulas and perhaps HTML.
        attachments: images pasted into the cell, by name, as nbformat keeps them.
    """
    cut = text[:MAX_TEXT]
    try:
        if len(_OPENING.findall(cut)) > MAX_OPENINGS:
            raise ValueError("too many formulas")
        renderer = _Renderer(
            escape=False, attachments=dict(attachments or {}), exclude_anchor_links=True
        )
        rendered = MarkdownWithMath(renderer=renderer).render(cut)
        if rendered.count("<") > MAX_TAGS:
            raise ValueError("too many tags")
    except Exception:
        rendered = f"<pre>{html.escape(cut)}</pre>"
    if len(text) > MAX_TEXT:
        rendered += f"<p>… (+{len(text) - MAX_TEXT:,})</p>"
    return clean_html(rendered)


def code_to_html(source: str, language: str | None = None, metadata: object = None) -> str:
    """Return a cell's Python as HTML, in colours unless it is long.

    It is nbconvert's filter ``highlight_code``, too, which says ``language`` and ``metadata``.
    Pygments' lexer takes quadratic time for some texts (16 kB of blanks: half a minute), so more
    than ``MAX_COLOURED`` characters are shown plainly, and more than ``MAX_CODE`` are cut.
    """
    if len(source) <= MAX_COLOURED:
        return str(highlight(source, PythonLexer(), HtmlFormatter()))
    cut = html.escape(source[:MAX_CODE])
    if len(source) > MAX_CODE:
        cut += f"\n# … (+{len(source) - MAX_CODE:,})"
    return f'<div class="highlight"><pre>{cut}</pre></div>\n'


@pass_context
def markdown_filter(context: Context, text: str) -> str:
    """Jinja filter ``markdown2html``: like ``markdown_to_html``, with the cell's attachments."""
    cell = context.get("cell")
    return markdown_to_html(str(text), cell.get("attachments") if cell else None)


def safe_outputs(outputs: list[Any]) -> list[dict[str, Any]]:
    """Return a code cell's outputs, rebuilt from the kinds that cannot do harm.

    Kept: streams, errors, plain text, PNG and JPEG images, cleaned HTML and Markdown.
    """
    safe: list[dict[str, Any]] = []
    for output in outputs:
        match output.get("output_type"):
            case "stream":
                name = "stderr" if output.get("name") == "stderr" else "stdout"
                text = _joined(output.get("text"))
                safe.append({"output_type": "stream", "name": name, "text": text})
            case "error":
                lines = [_joined(line) for line in output.get("traceback", [])[:200]]
                ename, evalue = (_joined(output.get(key), 2000) for key in ("ename", "evalue"))
                safe.append(
                    {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": lines}
                )
            case "execute_result" | "display_data":
                data = _safe_data(output.get("data", {}))
                if data:
                    safe.append({"output_type": "display_data", "data": data, "metadata": {}})
    return safe


def _safe_data(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the best safe form of one rich output."""
    for kind in ("image/png", "image/jpeg"):
        picture = _joined(data.get(kind), MAX_IMAGE)
        if picture and _BASE64.match(picture):
            return {kind: "".join(picture.split())}
    if "text/html" in data:
        return {"text/html": clean_html(_joined(data["text/html"]))}
    if "text/markdown" in data:
        return {"text/html": markdown_to_html(_joined(data["text/markdown"]))}
    plain = _joined(data.get("text/plain") or data.get("text/latex"))
    return {"text/plain": plain} if plain else {}


def _joined(text: Any, limit: int = MAX_TEXT) -> str:
    whole = "".join(map(str, text)) if isinstance(text, list) else str(text or "")
    return plain(whole[:limit])
