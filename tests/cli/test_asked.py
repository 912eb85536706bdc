"""What a sweep prints before anything trains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.cli.asked import lines
from rnnzoo.spec.read_experiment import parse_experiment, read

ROOT = Path(__file__).parents[2]
SPEC = """\
experiment: small
task: adding
variants:
  - lstm
  - {name: low, cell: lstm, init: {b_f: 0}}
  - {name: again, cell: lstm}
  - phased_lstm
search: {trials: 2, space: {units: 4}}
"""


def test_the_main_job_says_what_it_asks_and_what_each_variant_changes() -> None:
    assert [*lines(read(ROOT / "experiments/gates.yaml"))] == [
        "Which gates does an LSTM need? A small Greff et al. 2015 on Bach chorales.",
        "claims, to be answered",
        "  nfg worse than peephole",
        "  noaf worse than peephole",
        "  cifg same as peephole",
        "  np same as peephole",
        "  rnn worse than peephole",
        "  weights of cifg below 80% of peephole",
        "variants, and what each changes in peephole",
        "  peephole  LSTM with peepholes, the vanilla LSTM of Greff et al. (the baseline)",
        "  np        No peepholes (NP): other equations of i, f and o",
        "  cifg      Coupled input and forget gate (CIFG): f = 1 - i",
        "  coupled   LSTM whose input gate is what the forget gate leaves:"
        " other equations of f, i and o",
        "  gru       Gated recurrent unit, reset before the product: no equation in common",
        "  rnn       Simple recurrent network: h = tanh(W @ x + R @ h[t-1] + b)",
        "  nig       No input gate (NIG): i = 1",
        "  nfg       No forget gate (NFG): f = 1",
        "  nog       No output gate (NOG): o = 1",
        "  niaf      No input activation function (NIAF): g = W_g @ x + R_g @ h[t-1] + b_g",
        "  noaf      No output activation function (NOAF): h = o * c",
    ]


def test_variants_with_the_equations_of_the_baseline_say_how_they_differ() -> None:
    assert [*lines(parse_experiment(SPEC, "small.yaml", Path()))] == [
        "variants, and what each changes in lstm",
        "  lstm         Long short-term memory (the baseline)",
        "  low          Long short-term memory: the same equations, other initial weights",
        "  again        Long short-term memory: the same",
        "  phased_lstm  Phased LSTM: 10 other equations",
    ]


@pytest.mark.parametrize(
    ("variant", "words", "title"),
    [
        ("cell: clockwork, options: {modules: 4}", "modules", "modules 4"),
        ("cell: clockwork, options: {modules: 2}, space: {units: 8}", "units", "units 8"),
        ("cell: clockwork, options: {modules: 2}, space: {units: {int: [4, 8]}, layers: 2}",
         "layers and units", "layers 2"),
        ("cell: clockwork, options: {modules: 2}, space: {clip: 1}, init: {b: 1}",
         "initial weights and clip", "clip 1, init {b: 1}"),
    ],
)  # fmt: skip
def test_variants_of_one_cell_are_told_apart_by_all_that_is_otherwise(
    variant: str, words: str, title: str
) -> None:
    """On the terminal and by their titles in a report; a title has no range."""
    text = (
        "experiment: e\ntask: adding\nsearch: {space: {units: 4}}\nvariants:\n"
        "  - {name: a, cell: clockwork, options: {modules: 2}}\n"
        f"  - {{name: b, {variant}}}\n"
    )
    experiment = parse_experiment(text, "e.yaml", Path())
    *_, line = lines(experiment)
    assert line == f"  b  Clockwork RNN: the same equations, other {words}"
    assert experiment.title("b") == f"Clockwork RNN, {title}"


def test_of_many_claims_and_variants_the_first_are_shown() -> None:
    experiment = read(ROOT / "experiments/gates.yaml")
    many = replace(
        experiment, about="", claims=experiment.claims * 3, variants=experiment.variants * 2
    )
    shown = [*lines(many)]
    assert shown[13] == "  and 6 more claims"
    assert shown[-1] == "  and 10 more variants"
    assert len(shown) == 2 + 2 * (12 + 1)


@pytest.mark.parametrize("text", ["claims, to be answered", "(the baseline)"])
def test_a_sweep_says_what_it_asks_before_it_reads_data(text: str, swept: Path) -> None:
    told = (swept / "printed.txt").read_text()
    assert 0 <= told.index(text) < told.index("2 variants x 3 trials")
