"""Blocks of equations that are repeated, `repeat k to depth:`."""

from __future__ import annotations

import pytest

from rnnzoo import lang
from rnnzoo.errors import SpecError
from rnnzoo.lang import ir
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.check import check
from rnnzoo.lang.view import view
from rnnzoo.report.html import described
from rnnzoo.spec.cell import parse_cell, read

# what the zoo's recurrent highway network had before it had an option
WRITTEN_OUT = """\
name: rhn
equations: |
  n1 = tanh(W_n @ x + R_n1 @ h[t-1] + b_n1)
  z1 = sigmoid(W_z @ x + R_z1 @ h[t-1] + b_z1)
  s1 = z1 * n1 + (1 - z1) * h[t-1]
  n2 = tanh(R_n2 @ s1 + b_n2)
  z2 = sigmoid(R_z2 @ s1 + b_z2)
  h = z2 * n2 + (1 - z2) * s1
init: {b_z1: -2, b_z2: -2}
"""
BLOCK = """\
name: mine
options: {depth: 2}
equations: |
  s[0] = tanh(W @ x)
  repeat k to depth:
    s = tanh(R[k] @ s[k-1] + b[k] + U @ h[t-1])      # one more layer
  h = s
"""


def cell_of(text: str) -> ir.Cell:
    return lang.parse_text(text)


def equations(text: str) -> list[str]:
    written = lang.text.block(cell_of(text).step.equations)
    return written.splitlines()


def test_the_zoos_highway_network_is_still_the_one_that_studies_know() -> None:
    cell = lang.load("rhn")
    assert lang.text.digest(cell).startswith("f6452e81a6d0ce28")
    assert canonical_hash(cell).startswith("5295b6bb1ac58834")


def test_rounds_are_what_they_are_written_out() -> None:
    cell = check(read("rhn").with_options({"depth": 2}))
    assert lang.text.digest(cell) == lang.text.digest(cell_of(WRITTEN_OUT))


def test_an_option_is_the_number_of_rounds() -> None:
    spec = read("rhn")
    for depth in (1, 2, 5):
        step = check(spec.with_options({"depth": depth})).step
        assert len(step.equations) == 3 * depth
        assert len(step.weights) == 2 + 4 * depth


def test_an_index_gives_each_round_a_weight_and_without_one_they_share_it() -> None:
    assert equations(BLOCK) == [
        "s0 = tanh(W @ x)",
        "s1 = tanh(R1 @ s0 + b_1 + U @ h[t-1])",
        "h = tanh(R2 @ s1 + b_2 + U @ h[t-1])",
    ]
    assert [weight.name for weight in cell_of(BLOCK).step.weights] == [
        "W", "R1", "b_1", "U", "R2", "b_2",
    ]  # fmt: skip


def test_what_is_declared_of_a_weight_holds_in_each_round_that_has_none_of_its_own() -> None:
    text = BLOCK + "init: {R: identity, b: 2, b_2: 3}\nweights:\n  R: {mask: row >= col}\n"
    weights = {weight.name: weight for weight in cell_of(text).step.weights}
    for name in ("R1", "R2"):
        assert weights[name].init.name == "identity"
        assert weights[name].mask is not None
    assert [weights[name].init.values for name in ("b_1", "b_2")] == [(2,), (3,)]


def test_what_the_round_decides_is_left_out() -> None:
    changed = BLOCK.replace(
        "tanh(R[k] @ s[k-1]", "tanh(where(k == 1, E @ x, 0) + k * s[k-1] - (k - 1) * s[k-1]"
    ).replace("b[k]", "(k > 1) * b[k]")
    assert equations(changed) == [
        "s0 = tanh(W @ x)",
        "s1 = tanh(E @ x + s0 + U @ h[t-1])",
        "h = tanh(2 * s1 - s1 + b_2 + U @ h[t-1])",
    ]


def test_rounds_can_be_read_by_their_numbers() -> None:
    text = BLOCK.replace("h = s", "h = s[0] + s[1] + s[depth] + s")
    assert equations(text)[-1] == "h = s0 + s1 + s2 + s2"


def test_a_matrix_of_a_round_is_transposed_as_any_other() -> None:
    """And an equation is of use that is read so only, or by the name that `show` prints."""
    block = (
        "name: mine\nequations: |\n  S[0] = C[t-1]\n  repeat k to 2:\n"
        "    Q = softmax(B[k])\n    q = Q' @ (V @ x)\n"
        "    S = 0.5 * S[k-1] + outer(q, S[k-1]' @ Q[k]' @ q)\n  C = S\n"
        "  h = S[1]' @ q1 + C' @ q2 + Q[2]' @ q\nweights: {B: {shape: [units, units]}}\n"
    ).replace("S[k-1]' @ Q[k]' @ q", "S[k-1]' @ (Q[k]' @ q)")
    assert equations(block) == [
        "Q1 = softmax(B1)",
        "q1 = Q1' @ (V @ x)",
        "S1 = 0.5 * C[t-1] + outer(q1, C[t-1]' @ (Q1' @ q1))",
        "Q2 = softmax(B2)",
        "q2 = Q2' @ (V @ x)",
        "C = 0.5 * S1 + outer(q2, S1' @ (Q2' @ q2))",
        "h = S1' @ q1 + C' @ q2 + Q2' @ q2",
    ]


