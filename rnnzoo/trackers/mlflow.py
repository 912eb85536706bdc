"""MLflow: the runs as people browse them.

    experiment      the experiment's name
      parent run    one for each (variant, task): the study, with the best model's files
        child run   one for each trial: hyper-parameters, scores, learning curve; written once,
                    after its trial
      report run    the report's pages

A child repeats the tags `variant`, `cell`, `task` (its label), `stage`, `trial`, `seed`, `data` and
`outcome`, so that flat filters and Group-by work; its parameters are the hyper-parameters and the
training, task and initialisers as they were run, searched or not; one that failed says why in
`message`, and its log is among its artifacts.  A run begins and ends when its training did, however
late it is written, and has the task's data as its input.
The result itself is kept in tags that MLflow's pages do not show, compressed, so that a report can
be made from MLflow alone.  The only file that imports mlflow, and only when a tracker is made: the
import takes two seconds.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rnnzoo.errors import StoreError, store_error, without_password
from rnnzoo.spec import stamp
from rnnzoo.spec.atomic import staged
from rnnzoo.spec.hyperparameters import SEARCHABLE, Value
from rnnzoo.spec.settings import SQLITE, sqlite_file, sqlite_url
from rnnzoo.spec.trial import MODEL, Kind, Outcome, Result, Trial
from rnnzoo.trackers import Setup
from rnnzoo.trackers._signature import NAME, mlmodel

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # a server that is down is told at once, not after minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
STUDY = "rnnzoo.study"  # tag of every run of ours: the study's identity, or `report`
ROLE = "rnnzoo.role"
ROLES = ("study", "trial", "report")
BEST = "trial "  # before the number of a study's best trial, in its run's tag `best`
SEARCH, REPLICATE = "search", "replicate"  # tag `stage` of trials that confirm nothing
HIDDEN = "mlflow.rnnzoo.result."  # MLflow's pages leave out tags that begin with `mlflow.`
LONGEST = 500  # characters of a parameter
VIEW = "rnnzoo"  # by which the address of a page asks for our columns
# what the table of runs shows first; it knows a column by its kind and name
COLUMNS = [
    *(f"tags.`{name}`" for name in ("task", "stage", "outcome")),
    *(f"metrics.`{name}`" for name in ("validation", "test")),
    *(f"params.`{name}`" for name in ("units", "learning_rate")),
]
DIGEST = 36  # hexadecimal digits of a data set's digest that MLflow takes
SHOWN = 12  # hexadecimal digits of a hash
CHUNK = 7000  # characters; a tag holds 8000
NOTE = 5000  # characters; a tag of an experiment holds so many
ATTEMPTS = 4  # to connect to a database, within a second; MLflow's own ten take a hundred
REASON = 300  # characters of one
_FOLDER = (
    "name a database or a server, as sqlite:///runs/mlflow.db (MLFLOW_TRACKING_URI, or"
    " `tracking:` in mlflow.yml)"
)
_STATUS = {Kind.COMPLETE: "FINISHED", Kind.DIVERGED: "FINISHED", Kind.PRUNED: "KILLED"}


@dataclass(frozen=True, slots=True)
class _Recorded:
    """How and why a trial ended that is in the store, and its scores."""

    kind: Kind
    scores: Mapping[str, float]
    message: str

    @classmethod
    def of_run(cls, run: Any) -> _Recorded:
        tags = run.data.tags
        return cls(Kind(tags["outcome"]), run.data.metrics, tags.get("message", ""))

    def is_of(self, outcome: Outcome) -> bool:
        """Whether that is an outcome; with other scores, or another message, its trial was run
        again.
        """
        scores = outcome.scores.items()
        same_scores = all(self.scores.get(split, score) == score for split, score in scores)
        same_message = self.message == outcome.message[:CHUNK]
        return self.kind is outcome.kind and same_scores and same_message


class MlflowTracker:
    """Writes to and reads from an MLflow tracking store.

    Args:
        uri: `sqlite:///path`, `http://...`, or what else MLflow knows.
        artifacts: folder or URI for the files of runs; None leaves it to the store.
        page: runs a request.

    Raises:
        StoreError: the store cannot be reached.
    """

    def __init__(self, uri: str, artifacts: str | None = None, page: int = 1000) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self.uri, self.artifacts, self.page = uri, artifacts, page
        with _plain_errors(uri), _without_new_folders(uri):
            import mlflow
            from mlflow.store.db import utils

            utils.MAX_RETRY_COUNT = ATTEMPTS
            _quiet_migrations()
            _make_sqlite(uri, artifacts)
            self.client: Any = mlflow.MlflowClient(uri)
            self.client.search_experiments(max_results=1)
        self._id = ""
        self._parents: dict[str, str] = {}
        self._latest: dict[str, float] = {}  # when the last trial ended that was written, by study
        self._recorded: dict[tuple[str, int], _Recorded] = {}

    # -- the contract

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        with _plain_errors(self.uri):
            rehome(self.uri, self.artifacts)
            self._id = self._experiment(experiment)
            # or the pages open on the views for language-model agents
            self.client.set_experiment_tag(
                self._id, "mlflow.experimentKind", "custom_model_development"
            )
            self.client.set_experiment_tag(
                self._id, f"mlflow.sharedViewState.{VIEW}", json.dumps({"selectedColumns": COLUMNS})
            )
            if about:
                self.client.set_experiment_tag(self._id, "mlflow.note.content", markdown(about))
            self._delete_half_written()
            self._parents = {run.data.tags[STUDY]: run.info.run_id for run in self._runs("study")}
            self._recorded = {
                _key(run.data.tags): _Recorded.of_run(run) for run in self._runs("trial")
            }
            run = self._report_run()
            for name, text in artifacts.items():
                self.client.log_text(run, text, name)

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        key = (result.study, result.trial.index)
        recorded = self._recorded.get(key)
        if recorded is not None and recorded.is_of(result.outcome):
            return
        with _plain_errors(self.uri):
            if recorded is not None:  # the trial was run once more
                self._delete(result)
            run = self.client.create_run(
                self._id,
                start_time=_milliseconds(_began(result)),
                tags=self._tags(result),
                run_name=_name(result),
            )
            self.client.log_inputs(run.info.run_id, _inputs(result))
            metrics, params = _metrics(result), _params(result.trial)
            for first in range(0, max(len(metrics), 1), 900):  # MLflow takes 1000 items a request
                self.client.log_batch(
                    run.info.run_id, metrics[first : first + 900], params if not first else ()
                )
            for path in artifacts:
                self.client.log_artifact(run.info.run_id, str(path))
            status = _STATUS.get(result.outcome.kind, "FAILED")
            self.client.set_terminated(run.info.run_id, status, _milliseconds(_ended(result)))
        self._latest[result.study] = max(_ended(result), self._latest.get(result.study, 0.0))
        outcome = result.outcome
        self._recorded[key] = _Recorded(outcome.kind, dict(outcome.scores), outcome.message[:CHUNK])

    def recorded(self, experiment: str) -> dict[tuple[str, int], Kind]:
        with _plain_errors(self.uri):
            tags = [run.data.tags for run in self._runs("trial", experiment)]
        return {_key(of_run): Kind(of_run["outcome"]) for of_run in tags}

    def results(self, experiment: str) -> Sequence[Result]:
        with _plain_errors(self.uri):
            unpacked = [_unpack(run.data.tags) for run in self._runs("trial", experiment)]
        # of several runs of one trial, the first that was written
        results = {
            (result.study, result.trial.index): result for result in reversed(unpacked)
        }.values()
        return sorted(
            results,
            key=lambda result: (result.trial.task, result.trial.variant, result.trial.index),
        )

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        with _plain_errors(self.uri):
            run = self._parent(result)
            # no curve: that of a later best would be mixed in
            scores = [
                metric
                for metric in _metrics(result)
                if metric.key in (*result.outcome.scores, "weights")
            ]
            self.client.log_batch(run, scores)
            self.client.set_tag(run, "best", f"{BEST}{result.trial.index}")
            if result.study in self._latest:
                end = _milliseconds(self._latest[result.study])
                self.client.set_terminated(run, "FINISHED", end)
            for path in files:
                self.client.log_artifact(run, str(path), "model")
                described = mlmodel(path, run)
                if described is not None:
                    self.client.log_text(run, described, f"model/{NAME}")
            for name, content in texts.items():
                self.client.log_text(run, content, name)

    def model(self, run: str, folder: Path) -> tuple[Trial, Path]:
        """The best trial of a variant's run, and its model, fetched into a folder.

        Raises:
            StoreError: there is no such run, or it keeps no model, or that of another trial.
        """
        from mlflow.exceptions import MlflowException

        with _plain_errors(self.uri):
            rehome(self.uri, self.artifacts)
            try:
                variant_run = self.client.get_run(run)
            except MlflowException:
                raise StoreError(
                    f"no run '{run}' in {without_password(self.uri)}", "copy its id from `make ui`"
                ) from None
            tags = variant_run.data.tags
            paths = [artifact.path for artifact in self.client.list_artifacts(run, "model")]
            if f"model/{MODEL}" not in paths or STUDY not in tags:
                raise StoreError(
                    f"run '{run}' keeps no model", "take the run of a variant, not of a trial"
                )
            index = tags["best"].removeprefix(BEST)
            query = (
                f"tags.`{ROLE}` = 'trial' and tags.`{STUDY}` = '{tags[STUDY]}' and tags.trial ="
                f" '{index}'"
            )
            trial_runs = self.client.search_runs(
                [variant_run.info.experiment_id], query, max_results=1
            )
            if not trial_runs:
                raise StoreError(
                    f"the run of trial {index}, whose model run '{run}' keeps, was deleted",
                    "restore it in MLflow, or give the experiment's file, and --variant",
                )
            trial = _unpack(trial_runs[0].data.tags).trial
            file = Path(self.client.download_artifacts(run, f"model/{MODEL}", str(folder)))
        problem = stamp.problem(file, trial)
        if problem:
            raise StoreError(
                f"the model that run '{run}' keeps cannot be used for its trial {index}: {problem}"
            )
        return trial, file

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        with _plain_errors(self.uri):
            run = self._report_run()
            for path in files:
                self.client.log_artifact(run, str(path))
            for name, number in numbers.items():
                # a label may have what MLflow refuses in a name, and has no space
                self.client.log_metric(run, name.replace("+", " plus "), number)

    def where(self) -> str:
        return without_password(self.uri) if self.uri.startswith("http") else "make ui"

    def close(self) -> None:
        pass

    # -- runs

    def _experiment(self, name: str) -> str:
        """The id of an experiment; a missing one is created, a deleted one restored."""
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            location = None
            if self.artifacts and not self.uri.startswith("http"):
                location = _location(self.artifacts, name)
            return str(self.client.create_experiment(name, artifact_location=location))
        if experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _runs(self, role: str, experiment: str | None = None) -> Iterator[Any]:
        """All runs of a role, over all pages."""
        ids = [self._id]
        if experiment is not None:
            named = self.client.get_experiment_by_name(experiment)
            ids = [named.experiment_id] if named else []
        token = None
        while ids:
            runs = self.client.search_runs(
                ids,
                f"tags.`{ROLE}` = '{role}'",
                max_results=self.page,
                page_token=token,
                order_by=["attributes.start_time"],
            )
            # what is still running was left half written by a sweep that was killed
            yield from (run for run in runs if run.info.status != "RUNNING")
            token = runs.token
            if not token:
                return

    def _delete_half_written(self) -> None:
        """Delete runs that a killed sweep left half written; they are written again from the
        storage.  A study's run is whole before the first of its trials is written, and so is that
        of the report before its files are.
        """
        for role in ROLES:
            query = f"tags.`{ROLE}` = '{role}' and attributes.status = 'RUNNING'"
            while runs := self.client.search_runs([self._id], query, max_results=self.page):
                for run in runs:
                    self.client.delete_run(run.info.run_id)

    def _delete(self, result: Result) -> None:
        """Delete the run of a trial that was run again; MLflow's pages still show it among deleted
        runs.
        """
        query = (
            f"tags.`{ROLE}` = 'trial' and tags.`{STUDY}` = '{result.study}' and tags.trial ="
            f" '{result.trial.index}'"
        )
        for run in self.client.search_runs([self._id], query):
            self.client.delete_run(run.info.run_id)

    def _parent(self, result: Result) -> str:
        """The run of a result's study, which begins with the first trial that is written."""
        if result.study not in self._parents:
            key, began = result.key, _milliseconds(_began(result))
            tags = {
                STUDY: result.study, ROLE: "study", "variant": result.trial.variant,
                "task": key.task,
            }  # fmt: skip
            run = self.client.create_run(self._id, began, tags, key.marked)
            self.client.log_inputs(run.info.run_id, _inputs(result))
            self.client.set_terminated(run.info.run_id, "FINISHED", _milliseconds(_ended(result)))
            self._parents[result.study] = run.info.run_id
        return self._parents[result.study]

    def _report_run(self) -> str:
        for run in self._runs("report"):
            return str(run.info.run_id)
        run = self.client.create_run(
            self._id, tags={STUDY: "report", ROLE: "report"}, run_name="report"
        )
        self.client.set_terminated(run.info.run_id, "FINISHED")
        return str(run.info.run_id)

    def _tags(self, result: Result) -> dict[str, str]:
        trial, key = result.trial, result.key
        packed = result.pack()
        return {
            "mlflow.parentRunId": self._parent(result),
            STUDY: result.study,
            ROLE: "trial",
            "variant": trial.variant,
            "cell": trial.cell.partition("\n")[0].removeprefix("name: "),
            **_without_empty(cell_hash=trial.cell_hash, data=trial.data[:SHOWN]),
            "task": key.task,
            "stage": key.stage or (REPLICATE if key.replicate else SEARCH),
            "trial": str(trial.index),
            "seed": str(trial.seed),
            "outcome": str(result.outcome.kind),
            **_without_empty(message=result.outcome.message[:CHUNK]),
            **{
                f"{HIDDEN}{number}": packed[start : start + CHUNK]
                for number, start in enumerate(range(0, len(packed), CHUNK))
            },
        }


