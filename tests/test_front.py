"""The package's front, as a user imports it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo import errors

ROOT = Path(__file__).parents[1]


def test_a_cell_shows_itself() -> None:
    cell = rnnzoo.cell("lstm")
    assert cell.equations[3] == "c = f * c[t-1] + i * g"
    assert cell.states == ("h", "c")
    assert cell.count_params(inputs=88, units=64) == 39168  # as the README prints it
    assert "1997" in cell.source[0]
    assert r"\sigma" in cell.latex()
    shown = cell._repr_html_()
    assert "Long short-term memory" in shown
    assert "c\u209c = f\u209c \u2299 c\u209c\u208b\u2081 + i\u209c \u2299 g\u209c" in shown
    assert "\\sigma" not in shown  # not every notebook typesets LaTeX
    assert cell._repr_latex_().startswith("$$")
    assert "lstm: Long short-term memory" in str(cell)


def test_importing_rnnzoo_imports_nothing_heavy() -> None:
    heavy = "{'keras', 'tensorflow', 'optuna', 'mlflow'}"
    program = f"import rnnzoo, sys; rnnzoo.cell('gru'); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_readme_names_what_there_is() -> None:
    from rnnzoo.lang.view import view
    from rnnzoo.spec.cell import built_in_names

    readme = (ROOT / "README.md").read_text()
    families = dict(re.findall(r"^  - (\w+): `([^`]*)`$", readme, re.M))
    named = {name: family for family, names in families.items() for name in names.split()}
    assert named == {name: view(name).family for name in built_in_names()}
    for link in re.findall(r"\]\(([^)]+)\)", readme):
        assert (ROOT / link.partition("#")[0]).exists(), link


def test_the_wheel_carries_the_zoo_and_the_template(tmp_path: Path) -> None:
    import zipfile

    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "zoo/lstm.yaml",
        "zoo/sources.yaml",
        "report/pages/report.html.j2",
        "report/pages/style.css",
        "tasks/bwv_split.csv",
        "demo/report.html.gz",
        "demo/answers.json",
        "demo/gates.csv",
        "py.typed",
    ):
        assert f"rnnzoo/{name}" in names
    assert not [name for name in names if name.startswith("tests")]
    # and it works from elsewhere, without the checkout
    program = "import rnnzoo; print(rnnzoo.__file__, rnnzoo.cell('clockwork').count_params(5, 64))"
    printed = subprocess.run(
        [sys.executable, "-c",
         f"import sys; sys.path.insert(0, {str(wheel.with_suffix(''))!r}); {program}"],
        cwd=unpacked(wheel), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(tmp_path) in printed.stdout


def unpacked(wheel: Path) -> Path:
    import zipfile

    folder = wheel.with_suffix("")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    packages = re.findall(r"^[a-z0-9][\w.-]*==", lock, re.M)
    assert len(packages) > 80
    assert lock.count("--hash=sha256:") > len(packages)


def test_a_long_line_is_shown_around_its_caret() -> None:
    text = "x" * 300 + "HERE" + "y" * 300
    shown = str(errors.Mistake(errors.Span("f.yaml", 1, 301, text, 4), "wrong"))
    line, caret = shown.splitlines()[1:3]
    assert len(line) < 120
    assert line[caret.index("^") : caret.rindex("^") + 1] == "HERE"


def test_tabs_keep_the_caret_in_place_and_odd_characters_are_harmless() -> None:
    mistake = errors.Mistake(errors.Span("f", 1, 3, "\t\tbad\x1b[31m", 3), "wrong")
    line, caret = str(mistake).splitlines()[1:3]
    assert caret.startswith("    \t\t^^^")
    assert "\x1b" not in line


def test_a_bug_of_ours_looks_different_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rnnzoo import cli
    from rnnzoo.cli import cells

    def broken(given: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cells, "show", broken)
    assert cli.main(["show", "lstm"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert 'raise ZeroDivisionError("ours")' in printed.err
    assert "This is a bug in rnnzoo, not a mistake of yours\n  fix: report it" in printed.err
    assert cli.main(["show", "lstm", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["raised"] == {"kind": "ZeroDivisionError", "message": "ours"}
    assert error["problem"].startswith("This is a bug in rnnzoo")
    assert error["fix"].startswith("report it where you got rnnzoo from")
    assert error["mistakes"] == []


def test_a_bug_behind_a_document_takes_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rnnzoo import cli
    from rnnzoo.cli import as_json, cells

    def broken(given: object) -> None:
        as_json.print_json({"cell": "lstm"})
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(cells, "show", broken)
    assert cli.main(["show", "lstm", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)  # one, or this fails
    assert document["error"]["raised"]["kind"] == "ZeroDivisionError"


def test_the_pictures_of_the_walk_are_those_that_the_cells_draw() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "docs_figures", ROOT / "tools" / "docs_figures.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in module.pictures().items():
        assert (module.FOLDER / f"{name}.svg").read_text() == text, f"{name}: make docs-figures"
    pages = "".join(
        path.read_text() for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    )
    shown = set(re.findall(r"figures/(\S+)\.svg", pages))
    assert shown == {path.stem for path in module.FOLDER.glob("*.svg")}


def test_no_entry_of_the_changelog_stands_twice() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    openings = Counter(line[:60] for line in lines if line.startswith("- "))
    assert [opening for opening, count in openings.items() if count > 1] == []
