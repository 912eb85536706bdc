"""mlflow.yml: where runs go, where trials run, and how MLflow's pages are served.

Command line over environment over file over what is built in.  Paths are relative to the project's
folder.  A password stands in none of these files: a server's is in MLFLOW_TRACKING_PASSWORD, a
database's in PGPASSWORD or ~/.pgpass.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rnnzoo.errors import Mistakes, Span, UsageError
from rnnzoo.spec.document import Scalar, Table, describe, parse, plain, read_text
from rnnzoo.spec.keys import ByName, Entry, Key, Keys, Legal, Text

FILE = Path("mlflow.yml")
SQLITE = "sqlite:///"
RUNS = Path("runs")  # of a project: see `runs`
EXPERIMENTS = Path("experiments")
DATABASES = ("optuna.db", "mlflow.db")  # built in
_MARKS = (str(FILE), *(str(RUNS / name) for name in DATABASES))  # of a project's folder
KERAS_BACKEND = "tensorflow"  # what Keras is set to where nothing is said
BACKENDS = ("tensorflow", "jax")  # libraries that trials compute with
LAYERS = (*BACKENDS, "torch")  # libraries that layers compute with
TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "torch"}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_PASSWORD = re.compile(r"[a-z0-9+]+://[^/@]*:[^/]*@")


TRACKING: Mapping[str, Key] = {
    "uri": Key(
        "MLflow's store: a server, or a database",
        Text(),
        "`MLFLOW_TRACKING_URI`, else `sqlite:///runs/mlflow.db`",
    ),
    "artifacts": Key(
        "where the files of runs go",
        Text(),
        "`runs/artifacts`; with a server, where the server puts them",
    ),
}
STORAGE: Mapping[str, Key] = {
    "url": Key(
        "Optuna's storage, from which a sweep goes on; `postgresql://user@server/database` for"
        " several machines",
        Text(),
        "`sqlite:///runs/optuna.db`",
    ),
}
UI: Mapping[str, Key] = {
    "host": Key("where `make ui` serves MLflow's pages", Text(), "`127.0.0.1`"),
    "port": Key("their port", Legal(whole=True, low=1, high=65535), "5000"),
}
KEYS: Mapping[str, Key] = {
    "tracking": Key("where MLflow keeps runs", Keys(TRACKING), "in `runs/`"),
    "storage": Key("where Optuna keeps trials", Keys(STORAGE), "in `runs/`"),
    "launcher": Key(
        "where trials run, by name: `local`, a process each on this machine; `population`, many at"
        " once in one program ([below](#populations)); `dask` with its `address`"
        " ([cluster.md](cluster.md)); or one of your own ([python.md](python.md#plug-ins))",
        ByName("launchers"),
        "`auto`: `population` where there is a GPU that JAX can use, else `local`",
    ),
    "tracker": Key(
        "what keeps results beside the storage: `mlflow`, or one of your own",
        ByName("trackers"),
        "`mlflow`",
    ),
    "ui": Key("MLflow's pages on this machine", Keys(UI), "`127.0.0.1`, port 5000"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A tracker or a launcher that is chosen by its name.

    Attributes:
        span: where it was chosen.
        places: where each option stands.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    span: Span = field(default=Span(str(FILE), 1, 1, ""), compare=False)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)


MLFLOW = Chosen("mlflow")
LOCAL = Chosen("local")
AUTO_LAUNCHER = Chosen("auto")  # `local`, or populations where there is a GPU that can be used
CLUSTER = "dask"  # the launcher of `sweep --cluster`
POPULATION = "population"  # the launcher that trains many trials at once
POPULATION_SIZE = 64  # how many, where nothing is said


@dataclass(frozen=True, slots=True)
class Settings:
    """Where results go, and where trials run.

    Attributes:
        tracking: URI of MLflow's store.
        artifacts: where its files go; None leaves it to a server.
        storage: URL of Optuna's storage.
    """

    tracking: str
    artifacts: str | None
    storage: str
    host: str = "127.0.0.1"
    port: int = 5000
    tracker: Chosen = MLFLOW
    launcher: Chosen = AUTO_LAUNCHER

    @property
    def tracker_title(self) -> str:
        """What people call the tracker."""
        return "MLflow" if self.tracker == MLFLOW else f"the tracker '{self.tracker.name}'"


def project() -> Path:
    """The folder of the project in which the current folder lies, as a path from there: `.`, or
    `..` and the like.

    The nearest, upwards, that holds mlflow.yml, or databases of ours in `runs/`, or `experiments/`
    beside pyproject.toml; where there is none, the current folder.  What many share (the user's
    home, /tmp, the root) is no project of a folder within it.

    Raises:
        UsageError: the current folder was deleted meanwhile.
    """
    # texts, not paths: it is asked for with each name of a plug-in, thousands of times a command
    folder, steps = _current(), 0
    while not (steps and _shared(folder)):
        if _marked(folder):
            return Path(*[".."] * steps)
        folder, steps = os.path.dirname(folder), steps + 1
    return Path()


def _current() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise UsageError(
            "the current folder is gone: it was deleted or moved",
            "go to a folder that is there, and give the command again",
        ) from None


def _marked(folder: str) -> bool:
    if any(os.path.isfile(os.path.join(folder, mark)) for mark in _MARKS):
        return True
    return os.path.isdir(os.path.join(folder, EXPERIMENTS)) and os.path.isfile(
        os.path.join(folder, "pyproject.toml")
    )


def _shared(folder: str) -> bool:
    return (
        os.path.dirname(folder) == folder
        or _is_home(folder)
        or bool(os.stat(folder).st_mode & stat.S_ISVTX)
    )


def _is_home(folder: str) -> bool:
    try:
        return os.path.samefile(folder, os.path.expanduser("~"))
    except OSError:  # it is not there, as of users of containers
        return False


def runs() -> Path:
    """Where databases, logs, models and reports of the project are."""
    return project() / RUNS


def in_project(path: Path) -> Path:
    """A path as it is recorded: relative to the project's folder, unless it is absolute."""
    return path if path.is_absolute() else Path(os.path.relpath(path, project()))


