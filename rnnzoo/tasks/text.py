"""One's own text: predict the next character, or the next word.

    file        my.txt in UTF-8, or a file for each split: {train: a.txt, test: b.txt}
    level       `character`, or `word`: what stands between spaces; the end of a line is one too
    vocabulary  so many of the most frequent symbols of train are known; 0 knows all of them
    window      symbols that a model reads at once: it begins each window with an empty memory
    carry       true: it begins with the memory that the window before left; gradients end there
    validation, test
                shares of the text, where no file is theirs: its last part is for test, the part
                before it for validation

What train lacks, or the vocabulary, is `<unk>`.  Every symbol of a split but its first is predicted
once.  The n-gram models see over the edges of windows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError, nearest
from rnnzoo.spec.written import setting
from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _ngrams, _symbols, _zipped
from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks._table.files import by_split

OPTIONS: dict[str, Any] = {
    "file": {},
    "level": "character",
    "vocabulary": 0,
    "window": 100,
    "carry": False,
    "validation": 0.1,
    "test": 0.1,
}
ABOUT = "your own text, from a .txt file: the next character, or the next word"
LOSS = "categorical"
NOTE = "Memory begins anew in each window; the n-gram models see over its edges."
CARRIED = "Memory is carried from window to window; gradients are not."
UNKNOWN, END = "<unk>", "\n"
_WORD = re.compile(r"\n|\S+")
_EXAMPLE = {"name": "text", "file": "my.txt", "level": "character"}


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """What is wrong with the options, and with the places of the files; no text is read."""
    yield from wrong_level(options["level"])
    for name in ("validation", "test"):
        if not 0 < options[name] < 1:
            yield Wrong(name, f"`{name}` must be a share of the text between 0 and 1", "write 0.1")
    if options["validation"] + options["test"] >= 1:
        shares = ", ".join(setting(name, 0.1) for name in ("validation", "test"))
        yield Wrong("test", "nothing is left for train", f"write `{shares}`")
    if not options["file"]:
        yield Wrong("file", "the task 'text' needs a file", setting("task", _EXAMPLE))
        return
    for named in _named(options["file"]):
        if isinstance(named, Wrong):
            yield named
            continue
        _, option, file = named
        nothing = files.nowhere(file, folder, "name a .txt file in it", "the text")
        if nothing:
            yield Wrong(option, *nothing)
        elif not files.place(file, folder).stat().st_size:
            yield Wrong(option, f"{file} is empty", "write the text to it")


def wrong_level(level: str) -> Iterator[Wrong]:
    """Whether it is another than the two that there are."""
    levels = ("character", "word")
    if level not in levels:
        yield Wrong("level", f"`level` cannot be '{level}'", nearest(level, levels))


def _named(file: str | Mapping[str, str]) -> Iterator[tuple[str, str, str] | Wrong]:
    """As `by_split`; one file for all splits is that of train."""
    if isinstance(file, str):
        yield "train", "file", file
    else:
        yield from by_split(file, "txt")


def _files(file: str | Mapping[str, str]) -> dict[str, str]:
    """The files that `check` let pass, by split."""
    named = (known for known in _named(file) if not isinstance(known, Wrong))
    return {split: path for split, _, path in named}


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path | str]:
    """The files that the text is read from, and which split each is for."""
    for name, file in _files(options["file"]).items():
        yield files.place(file, folder)
        yield name


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the text.

    Raises:
        TaskError: it cannot be read, is not UTF-8, or is too short.
    """
    texts = {
        name: read(files.place(file, folder), file)
        for name, file in _files(options["file"]).items()
    }
    parts = _divided(
        {name: symbols(text, options["level"]) for name, text in texts.items()}, options
    )
    vocabulary = _vocabulary(parts, options["vocabulary"])
    number = {symbol: position for position, symbol in enumerate(vocabulary)}
    unknown = number.get(UNKNOWN, -1)

    def stream(part: Sequence[str]) -> np.ndarray:
        return np.array([number.get(symbol, unknown) for symbol in part], np.int32)

    streams = {name: stream(parts[name]) for name in SPLITS}
    return Task(
        name="text",
        splits={name: windows(streams[name], options["window"]) for name in SPLITS},
        loss=LOSS,
        per="step",
        outputs=len(vocabulary),
        metric="cross_entropy",
        unit=f"nats per {options['level']}",
        baselines=_ngrams.baselines([streams["train"]], [streams["test"]], len(vocabulary)),
        note=CARRIED if options["carry"] else NOTE,
        classes=tuple(map(_symbols.called, vocabulary)),
        vocabulary=len(vocabulary),
        carry=options["carry"],
    )


