"""One cell under six names: whatever a study says of their differences is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GRU = {
    "reset": "{reset} = sigmoid(W_{reset} @ x + R_{reset} @ h[t-1] + b_{reset})",
    "update": "{update} = sigmoid(W_{update} @ x + R_{update} @ h[t-1] + b_{update})",
    "candidate": (
        "{candidate} = tanh(W_{candidate} @ x + R_{candidate} @ ({reset} * h[t-1]) + b_{candidate})"
    ),
    "state": "h = (1 - {update}) * h[t-1] + {update} * {candidate}",
}
# The names of the gates, and the order of the lines.
COPIES = {
    "gru": ({"reset": "r", "update": "z", "candidate": "n"},
        ("reset", "update", "candidate", "state")),
    "copy_b": ({"reset": "a", "update": "b", "candidate": "c"},
        ("update", "reset", "candidate", "state")),
    "copy_c": ({"reset": "u", "update": "v", "candidate": "w"},
        ("reset", "candidate", "update", "state")),
    "copy_d": ({"reset": "z", "update": "r", "candidate": "g"},
        ("reset", "update", "candidate", "state")),
    "copy_e": ({"reset": "p", "update": "q", "candidate": "s"},
        ("update", "reset", "candidate", "state")),
    "copy_f": ({"reset": "k", "update": "i", "candidate": "o"},
        ("reset", "candidate", "update", "state")),
}  # fmt: skip
SPEC = """\
experiment: copies
task: chorales
baseline: gru
variants: [gru, {copies}]
search:
  trials: 3
  seed: {seed}
  space: {{units: 24, learning_rate: {{float: [5e-3, 5e-2], log: true}}}}
training: {{optimizer: adam, batch: 16, epochs: 25, patience: 0}}
select: {{keep: 3}}
confirm: {{budget: 90, most: 12}}
margin: 0.2
claims: [{claims}]
"""


def cell(name: str) -> str:
    gates, order = COPIES[name]
    lines = "".join(f"  {GRU[line].format(**gates)}\n" for line in order)
    return f"name: {name}\ntitle: The GRU under another name\nequations: |\n{lines}"


def write(folder: Path, seed: int) -> Path:
    """A project with the six cells and a study of them."""
    cells = folder / "experiments/cells"
    cells.mkdir(parents=True)
    others = [name for name in COPIES if name != "gru"]
    for name in others:
        (cells / f"{name}.yaml").write_text(cell(name))
    claims = ", ".join(f"{name} worse than gru" for name in others)
    spec = folder / "experiments/copies.yaml"
    spec.write_text(SPEC.format(copies=", ".join(others), seed=seed, claims=claims))
    return spec


def rnnzoo(arguments: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rnnzoo", *arguments], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_difference_is_claimed_between_six_copies_of_one_cell(seed: int, tmp_path: Path) -> None:
    spec = write(tmp_path, seed)
    rnnzoo(["sweep", str(spec)], tmp_path)
    verdicts = json.loads(rnnzoo(["report", str(spec), "--json"], tmp_path))["verdicts"]
    assert len(verdicts) == len(COPIES) - 1
    print({verdict["claim"]: verdict["word"] for verdict in verdicts})
    assert {verdict["word"] for verdict in verdicts} <= {"same", "undecided"}