def test_a_start_that_only_names_a_value_takes_no_equation() -> None:
    text = BLOCK.replace("s[0] = tanh(W @ x)", "s[0] = h[t-1]").replace("U @ h[t-1]", "W @ x")
    assert equations(text)[0] == "s1 = tanh(R1 @ h[t-1] + b_1 + W @ x)"


def test_the_output_may_be_repeated_itself_and_a_lag_may_count_rounds() -> None:
    text = (
        "name: mine\nequations: |\n  h[0] = W @ x\n  repeat k to 3:\n"
        "    h = h[k-1] + R'[k] @ h[t-k]\n"
    )
    assert [line for line in equations(text) if not line.startswith("h_lag")] == [
        "h0 = W @ x", "h1 = h0 + R1' @ h[t-1]", "h2 = h1 + R2' @ h_lag1[t-1]",
        "h = h2 + R3' @ h_lag2[t-1]",
    ]  # fmt: skip


def test_an_heir_replaces_an_equation_in_each_round() -> None:
    heir = "name: mine\nextends: rhn\noptions: {depth: 2}\nequations: |\n  z = 0.5\n"
    assert sorted(equations(heir)) == [
        "h = z2 * n2 + (1 - z2) * s1",
        "n1 = tanh(W_n @ x + R_n1 @ h[t-1] + b_n1)",
        "n2 = tanh(R_n2 @ s1 + b_n2)",
        "s1 = z1 * n1 + (1 - z1) * h[t-1]",
        "z1 = 0.5",
        "z2 = 0.5",
    ]


def test_a_first_layer_replaces_an_equation_in_each_round() -> None:
    text = BLOCK.replace("W @ x", "W @ x + V @ below.s") + (
        "first_layer: |\n  s[0] = tanh(W @ x)\n  s = tanh(R[k] @ s[k-1])\n"
    )
    cell = cell_of(text)
    assert lang.text.block(cell.first.equations).splitlines() == [
        "s0 = tanh(W @ x)", "s1 = tanh(R1 @ s0)", "h = tanh(R2 @ s1)",
    ]  # fmt: skip
    assert lang.text.block(cell.step.equations).splitlines()[0] == "s0 = tanh(W @ x + V @ below.h)"


def first_layer_of(first_layer: str) -> list[str]:
    cell = cell_of(f"{BLOCK.replace('tanh(W @ x)', 'h[t-1]')}first_layer: |\n{first_layer}")
    return lang.text.block(cell.first.equations).splitlines()


def test_a_first_layer_may_make_more_of_the_last_round_than_another_name() -> None:
    assert first_layer_of("  h = s + W_e @ x\n")[-1] == "h = s2 + W_e @ x"


def test_a_first_layer_may_begin_its_rounds_otherwise() -> None:
    lines = first_layer_of("  s[0] = tanh(h[t-1])\n")
    assert lines[0] == "s0 = tanh(h[t-1])"
    assert "R1 @ s0" in lines[1]


def test_a_block_that_an_heir_writes_once_more_is_the_one_that_it_inherits() -> None:
    alone = cell_of("name: a\nextends: rhn\nequations: |\n  n = tanh(R_n[k] @ s[k-1])\n")
    block = "  repeat k to depth:\n    n = q\n    q = tanh(R_n[k] @ s[k-1])\n"
    written = cell_of(f"name: a\nextends: rhn\nequations: |\n{block}")
    assert canonical_hash(written) == canonical_hash(alone)


def test_a_state_of_rounds_starts_as_it_says() -> None:
    text = BLOCK.replace("h[t-1]", "s[t-1]") + "initial: {s: 0.5}\n"
    assert [(state.name, state.initial) for state in cell_of(text).states] == [("h", 0.5)]


def test_comments_stand_beside_each_round() -> None:
    assert view("rhn").comments["n2"] == "inputs enter the first layer only"


@pytest.mark.parametrize(
    ("name", "options"),
    [("rhn", {"depth": 3}), ("dilated_rnn", {"dilation": 4}), ("clockwork", {"modules": 8})],
)
def test_an_option_that_is_written_out_is_shown_with_the_others(
    name: str, options: dict[str, float]
) -> None:
    shown = view(name)
    assert shown.options.items() >= options.items()
    assert shown.to_dict(8, 8)["options"] == shown.options == described(name, shown)["options"]


def test_more_rounds_than_equations_can_be_are_refused() -> None:
    spec = read("rhn")
    for depth, problem in ((51, "51 is no number of rounds"), (2.5, "2.5 is no number of rounds")):
        with pytest.raises(SpecError, match=problem):
            check(spec.with_options({"depth": depth}))
    many = "\n".join(f"    u{n}_ = s[k-1] * {n}" for n in range(9))
    text = BLOCK.replace("depth: 2", "depth: 40").replace(
        "    s = tanh(", f"{many}\n    s = tanh({' + '.join(f'u{n}_' for n in range(9))} + "
    )
    with pytest.raises(SpecError, match="these rounds make 401 equations"):
        check(parse_cell(text))
