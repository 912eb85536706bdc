"""Random well-formed cells, as text: the one place that makes them."""

from __future__ import annotations

from hypothesis import strategies as st

# Operations that stay finite on any input of modest size.
UNARY = ("sigmoid", "tanh", "relu", "softplus", "softsign", "elu", "hard_sigmoid", "sin", "cos", "abs")
NAMES = ("a", "c", "e", "h")


@st.composite
def expressions(draw: st.DrawFn, names: tuple[str, ...], states: tuple[str, ...], letter: str) -> str:
    """An expression of size `units` over what stands before it, the states, and weights of its own."""
    leaves = [f"W_{letter} @ x", f"R_{letter} @ {draw(st.sampled_from(states))}[t-1]", f"b_{letter}"]
    leaves += [f"p_{letter} * {name}" for name in names] + [f"{state}[t-1]" for state in states]
    leaves += [f"R_{letter}2 @ (0.5 * {name})" for name in names]

    def node(depth: int) -> str:
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            return draw(st.sampled_from(leaves))
        kind = draw(st.integers(0, 6))
        left, right = node(depth - 1), node(depth - 1)
        if kind <= 1:
            return f"{draw(st.sampled_from(UNARY))}({left})"
        if kind == 2:
            return f"where({left} > {right}, {left}, {right})"
        if kind == 3:
            return f"{draw(st.sampled_from(('minimum', 'maximum')))}({left}, {right})"
        if kind == 4:
            return f"-({left})"
        sign = draw(st.sampled_from(("+", "-", "*")))
        return f"({left}) {sign} ({right})"

    # Bounded, so that a random recurrence does not grow without end, and of full size in any case.
    return f"tanh({node(draw(st.integers(1, 3)))} + 0.1 * (W_{letter} @ x))"


@st.composite
def cell_texts(draw: st.DrawFn) -> str:
    """A cell of one to four equations; later ones may use earlier ones, any may use the states."""
    count = draw(st.integers(1, 4))
    names = NAMES[-count:]
    states = tuple(name for name in names if name == "h" or draw(st.booleans()))
    lines = []
    for at, name in enumerate(names):
        lines.append(f"  {name} = {draw(expressions(names[:at], states, name))}")
    # every name must be needed: the output takes in whatever nothing else uses, and its own past
    body = "\n".join(lines[:-1])
    rest = " + ".join(name for name in names[:-1]) or "0"
    recur = " + ".join(f"{state}[t-1]" for state in states)
    last = f"{lines[-1]} + 0.1 * ({rest}) + 0.3 * ({recur})"
    text = f"name: random\nequations: |\n{body}\n{last}\n"
    if draw(st.booleans()):
        text += f"initial: {{h: {draw(st.sampled_from(('0.5', 'learned')))}}}\n"
    if draw(st.booleans()):
        text += "init: {W_h: {normal: 0.2}}\n"
    return text
