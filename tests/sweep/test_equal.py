"""Variants of equal numbers of weights (Chung et al. 2014, Koutnik et al. 2014, Jozefowicz et al.
2015).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.errors import SpecError
from rnnzoo.lang import counts
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep.plan import Study, studies

SPEC = """\
experiment: equal
task: adding
baseline: lstm
variants: [lstm, gru, rnn, {name: two, cell: gru, space: {layers: 2}}]
controls: true
equal: weights
search: {space: {units: {int: [120, 200]}}}
"""


def planned(spec: str = SPEC) -> dict[str, Study]:
    planned_studies = studies(
        parse_experiment(spec, "equal.yaml", Path()), {"adding": "digest"}, {"adding": 2}
    )
    return {study.variant.label: study for study in planned_studies}


@pytest.mark.parametrize("units", [120, 157, 200])
def test_every_variant_has_the_weights_of_the_baseline_within_1_percent(units: int) -> None:
    planned_studies = planned()
    for label, study in planned_studies.items():
        layers = 2 if label == "two" else 1
        wanted = counts.weights(planned_studies["lstm"].cell, 2, units, layers)
        trial = study.trial(0, {"units": units, "layers": layers})
        assert trial.hyperparameters["units"] == units
        assert counts.weights(study.cell, 2, trial.units, layers) == pytest.approx(wanted, rel=0.01)
    assert planned_studies["lstm_again"].trial(0, {"units": units}).units == units
    assert planned_studies["gru"].trial(0, {"units": units}).units > units


def test_weights_of_both_directions_are_equal_too() -> None:
    text = SPEC.replace("search:", "model: {bidirectional: true}\nsearch:")
    lstm, two = (planned(text)[label] for label in ("lstm", "two"))
    point = {"units": 128, "layers": 2}
    wanted = counts.weights(lstm.cell, 2, 128, 2, bidirectional=True)
    own = counts.weights(two.cell, 2, two.trial(0, point).units, 2, bidirectional=True)
    assert own == pytest.approx(wanted, rel=0.01)


def test_the_baselines_cell_is_then_part_of_every_studys_identity() -> None:
    large = SPEC.replace("[120, 200]", "[500, 510]")
    now, other = planned(large), planned(large.replace("baseline: lstm", "baseline: rnn"))
    assert now["gru"].identity != other["gru"].identity
    plain = SPEC.replace("equal: weights\n", "")
    assert (
        planned(plain)["gru"].identity
        == planned(plain.replace("baseline: lstm", "baseline: rnn"))["gru"].identity
    )
    assert planned(plain)["gru"].trial(0, {"units": 120}).units == 120


def test_sizes_too_small_for_it_are_refused_with_the_largest_of_them() -> None:
    with pytest.raises(SpecError, match="search larger units") as caught:
        planned(SPEC.replace("[120, 200]", "[8, 200]"))
    assert "has no size with as many weights as lstm" in str(caught.value)
    with pytest.raises(SpecError, match="1 % is allowed"):
        planned(SPEC.replace("{int: [120, 200]}", "{choice: [150, 9]}"))
