"""Tasks, trackers and launchers from elsewhere: a project's folder, and packages that are
installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

import rnnzoo
from rnnzoo import launchers, registry, tasks, trackers
from rnnzoo.api import root
from rnnzoo.cli import main
from rnnzoo.errors import RnnzooError, UsageError
from rnnzoo.launchers import Launcher, Setup
from rnnzoo.spec import plugins, settings
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Kind
from rnnzoo.sweep import work as running
from rnnzoo.testing.launchers import LauncherContract
from rnnzoo.testing.tasks import TaskContract
from rnnzoo.testing.trackers import TrackerContract
from rnnzoo.trackers import Tracker
from tests.sweep.work import pretend

LAUNCHER = '''\
"""Trials on threads of this process, for work that is no training: 45 lines without blank ones."""

import os
import queue
from concurrent.futures import ThreadPoolExecutor

from rnnzoo.launchers import Event
from rnnzoo.spec.trial import Kind, Outcome

OPTIONS = {"prefix": "thread"}


class ThreadLauncher:
    def __init__(self, setup):
        self.setup = setup
        self.pool = ThreadPoolExecutor(setup.workers, setup.options["prefix"])
        self.events = queue.SimpleQueue()
        self.answers = {}
        os.environ.update(setup.environment)

    def capacity(self):
        return self.setup.workers

    def submit(self, trial):
        ticket = len(self.answers) + 1
        self.answers[ticket] = queue.SimpleQueue()
        self.pool.submit(self.run, ticket, trial)
        return ticket

    def run(self, ticket, trial):
        def tell(progress):
            self.events.put(Event(ticket, progress))
            return self.answers[ticket].get()

        try:
            outcome = self.setup.work(trial, tell)
        except MemoryError:
            outcome = Outcome(Kind.OUT_OF_MEMORY, message="there was not enough memory")
        except Exception as error:
            outcome = Outcome(Kind.FAILED, message=f"{type(error).__name__}: {error}")
        self.events.put(Event(ticket, outcome))

    def wait(self, timeout=None):
        try:
            return self.events.get(timeout=timeout)
        except queue.Empty:
            return None

    def answer(self, ticket, go_on):
        self.answers[ticket].put(go_on)

    def close(self):
        for answers in self.answers.values():
            answers.put(False)
        self.pool.shutdown(cancel_futures=True)


def launcher(setup):
    return ThreadLauncher(setup)
'''
TRACKER = '''\
"""Results in a folder: a file for each."""

from pathlib import Path

from rnnzoo.spec.trial import Result
from rnnzoo.trackers import Tracker


class FolderTracker:
    def __init__(self, folder):
        self.folder, self.experiment = Path(folder), ""

    def open(self, experiment, about, artifacts):
        self.experiment = experiment

    def record(self, result, artifacts=()):
        study = self.folder / self.experiment / result.study.replace("/", "=")
        file = study / f"{result.trial.index:06d}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(result.pack())

    def results(self, experiment):
        found = [Result.unpack(file.read_text()) for file in (self.folder / experiment).glob("*/*")]
        return sorted(found, key=lambda one: (one.trial.task, one.trial.variant, one.trial.index))

    def recorded(self, experiment):
        return {(one.study, one.trial.index): one.outcome.kind for one in self.results(experiment)}

    def best(self, result, files, texts):
        pass

    def report(self, experiment, files, numbers):
        pass

    def where(self):
        return str(self.folder)

    def close(self):
        pass


OPTIONS = {"folder": "results-of-trials"}


def tracker(setup):
    return FolderTracker(setup.options["folder"])
'''
PAGE = Path(__file__).parents[1] / "docs" / "tasks.md"
(TASK,) = re.findall(
    r"```python\n# experiments/tasks/bit_parity.py\n(.*?)```", PAGE.read_text(), re.S
)
FILES = {"threads": LAUNCHER, "folder": TRACKER, "bit_parity": TASK}
SPEC = """\
experiment: plugged
task: {name: bit_parity, length: 6}
variants: [rnn, lstm]
search: {trials: 3, seed: 1, space: {units: {choice: [4, 8]}, learning_rate: 0.01}}
training: {epochs: 4}
"""
Install = Callable[..., None]


def install(where: Path, package: str, **points: str) -> None:
    """A package as an installer leaves it: modules, and a folder that says what they are."""
    about = where / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"[rnnzoo.{kind}]\n{point}\n" for kind, point in points.items()]
    (about / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages, one of which has a launcher, a tracker and a task."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        (folder / f"plugged_{name}.py").write_text(text)
    points = {"launchers": "threads = plugged_threads", "trackers": "folder = plugged_folder"}
    install(folder, "plugged", **points, tasks="bit_parity = plugged_bit_parity")
    return folder


@pytest.fixture
def project(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project, beside that package; a launcher on threads changes our environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(site))
    with mock.patch.dict(os.environ):
        yield tmp_path


def test_a_name_that_stands_for_an_object_is_known_by_the_file_of_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "class Word:\n    pass\n\n\nword = Word()\nnothing = 5\n"
    file = tmp_path / "said_by.py"
    file.write_text(text)
    install(tmp_path, "said", tasks="said = said_by:word\nnone = said_by:nothing")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert registry.digest("tasks", "said") == hashlib.sha256(text.encode()).hexdigest()
    monkeypatch.chdir(tmp_path)
    assert registry.where(registry.load("tasks", "said")) == "said_by.py"
    with pytest.raises(UsageError, match="task 'none' is of no file") as caught:
        registry.digest("tasks", "none")
    assert caught.value.fix == "an entry point that names a module"


class TestThreads(LauncherContract):
    isolated = False

    @pytest.fixture(autouse=True)
    def _installed(self, project: Path) -> None: ...

    def make(self, setup: Setup) -> Launcher:
        return launchers.make(Chosen("threads"), setup)


class TestFolder(TrackerContract):
    @pytest.fixture(autouse=True)
    def _installed(self, project: Path) -> None: ...

    def make(self, folder: Path) -> Tracker:
        chosen = Chosen("folder", {"folder": str(folder)})
        return trackers.make(settings.Settings("", None, "", tracker=chosen))


class TestParity(TaskContract):
    name = "bit_parity"

    @pytest.fixture(autouse=True)
    def _installed(self, project: Path) -> None: ...


def test_a_sweep_runs_a_task_on_a_launcher_into_a_tracker_of_an_installed_package(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "work", pretend)
    monkeypatch.setattr(root, "PRELOAD", ())
    (project / "mlflow.yml").write_text(
        "launcher: {name: threads, prefix: trial}\ntracker: folder\n"
    )
    results = rnnzoo.run(SPEC, workers=3)
    assert [result.outcome.kind for result in results] == [Kind.COMPLETE] * 6
    assert len(list((project / "results-of-trials" / "plugged").glob("*/*"))) == 6
    assert not (project / "runs" / "mlflow.db").exists()
    assert rnnzoo.results(SPEC, source="mlflow").trials == results.trials  # from the tracker
    (project / "plugged.yaml").write_text(SPEC)
    assert main(["doctor"]) in (0, 1)
    assert main(["sync", "plugged.yaml"]) == 0


def sweeps_on(launcher: str, text: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose trials run on a launcher of its own; the launcher's file."""
    monkeypatch.setattr(running, "work", pretend)
    monkeypatch.setattr(root, "PRELOAD", ())
    file = project / "experiments" / "launchers" / f"{launcher}.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (project / "mlflow.yml").write_text(f"launcher: {launcher}\ntracker: folder\n")
    (project / "plugged.yaml").write_text(SPEC)
    return file


