"""Tables of trials that somebody has edited, at the door of a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.api.sources import _check_settings
from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.spec.read_experiment import read

ROOT = Path(__file__).parents[2]
TABLES = sorted((ROOT / "results").glob("*.csv"))


def spec(path: Path) -> Path:
    return next(file for file in (ROOT / "experiments").glob(f"**/{path.stem}.yaml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_table_that_is_kept_here_stands_in_its_space(path: Path) -> None:
    _check_settings(read(spec(path)), table.read(path), path)


def test_a_setting_that_a_search_cannot_have_is_refused_unless_the_space_was_another() -> None:
    path = ROOT / "results/greff2015.csv"
    content, experiment = table.read(path), read(spec(path))
    first, *others = content.results
    far = replace(first.trial, hyperparameters={**first.trial.hyperparameters, "units": 9999})
    edited = replace(content, results=(replace(first, trial=far), *others))
    with pytest.raises(
        UsageError, match=r"trial \d+ of .* has `units` 9999, which its search cannot have"
    ):
        _check_settings(experiment, edited, path)
    parts = {name: {**by_part, "space": "another"} for name, by_part in content.parts.items()}
    _check_settings(experiment, replace(edited, parts=parts), path)
