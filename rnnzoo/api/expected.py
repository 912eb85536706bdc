"""What `plan` says of claims before they are tested: what it takes to decide them, and which the
budget cannot decide.

In: an experiment, and where its second stage stands.  Out: plain values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rnnzoo.confirm import told
from rnnzoo.confirm.forecast import Forecast, forecast
from rnnzoo.confirm.stand import Stand, earlier
from rnnzoo.spec.claims import CONFIRMED, SHARES, TESTED, family, judged
from rnnzoo.spec.experiment import Experiment

DIFFERENCES = (0.9, 0.5, 0.25)  # differences between shares for which advice is given


def plain(
    experiment: Experiment, trials: int, stands: Mapping[str, Stand], noise: float | None
) -> dict[str, dict[str, Any]]:
    """By task, what is to be expected of its second stage.

    Args:
        trials: of each search.
        stands: by task, in their order, where a second stage stands.
        noise: of a training; None where the user gave none.
    """
    begun = {label: now for label, now in stands.items() if now.rounds}
    forecasts = {}
    for label in (task.label for task in experiment.tasks):
        before = earlier(stands, label)
        forecasts[label] = forecast(experiment, label, trials, begun.get(label), noise, before)
    return {
        label: _plain(expected) for label, expected in forecasts.items() if expected is not None
    }


def _plain(expected: Forecast) -> dict[str, Any]:
    claims = [{**asdict(claim), "sees": told.finite(claim.sees)} for claim in expected.claims]
    undecidable = [claim.claim for claim in expected.claims if not claim.decidable]
    return {**asdict(expected), "claims": claims, "undecidable": undecidable}


def advice(experiment: Experiment, trials: int) -> list[str]:
    """What can be said of claims that the trials of the search decide, from the design alone."""
    from rnnzoo.stats.compare import ALPHA
    from rnnzoo.stats.shares import trials_for_shares

    pairs = judged(experiment.claims, [task.label for task in experiment.tasks])
    families = Counter(
        family(where, experiment.family) for claim, where in pairs if claim.form in TESTED
    )
    advised = []
    for claim in experiment.claims:
        if claim.form in SHARES:
            tested = max(
                families[family(where, experiment.family)]
                for other, where in pairs
                if other is claim
            )
            needed_by = [
                f"{trials_for_shares(apart, ALPHA / tested)} by {100 * apart:.0f}"
                for apart in DIFFERENCES
            ]
            needed = f"if shares differ, it takes about {', '.join(needed_by)} percentage points"
            advised.append(f"{claim.text}: {trials} trainings of each; {needed}")
    searched = any(variant.space.dimensions for variant in experiment.variants)
    if (
        experiment.confirm is None
        and searched
        and any(claim.form in CONFIRMED for claim in experiment.claims)
    ):
        advised.append(
            "claims about scores rest on the trials of the search, whose spread is mostly the"
            " luck of their draws and not known beforehand; with `confirm: {}`, and a margin,"
            " fresh trainings decide them, and `plan` says how many it takes"
        )
    return advised
