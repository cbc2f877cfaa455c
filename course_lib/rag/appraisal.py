"""What handed-in evidence of lesson 07 is worth: retrieval and refusal are done again."""

from __future__ import annotations

import functools
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from course_lib.errors import CampError
from course_lib.findings import Finding
from course_lib.hand_in import essence
from course_lib.language import Text
from course_lib.rag import answering, questions, task
from course_lib.rag.handed import Handed, Round, Scored
from course_lib.rag.ngrams import terms
from course_lib.rag.pages import Page, course_pages, digest
from course_lib.rag.questions import Question

OWN, FOUND, HIDDEN, ANSWERS = 0.2, 0.3, 0.3, 0.2
"""Shares of the points of LlamaIndex's part."""
SCORES, THROTTLE, ROUNDS, REFUSALS = 0.3, 0.2, 0.25, 0.25
"""Shares of the points of HuixiangDou's part."""
PAGES, FACTS, BAD = 3, 6, 3
COPIED, WORDS, TWICE = 0.5, 0.95, 0.75
"""Shares of a page: sentences in the course's pages, words in one, sentences in one before it."""
DRAWN, AGAIN, SHORTEST = 12, 4, 6
WANTED_F1 = 0.75
NEAR, NEAR_SCORE = 0.002, 0.01
_ANSWERED, _NO_QUESTION = {"SUCCESS", "SECURITY", "BAD_ANSWER"}, "NOT_A_QUESTION"

_Check = Callable[[Handed, str], Finding]


def _one_line(share: float) -> Callable[[_Check], _Check]:
    """Let a check that meets unusable evidence find nothing, with the reason."""

    def around(check: _Check) -> _Check:
        @functools.wraps(check)
        def safe(handed: Handed, seed: str) -> Finding:
            try:
                return check(handed, seed)
            except CampError as error:
                return Finding(0, Text(str(error), str(error)), share)

        return safe

    return around


def appraise_rag(handed: Handed, seed: str) -> list[Finding]:
    """Return what LlamaIndex's part shows; ``seed`` draws the hidden questions."""
    return [check(handed, seed) for check in (_own, _found_again, _hidden, _answers_again)]


def appraise_huixiangdou(handed: Handed, seed: str) -> list[Finding]:
    """Return what HuixiangDou's part shows; ``seed`` draws the hidden questions."""
    return [check(handed, seed) for check in (_scores_again, _throttle, _rounds, _refusals)]


def own_pages(handed: Handed) -> list[Page]:
    """Return the pages that the learner wrote.

    A page does not count when half of its sentences or more stand in the course's pages or in the
    examples, nearly all of its words in one of these, or three in four of its sentences in one
    page before it. Headings are no sentences. Only whole copies are caught, not rewritten ones or
    copies with as much of something else.
    """
    return [page for page, why in _judged_pages(handed) if why is None]


def _judged_pages(handed: Handed) -> list[tuple[Page, Text | None]]:
    """Return the learner's pages, and with each that does not count why."""
    given = [*task.EXAMPLES.values(), *(page.text for page in course_pages())]
    known = {key for text in given for key in _sentences(text)}
    sources = [set(terms(text)) for text in given]
    before: dict[str, set[str]] = {}
    found: list[tuple[Page, Text | None]] = []
    for page in handed.own:
        said, words, why = set(_sentences(page.text)), set(terms(page.text)), None
        most = max(len(words & one) for one in sources)
        twin = next((x for x, its in before.items() if len(said & its) >= TWICE * len(said)), None)
        if not said:
            why = Text("只有标题", "only headings")
        elif len(said & known) >= COPIED * len(said) or most > WORDS * len(words):
            why = Text("一半以上是课程的句子", "half of it or more is the course's")
        elif twin is not None:
            why = Text(f"和 {twin}.md 几乎一样", f"nearly the same as {twin}.md")
        before[page.name] = said
        found.append((page, why))
    return found


def _sentences(text: str) -> dict[str, str]:
    """Return the sentences of a page without its headings, by what tells each from others."""
    body = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    found = re.split(r"[。！？!?\n]|\.(?=\s|$)", body)
    return {key: one for one in found if (key := essence(one))}


@_one_line(OWN)
def _own(handed: Handed, _: str) -> Finding:
    judged = _judged_pages(handed)
    own = [page for page, why in judged if why is None]
    facts = len({essence(one.text) for one in questions.fact_questions(own)})
    same = handed.told.sha256 == digest(handed.pages)
    zh = f"自己的页面 {len(own)}（要 {PAGES}），“X的Y是Z。”{facts} 行（要 {FACTS}）"
    en = f"{len(own)} pages of your own ({PAGES} wanted), {facts} facts ({FACTS} wanted)"
    for name, why in [(page.name, why) for page, why in judged if why is not None][:PAGES]:
        zh, en = f"{zh}；{name}.md 不算：{why.zh}", f"{en}; {name}.md: {why.en}"
    if not same:
        zh, en = f"{zh}；哈希和页面对不上", f"{en}; the hash is not that of the pages"
    part = min(1.0, len(own) / PAGES) * min(1.0, facts / FACTS) if same else 0.0
    return Finding(part, Text(zh, en), OWN)


@_one_line(FOUND)
def _found_again(handed: Handed, _: str) -> Finding:
    asked = {row.question for row in handed.rows}
    lost = [one for one in _to_ask(handed) if one not in asked]
    wrong = [row.question for row in handed.rows if not _same_hits(handed, row.question)]
    zh = f"重新检索 {len(handed.rows)} 个问题，{len(handed.rows) - len(wrong)} 个结果一样"
    en = f"of {len(handed.rows)} questions retrieved again {len(handed.rows) - len(wrong)} agree"
    for doubt in (*lost[:1], *wrong[:1]):
        zh, en = f"{zh}；不对：{doubt}", f"{en}; not: {doubt}"
    return Finding(1.0 if handed.rows and not lost and not wrong else 0.0, Text(zh, en), FOUND)


def _to_ask(handed: Handed) -> list[str]:
    facts = [one.text for one in questions.fact_questions(handed.own)]
    return [*handed.told.good, *facts[: task.FACTS]]


def _same_hits(handed: Handed, question: str) -> bool:
    """Tell whether the hits handed in are the best; of equal scores any may stand first."""
    hits = next(row.hits for row in handed.rows if row.question == question)
    every = handed.index.find(question, len(handed.index.pieces))
    if len(hits) != min(task.K, len(every)):
        return False
    return all(
        math.isclose(hit.score, ours.score, abs_tol=NEAR)
        and any(
            one.piece.page == hit.page and math.isclose(one.score, hit.score, abs_tol=NEAR)
            for one in every
        )
        for hit, ours in zip(hits, every, strict=False)
    )


@_one_line(HIDDEN)
def _hidden(handed: Handed, seed: str) -> Finding:
    drawn = _hidden_questions(handed, seed)
    if not drawn:
        return Finding(0, Text("没有自己的页面可考", "there are no pages of your own"), HIDDEN)
    right = [one for one in drawn if one.page in handed.index.pages(one.text, task.K)]
    share = len(right) / len(drawn)
    text = Text(
        f"没见过的 {len(drawn)} 个问题，{len(right)} 个的页在前 {task.K} 名（要 80 %）",
        f"of {len(drawn)} unseen questions {len(right)} find their page among the first {task.K} "
        "(80 % wanted)",
    )
    return Finding(max(0.0, min(1.0, (share - 0.4) / 0.4)), text, HIDDEN)


def _hidden_questions(handed: Handed, seed: str) -> list[Question]:
    """Draw questions on the learner's pages: sentences with a quarter of their signs left out.

    Sentences of several pages ask for none of them.
    """
    dice = random.Random(f"{seed} hidden")  # noqa: S311
    said = {page.name: _sentences(page.text) for page in own_pages(handed)}
    times = Counter(key for its in said.values() for key in its)
    sentences = [
        Question(sentence, name)
        for name, its in said.items()
        for key, sentence in its.items()
        if len(sentence) >= SHORTEST and times[key] == 1
    ]
    chosen = dice.sample(sentences, min(DRAWN, len(sentences)))
    return [Question(_blurred(one.text, dice), one.page) for one in chosen]