def tracker(setup: Setup) -> MlflowTracker:
    """What `tracker: mlflow` makes."""
    return MlflowTracker(setup.uri, setup.artifacts)


def _key(tags: Mapping[str, str]) -> tuple[str, int]:
    """The study and the trial's index."""
    return tags[STUDY], int(tags["trial"])


def _without_empty(**values: Any) -> dict[str, Any]:
    """The values that are not empty."""
    return {name: value for name, value in values.items() if value}


def _name(result: Result) -> str:
    return f"{result.key.marked} {result.trial.index}"


def _ended(result: Result) -> float:
    """When the training ended: where that is not known, now."""
    return result.ended or time.time()


def _began(result: Result) -> float:
    return _ended(result) - result.outcome.seconds.get("total", 0.0)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _inputs(result: Result) -> list[Any]:
    """The data that the trial was trained on: its name is the task's, its digest ours."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    trial = result.trial
    if not trial.data:
        return []
    source = json.dumps({"task": trial.task, **trial.task_options})
    data = Dataset(result.key.task, trial.data[:DIGEST], "rnnzoo", source)
    return [DatasetInput(data, [InputTag("mlflow.data.context", "training")])]


def _params(trial: Trial) -> list[Any]:
    """All settings of a training; cell, data and seed are tags."""
    from mlflow.entities import Param

    params = {
        **_without_empty(own_units=trial.own_units),
        **{
            name: value
            for name, value in trial.training.values().items()
            if name in SEARCHABLE and value is not None
        },
        **trial.hyperparameters,  # where weights are equal, the units of the baseline
        **{f"training.{name}": value for name, value in trial.training.settings().items()},
        "task": trial.task,
        **{f"task.{name}": value for name, value in trial.task_options.items()},
        **{f"init.{name}".removesuffix(".*"): value for name, value in trial.init.items()},
    }
    return [Param(name, _param_text(value)) for name, value in params.items()]


def _param_text(value: Any) -> str:
    """A value as MLflow keeps it."""
    return (str(value) if isinstance(value, Value) else json.dumps(value))[:LONGEST]


def _metrics(result: Result) -> list[Any]:
    """At most a dozen keys: scores of the best weights, the learning curve, and what it cost."""
    from mlflow.entities import Metric

    outcome, end = result.outcome, _milliseconds(_ended(result))
    single: dict[str, float] = {
        **outcome.scores,
        **{f"test/{metric}": score for metric, score in outcome.also.items()},
        "weights": outcome.weights.get("recurrent", 0),
        "best_epoch": outcome.best_epoch,
        "seconds": outcome.seconds.get("total", 0.0),
        "seconds_per_step": outcome.seconds.get("step", 0.0),
    }
    metrics = [Metric(name, float(value), end, 0) for name, value in single.items()]
    left = sum(epoch.get("seconds", 0.0) for epoch in outcome.curve)
    for epoch in outcome.curve:
        left -= epoch.get("seconds", 0.0)
        moment = end - _milliseconds(left)
        # a table of trials keeps only the second
        given = [name for name in ("train", "validation") if name in epoch]
        metrics += [
            Metric(f"curve/{name}", float(epoch[name]), moment, int(epoch["epoch"]))
            for name in given
        ]
    return metrics


def _unpack(tags: Mapping[str, str]) -> Result:
    parts = sorted(
        (int(name.removeprefix(HIDDEN)), text)
        for name, text in tags.items()
        if name.startswith(HIDDEN)
    )
    return Result.unpack("".join(text for _, text in parts))


def markdown(text: str) -> str:
    """A text as Markdown that shows it as it is, on one line: MLflow's pages render notes."""
    line = html.escape(" ".join(text.split()), quote=False)
    line = re.sub(r"([\\`*_\[\]|~]|^[#+=-])", r"\\\1", line)
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", line)[:NOTE]


