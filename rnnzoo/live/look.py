"""The files of an experiment's sweeps -> what its page shows.

In: the folder of the files.  Out: one snapshot with its state; parts that run at once are put
together.  Whether a sweep lives is told by its file alone, which changes every few seconds: so it
is known of another machine too, whose locks may not reach this one and whose clock may be wrong.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from rnnzoo.sweep.lock import WATCHED
from rnnzoo.sweep.parts import Part

FOLDER = "live"  # in the experiment's folder, beside its lock
Shown = dict[str, Any]
State = Literal["not begun", "running", "paused", "silent", "failed", "stopped", "ended"]
# of several parts, the page shows the first state of these that any has
ORDER: tuple[State, ...] = ("running", "paused", "silent", "failed", "stopped", "ended")
OVER: tuple[State, ...] = ("silent", "failed", "stopped", "ended")
_ENDS: Mapping[str, State] = {"done": "ended", "stopped": "stopped", "failed": "failed"}


@dataclass(slots=True)
class _File:
    """One file as it was read last.

    Attributes:
        changed: when it was seen to change, on our clock; at first, when it was written by its own.
    """

    content: Shown
    changed: float


@dataclass(slots=True)
class Watcher:
    """Looks at an experiment's files, as often as it is asked.

    Attributes:
        runs: the experiment's folder.
        name: the experiment's.
    """

    runs: Path
    name: str
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    _files: dict[str, _File] = field(default_factory=dict)

    def look(self) -> Shown:
        """What is to be shown now."""
        self._read()
        parts = []
        for file in self._files.values():
            silent = self.clock() - file.changed
            parts.append({**file.content, "state": _state(file.content, silent), "silent": silent})
        shown = chosen(parts)
        if not shown:
            return {"experiment": self.name, "state": "not begun", "parts": []}
        return together(shown)

    def _read(self) -> None:
        folder = self.runs / FOLDER
        try:
            # listed anew each time: a network folder keeps in mind what its names led to
            names = sorted(name for name in os.listdir(folder) if _is_ours(name))
        except OSError:
            names = []
        if names:
            self._files = {name: self._files[name] for name in self._files if name in names}
        for name in names:
            content = _content(folder / name)
            known = self._files.get(name)
            if content is None or (known and known.content["written"] == content["written"]):
                continue
            age = 0.0 if known else max(0.0, self.wall_clock() - content["written"])
            self._files[name] = _File(content, self.clock() - age)


def _is_ours(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


def _content(path: Path) -> Shown | None:
    """What a file holds; None where it is none of ours, or gone."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(content, dict) and {"written", "began", "part"} <= content.keys()
    return content if ours else None


def _state(content: Shown, silent: float) -> State:
    if content["ended"]:
        return _ENDS[content["ended"]["how"]]
    if silent > WATCHED:
        return "silent"
    return "paused" if (content.get("told") or {}).get("paused") else "running"


def chosen(parts: Sequence[Shown]) -> list[Shown]:
    """Those that belong together: the last sweep of the whole, or the parts that were begun since,
    without what an edit, or another division into parts, has left behind.
    """
    shown: list[Shown] = []
    for part in sorted(parts, key=lambda part: -float(part["began"])):
        if part["whole"]:
            return shown or [part]
        if not any(_excludes(newer, part) for newer in shown):
            shown.append(part)
    return shown


def _excludes(newer: Shown, older: Shown) -> bool:
    """Whether two parts have a trial in common, or are of different editions of a study."""
    if _have_a_trial_in_common(newer, older):
        return True
    hashes = {_label(study): study["hash"] for study in newer["studies"]}
    return any(
        hashes.get(_label(study), study["hash"]) != study["hash"] for study in older["studies"]
    )


def _have_a_trial_in_common(newer: Shown, older: Shown) -> bool:
    """Whether two parts do, which then were not run at once; files of before do not say."""
    if "trials_of" not in newer or "trials_of" not in older:
        return False
    return Part.from_dict(newer["trials_of"]).overlaps(Part.from_dict(older["trials_of"]))


def _label(study: Shown) -> tuple[Any, ...]:
    return study["variant"], study["task"], study["stage"], study["replicate"]


def together(parts: Sequence[Shown]) -> Shown:
    """Several parts as one; of one, it is that with its state."""
    first = parts[0]
    states = [part["state"] for part in parts]
    state = next(state for state in ORDER if state in states)
    of_state = [part for part in parts if part["state"] == state]  # whose words are shown
    left = [part["left"] for part in parts if part["left"] is not None]
    return {
        **first,
        "state": state,
        "silent": min(part["silent"] for part in of_state),
        "ended": of_state[0]["ended"],
        "began": min(part["began"] for part in parts),
        "written": max(part["written"] for part in parts),
        "done": sum(part["done"] for part in parts),
        "planned": sum(part["planned"] for part in parts),
        "left": max(left, default=None),
        "told": _told([part for part in parts if part["state"] not in OVER] or parts[:1]),
        "studies": _studies(parts),
        "running": _of_live(parts, "running"),
        "ended_last": _last(parts, "ended_last", newest_first=True),
        "notes": _last(parts, "notes"),
        "parts": [_part(part) for part in parts],
    }


def _told(parts: Sequence[Shown]) -> Shown | None:
    """What parts were told: which variants any of them stopped; that they are paused, and numbers,
    where all were told so.
    """
    told = [part.get("told") or {} for part in parts]
    if not any(told):
        return None
    paused = list(filter(None, (of_part.get("paused") for of_part in told)))
    stopped = chain.from_iterable(of_part.get("stopped", ()) for of_part in told)
    return {
        "paused": max(paused) if len(paused) == len(told) else None,
        "stopped": list(dict.fromkeys(stopped)),
        **{name: _common(told, name) for name in ("trials", "workers", "budget")},
    }


def _common(told: Sequence[Shown], name: str) -> Any:
    """What all were told; None where they were told different things."""
    values = {of_part.get(name) for of_part in told}
    return values.pop() if len(values) == 1 else None


def _part(part: Shown) -> Shown:
    names = ("part", "host", "pid", "workers", "state", "silent", "began", "written", "ended")
    return {name: part.get(name) for name in names}


def _of_live(parts: Iterable[Shown], name: str) -> list[Shown]:
    """What runs; of a sweep that is gone nothing does."""
    return list(chain.from_iterable(part[name] for part in parts if part["state"] not in OVER))


def _last(parts: Sequence[Shown], name: str, newest_first: bool = False) -> list[Shown]:
    """The last entries of all parts, as many as one has at most."""
    most = max(len(part[name]) for part in parts)
    entries = sorted(
        chain.from_iterable(part[name] for part in parts), key=lambda entry: entry["time"]
    )
    last = entries[-most:] if most else []
    return last[::-1] if newest_first else last


def _studies(parts: Sequence[Shown]) -> list[Shown]:
    """Each study once, with the trials of all parts."""
    rows: dict[tuple[Any, ...], Shown] = {}
    for study in chain.from_iterable(part["studies"] for part in reversed(parts)):
        row = rows.get(_label(study))
        rows[_label(study)] = _sum(row, study) if row else study
    return list(rows.values())


def _sum(a: Shown, b: Shown) -> Shown:
    scored = [study for study in (a, b) if study["best"] is not None]
    best = min(scored, key=lambda study: study["best"], default=a)
    counts = {name: a[name] + b[name] for name in ("planned", "done", "not_complete", "waiting")}
    return {**best, **counts}
