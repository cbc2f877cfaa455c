"""Chat with a model folder in this process: generate, stream, trim the history, count and time.

``python -m course_lib.chat`` is the command-line demo.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from course_lib import models
from course_lib.decoding import CAMP, Sampling, TextBuilder, penalise, probabilities
from course_lib.errors import CampError
from course_lib.history import clean_turn, trim_history
from course_lib.imports import without_garbage
from course_lib.language import Text
from course_lib.template import END, JINJA, Message, render, turns_of

Turns = Sequence[Message | dict[str, Any]]
GREEDY = Sampling()
_READY: dict[Path, tuple[Any, Any]] = {}
SMALL = 50_000_000
"""Parameters below which more threads only wait for each other; on a busy machine, for long."""
_PROBE = tuple(Message(role, role[0]) for role in ("system", "user", "assistant", "user"))
"""A dialogue by which a tokenizer's template shows its format."""


@dataclass(frozen=True)
class Delta:
    """A piece of a reply: its new text (perhaps empty), its token, seconds since the request."""

    text: str
    token: int
    seconds: float


@dataclass
class Reply:
    """A finished reply with its counts; times in seconds since the request."""

    text: str = ""
    prompt_tokens: int = 0
    deltas: list[Delta] = field(default_factory=list)
    finish: Literal["stop", "length"] = "length"

    @property
    def new_tokens(self) -> int:
        """Return how many tokens were generated, without the end marker."""
        return len(self.deltas)

    @property
    def first_token_seconds(self) -> float:
        """Return the time to the first token."""
        return self.deltas[0].seconds if self.deltas else 0.0

    @property
    def tokens_per_second(self) -> float:
        """Return the speed after the first token; 0 with fewer than two."""
        if len(self.deltas) < 2:
            return 0.0
        return (len(self.deltas) - 1) / (self.deltas[-1].seconds - self.deltas[0].seconds)


