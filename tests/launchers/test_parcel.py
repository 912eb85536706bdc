"""Folders on their way between machines arrive whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.launchers import _parcel


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parcel, "PIECE", 4)


def folder(path: Path) -> Path:
    for name, content in {"a.npy": b"0123456789", "b/c.json": b"1234", "empty": b""}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def sent(here: Path, there: Path) -> _parcel.Manifest:
    """What is expected of a folder of which all pieces were sent."""
    expected = _parcel.manifest(here)
    for name, first, content in _parcel.pieces(here, expected):
        assert len(content) <= 4
        _parcel.write_piece(_parcel.draft_of(there, "s"), name, first, content)
    return expected


def test_what_arrives_is_what_was_sent_and_appears_at_its_end(tmp_path: Path) -> None:
    here, there = folder(tmp_path / "here"), tmp_path / "cache" / "there"
    expected = sent(here, there)
    assert not there.exists()
    assert not _parcel.has(there, expected)
    assert _parcel.finish(there, "s", expected)
    assert _parcel.contents(there) == _parcel.contents(here)
    assert _parcel.has(there, expected)
    assert [path.name for path in there.parent.iterdir()] == ["there"]


def test_a_piece_that_was_damaged_on_its_way_is_noticed_and_nothing_appears(
    tmp_path: Path,
) -> None:
    here, there = folder(tmp_path / "here"), tmp_path / "there"
    expected = sent(here, there)
    _parcel.write_piece(_parcel.draft_of(there, "s"), "a.npy", 4, b"x")
    assert not _parcel.finish(there, "s", expected)
    assert not there.exists()


def test_a_folder_that_is_damaged_there_is_replaced(tmp_path: Path) -> None:
    here, there = folder(tmp_path / "here"), folder(tmp_path / "there")
    (there / "a.npy").write_bytes(b"other text")
    assert not _parcel.has(there, _parcel.manifest(here))
    assert _parcel.finish(there, "s", sent(here, there))
    assert _parcel.contents(there) == _parcel.contents(here)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ""])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no path within"):
        _parcel.unpack(tmp_path / "in", {name: b"1"})
    with pytest.raises(ValueError, match="no path within"):
        _parcel.write_piece(tmp_path / "in", name, 0, b"1")
    assert not (tmp_path / "x").exists()
