"""Mutations of cells (Jozefowicz, Zaremba and Sutskever 2015, section 3.2), children and files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.cli import main
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
from rnnzoo.lang.behaviour import why_not
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.rewriting import (
    FREQUENCIES,
    MUTATIONS,
    Child,
    Graph,
    Rules,
    cell_file,
    child,
    from_grammar,
)
from rnnzoo.lang.rewriting.descent import fits, mutated, reads_by_matrices
from rnnzoo.lang.text import block, cell_text, expression
from rnnzoo.lang.view import view
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names
from tests.samples import compiled, slow_outside_of

PARENTS = ("lstm", "gru")
SIMPLE = """
    g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)
    h = g * tanh(R_h @ h[t-1])
"""


def cell_of(equations: str) -> ir.Cell:
    lines = "".join(f"  {line.strip()}\n" for line in equations.strip().splitlines())
    return lang.parse_text(f"name: given\nequations: |\n{lines}")


def lines_of(cell: ir.Cell) -> list[str]:
    return block(cell.step.equations).splitlines()


def mutants(
    equations: str, mutation: str, node: str, rules: Rules | None = None, draws: int = 60
) -> set[tuple[str, ...]]:
    """All that a mutation was seen to make of the node that is written so, as equations."""
    graph = Graph.of(cell_of(equations))
    name = next(name for name in graph.nodes if written(graph, name) == node)
    rng, seen = np.random.default_rng(1), set()
    for _ in range(draws):
        mutant = MUTATIONS[mutation](graph, name, rng, rules or Rules())
        if mutant is not None:
            seen.add(tuple(lines_of(mutant.to_cell("mutant"))))
    return seen


def written(graph: Graph, name: str) -> str:
    """A node as it is written in equations, without their names."""

    def spelt(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Ref) and expr.kind == "value":
            return spelt(graph.nodes[expr.name])
        if isinstance(expr, ir.Apply):
            return ir.Apply(expr.op, tuple(map(spelt, expr.args)), expr.shape)
        return expr

    return expression(spelt(graph.nodes[name]))


GATE = "sigmoid(W_g @ x + R_g @ h[t-1] + b_g)"


def test_an_activation_is_swapped_for_each_other_one() -> None:
    rules = Rules(diagonals=(0.0,))
    first = "g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)"
    assert mutants(SIMPLE, "swap_activation", "tanh(R_h @ h[t-1])", rules) == {
        (first, "h = g * sigmoid(R_h @ h[t-1])"),
        (first, "h = g * relu(R_h @ h[t-1])"),
        (first, "h = g * (R_1 @ (R_h @ h[t-1]) + b_1)"),
    }


def test_a_product_of_weights_is_the_linear_activation() -> None:
    rules = Rules(diagonals=(0.0,))
    first = "g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)"
    assert mutants(SIMPLE, "swap_activation", "R_h @ h[t-1]", rules) == {
        (first, "h = g * tanh(sigmoid(h[t-1]))"),
        (first, "h = g * tanh(relu(h[t-1]))"),
        (first, "h = g * tanh(tanh(h[t-1]))"),
    }


def test_a_swapped_product_on_x_embeds_x() -> None:
    swapped = mutants(SIMPLE, "swap_activation", "W_g @ x", Rules(activations=("tanh", "linear")))
    assert (
        "g = sigmoid(tanh(E @ x) + R_g @ h[t-1] + b_g)",
        "h = g * tanh(R_h @ h[t-1])",
    ) in swapped


def test_the_diagonal_of_a_linear_activation_begins_as_it_is_called() -> None:
    rules = Rules(activations=("linear",), diagonals=(0.9,))
    graph = Graph.of(cell_of(SIMPLE))
    name = next(n for n in graph.nodes if written(graph, n) == "tanh(R_h @ h[t-1])")
    mutant = MUTATIONS["swap_activation"](graph, name, np.random.default_rng(0), rules)
    assert mutant is not None
    cell = mutant.to_cell("mutant")
    weight = next(weight for weight in cell.step.weights if weight.name == "R_1")
    assert str(weight.init.plain()) == "0.9 * (row == col) + (2 * random - 1) / sqrt(units)"


def test_an_elementwise_operation_is_swapped_for_the_others() -> None:
    first = "g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)"
    product = "sigmoid(W_g @ x + R_g @ h[t-1] + b_g) * tanh(R_h @ h[t-1])"
    assert mutants(SIMPLE, "swap_elementwise", product) == {
        (first, "h = g + tanh(R_h @ h[t-1])"),
        (first, "h = g - tanh(R_h @ h[t-1])"),
    }


def test_a_bias_stays_where_it_is() -> None:
    graph = Graph.of(cell_of(SIMPLE))
    sites = {written(graph, name) for name in graph.sites}
    assert "W_g @ x + R_g @ h[t-1]" in sites
    assert "W_g @ x + R_g @ h[t-1] + b_g" not in sites


def test_an_activation_is_inserted_below_a_node() -> None:
    rules = Rules(activations=("relu",))
    product = "sigmoid(W_g @ x + R_g @ h[t-1] + b_g) * tanh(R_h @ h[t-1])"
    first = "g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)"
    assert mutants(SIMPLE, "insert_activation", product, rules) == {
        (first, "h = relu(g) * tanh(R_h @ h[t-1])"),
        (first, "h = g * relu(tanh(R_h @ h[t-1]))"),
    }


def test_a_removed_node_leaves_what_it_read() -> None:
    first = "g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)"
    assert mutants(SIMPLE, "remove", "tanh(R_h @ h[t-1])") == {(first, "h = g * (R_h @ h[t-1])")}
    assert mutants(SIMPLE, "remove", "R_h @ h[t-1]") == {(first, "h = g * tanh(h[t-1])")}
    assert mutants(SIMPLE, "remove", GATE) == {
        ("h = (W_g @ x + R_g @ h[t-1] + b_g) * tanh(R_h @ h[t-1])",)
    }


def test_a_linear_activation_is_removed_with_its_bias() -> None:
    equations = "h = tanh(R_h @ tanh(W @ x + R @ h[t-1]) + b)"
    assert mutants(equations, "remove", "R_h @ tanh(W @ x + R @ h[t-1]) + b") == {
        ("h = tanh(tanh(W @ x + R @ h[t-1]))",)
    }


def test_a_node_that_is_read_twice_is_not_removed() -> None:
    equations = """
        g = tanh(W @ x + R @ h[t-1])
        h = g * g
    """
    assert mutants(equations, "remove", "tanh(W @ x + R @ h[t-1])") == set()


def test_a_node_is_replaced_by_each_of_its_ancestors() -> None:
    equations = "h = tanh(W @ x + R @ h[t-1]) - h[t-1]"
    assert mutants(equations, "replace", "W @ x + R @ h[t-1]") == {
        ("h = tanh(W @ x) - h[t-1]",),
        ("h = tanh(E @ x) - h[t-1]",),
        ("h = tanh(R @ h[t-1]) - h[t-1]",),
        ("h = tanh(h[t-1]) - h[t-1]",),
    }


def test_ancestors_are_combined_and_none_of_them_needs_the_node() -> None:
    equations = """
        g = tanh(W @ x + R @ h[t-1])
        h = g - h[t-1]
    """
    rules = Rules(elementwise=("mul",))
    made = mutants(equations, "combine", "tanh(W @ x + R @ h[t-1])", rules, draws=300)
    assert ("g = W @ x * (R @ h[t-1])", "h = g - h[t-1]") in made
    assert ("g = E @ x * h[t-1]", "h = g - h[t-1]") in made
    own = {"W @ x", "R @ h[t-1]", "h[t-1]", "E @ x", "W @ x + R @ h[t-1]"}
    assert len(made) <= len(own) ** 2


def test_the_table_of_mutations_and_their_frequencies_name_the_same() -> None:
    assert list(MUTATIONS) == list(FREQUENCIES)


@pytest.mark.parametrize("name", built_in_names())
def test_the_graph_of_a_cell_is_the_cell(name: str) -> None:
    cell = lang.load(name)
    if cell.first != cell.step:
        with pytest.raises(UsageError, match="first layer of its own"):
            Graph.of(cell)
        return
    again = Graph.of(cell).to_cell(cell.name)
    assert canonical_hash(again) == canonical_hash(cell)


def descendants(count: int, seed: int, rules: Rules | None = None) -> Iterator[Child]:
    """Draws of an unselected descent: each child becomes a parent in place of another one."""
    rng = np.random.default_rng(seed)
    population = [lang.load(name) for name in PARENTS] * 10
    for _ in range(count):
        drawn = child(population, rng, rules)
        population[int(rng.integers(len(population)))] = drawn.cell
        yield drawn


def assert_is_well_formed(drawn: Child) -> None:
    cell = drawn.cell
    assert lang.parse_text(cell_text(cell)) == cell
    assert {equation.size for equation in cell.step.equations} == {"units"}
    products = [product for each in cell.step.equations for product in ir.products(each.expr)]
    stateful = ir.stateful_names(cell.step.equations)
    assert any(ref.name == "x" for each in products for ref in ir.refs(each.args[1], "input"))
    assert any(ir.is_stateful(each.args[1], stateful) for each in products)
    states = [state.name for state in cell.states]
    compile_step(cell.step, list(dict.fromkeys([*states, cell.output])))
    assert drawn.mutations
    assert {*drawn.mutations} <= {*MUTATIONS}


def test_children_are_well_formed() -> None:
    """The checker reads each of them; every fourth is read again and compiled as well."""
    for number, drawn in enumerate(descendants(1_000, seed=5)):
        if number % 4 == 0:
            assert_is_well_formed(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_many_children_are_well_formed(part: int) -> None:
    for drawn in descendants(5_000, seed=100 + part):
        assert_is_well_formed(drawn)


def test_children_are_a_function_of_the_seed() -> None:
    one, other = (list(descendants(20, seed=8)) for _ in range(2))
    assert one == other


def test_a_child_keeps_the_states_of_its_parent() -> None:
    rng = np.random.default_rng(4)
    for name in ("lstm", "gru", "lem"):
        parent = lang.load(name)
        for _ in range(30):
            drawn = child([parent], rng)
            assert drawn.parents == (name,)
            assert {each.name for each in drawn.cell.states} == {
                each.name for each in parent.states
            }


@pytest.mark.parametrize("name", slow_outside_of(compiled(), built_in_names()))
def test_any_cell_whose_layers_are_alike_can_be_a_parent(name: str) -> None:
    """Also with constants, masks, options, matrix states and inputs beside x."""
    cell = lang.load(name)
    if cell.first != cell.step or not reads_by_matrices(Graph.of(cell)):
        return
    rng = np.random.default_rng(3)
    for _ in range(5):
        drawn = child([cell], rng, Rules(most_nodes=500))
        assert lang.parse_text(cell_text(drawn.cell)) == drawn.cell


def mean_sizes(parent: str, lines: int, generations: int = 50) -> tuple[float, float]:
    """Of so many lines of descent without selection, the mean number of nodes at first and at
    last.
    """
    rng, rules = np.random.default_rng(0), Rules()
    first = Graph.of(lang.load(parent))
    population = [first] * lines
    for _ in range(generations):
        population = [next_of(graph, rng, rules) for graph in population]
    return len(first.nodes), float(np.mean([len(graph.nodes) for graph in population]))


def next_of(graph: Graph, rng: np.random.Generator, rules: Rules) -> Graph:
    while True:
        mutant, mutations = mutated(graph, rng, rules)
        if mutations and fits(mutant, graph) and rules.allow(mutant):
            return mutant


@pytest.mark.parametrize("lines", [12, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("parent", PARENTS)
def test_cells_keep_their_size_over_fifty_generations(parent: str, lines: int) -> None:
    first, last = mean_sizes(parent, lines)
    assert 0.75 * first < last < 1.4 * first


def test_no_cell_has_more_nodes_than_allowed() -> None:
    rules = Rules(most_nodes=26)
    assert max(len(Graph.of(each.cell).nodes) for each in descendants(60, 2, rules)) <= 26


def test_what_is_forbidden_is_not_made() -> None:
    rules = Rules(forbidden=("sub", "relu(a)", "sigmoid(sigmoid(a))", "a * a"))
    cell = cell_of("h = sigmoid(sigmoid(W @ x + R @ h[t-1]) * tanh(h[t-1]))")
    assert rules.allow(Graph.of(cell))
    for written_otherwise in (
        "h = sigmoid(sigmoid(W @ x + R @ h[t-1]))",
        "g = sigmoid(W @ x + R @ h[t-1])\nh = sigmoid(g)",
        "h = relu(W @ x + R @ h[t-1])",
        "h = W @ x - R @ h[t-1]",
        "h = tanh(W @ x + R @ h[t-1]) * tanh(W @ x + R @ h[t-1])",
        "g = tanh(W @ x + R @ h[t-1])\nh = g * g",
    ):
        assert not rules.allow(Graph.of(cell_of(written_otherwise))), written_otherwise


@pytest.mark.parametrize(
    ("forbidden", "expression"),
    [
        ("softmax", "softmax(R @ h[t-1], 4)"),  # groups are an operand more
        ("norm", "R @ h[t-1] / (1 + norm(h[t-1]))"),  # a number is no node of its own
        ("outer", "outer(W @ x, R @ h[t-1]) @ h[t-1]"),  # nor is a matrix
        ("sqrt(mean(a))", "R @ h[t-1] / sqrt(mean(h[t-1] * h[t-1]))"),
    ],
)
def test_what_is_forbidden_is_found_within_nodes_and_with_groups(
    forbidden: str, expression: str
) -> None:
    graph = Graph.of(cell_of(f"h = tanh(W @ x + {expression})"))
    assert Rules().allow(graph)
    assert not Rules(forbidden=(forbidden,)).allow(graph)


def test_x_is_embedded_by_no_matrix_of_fewer_rows() -> None:
    """`e` is a number here, and no vector that could stand for x."""
    text = """name: narrow
