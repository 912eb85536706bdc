"""Verdicts -> how they were judged, in sentences: of the methods that were used and of no other.

In: verdicts.  Out: sentences.  Fresh trainings have a text of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.report.verdict import Verdict


def methods(verdicts: Sequence[Verdict]) -> list[str]:
    """What a reader needs to know of the tests behind these verdicts."""
    searched = [verdict for verdict in verdicts if not verdict.confirmed]
    scores = [verdict for verdict in searched if verdict.scale == "score" and verdict.p is not None]
    scales = {verdict.scale for verdict in searched if verdict.p is not None}
    sentences = []
    if scores:
        sentences.append(
            "A difference between searches is tested by exchanging the labels of all trials of"
            " two variants and choosing the best of each anew every time."
        )
    if "share" in scales:
        sentences.append(
            "Two shares of trainings are compared by the exact test of Boschloo 1970, in which"
            " every training counts; each has its own exact interval of 95 % (Clopper and Pearson"
            " 1934)."
        )
    if "times" in scales:
        sentences.append(
            "How fast two variants train is tested by the signs of the ratios of epochs that took"
            " turns, at each size."
        )
    if scales:
        sentences.append(
            "p is adjusted for both directions and for the number of claims (Holm 1979)."
        )
    if scales & {"score", "times"}:
        sentences.append("The interval beside a word has the level at which that word was decided.")
    if any("margin" in verdict.numbers for verdict in scores):
        sentences.append(
            "\u201cSame as\u201d needs a difference that is significantly inside the margin."
        )
    # one that no test was made for says itself why
    if any(verdict.word == "undecided" and verdict.test != "none" for verdict in searched):
        sentences.append("Undecided means that the trials do not decide it.")
    return sentences
