"""Which split each piece is in.

In: what files, a column, groups or times say.  Out: 0, 1 or 2 for each piece, or -1 for a window
that lies on two sides, which is left out.  What files and columns do not say is drawn out of train:
whole groups, or whole sequences with as equal a share of each class as there can be.
"""

from __future__ import annotations

import numpy as np

from rnnzoo.errors import TaskError, nearest, number_of
from rnnzoo.spec.written import setting
from rnnzoo.tasks._contract import SPLITS
from rnnzoo.tasks._table.files import UNSAID
from rnnzoo.tasks._table.read import Names, Rows
from rnnzoo.tasks._table.roles import ALSO, Division, Roles, refused
from rnnzoo.tasks._table.sequences import Pieces, Sequences, check_given, check_same, name_of

LEFT_OUT = -1
TRAIN = 0


def sides(
    rows: Rows,
    whole: Sequences,
    cut: Pieces,
    own: Roles,
    classes: np.ndarray | None,
    seed: int,
) -> np.ndarray:
    """(pieces,) of each its split.

    Args:
        classes: (pieces,) that each split should have alike; None where there are none.

    Raises:
        TaskError: a sequence or a group is on two sides, or a split stays empty.
    """
    group = _groups(rows, whole, own) if own.split.by else None
    of_step = _said(rows, whole, own)
    lacking = [number for number in (1, 2) if of_step is None or not (of_step == number).any()]
    if own.split.time and lacking:
        of_step = _by_time(rows, whole, own, of_step, lacking)
        lacking = []
    side = np.zeros(len(cut), np.int64)
    if of_step is not None:
        side = _of_pieces(rows, whole, cut, own, of_step)
        if group is not None:
            _check_groups(rows, whole, cut, own, group, side)
    if lacking:
        unit = cut.sequence if group is None else group[cut.sequence]
        _draw(side, unit, classes if group is None else None, own.split, lacking, seed)
    _check_filled(side, len(cut), own)
    return side


# ------------------------------------------------------------------ what files and columns say


def _said(rows: Rows, whole: Sequences, own: Roles) -> np.ndarray | None:
    """(steps,) of each its split, as files or a column say; None where neither does."""
    of_files = rows.side
    if (of_files != UNSAID).any():
        _check_files(rows, whole, own, of_files)
        return np.asarray(of_files[whole.row])
    if not own.split.column:
        return None
    names = rows.names(own.split.column)
    check_given(rows, names, own.split.column)
    known = {**{name: name for name in SPLITS}, **ALSO}
    strange = [number for number, name in enumerate(names.names) if name.lower() not in known]
    if strange:
        row = int(np.flatnonzero(names.codes == strange[0])[0])
        name = names.names[strange[0]]
        problem = f"{rows.place(row, own.split.column)} holds '{name}', which is no split"
        raise refused(problem, nearest(name, known))
    numbers = np.array([SPLITS.index(known[name.lower()]) for name in names.names])
    if not own.window.length:
        why = "a sequence is in one split: correct the column, or `split` by another"
        check_same(rows, whole, own.id, own.split.column, names, why)
    return np.asarray(numbers[names.codes][whole.row])


def _check_files(rows: Rows, whole: Sequences, own: Roles, of_files: np.ndarray) -> None:
    """Refuse an id that is in files of two splits."""
    side = of_files[whole.row]
    began = np.repeat(side[whole.starts], whole.lengths)
    torn = np.flatnonzero(side != began)
    if len(torn):
        row = int(whole.row[torn[0]])
        start = int(whole.row[whole.starts[whole.of_step[torn[0]]]])
        raise refused(
            f"{rows.place(row)}: {name_of(rows, row, own.id)} is in {SPLITS[of_files[row]]}, and"
            f" also in {SPLITS[of_files[start]]} ({rows.place(start)})",
            "ids of one split are not those of another: number those of test on from train's",
        )


def _by_time(
    rows: Rows, whole: Sequences, own: Roles, said: np.ndarray | None, lacking: list[int]
) -> np.ndarray:
    """(steps,) the latest steps are for test, those before for validation; out of train, where
    files or a column say which steps that is.
    """
    moments = rows.moments(own.split.time)[whole.row]
    of_step = np.zeros(len(moments), np.int64) if said is None else said.copy()
    pool = np.flatnonzero(of_step == TRAIN)
    times = np.sort(moments[pool])
    ends = np.cumsum([own.split.shares[number - 1] for number in reversed(lacking)])
    for number, share in zip(lacking, reversed(ends)):
        # of few steps, a small share is less than one: then it is the last
        begins = times[min(round((1 - share) * len(times)), len(times) - 1)]
        of_step[pool[moments[pool] >= begins]] = number
    return of_step


