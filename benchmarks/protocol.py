"""How the runner and its workers speak: a worker is a process that makes one training step and times it when told.

In: a line of JSON on standard input, `{"steps": n}`.  Out: a line of JSON, the milliseconds of each step.  The first line
that a worker writes says how long its first step took.  Needs nothing but Python, so that every environment can import it.
"""

import json
import sys
import time
from collections.abc import Callable

Step = Callable[[], float]  # one update of the weights; returns the loss, so that the work is done when it returns


def serve(make: Callable[[], Step]) -> None:
    """Make a step, run it once, then time it as often as asked until standard input ends."""
    began = time.perf_counter()
    step = make()
    made = time.perf_counter()
    step()
    first = time.perf_counter()
    _say({"build_ms": (made - began) * 1e3, "first_ms": (first - made) * 1e3})
    for line in sys.stdin:
        times = []
        for _ in range(json.loads(line)["steps"]):
            at = time.perf_counter()
            step()
            times.append((time.perf_counter() - at) * 1e3)
        _say({"ms": times})


def _say(what: dict) -> None:
    print(json.dumps(what), flush=True)
