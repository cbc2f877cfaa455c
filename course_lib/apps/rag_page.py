"""The page that answers from files: ``camp rag-page`` or ``open_rag_page()`` in a notebook.

Uploads stay in memory. All that files and models say is shown as plain text: no link, picture or
script of a document reaches the browser.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from course_lib import chat, models
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.rag import answering, reading
from course_lib.rag.pages import Page, course_pages, cut_all
from course_lib.rag.search import Hit, Index

MOST_FILES, MOST_PIECES = 50, 20_000
SHOWN = 40
MOST_LETTERS = 500
# No docstrings here: Streamlit, run by itself, writes a string that stands alone onto the page.
# THRESHOLD: what lesson 07's ``best_threshold`` finds on the course's own questions, rounded.
# MISREADS: names of attributes are those of course_lib.mini.facts, rates the model card's.
THRESHOLD = 0.1
MISREADS = Text(
    "camp-mini 只有 280 万参数，会读错资料（英文约七题错一题，中文约十七题错一题）："
    "以列出的段落为准。"
    "它认得的说法：负责人、创始人、电话、编号、地址、价格、版本……",
    "camp-mini has 2.8M parameters and misreads passages (one English question in seven, one "
    "Chinese question in seventeen): trust the passages shown. What it knows by name: manager, "
    "founder, phone number, code, address, price, version …",
)


@st.cache_resource(max_entries=1, show_spinner=str(Text("正在加载模型…", "loading the model…")))
def load_model() -> tuple[ChatModel, bool]:
    """Load the model once for all sessions, and tell whether it is camp-mini."""
    folder = models.find(say=None).folder
    return chat.load(folder), folder == models.BUILT_IN["camp-mini"]


@st.cache_resource(max_entries=4, show_spinner=str(Text("正在建索引…", "building the index…")))
def build(pages: tuple[Page, ...]) -> Index:
    """Cut pages and build their index; the same pages are not indexed again."""
    pieces = cut_all(pages)
    if len(pieces) > MOST_PIECES:
        what = Text("文字太多：少上传几个文件", "too much text: upload fewer files")
        raise CampError(str(what))
    return Index(pieces)


@st.cache_data(max_entries=200, show_spinner=False)
def read(name: str, raw: bytes) -> Page | str:
    """Return an uploaded file's page, or why there is none; once, for each click runs it all."""
    try:
        return reading.read_upload(name, raw)
    except CampError as error:
        return str(error)


def read_all(files: list[UploadedFile]) -> list[Page]:
    """Return the pages of the uploaded files; one that cannot be read is told in a line."""
    found: dict[str, Page] = {}
    for file in files[:MOST_FILES]:
        page = read(file.name, file.getvalue())
        if isinstance(page, str):
            st.error(page)
            continue
        name = page.name
        while name in found:
            name += "_"
        found[name] = Page(name, page.text)
    if len(files) > MOST_FILES:
        st.error(str(Text(f"最多 {MOST_FILES} 个文件", f"{MOST_FILES} files at most")))
    return list(found.values())


def settings() -> tuple[list[UploadedFile], bool, int, float]:
    """Draw the sidebar; return files, whether the course's pages count, k, and the threshold."""
    with st.sidebar:
        files = st.file_uploader(
            str(Text("上传资料", "upload documents")), [*reading.KINDS],
            accept_multiple_files=True, key="files",
        )  # fmt: skip
        course = st.checkbox(
            str(Text("加上课程的知识库", "with the course's pages")), True, key="course"
        )
        k = st.slider(str(Text("取几段", "passages")), 1, 5, 2, key="k")
        threshold = st.slider(
            str(Text("低于这个分数就拒答", "refuse below this score")), 0.0, 0.6, THRESHOLD, 0.01,
            key="threshold",
        )  # fmt: skip
    return files, course, k, threshold


def answer(hits: list[Hit], question: str) -> None:
    """Draw the answer from passages, and what it is from."""
    sent = answering.prompt(question, [hit.piece.text for hit in hits])
    try:
        model, mini = load_model()
        reply = model.chat(sent, Sampling(max_new_tokens=64))
    except CampError as error:
        st.error(str(error))
        return
    with st.chat_message("assistant"):
        st.text(reply.text)
    sources = str(Text("、", ", ")).join(dict.fromkeys(hit.piece.page for hit in hits))
    st.caption(str(Text("出处：", "from: ")))
    st.text(sources)
    if mini:
        st.caption(str(MISREADS))


def main() -> None:
    """Draw the page."""
    title = str(Text("照着资料回答", "Answers from documents"))
    st.set_page_config(page_title=title, page_icon="📚")
    st.title(title)
    files, course, k, threshold = settings()
    pages = read_all(files)
    if course:
        names = {page.name for page in pages}
        pages += [page for page in course_pages() if page.name not in names]
    if not pages:
        st.info(str(Text("先上传资料", "upload documents first")))
        return
    try:
        index = build(tuple(pages))
    except CampError as error:
        st.error(str(error))
        return
    with st.expander(
        str(
            Text(
                f"{len(pages)} 页，{len(index.pieces)} 块",
                f"{len(pages)} pages, {len(index.pieces)} chunks",
            )
        )
    ):
        for piece in index.pieces[:SHOWN]:
            st.text(f"[{piece.page}] {piece.text}")
    question = st.text_input(str(Text("问题", "question")), key="question").strip()
    if len(question) > MOST_LETTERS:
        what = Text(f"问题最多 {MOST_LETTERS} 个字符", f"{MOST_LETTERS} characters at most")
        st.error(str(what))
        return
    if not question:
        return
    hits = index.find(question, k)
    for hit in hits:
        st.text(f"{hit.score:.3f}  [{hit.piece.page}] {hit.piece.text}")
    if index.likeness(question) < threshold:
        what = Text("知识库里没有，不回答。", "not in the knowledge base; no answer.")
        st.warning(str(what))
        return
    answer(hits, question)


main()
