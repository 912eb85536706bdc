"""Simulated pairs of variants of which some trainings of one score far off: how often it is called
worse, with the rule that it may be, and without.

    python -m tests.confirm.lopsided           the figures of docs/judging.md, a minute
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np

from rnnzoo.confirm import questions
from rnnzoo.confirm.questions import Answer, Array, Question, Round, Seen, Standing, look
from rnnzoo.stats.sequential import Boundary

MARGIN, LOOKS, STUDIES = 0.2, Boundary(6, 18), 200
LEVEL = 0.05 / 5  # of one of five claims
ASKED = Question("a", "base", MARGIN / 2, MARGIN)
# (share of trainings, how many margins they are off; below 0 they are better than the rest)
OFF = (
    (0.02, 10), (0.05, 5), (0.05, 15), (0.1, 5), (0.1, 15), (0.2, 5), (0.2, 2.5),
    (0.1, -5), (0.1, -2.5), (0.05, -10), (0.3, -2.5),
)  # fmt: skip
NOISES = (0.15, 0.5)  # of the other trainings, in margins


def rounds(share: float, off: float, noise: float, effect: float, seed: int) -> Iterator[Round]:
    """Rounds of two variants whose means are `effect` apart; all in margins."""
    rng = np.random.default_rng(seed)
    for _ in range(LOOKS.most):
        far = off * (float(rng.random() < share) - share)
        scores = {"a": effect + far + noise * rng.normal(), "base": noise * rng.normal()}
        yield {label: MARGIN * float(score) for label, score in scores.items()}


def answer(trained: Iterator[Round]) -> Answer:
    """What is said in the end, with a look after each round from the first look on."""
    known: list[Round] = []
    standings = (Standing(),)
    for scores in trained:
        known.append(scores)
        if len(known) >= LOOKS.first and standings[0].answer is Answer.OPEN:
            standings = look([ASKED], standings, known, LOOKS, LEVEL, Seen(np.inf, {}))
    return standings[0].answer


def called_worse(share: float, off: float, noise: float, effect: float) -> float:
    """In which share of studies the variant that scatters is called worse."""
    answers = [answer(rounds(share, off, noise, effect, seed)) for seed in range(STUDIES)]
    return answers.count(Answer.WORSE) / STUDIES


def main() -> None:
    print("share  off  noise   called worse: no difference  two margins   (with, without the rule)")
    for share, off in OFF:
        for noise in NOISES:
            told = [called_worse(share, off, noise, effect) for effect in (0.0, 2.0)]
            with patch.object(questions, "_lopsided", _without()):
                before = [called_worse(share, off, noise, effect) for effect in (0.0, 2.0)]
            print(
                f"{share:5} {off:4} {noise:6}   {told[0]:.3f}, {before[0]:.3f}"
                f"   {told[1]:.3f}, {before[1]:.3f}",
                flush=True,
            )


def _without() -> Callable[[Question, Array, Answer], bool]:
    """The guard as it would be if nothing at all were said of variants that spread so unlike."""
    guard = questions._lopsided
    return lambda question, scores, answer: guard(question, scores, Answer.OPEN)


if __name__ == "__main__":
    main()
