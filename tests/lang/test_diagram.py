"""Pictures of cells: each operation once, nothing over anything else, for the zoo and for any cell
there may be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from unittest import mock
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from rnnzoo import lang
from rnnzoo.errors import UsageError
from rnnzoo.lang import diagram as drawing
from rnnzoo.lang import ir
from rnnzoo.lang.carriers import as_written
from rnnzoo.lang.diagram import Layout, Line, diagram, graph, laid_out, walk
from rnnzoo.lang.diagram.place import Placement, name_width
from rnnzoo.lang.diagram.route import name_cell
from rnnzoo.lang.view import CellView, view
from rnnzoo.spec.cell import built_in_names
from tests import samples
from tests.samples import examples
from tests.strategies import cell_texts

Cells = set[tuple[int, int]]
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture(scope="module", autouse=True)
def laid_out_once() -> Iterator[None]:
    """Each picture of the zoo is laid out once for all tests: that takes up to a second."""
    with mock.patch.object(drawing, "_laid_out", cache(drawing._laid_out.__wrapped__)):
        yield


def names_of(layout: Layout) -> dict[int, Cells]:
    """The cells of the grid that the names beside nodes take."""
    cells: dict[int, Cells] = {}
    for number, placement in layout.placements.items():
        x, y = name_cell(layout.graph.nodes[number], placement)
        cells[number] = {(x + on, y) for on in range(name_width(layout.graph, number))}
    return cells


def check_room(layout: Layout) -> None:
    """No two nodes or names share a cell, and all of them stand within the frame."""
    taken = Counter(cell for placement in layout.placements.values() for cell in placement.cells())
    taken += Counter(cell for cells in names_of(layout).values() for cell in cells)
    assert set(taken.values()) <= {1}
    assert all(0 < x < layout.width and 0 < y < layout.height for x, y in taken)


def check_lines(layout: Layout, lines: tuple[Line, ...]) -> None:
    """Lines keep clear of nodes and names, and meet the lines of other values only to cross them
    straight.
    """
    stands = {cell for placement in layout.placements.values() for cell in placement.cells()}
    stands |= {cell for cells in names_of(layout).values() for cell in cells}
    runs: dict[tuple[int, int], dict[int, set[tuple[int, int]]]] = {}
    for line in lines:
        assert not stands & set(line.points)
        for (a, b), (c, d) in pairwise(line.points):
            assert abs(a - c) + abs(b - d) == 1
            for cell in ((a, b), (c, d)):
                runs.setdefault(cell, {}).setdefault(line.source, set()).add((c - a, d - b))
    for by_net in runs.values():
        if len(by_net) > 1:
            directions = list(by_net.values())
            assert len(directions) == 2
            assert all(len(of_net) == 1 for of_net in directions)
            (first,), (second,) = directions
            assert (first[0] == 0) != (second[0] == 0)


def check_ends(layout: Layout, lines: tuple[Line, ...]) -> None:
    """Every line begins beside its source and ends beside its target, and every value that is read
    has its line.
    """

    def beside(placement: Placement, cell: tuple[int, int]) -> bool:
        return any(abs(cell[0] - x) + abs(cell[1] - y) == 1 for x, y in placement.cells())

    nodes = layout.graph.nodes
    for line in lines:
        if line.source in layout.placements:
            assert beside(layout.placements[line.source], line.points[0])
        if line.target in layout.placements:
            assert beside(layout.placements[line.target], line.points[-1])
    led = Counter((line.source, line.target) for line in lines)
    wanted: Counter[tuple[int, int | str]] = Counter()
    for number, node in enumerate(nodes):
        for operand in node.operands:
            wanted[operand, number] += 1
        if len(node.joined) == 1:
            wanted[node.joined[0], number] += 1
    for number, join in enumerate(layout.joins, len(nodes)):
        wanted.update((operand, number) for operand in join.operands)
        wanted.update((number, position) for position in join.layers)
    wanted.update((layout.graph.values[state], state) for state in layout.graph.states)
    wanted[layout.graph.values[layout.graph.output], "top"] += 1
    assert led == wanted


# the lines of the others take seconds to lay
SLOW = ("hyper_lstm", "layer_norm_lstm", "s4d")
QUICK = [name for name in built_in_names() if name not in SLOW]


def check(cell: ir.Cell, layer: int) -> None:
    whole = graph(cell, layer)
    operations = sum(
        isinstance(node, ir.Apply)
        for each in cell.layer(layer).equations
        for node in ir.walk(each.expr)
    )
    assert sum(node.covers for node in whole.nodes) == operations
    drawn = laid_out(whole)
    assert drawn is not None
    layout, lines = drawn
    check_room(layout)
    check_lines(layout, lines)
    check_ends(layout, lines)


@pytest.mark.parametrize("name", samples.slow_outside_of(QUICK, built_in_names()))
def test_a_picture_holds_each_operation_once_and_nothing_overlaps(name: str) -> None:
    check(lang.load(name), 1)


# most layers above the first have the picture of it
@pytest.mark.parametrize("name", samples.cells(samples.compiled()))
def test_so_does_a_picture_of_the_layer_above(name: str) -> None:
    check(lang.load(name), 2)


@given(cell_texts())
@settings(max_examples=examples(20))
def test_any_cell_has_a_picture(text: str) -> None:
    cell = lang.parse_text(text)
    for layer in (1, 2):
        check(cell, layer)


@pytest.mark.parametrize("name", samples.cells(samples.compiled()))
def test_a_picture_is_xml(name: str) -> None:
    cell = view(name)
    drawn = [cell.diagram(), cell.chain(), *(picture for _, picture in cell.walk())]
    for picture in drawn:
        assert ElementTree.fromstring(picture).tag.endswith("svg")


@pytest.mark.parametrize("name", samples.cells(samples.compiled()))
def test_a_picture_is_the_same_every_time(name: str) -> None:
    drawn = view(name).diagram()
    drawing._laid_out.cache_clear()
    assert view(name).diagram() == drawn


def test_the_walk_through_an_lstm_is_forget_input_update_output() -> None:
    assert [group for group, _ in view("lstm").walk()] == [("f",), ("i", "g"), ("c",), ("o", "h")]


@pytest.mark.parametrize("name", built_in_names())
def test_a_walk_tells_every_equation_once(name: str) -> None:
    told = [equation for group in walk(view(name).ir) for equation in group]
    written = as_written(view(name).ir.step)
    assert sorted(told) == sorted(equation.name for equation in written.equations)


def test_values_of_several_steps_back_come_in_from_below() -> None:
    drawn = graph(view("narx").ir)
    earlier = [node.label for node in drawn.nodes if node.kind == "input" and node.name == "h"]
    assert earlier == [f"t\N{MINUS SIGN}{steps}" for steps in (2, 3, 4)]
    assert [*drawn.states] == ["h"]
    assert '<tspan class="sub" dy="4">t\N{MINUS SIGN}4</tspan>' in view("narx").diagram()


def bright(picture: str) -> set[str]:
    """Equations of the nodes that are not faint."""
    equations = set()

    def look(element: ElementTree.Element, faint: bool) -> None:
        faint = faint or element.get("class") == "dim"
        if element.get("data-equation") and not faint:
            equations.add(element.get("data-equation", ""))
        for child in element:
            look(child, faint)

    look(ElementTree.fromstring(picture), False)
    return equations


def test_what_stands_in_a_label_is_written_as_in_a_paper() -> None:
    """In brackets where it would be read otherwise."""
    cell = lang.parse_text(
        "name: q\noptions: {tau: 2}\nequations: |\n"
        "  S = A - A'\n"
        "  a = tanh(S @ h[t-1]) * (1 - b_2 ** 2) / tau\n"
        "  h = a * (b * b_2 >= 0.5)+ W @ x\n"
        "weights: {A: {shape: [units, units]}}\n"
    )
    labels = {node.label for node in graph(cell).nodes}
    assert {
        "A - Aᵀ", f"{TIMES} (1 - b_2 ^ 2)", "÷ τ", f"{TIMES} (b ⊙ b_2 ≥ 0.5)",
    } <= labels  # fmt: skip


def test_a_highlight_leaves_only_its_equations_in_full_colour() -> None:
    cell = view("peephole")
    assert bright(cell.diagram()) == {"i", "f", "g", "c", "o", "h"}
    assert bright(cell.diagram(highlight=["c"])) == {"c"}
    assert bright(cell.diagram(highlight=cell.changes)) == {"i", "f", "o"}


def test_an_equation_that_is_not_there_cannot_be_highlighted() -> None:
    with pytest.raises(UsageError, match="no equation 'z'"):
        view("lstm").diagram(highlight=["z"])


def test_the_equations_that_can_be_highlighted_are_those_of_the_layer() -> None:
    text = """name: low
