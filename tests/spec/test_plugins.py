"""Plug-ins that raise: at import, and where they are called."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rnnzoo import cli, registry
from rnnzoo.cli import main
from rnnzoo.errors import UsageError
from rnnzoo.spec import plugins, settings
from rnnzoo.trackers import make as make_tracker

KINDS = ("tasks", "losses", "metrics", "operations", "launchers", "trackers")
TASK = """\
OPTIONS = {}
ABOUT = "a task that cannot be loaded"


def load(options, seed, folder, progress):
    BODY
"""
SPEC = "experiment: e\ntask: mine\nvariants: [rnn]\nsearch: {trials: 1, space: {units: 4}}\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(kind: str, text: str, name: str = "mine") -> Path:
    file = Path("experiments").absolute() / kind / f"{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "end", ["import sys; sys.exit()", "import sys; sys.exit(3)", "raise GeneratorExit"]
)
def test_a_plug_in_that_ends_the_program_at_import_is_one_that_breaks(kind: str, end: str) -> None:
    file = write(kind, end)
    with pytest.raises(UsageError) as caught:
        plugins.load(kind, "mine")
    said = "GeneratorExit" if "raise" in end else "SystemExit"
    assert f"{file.relative_to(Path.cwd())}, line 1 cannot be imported: {said}" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["{kind}/mine.py", "experiments/mine.py", "mine.py"])
def test_a_file_that_lies_where_its_kind_is_not_looked_for_is_to_be_moved(
    kind: str, place: str
) -> None:
    file = Path(place.format(kind=kind))
    file.parent.mkdir(exist_ok=True)
    file.touch()
    with pytest.raises(UsageError) as caught:
        plugins.load(kind, "mine")
    assert caught.value.fix == f"move {file} into {Path('experiments') / kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_interruption_at_import_stays_one(kind: str) -> None:
    write(kind, "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.load(kind, "mine")


@pytest.mark.parametrize("kind", ["tasks", "losses", "metrics", "operations"])
def test_the_others_are_listed_beside_one_that_ends_the_program(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(kind, "import sys\nsys.exit()")
    assert main(["list", kind]) == 0
    listed = capsys.readouterr().out
    assert "mine.py, line 2 cannot be imported: SystemExit" in listed
    assert {"tasks": "adding", "losses": "squared", "metrics": "error", "operations": "tanh"}[
        kind
    ] in listed


def test_a_check_tells_of_a_task_that_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    write("tasks", "import sys\nsys.exit()")
    Path("e.yaml").write_text(SPEC)
    assert main(["check", "e.yaml"]) == 2
    assert "mine.py, line 2 cannot be imported: SystemExit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return options.nothing", "AttributeError: 'dict' object has no attribute 'nothing'"),
        ("import numpy; return numpy.zeros(3).reshape(2)", "ValueError: cannot reshape array"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_what_a_task_raises_when_it_is_loaded_is_no_bug_of_rnnzoos(
    body: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("tasks", TASK.replace("BODY", body))
    Path("e.yaml").write_text(SPEC)
    assert main(["plan", "e.yaml", "--no-measure", "--json"]) == 1
    printed = capsys.readouterr()
    assert f"{file}, line 6: {said}" in printed.err
    assert "fix: mend that file" in printed.err
    assert "bug in rnnzoo" not in printed.err
    first_frame = printed.err.partition("\n")[2]
    assert first_frame.startswith(f'  File "{file}", line 6, in load')
    error = json.loads(printed.out)["error"]
    assert f"{file}, line 6: {said}" in error["problem"]
    assert error["raised"]["kind"] == said.partition(":")[0]


def test_a_tracker_that_raises_is_named_and_rnnzoo_is_not() -> None:
    file = write("trackers", "def tracker(setup):\n    return setup.nothing\n")
    Path("mlflow.yml").write_text("tracker: mine\n")
    with pytest.raises(AttributeError) as caught:
        make_tracker(settings.read())
    assert registry.told(caught.value).startswith(f"{file}, line 2: AttributeError: ")


def test_a_plug_in_of_an_installed_package_is_named_by_the_file_that_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, about = Path("site").absolute(), Path("site/raising-1.0.dist-info")
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: raising\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[rnnzoo.launchers]\nraising = raising.front\n")
    (site / "raising").mkdir()
    (site / "raising/__init__.py").touch()
    (site / "raising/front.py").write_text("from raising.behind import launcher\n")
    (site / "raising/behind.py").write_text("def launcher(setup):\n    return 1 / 0\n")
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(ZeroDivisionError) as caught:
        plugins.plugin("launchers", settings.Chosen("raising")).make(object, None)
    assert (
        registry.told(caught.value)
        == f"{site}/raising/behind.py, line 2: ZeroDivisionError: division by zero"
    )
    for name in [name for name in sys.modules if name.startswith("raising")]:
        monkeypatch.delitem(sys.modules, name)


def test_what_rnnzoo_raises_when_a_plug_in_calls_it_is_rnnzoos(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> str:
        return registry.digest(3, 4)  # type: ignore[arg-type]  # as a bug in rnnzoo

    write("launchers", "def launcher(call):\n    return call()\n")
    with pytest.raises(TypeError) as caught:
        plugins.load("launchers", "mine").launcher(broken)
    assert registry.told(caught.value) == ""
    monkeypatch.setattr(cli, "parsed", broken)
    assert main(["list"]) == 1
    assert "This is a bug in rnnzoo" in capsys.readouterr().err


def test_an_operation_that_has_a_name_of_rnnzoos_is_refused_where_a_cell_applies_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("operations", "ABOUT = 'another one'\n", "tanh")
    Path("cell.yaml").write_text("name: cell\nequations: |\n  h = tanh(W @ x + R @ h[t-1] + b)\n")
    assert main(["check", "cell.yaml"]) == 2
    told = capsys.readouterr().out
    assert "cell.yaml:3:7: operation 'tanh' is one of rnnzoo's and also " in told
    assert "tanh.py" in told
    assert "fix: give the file another name" in told
