"""The splits of `arrays`: as the file says, by group, or by a shuffle that is always the same.

In: what the file says of its sequences.  Out: the number of each one's split, and what is to be
said about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import Remark, nearest, number_of
from rnnzoo.spec.written import setting
from rnnzoo.tasks import SPLITS
from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks._arrays_parts import ALSO
from rnnzoo.tasks._arrays_targets import Targets, refuse

SHARES = (0.7, 0.85)  # where validation begins, and test
HOW = ("shuffle", "stratified")
VALIDATION = 0.15  # of train, where the file has train and test only


def numbers(
    arrays: Mapping[str, np.ndarray],
    targets: Targets,
    options: Mapping[str, Any],
    seed: int,
    path: Path,
) -> tuple[np.ndarray, list[Remark]]:
    """0, 1 or 2 for each sequence: its split; and what is to be said about that."""
    count, group = len(targets.y), arrays.get("group")
    remarks = []
    if "split" in arrays:
        where = _as_numbers(arrays["split"], count, path)
        if group is not None:
            _check_groups(group, where, path)
        if set(np.unique(where)) == {0, 2}:
            where = _with_validation(where, group, targets, options["validation"], seed, path)
            remarks = [_about_validation(where, group, targets, options["validation"])]
    elif group is not None:
        where = _by_group(group, seed, path)
    elif options["split"] == "stratified":
        where = _stratified(targets, seed, path)
    else:
        where = np.digitize(np.random.default_rng(seed).permutation(count) / count, SHARES)
    _check_filled(where, arrays, path)
    if not remarks and options["validation"] != VALIDATION:
        problem = "`validation` is not used: it is a share of train where the file has only a test"
        remarks = [Remark(f"{problem} split beside it", "leave it out")]
    return where, remarks


# ------------------------------------------------------------------ validation out of train


def _with_validation(
    where: np.ndarray,
    group: np.ndarray | None,
    targets: Targets,
    share: float,
    seed: int,
    path: Path,
) -> np.ndarray:
    """The splits with a share of train for validation: whole groups, or in proportion to the
    classes.
    """
    train = np.flatnonzero(where == 0)
    member = None if group is None else np.unique(group, return_inverse=True)[1]
    units = train if member is None else np.unique(member[train])
    if len(units) < 2:
        unit = "sequence" if group is None else "group"
        raise refuse(
            path,
            f"the validation split is empty, and train has one {unit} only",
            "a `split` with 'validation'",
        )
    classes = targets.y[train] if _has_classes(targets) and group is None else np.zeros(len(units))
    chosen = units[_proportional(classes, share, np.random.default_rng(seed))]
    where = where.copy()
    where[chosen if member is None else np.isin(member, chosen)] = 1
    return where


def _has_classes(targets: Targets) -> bool:
    """Whether each sequence is of one class."""
    return targets.loss == "categorical" and targets.per == "sequence"


def _proportional(classes: np.ndarray, share: float, order: np.random.Generator) -> np.ndarray:
    """(how many,) bool: a share of all, at least one and not all, in proportion to the classes by
    the largest remainders.
    """
    shuffled = order.permutation(len(classes))
    _, member, counts = np.unique(classes[shuffled], return_inverse=True, return_counts=True)
    total = min(max(1, round(share * len(classes))), len(classes) - 1)
    exact = total * counts / len(classes)
    wanted = np.floor(exact).astype(int)
    rest = total - int(wanted.sum())
    wanted[np.argsort(wanted - exact, kind="stable")[:rest]] += 1
    by_class = np.argsort(member, kind="stable")
    begins = np.cumsum(counts) - counts
    rank = np.empty(len(classes), int)  # of each sequence within its class
    rank[by_class] = np.arange(len(classes)) - np.repeat(begins, counts)
    chosen = np.zeros(len(classes), bool)
    chosen[shuffled[rank < wanted[member]]] = True
    return chosen


def _about_validation(
    where: np.ndarray, group: np.ndarray | None, targets: Targets, share: float
) -> Remark:
    how = "by a shuffle"
    if group is not None:
        how = "by a shuffle of its groups"
    elif _has_classes(targets):
        how = "in proportion to the classes, by a shuffle"
    count = number_of(int((where == 1).sum()), "sequence")
    return Remark(
        f"there is no validation split: {100 * share:g} % of train, {count}, are taken for it,"
        f" {how} that is always the same",
        f"a `split` with 'validation', or `{setting('validation', 0.2)}` for another share",
    )


# ------------------------------------------------------------------ a shuffle of each class


def _stratified(targets: Targets, seed: int, path: Path) -> np.ndarray:
    """15 % of each class for validation and for test, at least one."""
    if not _has_classes(targets):
        raise refuse(
            path,
            f"`{setting('split', 'stratified')}` needs one class a sequence",
            "leave it out, or give a `split`",
        )
    order = np.random.default_rng(seed)
    where = np.zeros(len(targets.y), int)
    for label in np.unique(targets.y):
        members = order.permutation(np.flatnonzero(targets.y == label))
        if len(members) < len(SPLITS):
            name = repr(targets.classes[label]) if targets.classes else label
            raise refuse(
                path,
                f"class {name} has {number_of(len(members), 'sequence')}, and there are three"
                " splits",
                f"leave `{setting('split', 'stratified')}` out, or leave the class out",
            )
        aside = max(1, round((1 - SHARES[1]) * len(members)))
        where[members[:aside]], where[members[aside : 2 * aside]] = 1, 2
    return where


# ------------------------------------------------------------------ as the file says


def _word(value: Any) -> Any:
    return files.text(value) if isinstance(value, bytes) else value


def _as_numbers(split: np.ndarray, count: int, path: Path) -> np.ndarray:
    """The splits as numbers."""
    values, place = np.unique(split, return_inverse=True)
    words = [_word(value) for value in values.tolist()]
    known: dict[str | int, int] = {
        **{name: number for number, name in enumerate(SPLITS)},
        0: 0,
        1: 1,
        2: 2,
    }
    known |= {synonym: known[name] for synonym, name in ALSO.items()}
    strange = [word for word in words if word not in known]
    if strange:
        near = nearest(str(strange[0]), [*SPLITS, *ALSO])
        cut = (
            " (an array of short texts cuts longer ones: split.astype('U10') before you write"
            " into it)"
        )
        raise refuse(
            path,
            f"split must hold one of {', '.join(SPLITS)}, or of 0, 1, 2, for each of the {count}"
            f" sequences, and not {', '.join(map(repr, strange[:4]))}",
            near + (cut if split.dtype.kind in files.TEXTS else ""),
        )
    return np.array([known[word] for word in words])[place]


def _by_group(group: np.ndarray, seed: int, path: Path) -> np.ndarray:
    """Splits of whole groups: a shuffle of the groups, 15 % of them each for validation and test,
    at least one.
    """
    names, member = np.unique(group, return_inverse=True)
    if len(names) < len(SPLITS):
        raise refuse(
            path,
            f"group names {number_of(len(names), 'group')}, and there are three splits",
            "give a `split` instead",
        )
    aside = max(1, round((1 - SHARES[1]) * len(names)))
    where = np.zeros(len(names), int)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    where[shuffled[-aside:]], where[shuffled[-2 * aside : -aside]] = 2, 1
    return where[member]


def _check_groups(group: np.ndarray, where: np.ndarray, path: Path) -> None:
    names, member = np.unique(group, return_inverse=True)
    first = np.zeros(len(names), int)
    first[member] = where  # of each group, the split of one of its sequences
    torn = np.flatnonzero(first[member] != where)
    if len(torn):
        sides = sorted({int(where[torn[0]]), int(first[member[torn[0]]])})
        both = " and in ".join(SPLITS[side] for side in sides)
        raise refuse(
            path,
            f"group {names[member[torn[0]]]!s} is in {both}",
            "leave `split` out, or keep groups whole in it",
        )


def _check_filled(split_numbers: np.ndarray, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Every split needs a sequence."""
    empty = [name for number, name in enumerate(SPLITS) if not (split_numbers == number).any()]
    if not empty:
        return
    problem = f"the {empty[0]} split is empty: {number_of(len(split_numbers), 'sequence')}"
    if "split" in arrays:
        raise refuse(path, problem, _fix_of_empty(empty[0], arrays["split"]))
    are = "is" if len(split_numbers) == 1 else "are"
    raise refuse(
        path,
        f"{problem} {are} too few for 70, 15 and 15 %",
        "`split` says where each goes, and one series can be cut into several sequences",
    )


def _fix_of_empty(name: str, split: np.ndarray) -> str:
    """What fills a split out of train."""
    if name == "train":
        return "give it most of the sequences"
    if split.dtype.kind not in files.TEXTS:
        meant = "; where 1 means test, split=2 * split" if name == "test" else ""
        number = SPLITS.index(name)
        return f"take some out of train: split[np.flatnonzero(split == 0)[::5]] = {number}{meant}"
    return (
        "take some out of train: split = split.astype('U10'); split[np.flatnonzero(split =="
        f" 'train')[::5]] = '{name}'"
    )
