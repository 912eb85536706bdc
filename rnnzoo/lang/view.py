"""A cell for people: returned by `rnnzoo.cell(...)`, printed by `rnnzoo show` and displayed by
notebooks.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from rnnzoo.errors import Mistakes, UsageError, nearest
from rnnzoo.lang import counts, diagram, latex, single, text, unicode
from rnnzoo.lang.carriers import as_written, in_short
from rnnzoo.lang.check import check, checkable, checked, with_rounds
from rnnzoo.lang.ir import Cell, State, size_text
from rnnzoo.lang.plain import plain_text
from rnnzoo.lang.recurrence import Recurrence, lines, recurrences
from rnnzoo.lang.scans import why_a_loop
from rnnzoo.spec.cell import read, sources


def view(
    reference: str | Path, folder: Path | None = None, options: Mapping[str, float] | None = None
) -> CellView:
    """The cell of a name or path, with the cell that it extends.

    Raises:
        UsageError: no such cell, or no such option.
        SpecError: mistakes in its file.
    """
    spec = checkable(lambda: read(reference, folder))
    described = checked(spec.with_options(options) if options else spec)
    parent = check(spec.base) if spec.base is not None else None
    written, _ = with_rounds(spec, Mistakes())
    statements = {**written.equations, **written.first_layer}
    comments = {name: statement.comment for name, statement in statements.items()}
    facts = (spec.family, spec.year, spec.claim, spec.note)
    return CellView(described.cell, parent, *facts, comments, described.counting)


def _about(state: State) -> str:
    """What is to be said of a state beside its name."""
    size = "" if state.size == "units" else f" [{size_text(state.size)}]"
    if state.initial == "learned":
        return f"{size} (its start is learned)"
    return f"{size} (starts at {state.initial:g})" if state.initial else size


def _about_scan(why_a_loop: str) -> str:
    if why_a_loop:
        return f"not by this engine: {why_a_loop}"
    return 'by engine="scan", under JAX'


@dataclass(frozen=True, slots=True)
class CellView:
    """Reads a cell's intermediate representation (IR) for people.

    Attributes:
        ir: the intermediate representation itself.
        parent: the cell that it extends, if its file says so.
        family, year, claim, note: as in `CellSpec`; what is computed does not depend on them.
        comments: what the file says beside equations, by name.
        counting: options that count rounds, or steps of lags: the equations of `ir` are written out
            for one value of each.
    """

    ir: Cell
    parent: Cell | None = None
    family: str = ""
    year: int = 0
    claim: str = ""
    note: str = ""
    comments: Mapping[str, str] = field(default_factory=dict)
    counting: Mapping[str, float] = field(default_factory=dict)

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
        return tuple(text.block(as_written(self.ir.step).equations).splitlines())

    @property
    def unicode(self) -> tuple[str, ...]:
        """The equations in the letters of a paper, for a terminal."""
        return unicode.lines(as_written(self.ir.step).equations, self.ir.step)

    @property
    def unicode_first_layer(self) -> tuple[str, ...]:
        """The equations in which the first layer of a stack differs, in the letters of a paper."""
        if self.ir.first != self.ir.step:
            return unicode.lines(text.patch_as_written(self.ir), self.ir.first)
        return ()

    @property
    def changes(self) -> dict[str, str]:
        """Names of the equations that differ from the parent's, with how the parent has them; empty
        without a parent.
        """
        return self.diff(self.parent) if self.parent is not None else {}

    def diff(self, other: Cell) -> dict[str, str]:
        """The equations that differ from another cell's, by name: the other cell's text, empty if
        it has none.
        """
        step, other_step = as_written(self.ir.step), as_written(other.step)
        of_other = {
            equation.name: text.block((equation,)).strip() for equation in other_step.equations
        }
        return {
            equation.name: of_other.get(equation.name, "")
            for equation in text.changed(step, other_step)
        }

    @property
    def first_layer(self) -> tuple[str, ...]:
        """The equations in which the first layer of a stack differs; empty if it does not."""
        if self.ir.first != self.ir.step:
            return tuple(text.block(text.patch_as_written(self.ir)).splitlines())
        return ()

    @property
    def options(self) -> dict[str, float]:
        """What a variant may set, with the values here."""
        return {**self.counting, **self.ir.options}

    @property
    def constants(self) -> tuple[str, ...]:
        return tuple(text.constants(self.ir))

    @property
    def states(self) -> tuple[str, ...]:
        """The states, the output first."""
        return tuple(state.name for state in self.ir.states)

    @property
    def carried(self) -> tuple[str, ...]:
        """The states with their sizes, where these are not the units, and with what they start
        from, where that is not 0; those that only carry one on together.
        """
        known = {state.name: _about(state) for state in self.ir.states}
        shown = []
        for name in in_short(self.states):
            first, _, last = name.partition(" to ")
            shown.append(f"{name}{known[last or first]}")
        return tuple(shown)

    @property
    def recurrences(self) -> tuple[Recurrence, ...]:
        """The states of the first layer in groups that need each other, each with its kind."""
        return recurrences(self.ir.first, self.ir.states)

    @property
    def kinds(self) -> tuple[str, ...]:
        """A line about the recurrence of each group of states; further layers where they differ."""
        first, further = lines(self.recurrences), lines(recurrences(self.ir.step, self.ir.states))
        added = [f"in further layers: {line}" for line in further if line not in first]
        return (*first, *added)

    @property
    def why_a_loop(self) -> str:
        """Why `engine="scan"` refuses the cell, as one layer; empty where it takes it."""
        return why_a_loop(self.ir.first, self.states)

    @property
    def scanned(self) -> tuple[str, ...]:
        """What `engine="scan"` does with the cell; nothing where all engines have the loop."""
        groups = (*self.recurrences, *recurrences(self.ir.step, self.ir.states))
        if all(group.coupling == "none" or group.needs_loop for group in groups):
            return ()
        lines = [_about_scan(self.why_a_loop)]
        further = _about_scan(why_a_loop(self.ir.step, self.states))
        return (*lines, *([] if further in lines else [f"in further layers: {further}"]))

    @property
    def digest(self) -> str:
        """SHA-256 of the cell's text; its name, its title and the order of its lines do not matter
        (`lang.text.digest`).
        """
        return text.digest(self.ir)

    def weights(self, inputs: int, units: int, layer: int = 1) -> dict[str, tuple[int, ...]]:
        """Shape of every weight of one layer (from 1), by name; here and below, x has so many
        inputs.
        """
        return counts.weight_shapes(self.ir, self.ir.columns(inputs), units, layer)

    def count_params(self, inputs: int, units: int, layers: int = 1) -> int:
        """The number of trained parameters, without masked entries."""
        return counts.weights(self.ir, self.ir.columns(inputs), units, layers)

    def count_multiply_adds(self, inputs: int, units: int, layers: int = 1) -> int:
        """Multiply-adds of the matrix products of one step of one sequence."""
        return counts.multiply_adds(self.ir, self.ir.columns(inputs), units, layers)

    def run(
        self, x: ArrayLike, units: int, weights: single.Given | None = None, seed: int = 0
    ) -> dict[str, single.Array]:
        """What each equation of one layer yields at each step of a sequence, (steps, size) by name;
        in float64 NumPy, without Keras.

        Args:
            x: (steps, inputs), named inputs last; or (steps,), of one input.
            weights: by name, as arrays or as a number for every entry; those that are missing are
                as training begins with them.
            seed: draws these.

        Example:
            rnnzoo.cell("rnn").run([1, 0, 0], units=1, weights={"W": 1, "R": 0.9})["h"]

        Raises:
            UsageError: a name that no weight has, a wrong shape, or x is no sequence.
        """
        return single.values(self.ir, x, units, weights or {}, seed)

    def gradient_norms(
        self, x: ArrayLike, units: int, weights: single.Given | None = None, seed: int = 0
    ) -> dict[str, single.Array]:
        """How much the last output depends on each state before: the norm of the gradient of the
        sum of the last outputs, by state. Entry k is with respect to the state k + 1 steps before
        the end, and the last entry to that before the first step.

        Args:
            x, weights, seed: as of `run`.

        Raises:
            UsageError: as of `run`.
        """
        return single.gradient_norms(self.ir, x, units, weights or {}, seed)

    def latex(self) -> str:
        """All equations as one aligned block of LaTeX; constants first, and the first layer's
        last.
        """
        return latex.aligned(
            (*latex.constants(self.ir), *latex.equations(self.ir), *latex.first_layer(self.ir))
        )

    def diagram(self, layer: int = 2, highlight: Collection[str] | None = None) -> str:
        """One time step as SVG (`lang.diagram`): of the first layer, or of any layer above it.

        Args:
            highlight: names of equations; what computes the others becomes faint.

        Raises:
            UsageError: no such equation.
        """
        known = [equation.name for equation in self.ir.layer(layer).equations]
        for name in highlight or ():
            if name not in known:
                raise UsageError(
                    f"cell '{self.name}' has no equation '{name}'", nearest(name, known)
                )
        return diagram.diagram(self.ir, layer, highlight)

    def chain(self) -> str:
        """The unrolled chain as SVG: three steps, with what is computed drawn in the middle one."""
        return diagram.chain(self.ir)

    def walk(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The cell step by step: groups of equations, each with the picture in which it is
        highlighted.
        """
        return tuple((group, self.diagram(highlight=group)) for group in diagram.walk(self.ir))

    def plain(self, library: str) -> str:
        """The cell as a file of Python for `torch` or `jax`, which needs no rnnzoo.

        Raises:
            UsageError: the library has no function for an operation, or a name of the cell means
                something else there.
        """
        return plain_text(library, self.ir, self.comments, self.source)

    def to_dict(self, inputs: int, units: int) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "name": self.name,
            "title": self.title,
            "source": list(self.source),
            "family": self.family or None,
            "year": self.year or None,
            "claim": self.claim or None,
            "note": self.note or None,
            "options": self.options,
            "constants": list(self.constants),
            "named_inputs": {
                named_input.name: named_input.size for named_input in self.ir.named_inputs
            },
            "equations": list(self.equations),
            "first_layer": list(self.first_layer),
            "states": list(self.states),
            "recurrences": [group.to_dict() for group in self.recurrences],
            "why_a_loop": self.why_a_loop or None,
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

    __repr__ = __str__  # at a prompt equations are read, and no IR

    def _repr_html_(self) -> str:
        """Equations as text, for not every notebook typesets LaTeX, and the picture."""
        equations = html.escape("\n".join(self.unicode), quote=False)
        title = html.escape(self.title or self.name)
        return f"<b>{title}</b><pre>{equations}</pre>{self.diagram()}"

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"