def read(path: Path, shown: str) -> str:
    """A text; ends of lines are one character on every system.

    Raises:
        TaskError: it cannot be read, or is not UTF-8.
    """
    try:
        content = _content(path, shown)
    except OSError as error:
        raise TaskError(f"cannot read {shown}: {error.strerror}", "make it readable") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TaskError(
            f"{shown}, line {line}: it is not UTF-8", "save it as UTF-8 in your editor"
        ) from None
    return text.replace("\r\n", "\n")


def _content(path: Path, shown: str) -> bytes:
    """The bytes of a file, or of the only file in a .zip."""
    if path.suffix.lower() != ".zip":
        return path.read_bytes()
    fix = "pack one text alone, without a password, or name the text itself"
    try:
        with _zipped.opened(path) as archive:
            names = _zipped.files(archive)
            if len(names) != 1:
                raise TaskError(f"{shown} holds {len(names)} files, not one text", fix)
            return archive.read(names[0])
    except ValueError as error:
        raise TaskError(f"{shown} cannot be unpacked: {error}", fix) from None


def symbols(text: str, level: str) -> Sequence[str]:
    """The characters of a text, or its words, among which are ends of lines."""
    return _WORD.findall(text) if level == "word" else text


def _divided(
    given: Mapping[str, Sequence[str]], options: Mapping[str, Any]
) -> dict[str, Sequence[str]]:
    """The symbols of each split; what no file is for comes off the end of train.

    Raises:
        TaskError: a split has no symbol to predict.
    """
    parts = dict(given)
    whole = len(parts["train"])
    for name in ("test", "validation"):
        if name not in parts:
            end = len(parts["train"]) - int(whole * options[name])
            parts["train"], parts[name] = parts["train"][:end], parts["train"][end:]
    for name in SPLITS:
        if len(parts[name]) < 2:
            raise TaskError(
                f"the {name} split has {len(parts[name])} {options['level']}s of text, and needs 2",
                "a longer text, or a larger share",
            )
    return parts


def _vocabulary(parts: Mapping[str, Sequence[str]], most: int) -> list[str]:
    """The symbols that are known, the most frequent in train first; `<unk>` stands for the others,
    where there are any.

    Raises:
        TaskError: train has one symbol only.
    """
    counts = Counter(parts["train"])
    if len(counts) < 2:
        raise TaskError(f"the train split has no symbol but {min(counts)!r}", "another text")
    # those that are as frequent in the order of their characters, and not of the text
    ordered = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    known = ordered[:most] if most else ordered
    others = set().union(*parts.values()).difference(known)
    return [*known, UNKNOWN] if others and UNKNOWN not in known else known


def windows(stream: np.ndarray, window: int) -> Split:
    """(windows, `window`) of symbols, each with the one behind it; the last may be shorter."""
    predicted = len(stream) - 1
    count = -(-predicted // window)
    lengths = np.full(count, window, np.int32)
    lengths[-1] = predicted - (count - 1) * window
    width = int(lengths.max())

    def cut(symbols: np.ndarray) -> np.ndarray:
        return np.pad(symbols, (0, count * width - predicted)).reshape(count, width)

    return Split(cut(stream[:-1])[..., None], cut(stream[1:]), lengths)
