"""Results of studies that are kept with the project."""

from __future__ import annotations

from pathlib import Path

import rnnzoo
from rnnzoo.api.value import Results

ROOT = Path(__file__).parent.parent


def results_of(study: str) -> Results:
    """Of `experiments/studies/STUDY.yaml`, from `results/STUDY.csv`."""
    spec, table = f"experiments/studies/{study}.yaml", f"results/{study}.csv"
    return rnnzoo.results(ROOT / spec, source=ROOT / table)
