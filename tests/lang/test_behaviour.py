"""Fingerprints of cells, and reasons why one cannot be trained."""

import random
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import ir
from rnnzoo.lang.behaviour import fingerprint, why_not
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.rewriting import child
from rnnzoo.lang.text import cell_text
from rnnzoo.spec.cell import built_in_names
from tests.lang.test_canonical import SPELLINGS
from tests.lang.test_rewriting import PARENTS, descendants
from tests.samples import compiled, slow_outside_of

MIXED = """
    z = sigmoid(W_z @ x + R_z @ h[t-1] + b_z)
    n = tanh(W_n @ x + R_n @ h[t-1] + b_n)
    h = z * n + (1 - z) * h[t-1]
"""


def cell_of(equations: str, more: str = "") -> ir.Cell:
    lines = "".join(f"  {line.strip()}\n" for line in equations.strip().splitlines())
    return lang.parse_text(f"name: given\nequations: |\n{lines}{more}")


def test_names_order_and_brackets_do_not_change_a_fingerprint() -> None:
    other = """
        h = (1 - q) * h[t-1] + q * n
        n = tanh(b_1 + (R_2 @ h[t-1] + W_0 @ x))
        q = sigmoid(R_0 @ h[t-1] + b_2 + W_1 @ x)
    """
    assert fingerprint(cell_of(other)) == fingerprint(cell_of(MIXED))


def test_cells_that_compute_the_same_otherwise_have_one_fingerprint() -> None:
    other = MIXED.replace("z * n + (1 - z) * h[t-1]", "h[t-1] + z * (n - h[t-1])")
    assert canonical_hash(cell_of(other)) != canonical_hash(cell_of(MIXED))
    assert fingerprint(cell_of(other)) == fingerprint(cell_of(MIXED))


def test_symmetric_gates_have_one_fingerprint_in_either_order() -> None:
    gates = """
        a = sigmoid(W_a @ x + R_a @ h[t-1] + b_a)
        k = sigmoid(W_k @ x + R_k @ h[t-1] + b_k)
    """
    one = cell_of(f"{gates}\nh = a * k * tanh(W @ x)")
    other = cell_of(f"{gates}\nh = tanh(W @ x) * k * a")
    swapped = cell_of(f"{gates}\nh = a * k * tanh(W @ x)".replace("W_a @ x + R_a", "W_a @ x + R_k"))
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(swapped) != fingerprint(one)


def test_a_shared_weight_is_not_two() -> None:
    tied = MIXED.replace("W_n @ x", "W_z @ x")
    assert fingerprint(cell_of(tied)) != fingerprint(cell_of(MIXED))


def test_weights_that_change_nothing_do_not_count() -> None:
    idle = MIXED.replace("b_n)", "b_n + 0 * (U @ x))")
    assert fingerprint(cell_of(idle)) == fingerprint(cell_of(MIXED))


def test_another_beginning_is_another_fingerprint() -> None:
    assert fingerprint(cell_of(MIXED, "init: {b_z: 1}")) != fingerprint(cell_of(MIXED))


def equal_cells(names: Iterable[str]) -> list[list[str]]:
    """The cells that have one fingerprint, where several have."""
    same: dict[str, list[str]] = {}
    for name in names:
        same.setdefault(fingerprint(lang.load(name)), []).append(name)
    return [names for names in same.values() if len(names) > 1]


def test_built_in_cells_differ_but_two_names_of_one() -> None:
    names = (
        "cifg",
        "coupled",
        "gru",
        "gru_reset_after",
        "lstm",
        "mgu",
        "mut1",
        "mut2",
        "mut3",
        "np",
    )
    assert equal_cells(names) == [["lstm", "np"]]  # NP: no peepholes
    assert canonical_hash(lang.load("np")) == canonical_hash(lang.load("lstm"))


@pytest.mark.slow
def test_all_built_in_cells_differ_but_two_names_of_one() -> None:
    assert equal_cells(built_in_names()) == [["lstm", "np"]]


@pytest.mark.parametrize("name", slow_outside_of(compiled(), built_in_names()))
def test_nothing_speaks_against_a_built_in_cell(name: str) -> None:
    assert why_not(lang.load(name)) == ""


@pytest.mark.parametrize(
    ("equation", "reason"),
    [
        ("h = tanh(W @ x) + 0 * h[t-1]", "it has no memory"),
        ("h = W @ x + R @ h[t-1] - R @ h[t-1]", "it has no memory"),
        ("h = tanh(R @ h[t-1] + b + 0 * (W @ x))", "its output does not depend on x"),
        ("h = relu(0 - relu(W @ x + R @ h[t-1]))", "its output is constant"),
        ("h = h[t-1] * h[t-1] * 99 + W @ x", "its output is not finite"),
        ("h = log(h[t-1]) + W @ x", "its output is not finite"),
    ],
)
def test_a_reason_is_said_in_words(equation: str, reason: str) -> None:
    assert why_not(cell_of(equation)).startswith(reason)


def test_a_delay_is_memory() -> None:
    assert why_not(cell_of("u = W @ x\nh = u[t-1]")) == ""


def test_a_cell_that_cannot_see_its_first_input_remembers_others() -> None:
    """Its state is 0 at first, and x only scales it."""
    cell = cell_of("h = sigmoid(W_f @ x) * h[t-1] + tanh(W @ x * (R @ h[t-1]) + b)")
    assert why_not(cell) == ""


def respelt(cell: ir.Cell, rng: random.Random) -> ir.Cell:
    """The same cell with other names, lines, brackets and orders of operands."""
    for change in SPELLINGS:
        cell = change(cell, rng)
    return cell


def assert_hashes_mean_behaviour(cells: Iterable[ir.Cell], respelt_each: int) -> None:
    """Cells of one hash compute the same; and a cell that is respelt keeps its hash, and what it
    computes.

    Args:
        respelt_each: of how many cells one is respelt.
    """
    rng, of_hash = random.Random(0), dict[str, list[ir.Cell]]()
    for number, cell in enumerate(cells):
        of_hash.setdefault(canonical_hash(cell), []).append(cell)
        if number % respelt_each == 0:
            other = respelt(cell, rng)
            assert canonical_hash(other) == canonical_hash(cell), cell_text(cell)
            # where values overflow, so do differences that rounding makes
            if "not finite" not in why_not(cell):
                assert fingerprint(other) == fingerprint(cell), cell_text(cell)
    drawn_twice = [alike for alike in of_hash.values() if len(alike) > 1]
    assert drawn_twice  # else nothing was tested
    for alike in drawn_twice:
        assert len({*map(fingerprint, alike)}) == 1, cell_text(alike[0])


def test_canonical_hashes_of_candidates_mean_behaviour() -> None:
    assert_hashes_mean_behaviour(children_of_few(500, seed=21), respelt_each=20)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_canonical_hashes_of_many_candidates_mean_behaviour(part: int) -> None:
    assert_hashes_mean_behaviour(children_of_few(1_000, seed=200 + part), respelt_each=1)


def children_of_few(count: int, seed: int) -> Iterator[ir.Cell]:
    """Children of the LSTM and the GRU, of which some are drawn twice, and their descendants."""
    rng = np.random.default_rng(seed)
    parents = [lang.load(name) for name in PARENTS]
    yield from (child(parents, rng).cell for _ in range(count // 2))
    yield from (each.cell for each in descendants(count - count // 2, seed))
