"""A share is written in three ways, and read by one function wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.spec import shares
from rnnzoo.spec.read_experiment import parse_experiment

SPEC = """\
experiment: shares
task: adding
variants: [lstm, gru]
search:
  {{trials: 30, rungs: {{epochs: [1], keep: {share}}}, space: {{units: {{int: [8, 16]}}}}}}
training: {{epochs: 4}}
select: {{keep: {share}}}
margin: 0.1
confirm: {{region: {share}}}
claims: [importance of units above {share}]
"""


@pytest.mark.parametrize("share", ["20%", "0.2", "1/5", "20 %", "1 / 5", ".2", "2e-1"])
def test_a_share_is_one_number_wherever_it_stands(share: str) -> None:
    read = parse_experiment(SPEC.format(share=share), "shares.yaml", Path())
    assert read.search.rungs is not None
    assert read.confirm is not None
    (claim,) = read.claims
    numbers = read.search.rungs.keep, read.select.keep, read.confirm.region, claim.number
    assert numbers == (0.2,) * 4


def test_a_third_of_the_trials_is_what_goes_on_where_nothing_is_said() -> None:
    spec = SPEC.format(share="1/3")
    said = parse_experiment(spec, "shares.yaml", Path())
    unsaid = parse_experiment(spec.replace(", keep: 1/3", ""), "shares.yaml", Path())
    assert said.search == unsaid.search


@pytest.mark.parametrize("written", ["1/0", "%", "20%%", "1/2/3", "half", "-1%", "", True, None])
def test_what_is_no_number_is_no_share(written: object) -> None:
    assert shares.number(written) is None


@pytest.mark.parametrize("share", [0.01, 0.2, 1 / 3, 0.5])
def test_the_forms_of_messages_can_be_read(share: float) -> None:
    *first, last = shares.forms(share).replace(" or ", ", ").split(", ")
    assert shares.number(last) == share
    assert all(shares.number(form) == pytest.approx(share, rel=0.02) for form in first)
