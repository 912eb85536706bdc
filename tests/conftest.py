"""What all tests share: quiet libraries, one thread, a cache folder of their own, and the real data
where it is at hand.
"""

import gc
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from tests.xla import FLAGS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

import pytest
from hypothesis import settings

from tests.samples import Shard, examples

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"  # development data; tests that need it skip without it

settings.register_profile(
    "steady", deadline=None, derandomize=True, print_blob=False, max_examples=examples(100)
)
settings.load_profile("steady")


CACHES = "RNNZOO_TEST_CACHES"  # the folder of this run of the tests, for all its processes


def pytest_configure(config: pytest.Config) -> None:
    """No test reads or fills the user's own cache, and none waits before it asks a server again
    that is away.

    What was read and compiled is there for all tests of this run, whichever process they run in.
    """
    gc.disable()  # until all tests are imported: what an import makes stays
    # a shell without job control has what it runs in the background ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if CACHES in os.environ:  # a process of pytest-xdist
        return
    folder = tempfile.mkdtemp(prefix="rnnzoo-caches-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ |= {
        CACHES: folder,
        "XDG_CACHE_HOME": folder,
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    }
    for name in ("RNNZOO_DATA", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shard",
        type=Shard.parse,
        metavar="I/N",
        help="run every N-th test only, from the I-th on",
    )


@pytest.hookimpl(trylast=True)  # of what marks and names have left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    shard = config.getoption("--shard")
    if shard is not None:
        items[:], others = shard.split(items)
        config.hook.pytest_deselected(items=others)


def pytest_sessionstart(session: pytest.Session) -> None:
    stack = ExitStack()
    stack.enter_context(zoo_once())
    session.config.add_cleanup(stack.close)


@contextmanager
def zoo_once() -> Iterator[None]:
    """Cells of the zoo are read and checked once a process: both take 20 ms, and most tests need
    some, as does their collection.
    """
    from rnnzoo.spec import cell as cells
    from rnnzoo.spec.cell import files

    checks, viewing = import_module("rnnzoo.lang.check"), import_module("rnnzoo.lang.view")
    read, check = files.read_file, checks.checked
    specs: dict[Path, Any] = {}
    checked: dict[int, Any] = {}
    of_zoo: set[int] = set()

    def read_once(path: Path, chain: tuple[Path, ...] = ()) -> Any:
        if path.parent != files.ZOO:
            return read(path, chain)
        if path not in specs:
            specs[path] = read(path, chain)
            of_zoo.add(id(specs[path]))
        return specs[path]

    def checked_once(spec: Any, earlier: Any = ()) -> Any:
        if id(spec) not in of_zoo:
            return check(spec, earlier)
        if id(spec) not in checked:
            checked[id(spec)] = check(spec, earlier)
        return checked[id(spec)]

    with (
        mock.patch.object(files, "read_file", read_once),
        mock.patch.object(cells, "read_file", read_once),
        mock.patch.object(checks, "checked", checked_once),
        mock.patch.object(viewing, "checked", checked_once),
    ):
        yield


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection of garbage need look at it again.  And what a
    test leaves is little, so that the collector need not look as often as it does: that took a
    twentieth of all time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def end_of_fork_servers() -> Iterator[None]:
    """Those that sweeps of tests share end with the tests."""
    yield
    if "tests.fork_servers" in sys.modules:
        sys.modules["tests.fork_servers"].end()


@pytest.fixture(scope="module")
def shared_fork_servers() -> Iterator[None]:
    """Sweeps of this module share fork servers with others: each start of one takes as long as ten
    trials that only pretend.
    """
    from tests import fork_servers

    with fork_servers.shared():
        yield


@pytest.fixture(scope="session", autouse=True)
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow's tables come out of its migrations once; in later databases they are copied: that
    saves two seconds each.
    """
    from rnnzoo.trackers import mlflow as tracker

    make, template = tracker._make_sqlite, tmp_path_factory.mktemp("tables") / "mlflow.db"

    def make_with_copied_tables(uri: str, artifacts: str | None) -> None:
        from mlflow.store.db import utils

        with mock.patch.object(
            utils, "_initialize_tables", copied(utils._initialize_tables, template)
        ):
            make(uri, artifacts)

    with mock.patch.object(tracker, "_make_sqlite", make_with_copied_tables):
        yield


def copied(migrate: Callable[[Any], None], template: Path) -> Callable[[Any], None]:
    """What gives an engine of SQLAlchemy's the tables of a template, which `migrate` fills where it
    is empty.
    """

    def tables(engine: Any) -> None:
        there = template.exists()
        if not there:
            migrate(engine)
        with closing(sqlite3.connect(template)) as kept, engine.connect() as connection:
            database = connection.connection.driver_connection
            kept.backup(database) if there else database.backup(kept)

    return tables


@pytest.fixture(scope="session", autouse=True)
def revisions_once() -> Iterator[None]:
    """Optuna reads its own migrations anew for each storage that it opens; what they are does not
    change meanwhile.
    """
    from optuna.storages._rdb.storage import _VersionManager

    read: list[Any] = []
    make = _VersionManager._create_alembic_script

    def kept(self: _VersionManager) -> Any:
        read.extend([] if read else [make(self)])
        return read[0]

    with mock.patch.object(_VersionManager, "_create_alembic_script", kept):
        yield


@pytest.fixture(scope="session", autouse=True)
def boundaries_once() -> Iterator[None]:
    """What is simulated for a boundary is there for all processes: it takes half a second."""
    import numpy as np

    from rnnzoo.stats import sequential

    simulate, folder = sequential._smallest_p.__wrapped__, Path(os.environ[CACHES])

    @cache
    def kept(first: int, most: int) -> Any:
        file = folder / f"boundary-{first}-{most}.npy"
        if not file.exists():
            draft = folder / f"{os.getpid()}.npy"
            np.save(draft, simulate(first, most))
            draft.replace(file)
        return np.load(file)

    with mock.patch.object(sequential, "_smallest_p", kept):
        yield


@pytest.fixture(scope="module")
def small_forests() -> Iterator[None]:
    """Reports of this module, which looks at no importance, grow two trees where others grow
    five.
    """
    from rnnzoo.report import importance
    from rnnzoo.stats.importance import FEWEST_DRAWS, FEWEST_TREES

    fit = partial(importance.fit_forest, trees=FEWEST_TREES, draws=FEWEST_DRAWS)
    with mock.patch.object(importance, "fit_forest", fit):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_optuna() -> Iterator[None]:
    """Where a storage cannot be written, Optuna tries five times to begin a trial, up to two
    seconds apart.
    """
    from optuna.storages._rdb import storage

    with mock.patch.object(storage, "random", SimpleNamespace(random=lambda: 0.0)):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """No test cuts the power off: SQLite need not wait until what it wrote is on the disk."""
    from sqlalchemy import Engine, event

    def hurry(connection: Any, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", hurry)
    yield
    event.remove(Engine, "connect", hurry)


@pytest.fixture
def jsb_folder() -> Path:
    """The folder with the canonical JSB Chorales."""
    folder = SHARED / "jsb_chorales"
    if not folder.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    return folder


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data sets that `RNNZOO_DATA` names, and an empty cache."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("RNNZOO_DATA", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder
