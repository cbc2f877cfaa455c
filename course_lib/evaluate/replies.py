"""camp-mini's replies to questions of the exam, asked in the notebook itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from course_lib import models
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.evaluate import exam
from course_lib.evaluate.config import MAX_OUT, prompt
from course_lib.evaluate.exam import Question
from course_lib.language import Text
from course_lib.mini.choice import LETTERS
from course_lib.template import Message
from course_lib.tune.llama import Llama

Circular = Callable[[Callable[[str, list[str]], str], str, list[str], str], tuple[list[bool], bool]]
Read = Callable[[str], str]
Judgement = tuple[str, str, str]
_JUDGE = "下面是同一个问题的两个回答，哪个更好？"


def filled(question: Question) -> str:
    """Return the question as the GEN mode asks it."""
    return prompt(question.subject).format(**question.row)


def show(bot: ChatModel, questions: Sequence[Question]) -> None:
    """Print each question in a line, the reply, and what is right."""
    for one in questions:
        options = "  ".join(f"{a}. {b}" for a, b in zip(LETTERS, one.options, strict=True))
        reply = bot.chat(filled(one), Sampling(max_new_tokens=MAX_OUT)).text
        right = f"{one.answer}. {one.right}"
        told = Text(f"（正确：{right}）", f"(right: {right})")
        print(f"{one.question}  {options}\n    {reply}    {told}")


def _shown(question: Question, options: Sequence[str]) -> str:
    letters = dict(zip(LETTERS, options, strict=True))
    return prompt(question.subject).format(question=question.question, **letters)


def turned(
    questions: Sequence[Question], circular_eval: Circular, extract_option: Read
) -> dict[str, tuple[float, float]]:
    """Return the accuracy of camp-mini, plain and circular, in percent, by letter and by content.

    Args:
        questions: of four options each.
        circular_eval: the learner's.
        extract_option: the learner's; it reads the letter.
    """
    rotations = [
        (one, [*one.options[turn:], *one.options[:turn]]) for one in questions for turn in range(4)
    ]
    texts = [_shown(one, options) for one, options in rotations]
    said = dict(zip(texts, _ask([[Message("user", text)] for text in texts]), strict=True))

    def by_letter(one: Question) -> Callable[[str, list[str]], str]:
        return lambda _, options: extract_option(said[_shown(one, options)])

    def by_content(one: Question) -> Callable[[str, list[str]], str]:
        def answer(_: str, options: list[str]) -> str:
            reply = said[_shown(one, options)]
            found = [option for option in options if reply.startswith(option)]
            return LETTERS[options.index(max(found, key=len))] if found else ""

        return answer

    measured = {}
    for name, read in (("letter", by_letter), ("content", by_content)):
        made = [circular_eval(read(q), q.question, list(q.options), q.answer) for q in questions]
        plain = sum(bool(hits[0]) for hits, _ in made)
        every = sum(bool(whole) for _, whole in made)
        measured[name] = (100 * plain / len(made), 100 * every / len(made))
    return measured


def judge(questions: Sequence[Question], extract_option: Read) -> list[tuple[Judgement, Judgement]]:
    """Let camp-mini judge a right and a wrong answer to each question, in both orders.

    A verdict that names no letter counts as a tie, C.
    """
    asked = []
    for one in questions:
        wrong = next(option for option in one.options if option != one.right)
        asked += [(one, (one.right, wrong)), (one, (wrong, one.right))]
    texts = [
        f"{_JUDGE}\n问题：{one.question}\nA. {first}\nB. {second}\n答案: "
        for one, (first, second) in asked
    ]
    verdicts = [
        extract_option(reply) if extract_option(reply) in ("A", "B") else "C"
        for reply in _ask([[Message("user", text)] for text in texts])
    ]
    pairs = zip(verdicts[::2], verdicts[1::2], strict=True)
    return [(("right", "wrong", one), ("wrong", "right", other)) for one, other in pairs]


def _ask(dialogues: Sequence[Sequence[Message]]) -> list[str]:
    return Llama.read(models.BUILT_IN["camp-mini"]).replies(dialogues, MAX_OUT)


def examples(question: Question) -> list[Message]:
    """Return the turns of the GEN mode: the subject's examples with answers, then the question.

    OpenCompass 0.5.4 ends each of the user's turns with the line end that separates examples.
    """
    turns = []
    for one in exam.dev(question.subject):
        turns += [Message("user", f"{filled(one)}\n"), Message("assistant", one.answer)]
    return [*turns, Message("user", f"{filled(question)}\n")]
