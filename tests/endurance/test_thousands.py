"""Ten variants times a thousand trials: the loop neither slows down nor grows, and what reads it
stays quick.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.endurance.thousands import VARIANTS

ROOT = Path(__file__).parents[2]
TRIALS = int(os.environ.get("RNNZOO_ENDURANCE", "1000"))  # of each variant


def timed(*arguments: str, cwd: Path) -> tuple[float, str]:
    """Seconds and output of a command."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=3600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return time.monotonic() - began, done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc")
def test_ten_thousand_trials_neither_slow_a_sweep_down_nor_make_it_grow(tmp_path: Path) -> None:
    """Clocks are printed; what is asserted leaves room for a busy machine."""
    program = (
        "from pathlib import Path; from tests.endurance.thousands import main;"
        f" main(Path({str(tmp_path)!r}), {TRIALS})"
    )
    seconds, _ = timed("-c", program, cwd=ROOT)
    clock = json.loads((tmp_path / "clock.json").read_text())
    assert len(clock) == VARIANTS * TRIALS
    moments = [moment for moment, _ in clock]
    memory = [size for _, size in clock]
    part = max(len(clock) // 10, 2)  # a hundred of each study, which take turns
    first, last = (
        (moments[part - 1] - moments[0]) / (part - 1),
        (moments[-1] - moments[-part]) / (part - 1),
    )
    settled, end = memory[part - 1], memory[-1]
    looked, status = timed("-m", "rnnzoo", "status", "thousands.yaml", "--json", cwd=tmp_path)
    reported, _ = timed("-m", "rnnzoo", "report", "thousands.yaml", cwd=tmp_path)
    exported, _ = timed("-m", "rnnzoo", "export", "thousands.yaml", "a.csv", cwd=tmp_path)
    from_mlflow, _ = timed(
        "-m", "rnnzoo", "report", "thousands.yaml", "--from", "mlflow", cwd=tmp_path
    )
    print(
        "\n"
        f"{len(clock)} trials in {seconds:.0f} s; a trial took {first:.3f} s at first and"
        f" {last:.3f} s at last; memory {settled:.0f} MiB after the first tenth, {end:.0f} at the"
        f" end; status {looked:.1f} s, report {reported:.1f} s, from MLflow {from_mlflow:.1f} s,"
        f" export {exported:.1f} s"
    )
    assert {variant["complete"] for variant in json.loads(status)["variants"]} == {TRIALS}
    assert len((tmp_path / "a.csv").read_text().splitlines()) >= VARIANTS * TRIALS
    assert last < 2 * first
    assert end < 1.2 * settled + 20