def cache_folder() -> Path:
    """What can be made again: `$XDG_CACHE_HOME/rnnzoo`, or `~/.cache/rnnzoo`.

    Raises:
        UsageError: there is neither.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base:
        return Path(base) / "rnnzoo"
    try:
        return Path.home() / ".cache" / "rnnzoo"
    except RuntimeError:  # as in a container, of a user whom it does not know
        raise UsageError(
            "there is no folder for the cache: this user has no home folder",
            "set XDG_CACHE_HOME to a folder that may be written to",
        ) from None


def sqlite_file(url: str) -> Path:
    """The file that a SQLite URL names, read as SQLAlchemy reads it: `%25` is a `%`, and a `?`
    begins its options.
    """
    return Path(unquote(url.removeprefix(SQLITE).partition("?")[0]))


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file; only what a URL would take for something else is written
    otherwise.
    """
    return SQLITE + str(path).replace("%", "%25").replace("?", "%3F")


def keras_backend() -> tuple[str, str]:
    """The backend that Keras is set to, and by what: `KERAS_BACKEND`, or else its file
    keras.json.
    """
    name = os.environ.get("KERAS_BACKEND", "")
    if name:
        return name, "KERAS_BACKEND"
    # without a home it is `~`, which is no folder, so that there is no file
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    file = Path(home) / "keras.json"
    try:
        written = json.loads(file.read_text())
    except (OSError, ValueError):
        return KERAS_BACKEND, "Keras"
    named = written.get("backend") if isinstance(written, dict) else None
    return (str(named), str(file)) if named else (KERAS_BACKEND, "Keras")


def is_installed(backend: str) -> bool:
    """Whether the library of a backend can be imported; it is not imported for that."""
    return importlib.util.find_spec(backend) is not None


def check_trial_backend(backend: str) -> None:
    """
    Raises:
        UsageError: the library of a training's backend is not installed, or KERAS_BACKEND asks
            for another; a keras.json does not reach trials.
    """
    if not is_installed(backend):
        fix = (
            f'pip install "rnnzoo[{backend}]"; or start anew with'
            f" `training: {{backend: {KERAS_BACKEND}}}`"
        )
        if backend == KERAS_BACKEND:  # a requirement, which an environment from `make light` lacks
            fix = "make setup, or pip install rnnzoo with all that it requires"
        raise UsageError(
            f"this experiment trains with {TITLES[backend]}, which is not installed", fix
        )
    name, source = keras_backend()
    if source == "KERAS_BACKEND" and name != backend:
        wanted = f", or ask for `training: {{backend: {name}}}`" if name in BACKENDS else ""
        raise UsageError(
            f"this experiment trains with {TITLES[backend]}, and KERAS_BACKEND sets Keras to"
            f" '{name}'",
            f"unset KERAS_BACKEND{wanted}",
        )


def check_layer_backend(name: str, source: str) -> None:
    """
    Raises:
        UsageError: Keras is set to a backend under which layers do not compute.
    """
    if name not in LAYERS:
        *titles, last = (TITLES[known] for known in LAYERS)
        raise UsageError(
            f"layers compute with {', '.join(titles)} or {last}, and {source} sets Keras to"
            f" '{name}'",
            f"set KERAS_BACKEND={KERAS_BACKEND} before Python starts",
        )


