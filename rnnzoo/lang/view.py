"""A cell to look at: what `rnnzoo.cell(...)` returns, what `rnnzoo show` prints and what a notebook displays."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from rnnzoo.lang import counts, ir, latex, text
from rnnzoo.spec.cell import sources


@dataclass(frozen=True, slots=True)
class CellView:
    """Reads a cell's IR for people.

    Attributes:
        ir: the intermediate representation itself.
    """

    ir: ir.Cell

    @property
    def name(self) -> str:
        return self.ir.name

    @property
    def title(self) -> str:
        return self.ir.title

    @property
    def source(self) -> tuple[str, ...]:
        """References, in full where the bibliography knows the key."""
        known = sources()
        return tuple(known.get(key, key) for key in self.ir.source)

    @property
    def text(self) -> str:
        """Canonical YAML, with `extends` resolved."""
        return text.cell_text(self.ir)

    @property
    def equations(self) -> tuple[str, ...]:
        """The equations in the cell language, in the order in which they are computed."""
        return tuple(text.block(self.ir.step.equations).splitlines())

    @property
    def first_layer(self) -> tuple[str, ...]:
        """The equations in which the first layer of a stack differs; empty where it does not."""
        return tuple(text.block(text.patch(self.ir)).splitlines()) if self.ir.first != self.ir.step else ()

    @property
    def constants(self) -> tuple[str, ...]:
        return tuple(text.block(self.ir.constants).splitlines())

    @property
    def states(self) -> tuple[str, ...]:
        """What is carried from step to step, the output first."""
        return tuple(state.name for state in self.ir.states)

    @property
    def digest(self) -> str:
        """SHA-256 of what the cell computes; names, titles and the order of lines do not matter."""
        return text.digest(self.ir)

    def weights(self, inputs: int, units: int, layer: int = 1) -> dict[str, tuple[int, ...]]:
        """Shape of every weight of one layer (from 1), by name."""
        return counts.weight_shapes(self.ir, inputs, units, layer)

    def count_params(self, inputs: int, units: int, layers: int = 1) -> int:
        """Trained numbers, masked entries left out."""
        return counts.weights(self.ir, inputs, units, layers)

    def count_multiply_adds(self, inputs: int, units: int, layers: int = 1) -> int:
        """Multiply-adds of the matrix products of one step of one sequence."""
        return counts.multiply_adds(self.ir, inputs, units, layers)

    def latex(self) -> str:
        """All equations as one aligned block of LaTeX; constants first, and the first layer's last."""
        return latex.aligned((*latex.constants(self.ir), *latex.equations(self.ir), *latex.first_layer(self.ir)))

    def to_dict(self, inputs: int, units: int) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "name": self.name,
            "title": self.title,
            "source": list(self.source),
            "options": dict(self.ir.options),
            "constants": list(self.constants),
            "equations": list(self.equations),
            "first_layer": list(self.first_layer),
            "states": list(self.states),
            "inputs": inputs,
            "units": units,
            "weights": {name: list(shape) for name, shape in self.weights(inputs, units).items()},
            "count_params": self.count_params(inputs, units),
            "count_multiply_adds": self.count_multiply_adds(inputs, units),
            "latex": self.latex(),
            "digest": self.digest,
        }

    def __str__(self) -> str:
        return f"{self.name}: {self.title}\n" + "\n".join(f"  {line}" for line in self.equations)

    def _repr_html_(self) -> str:
        lines = html.escape("\n".join(self.equations))
        return f"<b>{html.escape(self.title or self.name)}</b><pre>{lines}</pre>"

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"
