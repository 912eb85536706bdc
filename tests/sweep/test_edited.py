"""Whether the package's own files changed while a sweep ran."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.sweep import edited


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "zoo"
    (folder / "nn" / "__pycache__").mkdir(parents=True)
    for name in ("a.py", "b.py", "c.py", "nn/d.py"):
        (folder / name).write_text("A = 1\n")
    return folder


def write_later(file: Path, text: str) -> None:
    """Write a file, of which the clock of the file system may think that no time has passed."""
    time = file.stat().st_mtime_ns + 1 if file.exists() else 0
    file.write_text(text)
    os.utime(file, ns=(time, time))


def test_files_that_stay_as_they_are_are_not_blamed(package: Path) -> None:
    before = edited.stamps(package)
    (package / ".a.py.swp").write_text("of an editor")
    (package / "nn" / "__pycache__" / "d.cpython-312.pyc").write_bytes(b"")
    assert edited.said(before, package) == ""


def test_a_file_that_was_written_is_named_and_so_is_one_that_is_new_or_gone(package: Path) -> None:
    before = edited.stamps(package)
    write_later(package / "nn" / "d.py", "A = 1\n")  # as it was: it may have been imported between
    assert edited.said(before, package) == (
        "zoo/nn/d.py changed while the sweep ran\n  fix: give the same command again once the files"
        " stay as they are: trials that ended remain, and those that were interrupted run again on"
        " their seeds"
    )
    (package / "new.py").write_text("A = 1\n")
    (package / "a.py").unlink()
    assert edited.said(before, package).startswith(
        "zoo/a.py, zoo/new.py and zoo/nn/d.py changed while the sweep ran"
    )


def test_of_many_files_some_are_named(package: Path) -> None:
    before = edited.stamps(package)
    for name in ("a.py", "b.py", "c.py", "nn/d.py", "e.py"):
        write_later(package / name, "A = 22\n")
    assert edited.said(before, package).startswith("zoo/a.py, zoo/b.py, zoo/c.py and 2 more files")


def test_a_package_that_is_gone_has_changed(package: Path, tmp_path: Path) -> None:
    before = edited.stamps(package)
    assert edited.stamps(tmp_path / "nowhere") == {}
    assert "zoo/a.py" in edited.said(before, tmp_path / "nowhere" / "zoo")


def test_the_files_of_the_package_itself_are_seen() -> None:
    assert {"sweep/edited.py", "zoo/lstm.yaml"} <= {*edited.stamps()}


def test_what_a_trial_s_process_looks_up_imports_nothing_else() -> None:
    """The loop would be imported before each trial, and anew from files that may have changed."""
    program = "import sys, rnnzoo.sweep.work; print(*(m for m in sys.modules if 'rnnzoo' in m))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["rnnzoo", "rnnzoo.sweep", "rnnzoo.sweep.work"]
