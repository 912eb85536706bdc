"""Cells -> pictures: their sizes, their gates at work, how far back they learn.

weights     how many weights a cell has, against its units
gates       every value of a cell over one sequence, below its input
saturation  how often each unit of each gate is open or shut (Karpathy, Johnson and Fei-Fei
            2015, figure 3)
forgetting  what is left of a disturbance of each state, before training
lags        the norm of d loss_T / d state_t against the lag (Pascanu, Mikolov and Bengio 2013)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnzoo.lang.at_start import Start
from rnnzoo.lang.view import CellView
from rnnzoo.report.figures.style import COLOURS, FAINT, KEPT, STYLE, svg

LARGE_TICK = 1e6  # from which on an exponent is easier to read
LARGE_SHARE = 5.0  # of a disturbance that grows, from which on the axis is logarithmic
LINEAR_STEPS, LINEAR_SHARE = 2, 2  # up to which a logarithmic axis is linear
_SCALE = "linear to {}, then logarithmic"
FLOOR = 1e-12  # norms below it are not drawn: beside a weight of 1 they are lost in float32


def weights(cell: CellView, others: Sequence[CellView], inputs: int, most: int) -> str:
    """Trained numbers of one layer against its units, up to `most`; other cells faint behind it."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 2.9))
        axes = figure.subplots()
        units = np.arange(16, most + 1, 16)

        def counts(view: CellView) -> list[int]:
            return [view.count_params(inputs, int(count)) for count in units]

        for neighbour in others:
            if neighbour.name != cell.name:
                axes.plot(units, counts(neighbour), color=FAINT, lw=0.7)
        axes.plot(units, counts(cell), color=KEPT, lw=2, label=cell.name)
        # weights grow with the square of the units, and of some cells with the cube
        axes.set(xlabel="units", ylabel="weights", xscale="log", yscale="log")
        axes.set_xticks(2.0 ** np.arange(4, int(np.log2(most)) + 1), minor=False)
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(_plain)
        axes.legend(frameon=False, loc="upper left")
        return svg(figure)


def _plain(value: float, _place: float) -> str:
    """A tick of an axis that is not logarithmic everywhere: 100, and not a power of ten."""
    return f"{value:,g}" if value < LARGE_TICK else f"{value:.0e}"


def forgetting(start: Start) -> str:
    """The share of a disturbance that is left in each state, against steps; dotted at a half."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 2.9))
        axes = figure.subplots()
        axes.axhline(0.5, color=FAINT, lw=1, ls=":")
        for number, (name, left) in enumerate(start.left.items()):
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(left, color=colour, lw=2, label=name)
        most = max(float(left.max()) for left in start.left.values())
        axes.set(xlabel=f"steps after a small disturbance ({_SCALE.format(LINEAR_STEPS)})")
        axes.set(ylabel="share left", ylim=(0, None), xlim=(0, len(left) - 1))
        axes.set_xscale("symlog", linthresh=LINEAR_STEPS)
        axes.xaxis.set_major_formatter(_plain)
        if most > LARGE_SHARE:
            axes.set_yscale("symlog", linthresh=LINEAR_SHARE)
            axes.yaxis.set_major_formatter(_plain)
            axes.set_ylabel(f"share left\n({_SCALE.format(LINEAR_SHARE)})")
        axes.legend(frameon=False, loc="upper right")
        return svg(figure)


@dataclass(frozen=True, eq=False, slots=True)
class HeatMapRow:
    """One row of a picture of a cell at work.

    Attributes:
        values: (time, units).
        gate: whether they lie between 0 and 1, as a gate does.
    """

    name: str
    values: np.ndarray
    gate: bool


def gates(inputs: np.ndarray, rows: Sequence[HeatMapRow], label: str) -> str:
    """Heat maps of units by steps, one below the other, the input above.

    Args:
        inputs: (time, inputs).
        label: what the input is.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 1.5 * (len(rows) + 1)), layout="constrained")
        axes = figure.subplots(len(rows) + 1, sharex=True)
        axes[0].imshow(
            _used(inputs).T, aspect="auto", origin="lower", cmap="Greys", interpolation="nearest"
        )
        axes[0].set_ylabel(label, rotation=0, ha="right", va="center")
        for panel, row in zip(axes[1:], rows):
            _heat(figure, panel, row)
        for panel in axes:
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
            panel.tick_params(length=0)
        axes[-1].set_xlabel("step")
        return svg(figure)


def _used(inputs: np.ndarray) -> np.ndarray:
    """Without the inputs beyond the first and the last that are ever anything but 0, as most keys
    of a piano are not.
    """
    used = np.flatnonzero(inputs.any(axis=0))
    return inputs[:, used[0] : used[-1] + 1] if len(used) else inputs


