"""Keys of an experiment that change nothing are told, and those that do are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.errors import Remark
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.unused import without_effect

MOMENTUM = "search: {space: {momentum: 0.9}}\n"


def told(text: str) -> list[Remark]:
    whole = f"experiment: e\ntask: adding\nvariants: [lstm, gru]\n{text}"
    return list(without_effect(parse_experiment(whole, "e.yaml", Path())))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("search: {sampler: tpe, draws: common}\n", "`draws: common`"),
        ("training: {optimizer: sgd, nesterov: true}\n", "`nesterov: true`"),
        ("training: {optimizer: sgd, effective_rate: true}\n", "`effective_rate: true`"),
    ],
)
def test_a_key_without_effect_is_told(text: str, key: str) -> None:
    (remark,) = told(text)
    assert remark.problem.startswith(f"{key} has no effect")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "search: {draws: common}\n",
        "search: {sampler: tpe}\n",
        "training: {optimizer: sgd, nesterov: true, effective_rate: true}\n" + MOMENTUM,
        (
            "training: {optimizer: sgd, nesterov: true}\n"
            "search: {space: {one_minus_momentum: {float: [0.1, 1]}}}\n"
        ),
    ],
)
def test_a_key_with_an_effect_is_not(text: str) -> None:
    assert told(text) == []