def _of_pieces(
    rows: Rows, whole: Sequences, cut: Pieces, own: Roles, of_step: np.ndarray
) -> np.ndarray:
    """(pieces,) the split of a piece's steps, targets included; `LEFT_OUT` where they differ."""
    changes = np.cumsum(np.diff(of_step, prepend=of_step[0]) != 0)
    torn = changes[cut.starts] != changes[cut.last]
    if torn.any() and not own.window.length and not own.split.time:
        raise _torn(rows, whole, cut, own, of_step, int(torn.argmax()))
    return np.where(torn, LEFT_OUT, of_step[cut.starts])


def _torn(
    rows: Rows, whole: Sequences, cut: Pieces, own: Roles, of_step: np.ndarray, piece: int
) -> TaskError:
    first, last = int(cut.starts[piece]), int(cut.last[piece])
    row = int(whole.row[last])
    return refused(
        f"{rows.place(row)}: {name_of(rows, row, own.id)} is in {SPLITS[of_step[last]]}, and began"
        f" in {SPLITS[of_step[first]]} ({rows.place(int(whole.row[first]))})",
        "a sequence is in one split: correct the column, or cut it,"
        f" {setting('window', {'length': 50})}",
    )


# ------------------------------------------------------------------ groups


def _groups(rows: Rows, whole: Sequences, own: Roles) -> np.ndarray:
    """(sequences,) the number of its group."""
    names: Names = rows.names(own.split.by)
    check_given(rows, names, own.split.by)
    why = "all steps of a sequence are of one group: correct it, or name another column"
    check_same(rows, whole, own.id, own.split.by, names, why)
    return np.asarray(names.codes[whole.row[whole.starts]])


def _check_groups(
    rows: Rows, whole: Sequences, cut: Pieces, own: Roles, group: np.ndarray, side: np.ndarray
) -> None:
    of_piece = group[cut.sequence]
    kept = np.flatnonzero(side != LEFT_OUT)
    first = np.full(group.max() + 1, -1)
    first[of_piece[kept[::-1]]] = kept[::-1]  # of each group, its first piece
    torn = kept[side[first[of_piece[kept]]] != side[kept]]
    if not len(torn):
        return
    there, here = int(first[of_piece[torn[0]]]), int(torn[0])
    row, start = (int(whole.row[cut.starts[piece]]) for piece in (here, there))
    raise refused(
        f"{rows.place(row, own.split.by)}: {own.split.by} {rows.text(row, own.split.by)} is in"
        f" {SPLITS[side[here]]}, and also in {SPLITS[side[there]]} ({rows.place(start)})",
        "a group is in one split: move its sequences, or leave `by` out, if scores on test may"
        " be too good",
    )


# ------------------------------------------------------------------ what is drawn


def _draw(
    side: np.ndarray,
    unit: np.ndarray,
    classes: np.ndarray | None,
    how: Division,
    lacking: list[int],
    seed: int,
) -> None:
    """Move whole units out of train into the splits that are lacking, class by class."""
    pool = np.flatnonzero(side == TRAIN)
    units, first = np.unique(unit[pool], return_index=True)
    if len(units) < len(lacking) + 1:
        raise _too_few(len(units), how, lacking)
    stratum = np.zeros(len(units), np.int64) if classes is None else classes[pool[first]]
    where = np.zeros(unit.max() + 1, np.int64)
    random = np.random.default_rng(seed)
    shares = [how.shares[number - 1] for number in lacking]
    for one_class in np.unique(stratum):
        members = random.permutation(units[stratum == one_class])
        if len(members) <= len(lacking):
            continue  # train comes first: what it lacks cannot be learnt
        for number, share in zip(lacking, shares):
            count = max(1, round(share * (stratum == one_class).sum()))
            taken, members = members[:count], members[count:]
            where[taken] = number
    side[pool] = where[unit[pool]]


def _too_few(count: int, how: Division, lacking: list[int]) -> TaskError:
    units = f"groups ('{how.by}')" if how.by else "sequences"
    wanted = " and ".join(SPLITS[number] for number in lacking)
    counted = number_of(count, "group" if how.by else "sequence")
    return refused(
        f"{counted}: too few {units} for train, {wanted}",
        f"one series is split by time: {setting('split', {'time': 'column'})}, with"
        f" {setting('window', {'length': 50})}; or name what tells sequences apart as `id`",
    )


def _check_filled(side: np.ndarray, count: int, own: Roles) -> None:
    for number, name in enumerate(SPLITS):
        if not (side == number).any():
            counted = number_of(count, "window" if own.window.length else "sequence")
            by = {"by": own.split.by} if own.split.by else {}
            fix = f"other shares: {setting('split', {**by, 'validation': 0.2, 'test': 0.2})}"
            if own.split.time:
                fix = "shorter windows, or a column of splits"
            raise refused(f"the {name} split is empty: {counted} are too few", fix)
