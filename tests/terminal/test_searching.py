"""The line of a search over cells."""

from __future__ import annotations

import io

from rich.console import Console

from rnnzoo.evolve.rows import Drawn, Ended, Fate
from rnnzoo.evolve.tally import Tally
from rnnzoo.terminal.searching import SearchDisplay


class Clock:
    """Seconds, as a test sets them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_is_of_this_run_and_lines_come_once_a_minute() -> None:
    tally, clock, out = Tally(), Clock(), io.StringIO()
    for number in range(10):  # of an earlier run
        tally.take(Ended(number, Fate.FILTERED, "no"))
    with SearchDisplay(Console(file=out, width=200), tally, 100, clock) as display:
        assert display.pace is None
        for second in (10.0, 70.0, 80.0, 140.0):
            clock.now = second
            display(Drawn(int(second), 3, "", "", ""))
            display(Ended(int(second), Fate.PASSED, fitness=1.25))
        assert display.pace == 4 / (140 / 60)
    lines = out.getvalue().splitlines()
    assert lines == [
        "11 of 100 candidates, generation 3, 1 passed, best 1.250 (candidate_10), 0.9 a minute",
        "13 of 100 candidates, generation 3, 3 passed, best 1.250 (candidate_10), 1.3 a minute",
    ]