def exists(url: str) -> bool:
    """Whether a URL leads to something: an existing SQLite file, or a server, which counts without
    being asked.

    Opening a SQLite file that does not exist would create it.
    """
    return not url.startswith(SQLITE) or os.path.exists(sqlite_file(url))


def read(path: Path | None = None) -> Settings:
    """The settings of a file, by default the project's, or the built-in ones where there is none,
    or it is empty.

    Raises:
        SpecError: mistakes in the file.
    """
    path = path or project() / FILE
    mistakes = Mistakes()
    top = Entry(_table(path), mistakes, "mlflow.yml", KEYS)
    tracking, storage, ui = (
        _section(top, name, keys, mistakes)
        for name, keys in (("tracking", TRACKING), ("storage", STORAGE), ("ui", UI))
    )
    uri = (
        os.environ.get("MLFLOW_TRACKING_URI")
        or tracking.text("uri")
        or f"sqlite:///{RUNS}/mlflow.db"
    )
    artifacts = tracking.text("artifacts") or (
        str(RUNS / "artifacts") if uri.startswith("sqlite") else ""
    )
    url = storage.text("url") or f"sqlite:///{RUNS}/optuna.db"
    host, port = ui.text("host", "127.0.0.1"), ui.value("port", 5000)
    for section, key in ((tracking, "uri"), (tracking, "artifacts"), (storage, "url")):
        _check_no_password(section, key, mistakes)
    tracker, launcher = (
        _chosen(top, name, usual, mistakes)
        for name, usual in (("tracker", MLFLOW), ("launcher", AUTO_LAUNCHER))
    )
    for section in (tracking, storage, ui, top):
        section.done()
    mistakes.raise_if_any()
    return Settings(
        _absolute(uri), _place(artifacts), _absolute(url), host, port, tracker, launcher
    )


def _table(path: Path) -> Table:
    text = read_text(path) if path.exists() else ""
    # one that says nothing is there all the same: it marks a project's folder
    says_nothing = all(line.strip()[:1] in ("", "#") for line in text.splitlines())
    fix = "delete it: every setting has a default"
    return _empty(path) if says_nothing else parse(text, str(path), fix)


def _check_no_password(section: Entry, key: str, mistakes: Mistakes) -> None:
    if _PASSWORD.match(section.text(key)):
        fix = "write it without, and set MLFLOW_TRACKING_PASSWORD or PGPASSWORD in the environment"
        mistakes.add(_hidden(section.span(key)), f"`{key}` holds a password", fix)


def _chosen(top: Entry, setting: str, usual: Chosen, mistakes: Mistakes) -> Chosen:
    """`launcher: NAME`, or `launcher: {name: NAME, option: value}`."""
    node = top.node(setting)
    if node is None:
        return usual
    name = node.entries.get("name") if isinstance(node, Table) else node
    if not isinstance(name, Scalar) or not isinstance(name.value, str):
        fix = f"write `{setting}: NAME`, or `{setting}: {{name: NAME, option: value}}`"
        mistakes.add(
            node.span, f"a {setting} is a name or a table with `name:`, not {describe(node)}", fix
        )
        return usual
    if not isinstance(node, Table):
        return Chosen(name.value, span=name.span)
    options = {key: plain(value) for key, value in node.entries.items() if key != "name"}
    options = {key: value for key, value in options.items() if value is not None}  # the default
    return Chosen(name.value, options, name.span, node.keys)


def _empty(path: Path) -> Table:
    return Table({}, {}, Span(str(path), 1, 1, ""))


def _section(top: Entry, name: str, keys: Mapping[str, Key], mistakes: Mistakes) -> Entry:
    table = top.table_at(name) or Table({}, {}, top.span(name))
    return Entry(table, mistakes, f"`{name}`", keys)


def _hidden(span: Span) -> Span:
    """The place without its line, so that the message does not show the password either."""
    return Span(span.file, span.line, span.column, "")


def _place(artifacts: str) -> str | None:
    """Where files go: a folder as a path that does not depend on the current one, an address as it
    is.
    """
    if not artifacts:
        return None
    return artifacts if _ADDRESS.match(artifacts) else os.path.realpath(project() / artifacts)


def _absolute(url: str) -> str:
    """A SQLite URL whose path does not depend on the current folder; a circle of links is left to
    who opens it.
    """
    if not url.startswith(SQLITE):
        return url
    _, mark, options = url.partition("?")
    return sqlite_url(Path(os.path.realpath(project() / sqlite_file(url)))) + mark + options
