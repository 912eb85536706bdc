"""Arrays of `arrays` that cells may read beside x, by name: `dt`, `mask`, and others of one's own.

In: the option `fills`, and the arrays of a file.  Out: x with their columns behind its own, and
which these are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rnnzoo.spec.written import a_table, setting
from rnnzoo.tasks import Split, Wrong
from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks._arrays_targets import as_single, not_finite, real_steps, refuse

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
Fills = dict[str, tuple[int, ...]]


def names(fills: str | Sequence[str]) -> tuple[str, ...]:
    """The names that the option has; a text is one."""
    return (fills,) * bool(fills) if isinstance(fills, str) else tuple(fills)


def wrong(fills: object) -> Iterator[Wrong]:
    """What is wrong with the option."""
    if isinstance(fills, Mapping):
        problem = f"`fills` is a list of names of arrays, not {a_table()}"
        yield Wrong("fills", problem, setting("fills", ["dt"]))
        return
    assert isinstance(fills, str | Sequence)
    given = names(fills)
    for name in given:
        if not _NAME.fullmatch(name):
            problem = f"'{name[:40]}' cannot be the name of an input of cells"
            yield Wrong("fills", problem, "use English letters, digits and `_`, a letter first")
        elif name.lower() in files.READ:
            problem = f"'{name}' is read as something else, and cells cannot read it"
            yield Wrong("fills", problem, "call the array otherwise, such as `dose`")
    if len({name.lower() for name in given}) < len(given):
        yield Wrong("fills", f"`fills` names an array twice: {', '.join(given)}", "name each once")


def with_gaps_filled(arrays: Mapping[str, np.ndarray], fills: Collection[str]) -> np.ndarray:
    """x, with 0 where a mask says that it is not observed."""
    x = arrays["x"]
    if "mask" not in fills:
        return x
    return np.where(arrays["mask"].reshape(x.shape) == 0, np.zeros((), x.dtype), x)


def columns(
    arrays: Mapping[str, np.ndarray], fills: Collection[str], lengths: np.ndarray, path: Path
) -> Iterator[np.ndarray]:
    """(sequences, time, columns) of each of these arrays, with 0 at padding.

    Raises:
        TaskError: what one holds is no time, no mask or no number.
    """
    steps = arrays["x"].shape[1]
    real = real_steps(lengths, steps)[..., None]
    for name in fills:
        given = arrays[name]
        array = np.where(real, given.reshape(*given.shape[:2], -1), 0)
        if not np.isfinite(as_single(array)).all():
            raise not_finite(name, array, path, f"{name}=np.nan_to_num({name}), or what is meant")
        if name == "dt":
            _check_times(array, path)
        elif name == "mask" and not ((array == 0) | (array == 1)).all():
            raise refuse(path, "mask holds other numbers than 0 and 1", "mask=~np.isnan(x)")
        yield array if array.dtype.kind in "bu" else as_single(array)


def _check_times(dt: np.ndarray, path: Path) -> None:
    """Times since the step before are 0 at the first step, and later 0 or more."""
    if (dt[:, 0] != 0).any():
        number = int(np.flatnonzero(dt[:, 0].any(-1))[0])
        problem = f"dt of sequence {number} (counted from 0) begins with {dt[number, 0, 0]:g}"
        raise refuse(path, problem, "dt[:, 0] = 0: nothing is before the first step")
    if (dt < 0).any():
        sequence, step, _ = np.argwhere(dt < 0)[0]
        problem = f"dt is below 0 in sequence {sequence}, step {step} (counted from 0)"
        raise refuse(path, problem, "dt=np.diff(times, axis=1, prepend=times[:, :1])")


def beside(whole: Split, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """x with these columns behind its own; of each as many steps as x has."""
    real = real_steps(whole.lengths, whole.width)[..., None]
    cut = (np.where(real, array[:, : whole.width], array.dtype.type(0)) for array in arrays)
    return np.concatenate([whole.x, *cut], axis=-1)


def filled(inputs: int, fills: Collection[str], arrays: Sequence[np.ndarray]) -> Fills:
    """Which columns the names stand for, behind so many of x."""
    known: Fills = {}
    for name, array in zip(fills, arrays):
        known[name] = tuple(range(inputs, inputs + array.shape[-1]))
        inputs += array.shape[-1]
    return known
