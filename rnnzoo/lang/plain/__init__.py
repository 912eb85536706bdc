"""Cells as plain Python that needs no rnnzoo: what leaves for other projects.

    write      expressions and equations as lines of Python, in the functions of a library
    dialects   what operations are called in PyTorch, JAX and NumPy
    layer      what both files say of a cell
    to_torch   a cell as an `nn.Module`
    to_jax     a cell as a function of a dictionary of weights

In: a cell, and the comments of its equations.  Out: the text of one file.  Equations keep their
order, names and comments.  What a library has no function for is refused, in words.  No library is
imported: the text is all that is made.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.lang import ir
from rnnzoo.lang.plain import to_jax, to_torch
from rnnzoo.lang.plain.layer import Layer

LIBRARIES = ("torch", "jax")


def plain_text(
    library: str, cell: ir.Cell, comments: Mapping[str, str], source: tuple[str, ...]
) -> str:
    """The file of a cell for one of `LIBRARIES`.

    Args:
        comments: of its equations, by name.
        source: references in full.

    Raises:
        UsageError: the library has no function for one of its operations, or a name of the cell
            means something else in the file.
    """
    if library == "torch":
        return to_torch.torch_text(Layer(cell, comments, source, to_torch.TAKEN))
    return to_jax.jax_text(Layer(cell, comments, source, to_jax.TAKEN))
