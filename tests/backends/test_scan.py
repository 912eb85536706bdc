"""The time loop against the same loop in NumPy: both directions, any number of steps, rows kept
where others were read.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rnnzoo.backends.tensorflow import scan
from rnnzoo.backends.tensorflow.buffers import Buffer, Slice

TIME, BATCH = 7, 3


@cache
def compiled(
    all_steps: bool,
    backwards: bool,
    buffers: tuple[Buffer, ...],
    slices: tuple[Slice, ...],
    small: int,
) -> Callable[..., Any]:
    """The loop under XLA, compiled once for any number of steps; `small` is what `scan.SMALL`
    is.
    """

    @tf.function(jit_compile=True, autograph=False)
    def run(a, b, start, count):  # type: ignore[no-untyped-def]
        def step(t, carried, row):  # type: ignore[no-untyped-def]
            new = carried[0] + row(0)[:, :2] * row(1)
            return [new], [2 * row(0), row(0)[:, :2] + row(1), new]

        return scan.loop(
            step,
            [a, b],
            [start],
            buffers,
            slices,
            None if all_steps else count,
            TIME,
            backwards=backwards,
        )

    return run


def looped(
    steps: int | None, backwards: bool, buffers: tuple[Buffer, ...], slices: tuple[Slice, ...]
):  # type: ignore[no-untyped-def]
    """A running sum of a and b, which keeps 2a, a + b and the sum; in TensorFlow, under XLA."""
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((TIME, BATCH, width)).astype("float32") for width in (4, 2))
    start = rng.standard_normal((BATCH, 2)).astype("float32")
    run = compiled(steps is None, backwards, buffers, slices, scan.SMALL)
    kept, last = run(a, b, start, tf.constant(TIME if steps is None else steps))
    assert run.experimental_get_tracing_count() == 1  # one function serves every number of steps
    return a, b, start, [rows.numpy() for rows in kept], last[0].numpy()


def expected(a, b, start, steps: int, backwards: bool):  # type: ignore[no-untyped-def]
    twice, both, sums, total = np.zeros_like(a), np.zeros_like(b), np.zeros_like(b), start
    for t in reversed(range(steps)) if backwards else range(steps):
        total = total + a[t, :, :2] * b[t]
        twice[t], both[t], sums[t] = 2 * a[t], a[t, :, :2] + b[t], total
    return twice, both, sums, total


OWN = (Buffer(4), Buffer(2), Buffer(2)), (Slice(0, 0, 4), Slice(1, 0, 2), Slice(2, 0, 2))
OVER = (
    (Buffer(4, reuses=0), Buffer(2, reuses=1), Buffer(2)),
    (Slice(0, 0, 4), Slice(1, 0, 2), Slice(2, 0, 2)),
)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("steps", [None, 0, 1, 5, TIME])
@pytest.mark.parametrize(
    ("layout", "small"),
    [(OWN, 0), (OVER, 0), (OVER, 2**16)],
    ids=["rows of their own", "rows that were read", "too small to be written over"],
)
def test_a_loop_keeps_what_the_same_loop_in_numpy_keeps(
    layout, steps, backwards, small, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(scan, "SMALL", small)
    a, b, start, kept, last = looped(steps, backwards, *layout)
    *rows, total = expected(a, b, start, TIME if steps is None else steps, backwards)
    for buffer, wanted in zip(kept, rows, strict=True):
        np.testing.assert_allclose(buffer, wanted, rtol=1e-5)
    np.testing.assert_allclose(last, total, rtol=1e-5)


@pytest.mark.parametrize("steps", [None, 5])
def test_two_values_share_the_rows_of_a_sequence(
    steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "SMALL", 0)
    buffers = (Buffer(4), Buffer(4, reuses=0))
    a, b, start, kept, _ = looped(
        steps, False, buffers, (Slice(0, 0, 4), Slice(1, 2, 2), Slice(1, 0, 2))
    )
    twice, both, sums, _ = expected(a, b, start, steps or TIME, False)
    np.testing.assert_allclose(kept[0], twice, rtol=1e-5)
    np.testing.assert_allclose(kept[1], np.concatenate([sums, both], axis=-1), rtol=1e-5)


def test_a_carried_value_is_kept_with_what_it_begins_with() -> None:
    buffers = (Buffer(4), Buffer(2), Buffer(2, carries=0))
    a, b, start, kept, _ = looped(None, False, buffers, OWN[1])
    sums = expected(a, b, start, TIME, False)[2]
    np.testing.assert_allclose(kept[2], np.concatenate([start[None], sums]), rtol=1e-5)
