"""Files of the form IDX, in which MNIST is kept.

In: a file, also packed by gzip: two zeros, the type of its numbers, how many axes it has, the size
of each in four bytes, and the numbers.  Out: an array of bytes.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from rnnzoo.errors import TaskError

_BYTES = 8  # the type of numbers from 0 to 255


def read(path: Path, axes: int) -> np.ndarray:
    """The numbers of a file, uint8.

    Raises:
        TaskError: it cannot be read, or is no such file of so many axes.
    """
    content = _unpacked(path)
    head = 4 + 4 * axes
    if content[:4] != bytes([0, 0, _BYTES, axes]) or len(content) < head:
        raise _refused(path, f"it is no IDX file of {axes} axes")
    shape = tuple(np.frombuffer(content, ">u4", axes, offset=4).tolist())
    values = np.frombuffer(content, np.uint8, offset=head)
    expected = int(np.prod(shape, dtype=object))
    if len(values) != expected:
        raise _refused(path, f"{len(values):,} numbers follow its head, which says {expected:,}")
    return values.reshape(shape)


def _unpacked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise _refused(path, "what gzip packed is damaged") from None
    except OSError as error:
        raise _refused(path, str(error.strerror)) from None


def _refused(path: Path, problem: str) -> TaskError:
    return TaskError(f"cannot read {path}: {problem}", "take the file anew from where it is from")