class ChatModel:
    """A loaded model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, folder: Path) -> None:
        self.model, self.tokenizer, self.folder = model, tokenizer, folder
        ends = model.generation_config.eos_token_id
        self.ends = {ends} if isinstance(ends, int) else set(ends or [])
        self.ends.add(tokenizer.eos_token_id)
        turn_end = tokenizer.convert_tokens_to_ids(END)
        if turn_end not in (None, tokenizer.unk_token_id):
            self.ends.add(turn_end)

    @property
    def context(self) -> int:
        """Return how many tokens prompt and reply may have together."""
        return int(self.model.config.max_position_embeddings)

    def encode(self, text: str, *, begin: bool = True) -> list[int]:
        """Return the ids of ``text``; ``begin`` puts the tokenizer's first token before it.

        Chats go without: where a model wants that token, its template writes it.
        """
        return list(self.tokenizer(text, add_special_tokens=begin)["input_ids"])

    def count(self, text: str) -> int:
        """Return how many tokens ``text`` is."""
        return len(self.encode(text, begin=False))

    def prompt(self, messages: Turns | str, meta: str | None = None) -> str:
        """Return the text that the model gets for ``messages``, or for one user's words.

        It is in InternLM2's format (which knows the turns of tools, unlike the template that comes
        with InternLM2.5), or in that of the tokenizer's own chat template if it is another one.

        Raises:
            CampError: the tokenizer's template does not take the dialogue, such as a role.
        """
        turns: Turns = [Message("user", messages)] if isinstance(messages, str) else messages
        if self._before_turns is None:
            return self._by_own_template(turns_of(turns, meta))
        return self._before_turns + render(turns, meta)

    def size(self, messages: Turns) -> int:
        """Return how many tokens the prompt for ``messages`` is, the markers of turns with them."""
        return self.count(self.prompt(messages))

    @cached_property
    def _before_turns(self) -> str | None:
        """What the tokenizer's template puts before InternLM2's turns; None: it has another format.

        A tokenizer without a template is taken for one of InternLM2. The course's own template is
        known by its text: a template is code, which the judge of an exercise does not run.
        """
        if self.tokenizer.chat_template in (None, JINJA):
            return ""
        try:
            before = self._by_own_template(_PROBE).removesuffix(render(_PROBE))
        except CampError:
            return None
        return before if before in ("", self.tokenizer.bos_token) else None

    def _by_own_template(self, turns: Sequence[Message]) -> str:
        """Return ``turns`` as the tokenizer's template writes them; a last reply stays open."""
        goes_on = bool(turns) and turns[-1].role == "assistant"
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    [turn.as_dict() for turn in turns],
                    tokenize=False,
                    add_generation_prompt=not goes_on,
                    continue_final_message=goes_on,
                )
            )
        except Exception as error:  # whatever a stranger's template raises
            raise CampError(
                str(
                    Text(
                        f"{self.folder}：这个模型自带的聊天模板不接受这段对话（{error}）：换一种角色或顺序，"
                        "或换一个模型",
                        f"{self.folder}: the model's own chat template does not take this dialogue "
                        f"({error}): use other roles or another order, or another model",
                    )
                )
            ) from error

    def chat(
        self, messages: Turns | str, sampling: Sampling = GREEDY, meta: str | None = None
    ) -> Reply:
        """Return the assistant's reply to ``messages``."""
        reply = Reply()
        for _ in self._generate(self.prompt(messages, meta), sampling, reply, begin=False):
            pass
        return reply

    def complete(self, text: str, sampling: Sampling = GREEDY) -> Reply:
        """Return how the model goes on with ``text``, as a base model does."""
        reply = Reply()
        for _ in self._generate(text, sampling, reply, begin=True):
            pass
        return reply

    def stream(
        self, messages: Turns | str, sampling: Sampling = GREEDY, meta: str | None = None
    ) -> Iterator[Delta]:
        """Yield the reply in deltas, not as the growing text; closing the iterator stops it."""
        prompt = self.prompt(messages, meta)
        return self._generate(prompt, sampling, Reply(), begin=False)

    def log_probabilities(self, text: str, continuation: str, *, begin: bool = True) -> list[float]:
        """Return the log probability, in nats, of each token of ``continuation`` after ``text``.

        ``begin`` puts the tokenizer's first token before ``text``, as for plain text.
        """
        return self.log_probabilities_of_each(text, [continuation], begin=begin)[0]

    @torch.inference_mode()
    def log_probabilities_of_each(
        self, text: str, continuations: Sequence[str], *, begin: bool = True
    ) -> list[list[float]]:
        """Return :meth:`log_probabilities` of several continuations, computed together."""
        before = self.encode(text, begin=begin)
        after = [self.encode(one, begin=False) for one in continuations]
        longest = max(map(len, after))
        # what stands to the right of a token changes nothing: any id will do there
        rows = [before + one + [0] * (longest - len(one)) for one in after]
        logits = self.model(input_ids=torch.tensor(rows, device=self.model.device)).logits
        shares = logits[:, len(before) - 1 : -1].float().log_softmax(-1)
        return [
            [float(share) for share in row[range(len(one)), one]]
            for row, one in zip(shares, after, strict=True)
        ]

    @torch.inference_mode()
    def _generate(
        self, text: str, sampling: Sampling, reply: Reply, *, begin: bool
    ) -> Iterator[Delta]:
        began = time.perf_counter()
        ids = torch.tensor([self.encode(text, begin=begin)], device=self.model.device)
        reply.prompt_tokens = ids.shape[1]
        room = self.context - ids.shape[1]
        if room <= 0:
            raise CampError(
                str(
                    Text(
                        f"提示词有 {ids.shape[1]} 个 token，模型最多 {self.context}：请缩短",
                        f"the prompt has {ids.shape[1]} tokens, the model takes {self.context}: "
                        "shorten the prompt or the history",
                    )
                )
            )
        dice = torch.Generator()
        if sampling.seed is not None:
            dice.manual_seed(sampling.seed)
        else:
            dice.seed()
        builder, seen, cache = TextBuilder(self.tokenizer), ids, None
        for _ in range(min(sampling.max_new_tokens, room)):
            out = self.model(input_ids=ids, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            logits = penalise(out.logits[0, -1].float(), seen[0], sampling.repetition_penalty)
            shares = probabilities(logits, sampling).cpu()
            ids = torch.multinomial(shares, 1, generator=dice)[None].to(self.model.device)
            token = int(ids)
            if token in self.ends:
                reply.finish = "stop"
                break
            seen = torch.cat([seen, ids], dim=1)
            delta = Delta(builder.add([token]), token, time.perf_counter() - began)
            reply.deltas.append(delta)
            reply.text += delta.text
            yield delta
        rest = builder.add([], last=True)
        if rest:
            reply.text += rest
            yield Delta(rest, -1, time.perf_counter() - began)


def load(model: models.Model | str | Path | None = None) -> ChatModel:
    """Load a model folder (by default that of ``models.find``) on the GPU, if any, or the CPU."""
    found = model if isinstance(model, models.Model) else models.find(model, say=None)
    try:
        ready = found.folder in _READY
        with without_garbage():
            tokenizer, network = _READY.pop(found.folder) if ready else _read(found)
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CampError(
            str(
                Text(
                    f"{found.folder}：transformers 读不了这个模型（{first}）："
                    f"换一个模型，或设 {models.VARIABLE}=camp-mini",
                    f"{found.folder}: transformers cannot load this model ({first}): use another, "
                    f"or set {models.VARIABLE}=camp-mini",
                )
            )
        ) from error
    if network.device.type == "cpu" and network.num_parameters() < SMALL:
        torch.set_num_threads(1)
    return ChatModel(network.eval(), tokenizer, found.folder)


def before_fork() -> None:
    """Read the built-in model for the next :func:`load` of it.

    A grader calls this once, and each process that it forks has the model for nothing.
    """
    found = models.find("camp-mini", say=None)
    if found.folder not in _READY:
        _READY[found.folder] = _read(found)


def _read(found: models.Model) -> tuple[Any, Any]:
    """Return tokenizer and network of a folder, on the GPU if there is one."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    # said in any case: unsaid, transformers asks the learner on the terminal
    options: dict[str, Any] = {"trust_remote_code": found.own_code, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(found.folder, **options)
    with _without_bars():
        network: Any = AutoModelForCausalLM.from_pretrained(
            found.folder,
            dtype=torch.float32 if device == "cpu" else torch.bfloat16,
            use_safetensors=True,
            **options,
        )
    return tokenizer, network.to(device)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep transformers' progress bars off stderr, where plain nbgrader takes points for them."""
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def demo(
    model: Annotated[str | None, typer.Option(help="a model folder or camp-mini")] = None,
    system: Annotated[str | None, typer.Option(help="the system prompt")] = None,
    temperature: Annotated[float, typer.Option(min=0.0)] = CAMP.temperature,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0)] = CAMP.top_p,
    seed: Annotated[int | None, typer.Option(help="the same seed, the same replies")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 512,
) -> None:
    """Chat in the terminal: a line is a turn, one that ends in a backslash goes on.

    ``exit`` or Ctrl-D ends, Ctrl-C stops a reply.
    """
    chat = load(models.find(model, say=typer.echo))
    sampling = Sampling(
        temperature=temperature,
        top_p=top_p,
        repetition_penalty=CAMP.repetition_penalty,
        max_new_tokens=max_new_tokens,
        seed=seed,
    )
    turns = [Message("system", system)] if system else []
    how = Text(
        f"前面的话算在内，temperature {temperature:g}。"
        "输入一行就是一轮，行末加 \\ 就接着写，exit 结束。",
        f"Earlier turns count; temperature {temperature:g}. "
        "A line is a turn, with \\ at its end it goes on; exit ends.",
    )
    typer.echo(str(how))
    while True:
        try:
            said = clean_turn(_typed())
        except (EOFError, KeyboardInterrupt):
            said = None
        if said is None:
            typer.echo("")
            return
        if not said:
            continue
        turns.append(Message("user", said))
        turns = trim_history(turns, chat.context - max_new_tokens, chat.size)
        reply = ""
        try:
            for delta in chat.stream(turns, sampling):
                reply += delta.text
                typer.echo(delta.text, nl=False)
        except KeyboardInterrupt:
            typer.echo(" …", nl=False)
        typer.echo("")
        turns.append(Message("assistant", reply))


def _typed() -> str:
    """Return what is typed as one turn: a line, and more while lines end in a backslash."""
    lines = [input("> ")]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1].removesuffix("\\")
        lines.append(input("… "))
    return "\n".join(lines)


def main() -> None:
    """Run the demo; what the user can mend is one line on stderr."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        typer.run(demo)
    except CampError as error:
        typer.echo(f"chat: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
