"""What the set-up prints while it downloads; nothing is installed here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = """\
#!/bin/sh
case "$*" in
    --version) echo "Python 3.11.9" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
        printf '%s\\n' '#!/bin/sh' 'echo "$@" $UV_FIND_LINKS >> "$0.log"' > "$3/bin/uv"
        chmod +x "$3/bin/uv" ;;
    *"import sys, venv"*) ;;
    *"pip install"*) test -z "${NO_NETWORK:-}" ;;
esac
"""


def set_up(
    folder: Path, *group: str, python: str = PYTHON, **environment: str
) -> subprocess.CompletedProcess[str]:
    fake = folder / "python"
    fake.write_text(python)
    fake.chmod(0o755)
    return subprocess.run(
        ["sh", str(ROOT / "tools/setup.sh"), str(folder / "venv"), *group],
        cwd=ROOT,
        env={**os.environ, "PYTHON": str(fake), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_step_of_the_set_up_says_what_it_does(tmp_path: Path) -> None:
    done = set_up(tmp_path)
    assert done.returncode == 0, done.stderr
    first, *steps, last, next_ = done.stdout.splitlines()
    assert first == (
        f"Setting up {tmp_path}/venv with Python 3.11.9, once: about 4 GB; a minute, or 3 on a busy"
        " machine."
    )
    assert [step.split()[0] for step in steps] == ["making", "downloading", "installing"]
    assert last == f"Done.  In this shell, . {tmp_path}/venv/bin/activate makes rnnzoo a command."
    page = re.search(r"docs/\S+\.md", next_)
    assert page
    assert (ROOT / page[0]).is_file()
    assert (tmp_path / "venv/.ready").exists()


def test_a_long_installation_says_how_far_it_is(tmp_path: Path) -> None:
    waits_once = PYTHON.replace(
        "'#!/bin/sh' '", "'#!/bin/sh' 'until test -e \"$0.told\"; do :; done' '"
    )
    beside = tmp_path / "bin"  # a clock that is ahead: it does not sleep, and ends after a line
    beside.mkdir()
    (beside / "sleep").write_text(
        f"#!/bin/sh\ntest ! -e {tmp_path}/slept || {{ touch {tmp_path}/venv/bin/uv.told; exit 1; }}"
        f"\ntouch {tmp_path}/slept\n"
    )
    (beside / "du").write_text(  # what it counts comes and goes meanwhile
        "#!/bin/sh\necho 'du: cannot access a file' >&2\nprintf '3.5G\\t%s\\n' \"$2\"\nexit 1\n"
    )
    for fake in ("sleep", "du"):
        (beside / fake).chmod(0o755)
    done = set_up(tmp_path, python=waits_once, PATH=f"{beside}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  3.5G so far$", done.stdout, re.M)
    assert done.stderr == ""


def test_a_set_up_without_a_network_says_so_and_is_not_done(tmp_path: Path) -> None:
    done = set_up(tmp_path, NO_NETWORK="1")
    assert done.returncode == 1
    assert "Is there a network?" in done.stderr
    assert "WHEELS=FOLDER make setup" in done.stderr
    assert "Done" not in done.stdout
    assert not (tmp_path / "venv/.ready").exists()


def test_a_group_is_installed_alone_and_its_installer_removed(tmp_path: Path) -> None:
    done = set_up(tmp_path, "cells")
    assert done.returncode == 0, done.stderr
    assert "  installing what cells need, in the versions of requirements.lock\n" in done.stdout
    group, package, installer = (tmp_path / "venv/bin/uv.log").read_text().splitlines()
    assert "--constraint requirements.lock --group cells" in group
    assert package.endswith("--no-deps --no-build-isolation --editable .")
    assert installer.startswith("pip uninstall")


def test_a_set_up_from_a_folder_of_wheels_asks_no_index(tmp_path: Path) -> None:
    done = set_up(tmp_path, WHEELS="carried")
    assert done.returncode == 0, done.stderr
    packages, package = (tmp_path / "venv/bin/uv.log").read_text().splitlines()
    assert packages.endswith("requirements.lock carried")
    assert package.endswith(". carried")
