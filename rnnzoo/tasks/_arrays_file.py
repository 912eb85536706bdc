"""The file of `arrays`: where it is, whether it is one, and whether what it holds has the right
form.

In: options.  Out: what is wrong, from the headers of the arrays alone, and what to write instead.
`check` asks this; values are looked at when the data is loaded.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path

from rnnzoo.spec.written import setting
from rnnzoo.tasks._data_folder import of_own, variable
from rnnzoo.tasks._npz import Header

READ = ("x", "y", "y_lengths", "lengths", "split", "group", "weights")
NUMBERS, TEXTS = "biuf", "US"
NONE = -1  # stands where there is no label to transcribe
NEEDED = {
    "classify": ("x", "y"),
    "tag": ("x", "y"),
    "regress": ("x", "y"),
    "next_step": ("x",),
    "transcribe": ("x", "y"),
}
UNUSED = {  # arrays that a kind does not read
    "classify": ("y_lengths",), "tag": ("y_lengths",), "regress": ("y_lengths",),
    "next_step": ("y", "y_lengths"),
}  # fmt: skip
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_TABLE = 'the task `table` reads tables: docs/tasks.md, "Your own table"'
OBJECTS = "holds Python objects, which are never opened"

Problem = tuple[str, str]  # and what to write instead


def place(file: str, folder: Path) -> Path:
    """Where a file is: a relative path begins at that folder or, where nothing is there, at that of
    the data sets.

    A link to nothing is something: whoever made it did not mean another file of that name.
    """
    try:
        path = Path(file).expanduser()
    except RuntimeError:  # there is no such user
        path = Path(file)
    here = folder / path
    return here if os.path.lexists(here) else of_own(path) or here


def unusable(file: str, folder: Path) -> Problem | None:
    """Why there is no `.npz` file at that place."""
    nothing = nowhere(file, folder, f"name a .npz file in it; {_TABLE}", "the arrays")
    return nothing or _unreadable(place(file, folder), file)


def nowhere(file: str, folder: Path, of_folder: str, content: str) -> Problem | None:
    """Why there is no file at that place.

    Args:
        of_folder: what to do where it is a folder.
        content: what is to be in the file.
    """
    if _ADDRESS.match(file):
        return (
            f"'{file}' is an address, and nothing is downloaded",
            "download it, and name the file",
        )
    path = place(file, folder)
    try:
        kind = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a name of a file"
        return f"no file {file}: {reason}", _where_paths_begin(folder)
    if stat.S_ISDIR(kind):
        return f"no file {file}: it is a folder", of_folder
    if not stat.S_ISREG(kind):
        return f"no file {file}: it is a device or a pipe", f"write {content} to a file"
    return None


def _where_paths_begin(folder: Path) -> str:
    return (
        "a path is relative to the folder of the experiment that it stands in, on the command"
        f" line to the current folder (here {os.path.realpath(folder)}), or to the folder that"
        f" {variable()}"
    )


def _unreadable(path: Path, file: str) -> Problem | None:
    try:
        with path.open("rb") as stream:
            begins = stream.read(8)
    except OSError as error:
        return f"cannot read {file}: {error.strerror}", "make it readable"
    if begins.startswith(b"PK"):
        return None
    problem = f"cannot read {file}: it is no .npz file"
    if begins.startswith(b"\x93NUMPY"):
        return f"{problem}, but one array", f"np.savez('my.npz', x=np.load({file!r}), y=...)"
    if not begins:
        return f"{problem}, but empty", "np.savez('my.npz', x=..., y=...) writes one"
    if path.suffix.lower() == ".txt":
        return f"{problem}, but text", "the task `text` predicts its characters or words"
    if path.suffix.lower() in (".csv", ".tsv", ".json"):
        return f"{problem}, but text", _TABLE
    return problem, f"np.savez('my.npz', x=..., y=...) writes one; {_TABLE}"


def text(label: str | bytes) -> str:
    """A name as text."""
    return label.decode(errors="backslashreplace") if isinstance(label, bytes) else label


def at_steps(y: tuple[int, ...], x: tuple[int, ...], per: str) -> bool:
    """Whether a target of this shape stands at every step of an x of that shape; one column is one
    target a sequence, unless `per` says otherwise.
    """
    return len(y) > 1 and y[1] == x[1] and (len(y) > 2 or per == "step" or (not per and y[1] > 1))


def misfits(
    path: Path, in_file: Mapping[str, Header], kind: str, per: str, fills: Collection[str]
) -> Iterator[Problem]:
    """What is wrong with the form of a file's arrays.

    Args:
        kind, per, fills: the options.
    """
    missing = [name for name in NEEDED[kind] if name not in in_file]
    if missing:
        yield f"{path} has no array '{missing[0]}'", _renamed(in_file)
        return
    unnamed = [name for name in fills if name not in in_file]
    if unnamed:
        fix = f"np.savez('my.npz', {unnamed[0]}=...) beside the others, or leave it out of `fills`"
        yield f"{path} has no array '{unnamed[0]}'", fix
        return
    unused = UNUSED.get(kind, ())
    known = (*READ, *fills)
    arrays = {name: in_file[name] for name in known if name in in_file and name not in unused}
    x = arrays.pop("x")
    problems = list(form_of_x(x))
    if not problems:
        others = (
            form_of_each(name, other, kind, per, x, counted="y_lengths" in arrays)
            for name, other in arrays.items()
        )
        problems = list(chain.from_iterable(others))
    for problem, fix in problems:
        yield f"{path}: {problem}", fix


def _renamed(in_file: Mapping[str, Header]) -> str:
    """How the arrays that there are become those that are read."""
    names = sorted(in_file)
    holds = f"it holds {', '.join(names[:12]) or 'nothing'}"
    lower = {name.lower() for name in names}
    if lower & {"x_train", "x_test"}:
        return f"{holds}; a file that is split has X_train, y_train, X_test and y_test"
    if {"arr_0", "arr_1"} <= set(names):
        return f"{holds}; give them names: np.savez('my.npz', x=x, y=y)"
    if {"x", "y"} & lower - set(names):
        return f"{holds}; names are small letters: np.savez('my.npz', x=..., y=...)"
    return f"{holds}; write np.savez('my.npz', x=..., y=...)"


def form_of_x(header: Header, name: str = "x") -> Iterator[Problem]:
    """
    Args:
        name: in the file.
    """
    shape, dtype = header.shape, header.dtype
    if dtype.hasobject:
        padded = "pad sequences at the end to one length, and give the real ones as `lengths`"
        yield f"'{name}' {OBJECTS}", padded if len(shape) == 1 else f"{name}={name}.astype(float)"
    elif dtype.kind not in NUMBERS:
        yield f"'{name}' must hold numbers, not {dtype}", _as_numbers(name, dtype.kind)
    elif len(shape) == 1 and shape[0]:
        fix = (
            f"cut it into sequences, {name} = series[: len(series) // 50 * 50].reshape(-1, 50), and"
            " give a `split` by time"
        )
        yield f"{name} has shape {shape}: one series, and not (sequences, time, inputs)", fix
    elif len(shape) not in (2, 3) or 0 in shape:
        yield (
            f"{name} has shape {shape}",
            "it must be (sequences, time, inputs), or (sequences, time), none of them 0",
        )


def _as_numbers(name: str, kind: str) -> str:
    """What makes numbers of an array of another kind."""
    fixes = {
        "c": f"{name}=np.stack([{name}.real, {name}.imag], -1)",
        "M": f"{name}=({name} - {name}.min()) / np.timedelta64(1, 'D'), in days",
        "m": f"{name}={name} / np.timedelta64(1, 's'), in seconds",
        "V": f"{name}=structured_to_unstructured({name}), out of numpy.lib.recfunctions",
    }
    return fixes.get(
        kind, f"{name}={name}.astype(float), if they are numbers; names can be made one-hot"
    )


def form_of_each(
    role: str,
    header: Header,
    kind: str,
    per: str,
    x: Header,
    name: str = "",
    counted: bool = False,
) -> Iterator[Problem]:
    """An array with something for each sequence.

    Args:
        role: what it is.
        kind, per: the options.
        name: in the file, where that is another.
        counted: whether the file says how many labels each sequence has.
    """
    count, name = x.shape[0], name or role
    if role not in READ:
        yield from _form_of_named(role, header, x, name)
    elif role == "y" and kind == "transcribe":
        yield from form_of_labels(header, counted, count, name)
    elif role == "y":
        problems = list(_y(header, kind, x, name))
        yield from problems or _shape_of_y(header.shape, kind, per, x.shape, name)
    else:
        yield from _type_of_each(role, header, count, name) or _shape_of_each(header, count, name)


def _type_of_each(role: str, header: Header, count: int, name: str) -> list[Problem]:
    """What is wrong with the type of an array with one value for each sequence."""
    dtype = header.dtype
    as_text = f"{name}={name}.astype(str)"
    match role:
        case "lengths" | "y_lengths" if dtype.kind not in "iu":
            problem = f"{name} must be {count} whole numbers, not {dtype}"
            return [(problem, f"{name}={name}.astype(int)")]
        case "split" | "group" if dtype.hasobject:
            return [(f"'{name}' {OBJECTS}; pandas writes text so", as_text)]
        case "split" if dtype.kind == "f":
            problem = f"split must hold text or whole numbers, not {dtype}"
            return [(problem, "split=split.astype(int)")]
        case "split" if dtype.kind == "b":
            problem = "split holds true and false, which are no names of splits"
            return [(problem, "split=np.where(split, 'train', 'test'), if true is train")]
        case "group" if dtype.kind not in f"biu{TEXTS}":
            return [(f"{name} must hold whole numbers or text, not {dtype}", as_text)]
        case "weights" if dtype.kind not in NUMBERS:
            problem = f"{name} must be {count} numbers, not {dtype}"
            return [(problem, f"{name}={name}.astype(float)")]
        case _:
            return []


def _shape_of_each(header: Header, count: int, name: str) -> list[Problem]:
    """What is wrong with the shape of an array with one value for each sequence."""
    if header.shape == (count,):
        return []
    problem = f"{name} has shape {header.shape}"
    if header.shape == (count, 1):
        return [(problem, f"{name}={name}[:, 0]")]
    return [(problem, f"it needs one value for each of the {count} sequences of x")]


def _form_of_named(role: str, header: Header, x: Header, name: str) -> Iterator[Problem]:
    """What is wrong with the form of an array that cells read beside x."""
    steps, inputs = x.shape[:2], x.shape[2:] or (1,)
    columns = {"dt": (1,), "mask": inputs}.get(role, header.shape[2:3])
    fits = header.shape == (*steps, *columns) or (columns in ((), (1,)) and header.shape == steps)
    if header.dtype.hasobject or header.dtype.kind not in NUMBERS:
        problem = f"'{name}' must hold numbers, not {header.dtype}"
        yield problem, f"{name}={name}.astype(float)"
    elif not fits or 0 in header.shape:
        wanted = ", ".join(map(str, (*steps, *columns))) if columns else f"{steps[0]}, {steps[1]}"
        meaning = {
            "dt": ": the time since the step before",
            "mask": ": 1 where an input of x is observed, else 0",
        }
        yield f"{name} has shape {header.shape}", f"({wanted}){meaning.get(role, ', as x has')}"


def _y(y: Header, kind: str, x: Header, name: str) -> Iterator[Problem]:
    """What is wrong with y before its shape matters: what it holds, and whose it is."""
    count = x.shape[0]
    rows = f"it needs one row for each of the {count} sequences of x"
    if y.dtype.hasobject:
        fix = "str" if kind == "classify" else "float"
        yield f"'{name}' {OBJECTS}; pandas writes text so", f"{name}={name}.astype({fix})"
    elif y.dtype.kind not in (NUMBERS + TEXTS if kind == "classify" else NUMBERS):
        wanted = "numbers or names" if kind == "classify" else "numbers"
        yield f"'{name}' must hold {wanted}, not {y.dtype}", _as_numbers(name, y.dtype.kind)
    elif not y.shape:
        yield f"{name} is a single number", rows
    elif y.shape[0] != count:
        swapped = len(x.shape) == 3 and x.shape[1] == y.shape[0]
        more = (
            ": if x is (time, sequences, inputs), write x=x.transpose(1, 0, 2)" if swapped else ""
        )
        yield f"{name} has shape {y.shape}", rows + more
    elif 0 in y.shape:
        yield (
            f"{name} has shape {y.shape}: nothing to predict",
            f"{name}=..., one number or more a sequence",
        )


def _shape_of_y(
    y: tuple[int, ...], kind: str, per: str, x: tuple[int, ...], name: str
) -> Iterator[Problem]:
    """Whether a target is one a sequence or one a step, and which."""
    count, steps = x[:2]
    if per == "step" and not at_steps(y, x, per):
        yield (
            f"{name} has shape {y}, and with `{setting('per', 'step')}` it is ({count}, {steps}) or"
            f" ({count}, {steps}, outputs)",
            f"leave `per` out, if {name} is one target a sequence",
        )
    elif len(y) > 3 or (len(y) == 3 and y[1] != steps):
        fix = f"{name}={name}.reshape({count}, -1)"
        yield f"{name} has shape {y}, with more than (sequences, outputs)", fix
    elif len(y) == 3 and per == "sequence":
        fix = f"leave `per` out, or {name}={name}[:, -1] keeps those of the last step"
        yield f"{name} has shape {y}: a target at every step, and not one a sequence", fix
    elif kind in ("regress", "tag") and len(y) == 2 and not per and at_steps(y, x, per):
        answers = "numbers to predict at the end" if kind == "regress" else "tags"
        yield (
            f"{name} has shape {y}, and x has {steps} steps: {steps} {answers} of a sequence, or"
            " one at every step?",
            f"{setting('per', 'sequence')}, or {setting('per', 'step')}",
        )


def form_of_labels(y: Header, counted: bool, count: int, name: str) -> Iterator[Problem]:
    """What is wrong with the form of y where it is labels to transcribe.

    Args:
        counted: whether the file has `y_lengths`.
        count: of sequences.
        name: in the file.
    """
    flat = f"{name}=np.concatenate(labels), y_lengths=list(map(len, labels))"
    if y.dtype.hasobject:
        yield f"'{name}' {OBJECTS}", flat
    elif y.dtype.kind not in NUMBERS + TEXTS:
        yield f"'{name}' must hold numbers or names, not {y.dtype}", flat
    elif len(y.shape) not in (1, 2) or 0 in y.shape:
        yield (
            f"{name} has shape {y.shape}",
            f"({count}, most labels) with -1 behind the last, ({count},) of texts; or {flat}",
        )
    elif len(y.shape) == 1 and not counted and y.dtype.kind in NUMBERS:
        yield f"{name} has shape {y.shape}, and which labels are whose is not said", flat
    elif y.shape[0] != count and not (counted and len(y.shape) == 1):
        yield (
            f"{name} has shape {y.shape}",
            f"it needs the labels of each of the {count} sequences of x; or {flat}",
        )
