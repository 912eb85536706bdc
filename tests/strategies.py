"""Random well-formed cells, as text: the one place that makes them.

A grammar with sizes: equations of size `units` or `proj` (an option), constants, masks, shared and
declared weights, learned initial values, a patch for the first layer, and every elementwise
operation, each on operands on which it stays finite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from rnnzoo.lang.primitives import ELEMENTWISE
from rnnzoo.lang.primitives.base import CALL, OPERANDS, Elementwise, Operands

Draw = st.DrawFn


def tame_form(primitive: Elementwise) -> str:
    """One way to write an operation that keeps any operands of modest size finite: its `tame`, or
    the operation itself on `({a})` and `({b})`.
    """
    if primitive.tame:
        return primitive.tame
    enclosed = "({{{}}})" if primitive.symbol else "{{{}}}"
    operands = [(enclosed.format(name), CALL) for name in OPERANDS[: primitive.arity]]
    return primitive.text(Operands((), operands))[0]


TAME = tuple(map(tame_form, ELEMENTWISE.values()))

# Forms that are simplified, or of which a part is computed once, before the loop or after it.
OTHERS = (
    "({a}) / (2 + tanh({w}))", "(2 + tanh({w})) ** tanh({a})", "({a}) / k", "({a}) ** 2",
    "({a}) ** 3", "({a}) ** 0", "(1.5 + tanh({a})) ** k", "k ** tanh({a})", "0 * ({a})",
    "({a}) - ({a})", "({a}) - -({b})", "where(1, {a}, {b})", "where(k > 1, {a}, {b})",
    "where(t % 3 == 0, {a}, {b})", "where(t < 2, 0, {a})", "minimum({a}, 0.3)", "maximum(0, {a})",
    "({a}) * sin(t * s)", "exp(-softplus({w})) * ({a})",
    "({a}) * mean({b})", "softmax({a})", "({a}) - max({b})", "layer_norm({a})",
    "tanh({a}) * norm({w})", "dot({a}, {b}) * tanh({w})", "cumsum({a}) - sum(sin({b}))",
    "softmax({a}, 1) + mean({b}, 1)",
)  # fmt: skip
FORMS = (*TAME, *OTHERS)
# those that need neither the number of the step nor other units, and do not jump
_ELSEWHERE = re.compile(r"\bt\b|[<>]|sign\(|softmax|mean|max\(\{b\}\)$|norm|dot|cumsum")
UNIT_BY_UNIT = tuple(form for form in FORMS if not _ELSEWHERE.search(form))

# Matrices by (rows, columns); two of a kind, so that some are used twice.
MATRICES = {
    ("units", "inputs"): ("W", "W_2"), ("units", "units"): ("R", "R_2"),
    ("units", "proj"): ("U", "U_2"), ("proj", "inputs"): ("V", "V_2"),
    ("proj", "units"): ("P", "P_2"), ("proj", "proj"): ("S", "S_2"),
}  # fmt: skip
# Matrices on joined vectors, by rows and the sizes of the vectors.
JOINED = {
    ("units", ("units", "inputs")): "J", ("units", ("inputs", "proj", "units")): "J_2",
    ("proj", ("units", "inputs")): "K", ("proj", ("inputs", "proj")): "K_2",
}  # fmt: skip
VECTORS = {"units": ("b", "b_2", "p_c"), "proj": ("v", "v_2")}
CONSTANTS = {"T": "2 ** floor(unit / 2)", "u": "where(unit % 2 == 0, 1, 0.5 * k)"}
SCALARS = ("0.5", "-1", "2e-1", "0", "k", "s")
MASKS = ("row >= col", "T[col] >= T[row]", "(row + col) % 2 == 0", "units > 3")
DECLARED = {
    **{name: shape for shape, names in MATRICES.items() for name in names if "proj" in shape},
    **{name: (rows, " + ".join(sizes)) for (rows, sizes), name in JOINED.items() if rows == "proj"},
    **dict.fromkeys(VECTORS["proj"], ("proj",)),
    "s": (),
}


@dataclass
class Scope:
    """What an expression may use: names of this step and states, with their sizes."""

    now: dict[str, str]
    states: dict[str, str]
    below: dict[str, str] = field(default_factory=dict)

    def vectors(self, size: str) -> list[str]:
        """Vectors of one size that are no weights."""
        names = [name for name, known in self.now.items() if known == size]
        names += [f"{name}[t-1]" for name, known in self.states.items() if known == size]
        return names + [f"below.{name}" for name, known in self.below.items() if known == size]


def operand_of(draw: Draw, scope: Scope, size: str) -> str:
    """A vector of a size, or a weight that is one."""
    return (
        "x" if size == "inputs" else draw(st.sampled_from([*scope.vectors(size), *VECTORS[size]]))
    )


def leaf(draw: Draw, scope: Scope, size: str) -> str:
    kinds = (
        ["product", "product", "weight", "joined", "transposed"]
        + ["vector"] * bool(scope.vectors(size))
        + ["constant"] * (size == "units")
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "vector":
        return draw(st.sampled_from(scope.vectors(size)))
    if kind == "constant":
        return draw(st.sampled_from(sorted(CONSTANTS)))
    scale = draw(st.sampled_from(SCALARS))
    if kind == "weight":
        return f"{scale} * {draw(st.sampled_from(VECTORS[size]))}"
    if kind == "joined":
        sizes = draw(st.sampled_from([sizes for rows, sizes in JOINED if rows == size]))
        vectors = ", ".join(operand_of(draw, scope, part) for part in sizes)
        return f"{JOINED[size, sizes]} @ [{vectors}]"
    if kind == "transposed":
        columns = draw(st.sampled_from(("units", "proj")))
        matrix = draw(st.sampled_from(MATRICES[columns, size]))
        return f"{matrix}' @ {operand_of(draw, scope, columns)}"
    columns = draw(
        st.sampled_from(["inputs", *(size for size in ("units", "proj") if scope.vectors(size))])
    )
    matrix = draw(st.sampled_from(MATRICES[size, columns]))
    if columns == "inputs":
        return f"{matrix} @ x"
    operand = draw(
        st.sampled_from([*scope.vectors(columns), *scope.vectors(columns), *VECTORS[columns]])
    )
    return f"{matrix} @ {operand}" if draw(st.booleans()) else f"{matrix} @ ({scale} * {operand})"


def expression(draw: Draw, scope: Scope, size: str, depth: int) -> str:
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return leaf(draw, scope, size)
    form = draw(st.sampled_from(FORMS))
    left = expression(draw, scope, size, depth - 1)
    right = expression(draw, scope, size, depth - 1) if "{b}" in form else ""
    return form.format(
        a=left, b=right, w=draw(st.sampled_from(VECTORS[size])) if "{w}" in form else ""
    )


def equation(draw: Draw, scope: Scope, name: str, size: str, more: str = "") -> str:
    """Bounded, so that no recurrence grows without end; the vector at its end gives the size in any
    case.
    """
    body = expression(draw, scope, size, draw(st.integers(0, 3)))
    return f"{name} = tanh({body} + 0.1 * {VECTORS[size][0]}{more})"


@st.composite
def cell_texts(draw: Draw) -> str:
    """A cell of one to four equations in random order; each is needed by the output, and at least
    one is a state.
    """
    names = draw(st.sampled_from((["h"], ["c", "h"], ["a", "c", "h"], ["a", "c", "e", "y"])))
    output = names[-1]
    sizes = {name: draw(st.sampled_from(("units", "units", "proj"))) for name in names}
    states = {name: sizes[name] for name in names if name == output or draw(st.booleans())}
    layered = draw(st.booleans())

    def block(below: dict[str, str]) -> list[str]:
        lines = []
        for number, name in enumerate(names):
            scope = Scope({earlier: sizes[earlier] for earlier in names[:number]}, states, below)
            more = use_all(names[:-1], states, below, sizes) if name == output else ""
            lines.append(equation(draw, scope, name, sizes[name], more))
        return lines

    upper = block(sizes if layered else {})
    parts = [
        f"name: random\noutput: {output}\n",
        lines_of("equations", draw(st.permutations(upper))),
    ]
    if layered:
        parts.append(lines_of("first_layer", block({})))
    parts += [
        f"initial: {{{name}: {draw(st.sampled_from(('0.5', 'learned')))}}}\n"
        for name in list(states)[:1]
    ]
    return declare(draw, "".join(parts))


def use_all(
    names: list[str], states: dict[str, str], below: dict[str, str], sizes: dict[str, str]
) -> str:
    """Terms that make the output need every equation and every state."""
    size = list(sizes.values())[-1]
    used = [*names, *(f"{name}[t-1]" for name in states), *(f"below.{name}" for name in below)]
    return "".join(
        f" + 0.1 * ({MATRICES[size, sizes[re.sub(r'below.|.t-1.', '', operand)]][1]} @ {operand})"
        for operand in used
    )


def lines_of(key: str, lines: list[str]) -> str:
    return f"{key}: |\n" + "".join(f"  {line}\n" for line in lines)


def declare(draw: Draw, text: str) -> str:
    """Add the declarations of what the equations use, and of nothing else."""
    used = set(re.findall(r"\w+", text))
    weights = {
        name: {"shape": f"[{', '.join(shape)}]"} for name, shape in DECLARED.items() if name in used
    }
    if "R" in used and draw(st.booleans()):
        weights["R"] = {"mask": draw(st.sampled_from(MASKS))}
        used |= set(re.findall(r"\w+", weights["R"]["mask"]))
    constants = [f"{name} = {value}" for name, value in CONSTANTS.items() if name in used]
    text += lines_of("constants", constants) if constants else ""
    if weights:
        rows = (
            f"  {name}:\n    {key}: {value}\n"
            for name, of_weight in weights.items()
            for key, value in of_weight.items()
        )
        text += "weights:\n" + "".join(rows)
    starts = [name for name in ("W", "R_2", "b", "P") if name in used and draw(st.booleans())]
    text += (
        f"init: {{{', '.join(f'{name}: {start_of(draw, name)}' for name in starts)}}}\n"
        if starts
        else ""
    )
    options = [
        f"{name}: {value}"
        for name, value in (("k", "0.25"), ("proj", "2"))
        if re.search(rf"\b{name}\b", text)
    ]
    return text + (f"options: {{{', '.join(options)}}}\n" if options else "")


def start_of(draw: Draw, name: str) -> str:
    if name == "b":
        return "0.5"
    return draw(st.sampled_from(("orthogonal", "{normal: 0.2}", "{uniform: [-0.1, 0.2]}", "zeros")))


def unit_by_unit(seed: int) -> str:
    """A random cell of two equations whose units read no others, so that it needs no loop."""
    random = Random(seed)
    states = random.choice((["h[t-1]"], ["h[t-1]", "c[t-1]"]))

    def term(vectors: list[str], depth: int) -> str:
        if depth == 0:
            return random.choice([*vectors, f"w * {vectors[0]}", "W @ x", "0.5 * b"])
        a, b = (term(vectors, depth - 1) for _ in range(2))
        return random.choice(UNIT_BY_UNIT).format(a=a, b=b, w="b_2")

    equations = [
        f"c = tanh({term(states, 2)} + W @ x + 0 * h[t-1])",
        f"h = tanh({term([*states, 'c'], 2)} + 0.1 * c) + 0.3 * h[t-1]",
    ]
    text = f"name: random\noutput: h\n{lines_of('equations', equations)}"
    return text + ("options: {k: 0.25}\n" if re.search(r"\bk\b", text) else "")
