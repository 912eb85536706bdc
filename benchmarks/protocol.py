"""How the runner and its workers speak: a worker is a process that makes a training step and times
it when told.

In, lines of JSON on standard input: `{"make": [what, cell, batch, time, inputs, units]}`, then
`{"steps": n}` as often as wanted.  Out, a line of JSON for each: how long the making and the first
step took; of each step, the milliseconds, and those of the process on a core, in which it does not
count that another program had the core.  Needs nothing but Python, so that every environment can
import it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable

# one update of the weights; returns the loss, so that the work is done when it returns
Step = Callable[[], float]
# what computes our layers -> the worker, and what RNNZOO_LOOPS is set to
PEERS = {
    "tensorflow": ("benchmarks.tensorflow_worker", ""),
    "jax-scan": ("benchmarks.jax_worker", "scan"),
    "jax-native": ("benchmarks.jax_worker", "native"),
}


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
            both = [_timed(step) for _ in range(asked["steps"])]
            _say({"ms": [passed for passed, _ in both], "cpu_ms": [used for _, used in both]})


def _timed(step: Step) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    step()
    return (time.perf_counter() - began) * 1e3, cpu_ms(used)


def cpu_ms(began: float) -> float:
    """Milliseconds that the process had a core for since `time.process_time()` was that."""
    return (time.process_time() - began) * 1e3


def _say(message: dict) -> None:
    print(json.dumps(message), flush=True)