def test_a_launcher_that_runs_one_at_a_time_is_told_of_so(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps_on(
        "alone", LAUNCHER.replace("return self.setup.workers", "return 1"), project, monkeypatch
    )
    assert main(["sweep", "plugged.yaml", "--workers", "2"]) == 0
    told = capsys.readouterr().out
    assert "2 at a time" not in told
    assert "the launcher 'alone' runs 1 at a time, not 2" in told


def test_a_launcher_that_raises_while_a_sweep_runs_is_told_of_and_not_as_a_bug(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = LAUNCHER.replace("self.events.get(timeout=timeout)", "self.evnts.get(timeout=timeout)")
    line = text[: text.index("evnts")].count("\n") + 1
    file = sweeps_on("breaking", text, project, monkeypatch)
    assert main(["sweep", "plugged.yaml", "--workers", "1"]) == 1
    told = capsys.readouterr().err
    assert (
        f"{file}, line {line}: AttributeError: 'ThreadLauncher' object has no attribute 'evnts'"
        in told
    )
    assert "bug in rnnzoo" not in told


RUBBISH = {  # what a launcher returns, and what is said of it
    "no event": ("return self.events.get(timeout=timeout)", "return 'done'",
        "its `wait(timeout)` returned 'done', not an Event or None"),
    "an event of nothing": ("Event(ticket, outcome)", "Event(ticket, 0.5)",
        "its `wait(timeout)` returned an Event of 0.5, not of a Progress or an Outcome"),
    "an unknown ticket": ("Event(ticket, outcome)", "Event(-1, outcome)",
        "its `wait(timeout)` returned an Event with the ticket -1, which no running trial has"),
    "a kind in words": ("Event(ticket, outcome)", "Event(ticket, Outcome('well'))",
        "its `wait(timeout)` returned an Outcome of the kind 'well', which is no Kind"),
    "no ticket": ("return ticket", "return None",
        "its `submit(trial)` returned None, not a whole number"),
    "one ticket for all": ("return ticket", "return 1",
        "its `submit(trial)` returned 1, the ticket of a running trial"),
    "no capacity": ("return self.setup.workers", "return 0",
        "its `capacity()` returned 0, not a whole number from 1 on"),
}  # fmt: skip


@pytest.mark.parametrize("case", RUBBISH)
def test_a_launcher_that_returns_rubbish_is_told_of_with_its_file_and_the_contract(
    case: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong, words = RUBBISH[case]
    assert right in LAUNCHER
    file = sweeps_on("rubbish", LAUNCHER.replace(right, wrong), project, monkeypatch)
    assert main(["sweep", "plugged.yaml", "--workers", "2"]) == 2
    told = capsys.readouterr().err
    assert f"{file.relative_to(project)} is no launcher: {words}" in told
    assert 'fix: see docs/python.md, "Plug-ins"' in told


@pytest.mark.parametrize(
    ("method", "returned"),
    [
        ("recorded", "[]"), ("recorded", "{'a/b/c/0': 'complete'}"), ("results", "None"),
        ("results", "['a']"),
    ],
)  # fmt: skip
def test_a_tracker_that_reads_back_rubbish_is_told_of_likewise(
    method: str, returned: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = f"    def {method}(self, experiment):\n"
    file = project / "experiments" / "trackers" / "rubbish.py"
    file.parent.mkdir(parents=True)
    file.write_text(TRACKER.replace(head, f"{head}        return {returned}\n"))
    (project / "mlflow.yml").write_text("tracker: rubbish\n")
    tracker = trackers.make(settings.read())
    with pytest.raises(UsageError) as caught:
        getattr(tracker, method)("plugged")
    place = file.relative_to(project)
    said = f"{place} is no tracker: its `{method}(experiment)` returned {returned}, not a "
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", ["launchers", "trackers", "tasks"])
def test_a_project_has_its_own(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, text = dict(zip(("launchers", "trackers", "tasks"), FILES.items()))[kind]
    file = tmp_path / "experiments" / kind / f"{name}.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert name in plugins.names(kind)
    assert Path(registry.where(plugins.load(kind, name))).resolve() == file.resolve()
    assert plugins.load(kind, name) is plugins.load(kind, name)
    file.write_text(text + "\nCHANGED = True\n")
    assert plugins.load(kind, name).CHANGED


def test_a_task_of_a_project_is_listed_and_checked_like_any_other(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "tasks"]) == 0
    assert "whether the number of ones so far is odd" in capsys.readouterr().out
    (project / "spec.yaml").write_text(SPEC.replace("length", "lenght"))
    assert main(["check", "spec.yaml"]) == 2
    assert "spec.yaml:2:" in (told := capsys.readouterr().out)
    assert "task 'bit_parity' has no option 'lenght'" in told
    assert tasks.load("bit_parity", {"length": 5}).splits["test"].x.shape == (16, 5, 1)


NO_OPTIONS = "OPTIONS = [1]\ndef launcher(setup): ..."
BROKEN = {  # mlflow.yml, the files of a package `own`, and words of the problem and of its fix
    "nothing of that name": ("launcher: thraeds", {}, "mlflow.yml:1:11: no launcher 'thraeds'",
        "mean 'threads'"),
    "an unknown option": ("launcher: {name: threads, prefx: a}", {},
        "mlflow.yml:1:27: launcher 'threads' has", "'prefix'"),
    "an option of another type": ("tracker: {name: folder, folder: 3}", {},
        "`folder` must be text, not 3", ""),
    "no name": ("launcher: [threads]", {}, "a launcher is a name or a table with `name:`",
        "launcher: NAME"),
    "an option of what has none": ("launcher: {name: local, a: 1}", {},
        "launcher 'local' has no option 'a'", "none"),
    "a module that is not there": ("launcher: own", {"other": ""},
        "`own_launcher` of the package own cannot be", ""),
    "no Python": ("launcher: own", {"own_launcher": "def"}, "cannot be imported: SyntaxError", ""),
    "no function": ("launcher: own", {"own_launcher": "A = 1"},
        "it has no function `launcher(setup)`", "Plug-ins"),
    "options that are none": ("launcher: own", {"own_launcher": NO_OPTIONS}, "it has no `OPTIONS`",
        "Plug-ins"),
    "no launcher": ("launcher: own", {"own_launcher": "launcher = print"},
        "has no method `capacity`", "Plug-ins"),
}  # fmt: skip


def make_all() -> None:
    config = settings.read()
    launchers.make(config.launcher, Setup(pretend, 1))
    trackers.make(config)


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_plug_in_is_a_sentence(
    case: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, files, problem, fix = BROKEN[case]
    (project / "mlflow.yml").write_text(text + "\n")
    if files:
        install(project / "own", "own", launchers="own = own_launcher")
        for name, content in files.items():
            (project / "own" / f"{name}.py").write_text(content)
        monkeypatch.syspath_prepend(str(project / "own"))
        sys.modules.pop("own_launcher", None)
    with pytest.raises(RnnzooError) as caught:
        make_all()
    assert caught.value.exit_code == 2
    assert problem in str(caught.value)
    assert fix in str(caught.value)


def test_a_name_stands_for_one_thing_only(project: Path) -> None:
    for name in ("bit_parity", "adding"):
        file = project / "experiments" / "tasks" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TASK)
        with pytest.raises(RnnzooError, match="and also") as caught:
            tasks.load(name)
        assert str(Path("experiments/tasks") / f"{name}.py") in str(caught.value)
        assert "fix: give one of them another name" in str(caught.value)
