"""The arrays of a file for `arrays`, whether it holds `x` and `y` or is split already:
`X_train`, `y_train`, `X_test`, `y_test`.

In: a file.  Out: `read`, its arrays by what they are (x, y, lengths, group and split), and
`misfits`, what is wrong with their form.  Arrays that nobody asks for are not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from rnnzoo.tasks import SPLITS, _npz
from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks._npz import Header

ALSO = {"valid": "validation", "val": "validation", "dev": "validation"}  # names of splits
_OF_EACH = tuple(role for role in files.READ if role != "split")  # may be given for each split

Parts = dict[str, dict[int, list[str]]]  # by what they are, of each split the names in the file


def parts_of(in_file: Mapping[str, Header], fills: Collection[str] = ()) -> Parts:
    """The arrays of a file that is split already; empty where it holds `x`, or not x of train and
    of test.

    Args:
        fills: names of further arrays that are read.
    """
    parts: Parts = {}
    if "x" in in_file:
        return parts
    roles = {role.lower(): role for role in (*_OF_EACH, *fills)}
    words = rf"({'|'.join(roles)})_({'|'.join([*SPLITS, *ALSO])})"
    part = re.compile(words, re.ASCII | re.IGNORECASE)
    for name in in_file:
        if matched := part.fullmatch(name):
            word, split = (word.lower() for word in matched.groups())
            role = roles[word]
            of_split = parts.setdefault(role, {})
            of_split.setdefault(SPLITS.index(ALSO.get(split, split)), []).append(name)
    return parts if {0, 2} <= set(parts.get("x", ())) else {}


def given(in_file: Mapping[str, Header]) -> set[str]:
    """What a file says of its sequences."""
    parts = parts_of(in_file)
    return {*parts, "split"} if parts else {name for name in files.READ if name in in_file}


# ------------------------------------------------------------------ form


def misfits(
    path: Path, kind: str, per: str, fills: Collection[str] = ()
) -> Iterator[files.Problem]:
    """What is wrong with the form of a file's arrays.

    Args:
        kind, per, fills: the options.

    Raises:
        OSError, ValueError: as `_npz.headers`.
    """
    in_file = _npz.headers(path)
    parts = parts_of(in_file, fills)
    if not parts:
        yield from files.misfits(path, in_file, kind, per, fills)
        return
    for role in files.UNUSED.get(kind, ()):
        parts.pop(role, None)
    for role in (*files.NEEDED[kind], *fills):
        parts.setdefault(role, {})
    problems = list(_incomplete(parts)) or list(_forms(in_file, parts, kind, per))
    for problem, fix in problems or _unlike(in_file, parts, kind):
        yield f"{path}: {problem}", fix


def _incomplete(parts: Parts) -> Iterator[files.Problem]:
    """Arrays that are there twice, or for some of the splits only."""
    for role, of_splits in parts.items():
        for names in of_splits.values():
            if len(names) > 1:
                yield f"{' and '.join(names)} are of the same split", "write one of them"
        for number in sorted(set(parts["x"]) ^ set(of_splits)):
            split = SPLITS[number]
            has, lacks = ("x", role) if number in parts["x"] else (role, "x")
            yield (
                f"it has {parts[has][number][0]}, and no {lacks}_{split}",
                f"np.savez('my.npz', {lacks}_{split}=...) beside the others",
            )


def _forms(
    in_file: Mapping[str, Header], parts: Parts, kind: str, per: str
) -> Iterator[files.Problem]:
    for number, (name,) in parts["x"].items():
        x = in_file[name]
        problems = list(files.form_of_x(x, name))
        yield from problems
        for role in () if problems else parts:
            if role != "x":
                own = parts[role][number][0]
                counted = "y_lengths" in parts
                yield from files.form_of_each(role, in_file[own], kind, per, x, own, counted)


def _unlike(in_file: Mapping[str, Header], parts: Parts, kind: str) -> Iterator[files.Problem]:
    """Arrays of two splits that cannot be of one data set."""
    for role, of_splits in parts.items():
        (first, *others) = (names[0] for _, names in sorted(of_splits.items()))
        for other in others:
            first_header, other_header = in_file[first], in_file[other]
            if _text_kind(first_header) != _text_kind(other_header):
                yield (
                    f"{first} holds {first_header.dtype}, and {other} {other_header.dtype}",
                    f"{other}={other}.astype({first}.dtype), if they are the same",
                )
            elif kind == "transcribe" and role == "y":
                continue  # some have more labels
            elif _width(role, first_header, in_file, parts) != _width(
                role, other_header, in_file, parts
            ):
                yield (
                    f"{first} has shape {first_header.shape}, and {other} {other_header.shape}",
                    "splits differ in their sequences and steps, and in nothing else",
                )


def _text_kind(header: Header) -> str:
    return header.dtype.kind if header.dtype.kind in files.TEXTS else "number"


def _width(
    role: str, header: Header, in_file: Mapping[str, Header], parts: Parts
) -> tuple[int | str, ...]:
    """The shape of one sequence; where it is as long as x, the number of steps does not count."""
    shape = header.shape[1:]
    by_steps = shape and _goes_by_steps(in_file, parts, role)
    return ("steps", *shape[1:]) if by_steps else shape


def _goes_by_steps(in_file: Mapping[str, Header], parts: Parts, role: str) -> bool:
    """Whether the second axis is that of the steps, in every split."""
    return all(
        in_file[name].shape[1:2] == in_file[parts["x"][number][0]].shape[1:2]
        for number, (name,) in parts[role].items()
    )


# ------------------------------------------------------------------ reading


def read(path: Path, kind: str, fills: Collection[str] = ()) -> dict[str, np.ndarray]:
    """The arrays of a file by what they are; of a file that is split already with `split` as
    numbers, and padded to one length with `lengths`.

    Args:
        kind, fills: the options.

    Raises:
        OSError, ValueError, MemoryError: as `_npz.read`.
    """
    in_file = _npz.headers(path)
    parts = parts_of(in_file, fills)
    unused = files.UNUSED.get(kind, ())
    if not parts:
        known = (*files.READ, *fills)
        return _npz.read(path, [name for name in known if name not in unused])
    arrays = {
        role: _joined(path, in_file, parts, role, ends=kind == "transcribe" and role == "y")
        for role in parts
        if role not in unused
    }
    headers = {number: in_file[name] for number, (name,) in sorted(parts["x"].items())}
    counts = [header.shape[0] for header in headers.values()]
    steps = [header.shape[1] for header in headers.values()]
    if len(set(steps)) > 1 and "lengths" not in arrays:
        arrays["lengths"] = np.repeat(steps, counts)
    return {**arrays, "split": np.repeat(list(headers), counts)}


def _joined(
    path: Path, in_file: Mapping[str, Header], parts: Parts, role: str, ends: bool
) -> np.ndarray:
    """The arrays of all splits as one, with nothing at steps that a split does not have.

    Args:
        ends: whether they are labels, of which some splits have less: what stands then is the mark
            of their end.
    """
    names = [name for _, (name,) in sorted(parts[role].items())]
    headers = [in_file[name] for name in names]
    longest = tuple(map(max, zip(*(header.shape[1:] for header in headers))))
    counts = [header.shape[0] for header in headers]
    dtype = np.result_type(*(header.dtype for header in headers))
    if ends and dtype.kind in files.NUMBERS:
        joined = np.full((sum(counts), *longest), files.NONE, np.result_type(dtype, np.int8))
    else:
        joined = np.zeros((sum(counts), *longest), dtype)
    begins = 0
    for name, count in zip(names, counts):
        array = _npz.read(path, [name])[name]
        joined[(slice(begins, begins + count), *map(slice, array.shape[1:]))] = array
        begins += count
    return joined
