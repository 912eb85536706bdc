"""Files that appear whole or not at all, and what a killed process leaves of their making."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.spec.atomic import atomic_write, own_prefix, staged


def test_a_staged_file_has_the_name_and_its_directory_goes(tmp_path: Path) -> None:
    with staged(tmp_path / "deep/optuna.db") as path:
        path.write_text("half")
        assert path.name == "optuna.db"
        path.replace(tmp_path / "deep/optuna.db")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["optuna.db"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    with atomic_write(tmp_path / "report.html") as draft:
        draft.write_text("new")
        assert (tmp_path / "report.html").read_text() == "old"
    assert (tmp_path / "report.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_file_stays_where_writing_its_next_version_fails(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")

    def fail() -> None:
        with atomic_write(tmp_path / "report.html") as draft:
            draft.write_text("half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fail()
    assert (tmp_path / "report.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_it_goes_also_when_the_making_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with staged(tmp_path / "x") as path:
            path.write_text("half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_goes_and_what_others_have_stays(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    own = own_prefix()
    of_dead = own.replace(str(os.getpid()), dead.stdout.strip(), 1) + "x"
    stay = ("aside-mine", f"{own}x", "aside-notes-1", "other")
    for name in (of_dead, *stay):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("something")
    (tmp_path / f"aside-{dead.stdout.strip()}-file").write_text("no folder")
    with staged(tmp_path / "x"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {
        *stay,
        f"aside-{dead.stdout.strip()}-file",
    }


def test_what_a_process_of_another_machine_makes_stays_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id says nothing here: no process has it, or another one."""
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    monkeypatch.setattr("os.getpid", lambda: 2**22 + 1)  # more than Linux gives
    with staged(tmp_path / "loop.so") as theirs:
        theirs.write_text("half")
        monkeypatch.undo()
        with staged(tmp_path / "loop.so"):
            assert theirs.read_text() == "half"
        os.utime(theirs.parent, (0, 0))
        with staged(tmp_path / "loop.so"):
            assert not theirs.exists()


def test_where_nothing_can_be_written_the_file_is_named_and_no_staging_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(prefix: str, dir: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", f"{dir}/{prefix}x")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refused)
    with pytest.raises(PermissionError) as caught, atomic_write(tmp_path / "report.html"):
        pass
    assert caught.value.filename == str(tmp_path / "report.html")
