"""A NumPy `.npz` file -> its arrays, whatever state the file is in; Python objects are never
unpickled.

Headers alone say what is in a file and how large it is, so that nothing is made room for that the
file does not hold.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about one of its arrays."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def headers(path: Path) -> dict[str, Header]:
    """The headers of all arrays of a file, by name.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no `.npz` file, or is damaged; the message says which.
    """
    with path.open("rb") as stream:
        _begin(stream)
        try:
            with zipfile.ZipFile(stream) as archive:
                files = [file for file in archive.infolist() if file.filename.endswith(".npy")]
                return {
                    file.filename.removesuffix(".npy"): _header(archive, file) for file in files
                }
        except ValueError as error:
            raise ValueError(f"it is damaged: {error}") from None
        except MemoryError:
            raise
        except Exception:  # zipfile, zlib and struct each have errors of their own for damage
            raise ValueError("it is damaged") from None


def _header(archive: zipfile.ZipFile, file: zipfile.ZipInfo) -> Header:
    """The header of one array, once the file is sure to hold so much."""
    with archive.open(file) as stream:
        version = npy.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"{file.filename} is of version {version} of NumPy's format")
        shape, _, dtype = _HEADERS[version](stream)
        held = file.file_size - stream.tell()
    header = Header(shape, dtype)
    if min(shape, default=0) < 0 or (not dtype.hasobject and header.bytes != held):
        promised = f"an array {shape} of {dtype}, {header.bytes:,} bytes"
        raise ValueError(f"{file.filename} promises {promised}, and holds {held:,}")
    return header


def read(path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name.

    Args:
        names: read only these, as far as they are there; None reads all.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no `.npz` file, is damaged, or an array holds Python objects; the message
            says which.
        MemoryError: an array does not fit; the message says which.
    """
    known = headers(path)
    wanted = [name for name in known if names is None or name in names]
    objects = [name for name in wanted if known[name].dtype.hasobject]
    if objects:
        raise ValueError(f"'{objects[0]}' holds Python objects")
    with path.open("rb") as stream:
        _begin(stream)
        try:
            with np.load(stream, allow_pickle=False) as archive:
                return {name: _array(archive, name, known[name]) for name in wanted}
        except MemoryError:
            raise
        except Exception:
            raise ValueError("it is damaged") from None


def _begin(stream: IO[bytes]) -> None:
    if stream.read(2) != b"PK":
        raise ValueError("it is no .npz file")
    stream.seek(0)


def _array(archive: np.lib.npyio.NpzFile, name: str, header: Header) -> np.ndarray:
    try:
        array: np.ndarray = archive[name]
    except MemoryError:
        raise MemoryError(f"'{name}' takes {header.bytes / 1e9:.1f} GB") from None
    return array
