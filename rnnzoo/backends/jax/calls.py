"""C++ -> what XLA calls, through its foreign function interface.

In: a source with functions of the form `void NAME(void* const* in, void* const* out)`, or of
another form with a handler of its own.  Out: the names under which XLA knows them, compiled once
and kept (`native.build`).
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax

from rnnzoo.backends.native import build

HANDLER = Path(__file__).with_name("handler.cc")


@cache
def registered(
    source: str,
    names: tuple[str, ...],
    handler: Path = HANDLER,
    tool: build.Tool | None = None,
    platform: str = "cpu",
) -> tuple[str, ...]:
    """Under which names XLA calls these functions of a source.

    Args:
        handler: what stands behind the functions, with a macro CALLED.
        tool: what compiles them; None for the compiler for this processor.

    Raises:
        Missing: it cannot be compiled here.
    """
    handlers = [f"CALLED({name})" for name in names]
    whole = "\n".join([source, f"// jaxlib {version('jaxlib')}", handler.read_text(), *handlers])
    library = build.load(whole, [Path(jax.ffi.include_dir())], tool)
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    targets = tuple(f"rnnzoo_{name}_{digest}" for name in names)
    for name, target in zip(names, targets, strict=True):
        function = jax.ffi.pycapsule(getattr(library, f"call_{name}"))
        jax.ffi.register_ffi_target(target, function, platform=platform)
    return targets


def shape_is_known(tensor: jax.Array) -> bool:
    """Whether no length is a symbol, as in what is exported."""
    return all(isinstance(length, int) for length in tensor.shape)