equations: |
  h = tanh(W @ x + R @ h[t-1] + below.h)
first_layer: |
  e = tanh(E @ x)
  h = tanh(V @ e + R @ h[t-1])
"""
    cell = CellView(lang.parse_text(text))
    assert 'data-equation="e"' in cell.diagram(layer=1, highlight=["e"])
    with pytest.raises(UsageError, match="has no equation 'e'"):
        cell.diagram(layer=2, highlight=["e"])


def test_the_famous_pictures_are_laid_out_as_one_knows_them() -> None:
    """The cell state above all else, with a product and then a sum on it; four layers in one row;
    the output on the right.
    """
    layout, _ = laid_out(graph(lang.load("lstm"))) or pytest.fail("no picture")
    labels = {number: layout.graph.nodes[number].label for number in layout.placements}
    (belt,) = layout.belts.values()
    assert [labels[number] for number in belt] == ["\N{MULTIPLICATION SIGN}", "+"]
    assert all(
        layout.placements[belt[0]].y < placement.y
        for number, placement in layout.placements.items()
        if number not in belt
    )
    layers = sorted(
        (placement.x, number)
        for number, placement in layout.placements.items()
        if layout.graph.nodes[number].kind == "layer"
    )
    assert [layout.graph.nodes[number].name for _, number in layers] == ["f", "i", "g", "o"]
    assert len({layout.placements[number].y for _, number in layers}) == 1
    # what is forgotten, above the gate that says so
    assert layout.placements[belt[0]].x == layers[0][0]
    assert (
        layout.exits["c"][1] == layout.entries[layout.graph.states["c"]][1] < layout.exits["h"][1]
    )


WIDE = "\n".join(
    f"  g{n} = sigmoid(W_{n} @ x + R_{n} @ h[t-1] + p_{n} * s[t-1] + b_{n})" for n in range(6)
)
SIX = f"""\
name: six
equations: |
{WIDE}
  n = tanh(W_n @ x + R_n @ (g0 * h[t-1]) + b_n)
  s = g1 * s[t-1] + g2 * n
  m = g3 * m[t-1] + (1 - g3) * g4 * s
  h = g5 * tanh(s + 0.5 * m)
