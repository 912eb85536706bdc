"""XLA's persistent cache, where somebody has switched it on: entries that are not whole are set
aside.

In: the environment.  Out: nothing, and a warning that names what was set aside.  Under Keras' `fit`
an entry that was cut short ends training before its first step without a word: XLA's error for it
is the one by which a data set says that it is at its end.  Other damage is an error that everybody
sees, or is found by the digests of `cache`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from rnnzoo.backends.tensorflow.cache import folders

PATTERN = "xla_compile_cache*.pb"
ASIDE = ".damaged"
# Kinds of fields of a protocol buffer: a number, so many bytes, and those of fixed length in bytes
VARINT, COUNTED = 0, 2
FIXED = {1: 8, 5: 4}


def set_aside_what_is_cut() -> None:
    """Rename entries that are cut short, once in a process for a folder; XLA then compiles anew.

    Warns:
        RuntimeWarning: something was set aside.
    """
    for folder in folders():
        _check(folder)


@cache
def _check(folder: Path) -> None:
    for entry in sorted(folder.glob(PATTERN)):
        try:
            if is_whole(entry):
                continue
            entry.rename(entry.with_name(entry.name + ASIDE))
        except OSError:
            continue  # another process was sooner, or the folder cannot be written
        warnings.warn(
            f"an entry of XLA's cache is cut short, it is now {entry}{ASIDE}",
            RuntimeWarning,
            stacklevel=4,
        )


def is_whole(entry: Path) -> bool:
    """Whether a file is a protocol buffer from its first byte to its last: fields, each with as
    many bytes as it says.
    """
    size = entry.stat().st_size
    with entry.open("rb") as file:
        return size > 0 and max(_ends(file), default=-1) == size


def _ends(file: BinaryIO) -> Iterator[int]:
    """Where each field ends, as far as the fields can be told apart; the end of a cut one lies
    beyond the file's.
    """
    while (key := _varint(file)) is not None:
        kind = key & 7
        length = FIXED.get(kind)
        if kind in (VARINT, COUNTED):
            length = _varint(file)
        if length is None:
            return
        # of a number the bytes are read already
        yield file.seek(0 if kind == VARINT else length, os.SEEK_CUR)


def _varint(file: BinaryIO) -> int | None:
    """A number of seven bits a byte, the lowest first; None where there is no whole one."""
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
        shift += 7
    return None