def _blurred(text: str, dice: random.Random) -> str:
    kept = sorted(dice.sample(range(len(text)), max(4, 3 * len(text) // 4)))
    return "".join(text[place] for place in kept)


@_one_line(ANSWERS)
def _answers_again(handed: Handed, seed: str) -> Finding:
    """Let camp-mini answer again from the passages, where LlamaIndex gave it all in one call."""
    passages = {
        row.question: [hit.piece.text for hit in handed.index.find(row.question)]
        for row in handed.rows
        if row.answer.strip()
    }
    short = (
        row
        for row in handed.rows
        if row.question in passages
        and answering.fits_one_call(row.question, passages[row.question])
    )
    answered = list({essence(row.question): row for row in short}.values())
    drawn = random.Random(f"{seed} answers").sample(answered, min(AGAIN, len(answered)))  # noqa: S311
    prompts = [answering.prompt(row.question, passages[row.question]) for row in drawn]
    said = answering.replies(prompts)
    same = [row for row, one in zip(drawn, said, strict=True) if row.answer.strip() == one.strip()]
    zh = f"抽 {len(drawn)} 题（要 {AGAIN}）让 camp-mini 照同样的段落重答，{len(same)} 题一样"
    en = f"of {len(drawn)} drawn questions ({AGAIN} wanted) camp-mini answers {len(same)} as before"
    for row, one in zip(drawn, said, strict=True):
        if row not in same:
            zh, en = f"{zh}；它说：{one[:40]}", f"{en}; it says: {one[:40]}"
            break
    enough = (
        len(drawn) == AGAIN and len(same) >= AGAIN - 1
    )  # a tie of two tokens may fall otherwise
    return Finding(1.0 if enough else 0.0, Text(zh, en), ANSWERS)


def _likeness(handed: Handed, texts: Sequence[str]) -> list[float]:
    """Return the highest cosine of each text with HuixiangDou's passages, at least 0."""
    vectors = handed.index.embedder.vectors
    rows = vectors(handed.chunks)
    return [max(0.0, float(one)) for one in np.max(vectors(list(texts)) @ rows.T, axis=1)]


@_one_line(SCORES)
def _scores_again(handed: Handed, _: str) -> Finding:
    judged, told = handed.judged, handed.told
    wanted = [(list(told.good), judged.good), (told.bad, judged.bad)]
    lost = [one for asked, found in wanted for one in asked if one not in _texts(found)]
    scored = [*judged.good, *judged.bad]
    ours = _likeness(handed, _texts(scored)) if scored else []
    same = sum(abs(one.score - own) <= NEAR_SCORE for one, own in zip(scored, ours, strict=True))
    good = _different(told.good) - _different(one.text for one in questions.asked())
    bad = _different(told.bad) - _different(questions.chat())
    text = Text(
        f"重算 {len(scored)} 个分数，{same} 个一样；自己写的问题 {len(good)} 个（要 {PAGES}），"
        f"闲聊 {len(bad)} 条（要 {BAD}）" + (f"；没有：{lost[0]}" if lost else ""),
        f"of {len(scored)} scores computed again {same} agree; of your own: {len(good)} good "
        f"questions ({PAGES} wanted), {len(bad)} bad messages ({BAD} wanted)"
        + (f"; missing: {lost[0]}" if lost else ""),
    )
    enough = len(good) >= PAGES and len(bad) >= BAD
    whole = bool(scored) and not lost and enough and same >= 0.9 * len(scored)
    return Finding(1.0 if whole else 0.0, text, SCORES)


def _different(texts: Iterable[str]) -> set[str]:
    return {essence(one) for one in texts} - {""}


def _texts(scored: Sequence[Scored]) -> list[str]:
    return [one.question for one in scored]


def best_threshold(good: Sequence[float], bad: Sequence[float]) -> float:
    """Return the score of the largest precision + recall, of several the smallest; 0 at least."""
    best, found = -1.0, 0.0
    for candidate in sorted({max(0.0, one) for one in (*good, *bad)}):
        right = sum(max(0.0, one) >= candidate for one in good)
        accepted = right + sum(max(0.0, one) >= candidate for one in bad)
        value = right / accepted + right / max(1, len(good))
        if value > best + 1e-12:
            best, found = value, candidate
    return found


@_one_line(THROTTLE)
def _throttle(handed: Handed, _: str) -> Finding:
    judged = handed.judged
    ours = best_threshold([one.score for one in judged.good], [one.score for one in judged.bad])
    text = Text(
        f"阈值 {judged.reject_throttle:.4f}，从这些分数得到 {ours:.4f}",
        f"the threshold is {judged.reject_throttle:.4f}; these scores give {ours:.4f}",
    )
    near = math.isclose(ours, judged.reject_throttle, abs_tol=1e-4)
    return Finding(1.0 if near and judged.good and judged.bad else 0.0, text, THROTTLE)


@_one_line(ROUNDS)
def _rounds(handed: Handed, _: str) -> Finding:
    judged = handed.judged
    told = _different(handed.told.rounds)
    asked = [one for one in judged.rounds if essence(one.question) in told]
    wanted = {essence(one.question): one for one in asked}
    rounds = list(wanted.values())
    scores = _likeness(handed, [one.question for one in rounds]) if rounds else []
    doubts = [
        one.question
        for one, score in zip(rounds, scores, strict=True)
        if one.code != _NO_QUESTION
        and abs(score - judged.reject_throttle) > NEAR_SCORE
        and (one.code == "UNRELATED") == (score >= judged.reject_throttle)
    ]
    answered = [one for one in rounds if one.code in _ANSWERED]
    doubts += _answered_otherwise(handed, answered)
    own = {page.name for page in own_pages(handed)}
    about_own = [one for one in answered if own & set(one.references)]
    refused = [one for one in rounds if one.code == "UNRELATED"]
    text = Text(
        f"{len(rounds)} 轮：{len(about_own)} 轮答自己的页面（要 2），{len(refused)} 轮拒答（要 1）"
        + (f"；对不上：{doubts[0]}" if doubts else ""),
        f"{len(rounds)} rounds: {len(about_own)} answered from your own pages (2 wanted), "
        f"{len(refused)} refused (1 wanted)" + (f"; not so: {doubts[0]}" if doubts else ""),
    )
    part = 0.0 if doubts else (min(2, len(about_own)) + min(1, len(refused))) / 3
    return Finding(part, text, ROUNDS)


def _answered_otherwise(handed: Handed, answered: Sequence[Round]) -> list[str]:
    """Return questions that camp-mini answers otherwise from the whole pages named."""
    known = {page.name: page for page in handed.pages}
    prompts = {
        one.question: answering.huixiangdou_prompt(
            one.question, [known[name] for name in one.references]
        )
        for one in answered
        if one.references and set(one.references) <= set(known)
    }
    asked = [
        one for one in answered if one.question in prompts and answering.fits(prompts[one.question])
    ]
    lost = [one.question for one in answered if one not in asked]
    said = answering.replies([prompts[one.question] for one in asked])
    wrong = [
        one.question
        for one, reply in zip(asked, said, strict=True)
        if one.answer.strip() != reply.strip()
    ]
    spared = 1 if len(asked) > 2 else 0  # a tie of two tokens may fall otherwise
    return lost + (wrong if len(wrong) > spared else [])


@_one_line(REFUSALS)
def _refusals(handed: Handed, seed: str) -> Finding:
    dice = random.Random(f"{seed} refusals")  # noqa: S311
    good = [one.text for one in _hidden_questions(handed, f"{seed} good")]
    asked, chat = questions.asked()[1::2], questions.chat()[1::2]  # task.run learns from the others
    good += [one.text for one in questions.draw(asked, DRAWN, f"{seed} asked")]
    unseen = [one for one in chat if one not in handed.told.bad]
    bad = dice.sample(unseen if len(unseen) >= 2 * DRAWN else chat, 2 * DRAWN)
    throttle = handed.judged.reject_throttle
    accepted = [score >= throttle for score in _likeness(handed, [*good, *bad])]
    right = sum(accepted[: len(good)])
    f1 = 2 * right / (sum(accepted) + len(good))
    wrong = sum(accepted[len(good) :])
    none_refused = 2 * len(good) / (2 * len(good) + len(bad))
    text = Text(
        f"没见过的：该答的 {len(good)} 个接受 {right} 个，闲聊 {len(bad)} 条放进 {wrong} 条，"
        f"F1 {f1:.2f}（要 {WANTED_F1}，全都接受是 {none_refused:.2f}）",
        f"unseen: {right} of {len(good)} good questions accepted, {wrong} of {len(bad)} of small "
        f"talk let in, F1 {f1:.2f} ({WANTED_F1} wanted, accepting all gives {none_refused:.2f})",
    )
    part = (f1 - none_refused) / (WANTED_F1 - none_refused)
    return Finding(max(0.0, min(1.0, part)), text, REFUSALS)