# ------------------------------------------------------------------ the store and its pages


@contextlib.contextmanager
def _plain_errors(uri: str) -> Iterator[None]:
    """Turn errors of MLflow, its database and the network into a `StoreError`."""
    try:
        yield
    except (StoreError, ImportError):
        raise
    except Exception as error:
        known = type(error).__module__.partition(".")[0] in (
            "mlflow",
            "sqlalchemy",
            "alembic",
            "requests",
            "urllib3",
            "sqlite3",
        )
        if not (known or isinstance(error, OSError)):
            raise  # a bug of ours
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "MLFLOW_ALLOW_FILE_STORE" in str(error):
            problem = f"MLflow at {uri} cannot be used: it keeps no runs in a folder any more"
            raise StoreError(problem, _FOLDER) from None
        reason = textwrap.shorten(first, REASON, placeholder=" ...")
        if "out-of-date database schema" in reason:
            raise _other_version(uri, reason) from None
        # without SQLAlchemy's "(driver.Error) "
        raise store_error(
            "MLflow", uri, re.sub(r"^\(\w+\.\S+\) ", "", reason), "tracking"
        ) from None


def _other_version(uri: str, reason: str) -> StoreError:
    """MLflow itself says "out-of-date" of a later database too."""
    import mlflow

    revision = reason.partition("found version ")[2].partition(",")[0]
    migrations = Path(mlflow.__file__).parent / "store/db_migrations/versions"
    which, fix = "a later", "make setup, with a later rnnzoo"
    if any(migrations.glob(f"{revision}_*.py")):
        which, fix = "an older", "keep a copy of it, then: mlflow db upgrade URI"
    return StoreError(
        f"MLflow's database at {without_password(uri)} was written by {which} version than"
        f" {mlflow.__version__}",
        f"{fix}; or name another store in mlflow.yml",
    )


