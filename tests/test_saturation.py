"""What `benchmarks.saturation` computes of workers that wait for parts, beside a simulation of it,
event by event.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence

import pytest

from benchmarks.saturation import Costs, busy, shortest, table, throughput

ENDS = 20_000  # of trials, in one simulation
SKIPPED = 2_000  # until queues are as long as they become

Draw = Callable[[float], float]


def simulated(workers: int, seconds: float, parts: Sequence[float], draw: Draw) -> float:
    """Trials a second of workers that train, and then wait at each part for those before them.

    Args:
        draw: a time, given its mean.
    """
    numbers, events = itertools.count(), []  # numbers: of two events at a time, the older first
    queues: list[deque[int]] = [deque() for _ in parts]  # the first of each is being served

    def later(moment: float, worker: int, stage: int) -> None:
        heapq.heappush(events, (moment, next(numbers), worker, stage))

    for worker in range(workers):
        later(draw(seconds), worker, 0)
    ends: list[float] = []
    while len(ends) < ENDS:
        now, _, worker, stage = heapq.heappop(events)
        if stage:  # it was served
            queue = queues[stage - 1]
            assert queue.popleft() == worker
            if queue:
                later(now + draw(parts[stage - 1]), queue[0], stage)
        if stage == len(parts):
            ends.append(now)
            later(now + draw(seconds), worker, 0)
            continue
        queues[stage].append(worker)
        if len(queues[stage]) == 1:
            later(now + draw(parts[stage]), worker, stage + 1)
    return (ENDS - SKIPPED) / (ends[-1] - ends[SKIPPED - 1])


NETWORKS = [
    (1, 1.0, [0.1]),
    (10, 1.0, [0.05]),
    (20, 1.0, [0.05, 0.01]),  # at the knee: as many as the slowest part could serve
    (40, 1.0, [0.05, 0.04]),
    (60, 0.5, [0.02, 0.01, 0.015]),
]


@pytest.mark.parametrize(("workers", "seconds", "parts"), NETWORKS)
def test_throughput_is_that_of_a_simulation(
    workers: int, seconds: float, parts: list[float]
) -> None:
    rng = random.Random(1)
    exponential = simulated(workers, seconds, parts, lambda mean: rng.expovariate(1 / mean))
    assert throughput(workers, seconds, parts) == pytest.approx(exponential, rel=0.03)


@pytest.mark.parametrize(("workers", "seconds", "parts"), NETWORKS)
def test_where_times_are_constant_workers_do_more_and_no_more_than_the_slowest_part(
    workers: int, seconds: float, parts: list[float]
) -> None:
    constant = simulated(workers, seconds, parts, lambda mean: mean)
    most = min(1 / max(parts), workers / (seconds + sum(parts)))
    assert throughput(workers, seconds, parts) <= constant * 1.001
    assert constant <= most * 1.001


def test_a_single_worker_waits_for_nobody() -> None:
    assert throughput(1, 2.0, [0.5, 0.25]) == pytest.approx(1 / 2.75)
    assert busy(1, 2.0, 0.25, [0.5, 0.25]) == pytest.approx(2.0 / 3.0)


def test_more_workers_than_a_part_can_serve_do_what_it_can() -> None:
    assert throughput(1000, 1.0, [0.1]) == pytest.approx(10.0, rel=1e-6)


@pytest.mark.parametrize("workers", [1, 10, 300])
def test_the_shortest_training_keeps_workers_busy_and_a_shorter_one_does_not(workers: int) -> None:
    parts, worker = [0.03, 0.01], 0.02
    seconds = shortest(workers, worker, parts, 0.9)
    assert 0.9 <= busy(workers, seconds, worker, parts) < 0.902
    assert busy(workers, 0.98 * seconds, worker, parts) < 0.9


def test_shards_have_a_process_each_and_share_the_server() -> None:
    costs = Costs(0.01, 0.005, 0.02, 0.03, 0.015, 0.002, 0.004, 0.01)
    assert costs.alone() == pytest.approx([0.065, 0.004])
    assert costs.shards(2) == pytest.approx([0.015, 0.002, 0.015, 0.002, 0.002])
    # a part that is visited by every second trial, twice as long, is as busy
    assert throughput(1000, 1.0, costs.shards(2)) == pytest.approx(2 / 0.03, rel=0.05)
    assert throughput(1000, 1.0, costs.shards(64)) == pytest.approx(1 / 0.002, rel=0.05)


def test_the_table_says_what_each_part_costs_and_when_it_is_saturated() -> None:
    lines = table(Costs(0.01, 0.005, 0.02, 0.03, 0.015, 0.002, 0.004, 0.01))
    assert "the scheduler                                    4.0               250" in lines
    assert lines[-1].split()[0] == "1000"
