"""A data flywheel small enough to turn in a second: model -> samples -> filter -> next model.

The model knows sums of two digits the way a corpus knows them: it remembers how often each
answer was seen, right or wrong, and answers in that proportion. Nothing in it can add.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Sample = dict[str, Any]
Keep = Callable[[list[Sample]], list[tuple[str, str]]]
SAMPLES = 8


@dataclass
class CountingModel:
    """Answers each question in proportion to what its training data said."""

    seen: dict[str, Counter[str]] = field(default_factory=dict)

    def learn(self, question: str, answer: str, times: int = 1) -> None:
        """Add ``times`` training examples."""
        self.seen.setdefault(question, Counter())[answer] += times

    def sample(self, question: str, rng: random.Random) -> list[str]:
        """Return ``SAMPLES`` answers drawn at random."""
        counts = self.seen[question]
        return rng.choices(list(counts), weights=list(counts.values()), k=SAMPLES)

    def accuracy(self) -> float:
        """Return the chance that a drawn answer is right, averaged over the questions."""
        shares = [counts[truth(q)] / counts.total() for q, counts in self.seen.items()]
        return sum(shares) / len(shares)


def truth(question: str) -> str:
    """Return the right answer of ``"3+4=?"``."""
    left, right = question.removesuffix("=?").split("+")
    return str(int(left) + int(right))


def first_model(rng: random.Random, examples: int = 6, right: float = 0.5) -> CountingModel:
    """Return a model trained on a noisy corpus: about half of its examples are right."""
    model = CountingModel()
    for question in [f"{a}+{b}=?" for a in range(10) for b in range(10)]:
        for _ in range(examples):
            slip = 0 if rng.random() < right else rng.choice([-10, -1, 1, 10])
            model.learn(question, str(int(truth(question)) + slip))
    return model


def keep_everything(samples: list[Sample]) -> list[tuple[str, str]]:
    """Keep each answer the model wrote."""
    return [(s["question"], answer) for s in samples for answer in s["answers"]]


def keep_verified(samples: list[Sample]) -> list[tuple[str, str]]:
    """Keep the answers that an outside rule, real addition, confirms."""
    return [(q, answer) for q, answer in keep_everything(samples) if answer == truth(q)]


def spin(keep: Keep, rounds: int = 16, seed: int = 1) -> list[float]:
    """Turn the flywheel and return the accuracy before the first and after each round.

    Every round the model answers each question ``SAMPLES`` times; what ``keep`` returns is added
    to its training data, a single kept answer counting as the samples it stands for.
    """
    rng = random.Random(seed)  # noqa: S311 - a simulation
    model = first_model(rng)
    history = [model.accuracy()]
    for _ in range(rounds):
        samples = [{"question": q, "answers": model.sample(q, rng)} for q in model.seen]
        kept = keep(samples)
        per_question = Counter(question for question, _ in kept)
        for question, answer in kept:
            model.learn(question, answer, SAMPLES // per_question[question] or 1)
        history.append(model.accuracy())
    return history
