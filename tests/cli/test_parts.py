"""Parts of a sweep with real trainings, as a user runs them."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import SPEC, outcomes
from tests.command import before_a_trial, rnnzoo
from tests.results import result_of

LONG = (
    SPEC.replace("[rnn, {name: gated, cell: mgu}]", "[rnn]")
    .replace("epochs: 3", "epochs: 60, patience: 0")
    .replace("claims: [rnn worse than gated]\n", "")
)


def test_a_part_says_what_it_runs_and_plan_counts_it(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    told = before_a_trial("sweep", "small.yaml", "--shard", "2/2", "--only", "rnn", cwd=tmp_path)
    assert "2 variants x 3 trials on adding; of these shard 2/2 of rnn" in " ".join(told.split())
    plan = rnnzoo("plan", "small.yaml", "--shard", "1/2", "--no-measure", "--json", cwd=tmp_path)
    content = json.loads(plan.stdout)
    assert content["part"] == "shard 1/2"
    assert [(study["variant"], study["left"]) for study in content["studies"]] == [
        ("rnn", 2),
        ("gated", 2),
    ]


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table without what differs from run to run."""
    with path.open() as stream:
        next(stream)
        return [{**row, "seconds": ""} for row in csv.DictReader(stream)]


# in short: tests/sweep/test_parts.py
@pytest.mark.slow
def test_the_tables_of_two_machines_are_together_that_of_the_whole_sweep(
    swept: Path, tmp_path: Path
) -> None:
    for number in ("1", "2"):
        folder = tmp_path / number
        folder.mkdir()
        (folder / "small.yaml").write_text(SPEC)
        done = rnnzoo("sweep", "small.yaml", "--shard", f"{number}/2", cwd=folder)
        assert done.returncode == 0, done.stderr
        left = {"1": "of 6 trials, 2 are left", "2": "of 6 trials, 4 are left"}[number]
        assert f"shard {number}/2 is done; {left} for other parts" in done.stdout
        rnnzoo("export", "small.yaml", "../" + number + ".csv", cwd=folder)
    rnnzoo("export", "small.yaml", str(tmp_path / "whole.csv"), cwd=swept)
    merged = rnnzoo("merge", "all.csv", "2.csv", "1.csv", cwd=tmp_path)
    assert "all.csv: 6 trials of 2 studies, of 2 sources" in merged.stdout, merged.stderr
    assert rows(tmp_path / "all.csv") == rows(tmp_path / "whole.csv")
    folders = rnnzoo("merge", "f.csv", "1", "2", "--spec", "1/small.yaml", cwd=tmp_path)
    assert folders.returncode == 0, folders.stderr
    assert rows(tmp_path / "f.csv") == rows(tmp_path / "whole.csv")
    first = rnnzoo(
        "sweep", "small.yaml", "--from", "../1.csv", "--from", "../2.csv", cwd=tmp_path / "1"
    )
    assert first.returncode == 0, first.stderr
    assert "6 of 6 trials are done already" in first.stdout


@pytest.mark.slow
def test_a_trial_that_sigterm_cut_off_goes_on_from_its_epoch_to_the_bit(tmp_path: Path) -> None:
    for name in ("cut", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "small.yaml").write_text(LONG)
    command = [sys.executable, "-m", "rnnzoo", "sweep", "small.yaml", "--workers", "1"]
    with (tmp_path / "out.txt").open("w") as out:
        running = subprocess.Popen(command, cwd=tmp_path / "cut", stdout=out, stderr=out)
    end = time.monotonic() + 300
    while not any("epoch 3:" in log.read_text() for log in logs(tmp_path / "cut")):
        assert time.monotonic() < end, (tmp_path / "out.txt").read_text()
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 130
    told = (tmp_path / "out.txt").read_text()
    assert "rnn 0: saved after epoch" in told
    assert "the same command goes on" in told
    assert len(list((tmp_path / "cut").glob("runs/**/checkpoint.npz"))) == 1
    for name in ("cut", "whole"):
        done = rnnzoo("sweep", "small.yaml", "--workers", "1", cwd=tmp_path / name)
        assert done.returncode == 0, done.stderr
    cut, whole = outcomes(tmp_path / "cut"), outcomes(tmp_path / "whole")
    assert cut.keys() == whole.keys()
    for key, outcome in cut.items():
        assert result_of(outcome) == result_of(whole[key]), key
    assert not list((tmp_path / "cut").glob("runs/**/checkpoint.npz"))


def logs(folder: Path) -> list[Path]:
    return list(folder.glob("runs/small/trials/**/log.txt"))