def _quiet_migrations() -> None:
    import logging

    for name in ("alembic", "mlflow.store.db.utils", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _make_sqlite(uri: str, artifacts: str | None) -> None:
    """Make a new SQLite database, whole before it gets its name: one whose migration was killed
    never recovers.

    The database of a process that was faster is kept.
    """
    path = sqlite_file(uri)
    if not uri.startswith(SQLITE) or path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with staged(path) as new, _without_new_folders(sqlite_url(new)):
        store = SqlAlchemyStore(sqlite_url(new), artifacts or str(path.parent / "artifacts"))
        store.engine.dispose()
        with contextlib.closing(sqlite3.connect(new)) as database:
            # the pages can be read while a sweep writes
            database.execute("PRAGMA journal_mode=WAL")
        # `replace` would throw away what the faster one has written since
        with contextlib.suppress(FileExistsError):
            os.link(new, path)


@contextlib.contextmanager
def _without_new_folders(uri: str) -> Iterator[None]:
    """Remove folders that MLflow makes for a SQLite file by the spelling in its URL: `100%25`
    beside `100%`.
    """
    if not uri.startswith(SQLITE):
        yield
        return
    spelt = Path(uri.removeprefix(SQLITE)).parent
    missing = [folder for folder in (spelt, *spelt.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):  # it was never made, or holds something
                folder.rmdir()


@dataclass(frozen=True, slots=True)
class Astray:
    """An experiment in a database: the recorded location of its files, and where this project keeps
    them.
    """

    name: str
    identity: int
    before: str
    now: str

    def was_moved(self) -> bool:
        """Whether the recorded location is the one before the project was moved or copied.

        A recorded folder that still exists stays, unless the new one exists too: the user may have
        chosen another folder for new runs.
        """
        before, now = _folder(self.before), _folder(self.now)
        is_of_a_project = self.before != self.now and before.name == self.name
        return is_of_a_project and (now.is_dir() or not before.is_dir())


def astray(uri: str, artifacts: str | None) -> list[Astray]:
    """The experiments in a SQLite database whose recorded location is that of before a move: MLflow
    keeps absolute paths.
    """
    if not artifacts or "://" in artifacts:
        return []
    if not uri.startswith(SQLITE) or not sqlite_file(uri).is_file():
        return []
    query = (
        "select name, experiment_id, artifact_location from experiments where artifact_location"
        " is not null"
    )
    with _plain_errors(uri), contextlib.closing(sqlite3.connect(sqlite_file(uri))) as database:
        rows = database.execute(query).fetchall()
    experiments = [
        Astray(name, identity, before, _location(artifacts, name))
        for name, identity, before in rows
    ]
    return [experiment for experiment in experiments if experiment.was_moved()]


def rehome(uri: str, artifacts: str | None) -> None:
    """Correct the paths of runs' files after the project was moved."""
    experiments = astray(uri, artifacts)
    if not experiments:
        return
    with contextlib.closing(sqlite3.connect(sqlite_file(uri))) as database, database:
        for experiment in experiments:
            identity, now, prefix = experiment.identity, experiment.now, f"{experiment.before}/"
            database.execute(
                "update experiments set artifact_location = ? where experiment_id = ?",
                (now, identity),
            )
            database.execute(
                "update runs set artifact_uri = ? || substr(artifact_uri, ?)"
                " where experiment_id = ? and substr(artifact_uri, 1, ?) = ?",
                (now, len(prefix), identity, len(prefix), prefix),
            )


def _location(artifacts: str, name: str) -> str:
    """Where the files of an experiment's runs go."""
    folder = f"{artifacts}/{name}"
    # MLflow reads a path as part of a URL: `%2F` would be a folder more
    return Path(folder).as_uri() if "%" in folder and "://" not in folder else folder


def _folder(location: str) -> Path:
    """The folder of a location on this machine."""
    if location.startswith("file:"):
        return Path(unquote(location.removeprefix("file://")))
    return Path(location)


def pages(uri: str, address: str) -> dict[str, str]:
    """Address of every experiment's page, by its name, the newest first.

    MLflow's own front page opens on its views for language-model agents; these open on the runs.
    """
    tracker = MlflowTracker(uri)
    with _plain_errors(uri):
        experiments = tracker.client.search_experiments(order_by=["last_update_time DESC"])
    runs = f"runs?workflowType=machine_learning&viewStateShareKey={VIEW}"
    return {
        experiment.name: f"{address}/#/experiments/{experiment.experiment_id}/{runs}"
        for experiment in experiments
        if experiment.name != "Default"
    }


def _allowed_hosts(host: str) -> dict[str, str]:
    """The host names that a server for this machine answers, against DNS rebinding.

    MLflow's own list has patterns such as `10.*`, which match `10.evil.example`: another website
    could point its name to this machine and reach the pages.  Any port is allowed: a tunnel (`ssh
    -L 8888:localhost:5000`) has its own.
    """
    if host not in ("127.0.0.1", "localhost", "::1"):
        return {}
    # MLflow's patterns are those of `fnmatch`, in which a bracket begins a set
    allowed = ["127.0.0.1", "127.0.0.1:*", "localhost", "localhost:*", "[::1]", "[[]::1]:*"]
    return {"MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(allowed)}


def serve(uri: str, artifacts: str | None, host: str, port: int) -> int:
    """Serve MLflow's pages until Ctrl-C; returns the server's exit code."""
    _make_sqlite(uri, artifacts)
    rehome(uri, artifacts)
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        uri,
        "--workers",
        "1",
    ]
    command += ["--host", host, "--port", str(port)]
    if artifacts:
        command += ["--default-artifact-root", artifacts]
    with _without_new_folders(uri):
        server = subprocess.Popen(
            command, env={**ENVIRONMENT, **_allowed_hosts(host), **os.environ}
        )
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            return 0