def _heat(figure: Figure, axes: Axes, row: HeatMapRow) -> None:
    """Gates from 0 to 1; everything else around 0, in two colours."""
    most = float(np.abs(row.values).max()) or 1.0
    low, high, colours = (0.0, 1.0, "viridis") if row.gate else (-most, most, "RdBu_r")
    image = axes.imshow(
        row.values.T, aspect="auto", interpolation="nearest", vmin=low, vmax=high, cmap=colours
    )
    axes.set_ylabel(row.name, rotation=0, ha="right", va="center", style="italic", fontsize=12)
    figure.colorbar(image, ax=axes, pad=0.01, aspect=10).outline.set_visible(False)


def saturation(shares: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """A dot a unit: how often it is shut (below 0.1), how often open (above 0.9).

    Args:
        shares: for each gate, the two shares of every unit.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(2.6 * len(shares) + 0.6, 2.9), layout="constrained")
        row = figure.subplots(1, len(shares), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (name, (shut, opened)) in zip(row, shares.items()):
            axes.plot((0, 1), (1, 0), color=FAINT, lw=0.8)
            axes.scatter(shut, opened, s=14, color=KEPT, alpha=0.6, lw=0)
            axes.set(
                title=name,
                xlim=(-0.02, 1.02),
                ylim=(-0.02, 1.02),
                aspect="equal",
                xlabel="shut (below 0.1)",
            )
        row[0].set_ylabel("open (above 0.9)")
        return svg(figure)


@dataclass(frozen=True, eq=False, slots=True)
class LagNorms:
    """Norms of gradients of one state of a cell, by lag from 1 on; of the sequences, the median."""

    cell: str
    state: str
    start: np.ndarray
    trained: np.ndarray | None
    bound: np.ndarray | None = None


def lags(curves: Sequence[LagNorms]) -> str:
    """Norms in log scale: untrained cells on the left, trained ones on the right where there are
    any; a bound is dotted.
    """
    sides = ["at the start"]
    if any(curve.trained is not None for curve in curves):
        sides.append("after training")
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6 * len(sides) + 0.6, 3.8), layout="constrained")
        row = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
        names = list(dict.fromkeys(curve.cell for curve in curves))
        for axes, side in zip(row, sides):
            for curve in curves:
                norms = curve.start if side == sides[0] else curve.trained
                if norms is not None:
                    _lag(axes, curve, norms, names, bound=curve.bound if side == sides[0] else None)
            axes.set(title=side, xlabel="lag: steps before the end", yscale="log")
        row[0].set_ylabel(r"norm of d loss$_T$ / d state$_{T-lag}$")
        row[-1].legend(frameon=False, loc="lower left", fontsize=9)
        drawn = [curve.start for curve in curves] + [
            curve.trained for curve in curves if curve.trained is not None
        ]
        low = min(float(np.min(norms[norms > 0], initial=1.0)) for norms in drawn)
        row[0].set_ylim(max(low / 3, FLOOR), None)
        return svg(figure)


def _lag(
    axes: Axes, curve: LagNorms, norms: np.ndarray, names: Sequence[str], bound: np.ndarray | None
) -> None:
    colour = COLOURS[names.index(curve.cell) % len(COLOURS)]
    steps = np.arange(1, len(norms) + 1)
    style = "-" if curve.state == "h" else "--"
    axes.plot(
        steps,
        np.maximum(norms, FLOOR / 10),
        color=colour,
        ls=style,
        lw=1.7,
        label=f"{curve.cell}: {curve.state}",
    )
    if bound is not None:
        axes.plot(steps, np.maximum(bound, FLOOR / 10), color=colour, ls=":", lw=1.2)


@dataclass(frozen=True, slots=True)
class LayerNorms:
    """Norms of the gradients of a stack's layers, the lowest layer first."""

    stack: str
    is_dashed: bool
    start: tuple[float, ...]
    trained: tuple[float, ...]


def by_layer(stacks: Sequence[LayerNorms], after: str) -> str:
    """Norms in log scale against the number of the layer; stacks of as many layers share a colour.

    Args:
        after: what the right side is called, such as `after two epochs`.
    """
    depths = sorted({len(stack.start) for stack in stacks})
    with rc_context(STYLE):
        figure = Figure(figsize=(9.8, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for stack in stacks:
            look = {
                "color": COLOURS[depths.index(len(stack.start)) % len(COLOURS)],
                "ls": "--" if stack.is_dashed else "-",
                "marker": "o",
                "ms": 4,
                "label": stack.stack,
            }
            layers = range(1, len(stack.start) + 1)
            left.plot(layers, stack.start, **look)
            right.plot(layers, stack.trained, **look)
        left.set(title="at the start", ylabel="norm of the gradient of a layer's weights")
        right.set(title=after)
        right.legend(frameon=False, fontsize=9, loc="upper center")
        for axes in (left, right):
            axes.set(xlabel="layer, from the lowest", yscale="log", xticks=range(1, depths[-1] + 1))
        return svg(figure)
