"""How the runner and its workers speak: a worker is a process that makes a training step and times
it when told.

In, lines of JSON on standard input: `{"make": [what, cell, batch, time, inputs, units]}`, then
`{"steps": n}` as often as wanted.  Out, a line of JSON for each: how long the making and the first
step took, the milliseconds of each step.  Needs nothing but Python, so that every environment can
import it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable

# one update of the weights; returns the loss, so that the work is done when it returns
Step = Callable[[], float]


def serve(make: Callable[..., Step]) -> None:
    """Answer until standard input ends."""
    step: Step | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "make" in asked:
            began = time.perf_counter()
            step = make(*asked["make"])
            made = time.perf_counter()
            step()
            first = time.perf_counter()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            _say(
                {
                    "build_ms": (made - began) * 1e3,
                    "first_ms": (first - made) * 1e3,
                    "memory_mb": memory,
                }
            )
        elif step is not None:
            _say({"ms": [_timed(step) for _ in range(asked["steps"])]})


def _timed(step: Step) -> float:
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1e3


def _say(message: dict) -> None:
    print(json.dumps(message), flush=True)
