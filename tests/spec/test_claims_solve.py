"""Claims about who solves a task more often: how they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.spec.claims import SOLVES
from rnnzoo.spec.read_experiment import parse_experiment, read

ROOT = Path(__file__).parent.parent.parent
LONG_TERM = """\
experiment: long_term
tasks:
  - {name: adding, label: adding100, length: 100}
  - {name: copy_memory, label: copy20, length: 20}
  - {name: temporal_order, label: order50, length: 50}
baseline: lstm
variants:
  - rnn
  - {name: lstm_b0, cell: lstm, init: {b_f: 0}}
  - lstm
claims:
  - {claim: lstm solves order50 more often than lstm_b0, note: "Jozefowicz et al. 2015"}
  - lstm solves adding100 more often than rnn
  - lstm  solves copy20   more often than rnn
"""


def test_a_claim_about_solving_names_its_task_by_its_label() -> None:
    first, *rest = parse_experiment(LONG_TERM, "long_term.yaml", ROOT / "experiments").claims
    assert (first.form, first.a, first.task, first.b) == (SOLVES, "lstm", "order50", "lstm_b0")
    assert (first.text, first.note) == (
        "lstm solves order50 more often than lstm_b0",
        "Jozefowicz et al. 2015",
    )
    assert [(claim.task, claim.b) for claim in rest] == [("adding100", "rnn"), ("copy20", "rnn")]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "experiments").glob("**/*.yaml")), ids=lambda path: path.stem
)
def test_every_experiment_that_is_kept_here_is_read(path: Path) -> None:
    if path.parent.name != "cells":
        experiment = read(path)
        assert all(bool(claim.task) for claim in experiment.claims if claim.form == SOLVES)