equations: |
  e = E @ x
  h = tanh(W @ x + V @ e + R @ h[t-1])
weights: {E: {shape: [1, inputs]}, V: {shape: [units, 1]}}
"""
    graph = Graph.of(lang.parse_text(text))
    assert graph.embedding is None
    widened, value = graph.with_operand(ir.Ref("input", "x", ("inputs",)))
    assert value.shape == ("units",)
    assert widened.nodes[value.name].shape == ("units",)
    assert "E_1" in widened.weights


def test_only_allowed_activations_and_mutations_are_drawn() -> None:
    rules = Rules(activations=("softsign",), mutations=("insert_activation",))
    drawn = child([lang.load("gru")], np.random.default_rng(0), rules)
    assert {*drawn.mutations} == {"insert_activation"}
    assert "softsign(" in block(drawn.cell.step.equations)


@pytest.mark.parametrize(
    ("rules", "problem", "fix"),
    [
        ({"activations": ("tahn",)}, "'tahn' is not an activation", "did you mean 'tanh'?"),
        ({"elementwise": ("mull",)}, "'mull' is not an operation on two operands", "'mul'"),
        ({"mutations": ("insert",)}, "'insert' is not a mutation", "insert_activation"),
        ({"mutations": ()}, "no mutation is allowed", "name at least one"),
        ({"forbidden": ("tahn",)}, "'tahn' is no operation", "did you mean 'tanh'?"),
        ({"forbidden": ("tanh(h[t-1])",)}, "has an index", "sigmoid(sigmoid(a))"),
        ({"forbidden": ("tanh(",)}, "is no expression", "sigmoid(sigmoid(a))"),
    ],
)
def test_rules_that_mean_nothing_are_refused(
    rules: dict[str, tuple[str, ...]], problem: str, fix: str
) -> None:
    with pytest.raises(UsageError) as raised:
        Rules(**rules)  # type: ignore[arg-type]
    assert problem in raised.value.parts[0]
    assert fix in raised.value.parts[1]


def test_a_parent_without_any_allowed_child_is_named() -> None:
    rules = Rules(most_nodes=1)
    with pytest.raises(UsageError, match="none of 300 mutants of cell 'gru' keeps the rules"):
        child([lang.load("gru")], np.random.default_rng(0), rules)
    with pytest.raises(UsageError, match="none of 300 cells of the grammar keeps the rules"):
        from_grammar(np.random.default_rng(0), rules)


def test_the_grammar_makes_many_cells_that_can_be_trained() -> None:
    rng = np.random.default_rng(6)
    cells = [from_grammar(rng).cell for _ in range(100)]
    assert len({canonical_hash(cell) for cell in cells}) > 90
    assert [why_not(cell) for cell in cells[:20]] == [""] * 20


def test_the_grammar_keeps_rules() -> None:
    rng, rules = np.random.default_rng(6), Rules(activations=("softsign",), forbidden=("mul",))
    with pytest.raises(UsageError):
        from_grammar(rng, rules)  # every gate multiplies
    text = block(from_grammar(rng, Rules(activations=("softsign",))).cell.step.equations)
    assert "tanh" not in text


def test_a_cell_file_is_written_as_those_of_the_zoo_are() -> None:
    cell = lang.parse_text(
        "name: found_3\nequations: |\n  h = tanh(W @ x + R_1 @ h[t-1] + R_2 @ (b * h[t-1]))\n"
        "init:\n  b: 1\n"
        "  R_1: 0.9 * (row == col) + (2 * random - 1) / sqrt(units)\n"
        "  R_2: 1.1 * (row == col) + (2 * random - 1) / sqrt(units)\n"
    )
    drawn = Child(cell, ("lstm",), ("combine", "remove"))
    assert cell_file(drawn, "A title: with a colon", ["and a remark"]) == (
        """name: found_3
title: 'A title: with a colon'
family: searched
# child of lstm by combine, remove
# and a remark
equations: |
  h = tanh(W @ x + R_1 @ h[t-1] + R_2 @ (b * h[t-1]))
init:
  R_1: 0.9 * (row == col) + (2 * random - 1) / sqrt(units)
  b: 1
  R_2: 1.1 * (row == col) + (2 * random - 1) / sqrt(units)
"""
    )


def test_a_cell_file_is_read_as_the_cell() -> None:
    rng = np.random.default_rng(2)
    clockwork = lang.load("clockwork")  # with constants, a mask and options
    drawn = [*descendants(30, seed=11), from_grammar(rng), child([clockwork], rng)]
    for each in drawn:
        read = lang.parse_text(cell_file(each, "A title"))
        assert read == replace(each.cell, title="A title")


def test_a_cell_file_is_shown_and_checked_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    file.write_text(cell_file(child([lang.load("lstm")], np.random.default_rng(1), name="found")))
    shown = view(file)
    assert (shown.name, shown.family) == ("found", "searched")
    for command in ("show", "check"):
        assert main([command, str(file)]) == 0
