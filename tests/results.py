"""What two runs of one trial must agree on."""

from __future__ import annotations

from typing import Any

from rnnzoo.spec.trial import Outcome


def result_of(outcome: Outcome) -> dict[str, Any]:
    """All of an outcome that the trial determines: without wall times, which differ from run to
    run, and without `also`, which may be asked for later.
    """
    content = outcome.to_dict()
    del content["seconds"], content["also"]
    for row in content["curve"]:
        row.pop("seconds", None)
    return content
