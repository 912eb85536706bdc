"""Mutations of cells (Jozefowicz, Zaremba and Sutskever 2015, section 3.2), children and files."""

from collections.abc import Iterator

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir
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
from rnnzoo.lang.text import block, cell_text
from rnnzoo.lang.widen import compile_step
from rnnzoo.spec.cell import built_in_names

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
    from rnnzoo.lang.text import expression

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
    assert {str(equation.size) for equation in cell.step.equations} == {"units"}
    products = [product for each in cell.step.equations for product in ir.products(each.expr)]
    stateful = ir.stateful_names(cell.step.equations)
    assert any(ref.name == "x" for each in products for ref in ir.refs(each.args[1], "input"))
    assert any(ir.is_stateful(each.args[1], stateful) for each in products)
    states = [state.name for state in cell.states]
    compile_step(cell.step, list(dict.fromkeys([*states, cell.output])))
    assert drawn.mutations
    assert {*drawn.mutations} <= {*MUTATIONS}


def test_children_are_well_formed() -> None:
    for drawn in descendants(1_000, seed=5):
        assert_is_well_formed(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_children_are_well_formed(part: int) -> None:
    for drawn in descendants(10_000, seed=100 + part):
        assert_is_well_formed(drawn)


def test_a_child_is_a_function_of_the_seed() -> None:
    one, other = (list(descendants(20, seed=8)) for _ in range(2))
    assert one == other


def test_a_cell_file_is_read_as_the_cell() -> None:
    for drawn in [*descendants(50, seed=11), from_grammar(np.random.default_rng(2))]:
        text = cell_file(drawn, "A title: with a colon")
        read = lang.parse_text(text)
        assert read.title == "A title: with a colon"
        assert canonical_hash(read) == canonical_hash(drawn.cell)
        assert not text.endswith("\n\n")
