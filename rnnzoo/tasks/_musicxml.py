"""MusicXML, compressed or not -> which notes sound at each quarter, in one pass a part.

In: a `.mxl` or `.xml` file.  Out: MIDI numbers at every grid point.  Understands what chorales
hold: divisions, durations, chords, backup and forward, grace notes (which take no time),
transposing instruments and ties (a held note simply sounds on).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

from rnnzoo.tasks import _zipped

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

Note = tuple[Fraction, Fraction, int]  # onset and end in quarters, MIDI number


def frames(path: Path, parts: int | None = None) -> list[list[int]]:
    """The notes that sound at quarters 0, 1, 2, ...; trailing silence is cut.

    Args:
        parts: read only so many parts, from the top.

    Raises:
        ValueError: no score in the file, or it is damaged.
        SyntaxError: it is no XML.
    """
    score = ElementTree.fromstring(_score(path))
    try:
        notes = [note for part in score.findall("part")[:parts] for note in _notes(part)]
    except (LookupError, ArithmeticError) as error:  # a step that is none; 0 divisions
        raise ValueError(f"{path.name} is damaged: {error}") from None
    sounding: list[set[int]] = []
    for onset, end, number in notes:
        # the first grid point at or after the onset
        first = -(-onset.numerator // onset.denominator)
        for quarter in range(first, -(-end.numerator // end.denominator)):
            while len(sounding) <= quarter:
                sounding.append(set())
            sounding[quarter].add(number)
    return [sorted(chord) for chord in sounding]


def _score(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with _zipped.opened(path) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".musicxml")) and not name.startswith("META-INF"):
                return archive.read(name)
    raise ValueError(f"{path.name} holds no score")


def _notes(part: ElementTree.Element) -> Iterator[Note]:
    """Every sounding note of one part."""
    divisions, transpose = 1, 0
    now = onset = Fraction(0)
    for element in chain.from_iterable(part.findall("measure")):
        if element.tag == "attributes":
            divisions = int(element.findtext("divisions") or divisions)
            chromatic = element.findtext("transpose/chromatic")
            transpose = transpose if chromatic is None else int(chromatic)
        length = Fraction(element.findtext("duration") or 0) / divisions
        if element.tag == "backup":
            now -= length
        elif element.tag == "forward":
            now += length
        elif element.tag == "note" and element.find("grace") is None:
            if element.find("chord") is None:
                onset, now = now, now + length
            pitch = element.find("pitch")
            if pitch is not None:
                yield onset, onset + length, _midi(pitch) + transpose


def _midi(pitch: ElementTree.Element) -> int:
    octave, alter = int(pitch.findtext("octave", "4")), int(float(pitch.findtext("alter") or 0))
    return 12 * (octave + 1) + _STEPS[pitch.findtext("step", "C")] + alter