"""


def test_a_cell_of_six_gates_and_two_memories_has_a_picture() -> None:
    cell = lang.parse_text(SIX)
    check(cell, 2)
    layout, _ = laid_out(graph(cell)) or pytest.fail("no picture")
    assert set(layout.belts) == {"s", "m"}


LONG = "name: long\nequations: |\n  a0 = tanh(W @ x + R @ h[t-1] + b)\n" + "".join(
    f"  a{n} = sigmoid(a{n - 1}) * tanh(a{max(0, n - 5)}) + a{n // 2}\n" for n in range(1, 10)
) + "  h = a9 * h[t-1]\n"  # fmt: skip


def test_a_cell_of_forty_operations_has_a_picture() -> None:
    cell = lang.parse_text(LONG)
    operations = sum(node.covers for node in graph(cell).nodes)
    assert operations >= 40
    check(cell, 2)


def test_a_cell_that_nobody_could_read_says_so_at_once() -> None:
    lines = "".join(f"  a{n} = sigmoid(a{n - 1} * a{n - 1})\n" for n in range(1, 120))
    cell = lang.parse_text(f"name: big\nequations: |\n  a0 = W @ x\n{lines}  h = a119 + h[t-1]\n")
    assert "too many operations" in diagram(cell)
    assert [name for group in walk(cell) for name in group].count("h") == 1
