"""On how many threads a trial's process computes: one, so that trainings do not wait for each other
and last digits do not depend on the number of cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from rnnzoo import backends
from rnnzoo.launchers.local import ONE_THREAD
from tests.conftest import ROOT

# products of a size that a pool shares out, compiled as a training is; and the processor's time
# that each thread but the first took for them
PROGRAM = """
from pathlib import Path

import keras
from rnnzoo.backends import current

def ticks():
    threads = (task.joinpath("stat").read_text() for task in Path("/proc/self/task").iterdir())
    fields = (thread.rpartition(")")[2].split() for thread in threads)
    first, *others = (int(field[11]) for field in fields)
    return others

backend = current()
backend.one_thread()

def product():
    return keras.ops.matmul(matrix, matrix)

matrix = keras.ops.ones((700, 700))
compiled = backend.compiled(product, [])
for _ in range(150):
    keras.ops.convert_to_numpy(compiled())
print(*ticks())
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted in /proc")
@pytest.mark.skipif((os.cpu_count() or 1) == 1, reason="a machine of one core has one thread")
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_trials_process_computes_on_one_thread(backend: str) -> None:
    assert len(busy(backends.processes(backend).environment())) <= 1


def busy(variables: Mapping[str, str]) -> list[int]:
    """The threads, beside the first, that took a twentieth of a second or more to compute."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **ONE_THREAD, **variables},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return [ticks for ticks in map(int, done.stdout.split()) if ticks >= 5]
