"""Optuna's tables, read by queries of our own.

In: a connection, or the storage.  Out: names and attributes of studies, and trials as rows.  Optuna
asks the database several times for each study, and makes objects of every hyper-parameter of every
trial, which nobody asks for here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rnnzoo.spec.trial import Outcome, Result, StudyKey, Trial

RESULT, INDEX = "rnnzoo", "index"  # user attributes of an Optuna trial
UNDER_WAY = ("RUNNING", "WAITING")  # Optuna's names of states
STUDIES = "select study_id, study_name from studies order by study_id"
ATTRIBUTES = """
    select studies.study_name, kept.value_json from studies
    join study_user_attributes kept on kept.study_id = studies.study_id and kept.key = '{key}'
    order by studies.study_id
"""
TRIALS = f"""
    select trials.study_id, trials.number, trials.state, trials.datetime_complete, kept.value_json
    from trials left join trial_user_attributes kept
    on kept.trial_id = trials.trial_id and kept.key = '{RESULT}'
    where trials.study_id in ({{studies}}) order by trials.trial_id
"""
ROWS = f"""
    select trials.trial_id, trials.number, trials.state, kept.value_json, own.value_json from trials
    left join trial_user_attributes kept
    on kept.trial_id = trials.trial_id and kept.key = '{RESULT}'
    left join trial_user_attributes own on own.trial_id = trials.trial_id and own.key = '{INDEX}'
    where trials.study_id = {{study}} order by trials.trial_id
"""
ALL_ATTRIBUTES = """
    select study_id, key, value_json from study_user_attributes where study_id in ({studies})
"""
# distinct indices: two sweeps at once could leave two trials of one
ENDED = f"""
    select trials.study_id, count(distinct coalesce(own.value_json, '')) from trials
    join trial_user_attributes kept on kept.trial_id = trials.trial_id and kept.key = '{RESULT}'
    left join trial_user_attributes own on own.trial_id = trials.trial_id and own.key = '{INDEX}'
    where trials.study_id in ({{studies}}) group by trials.study_id
"""
RUNNING = """
    select studies.study_name, count(*) from trials
    join studies on studies.study_id = trials.study_id
    where trials.state = 'RUNNING' group by studies.study_id, studies.study_name
    order by studies.study_id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as the storage has it.

    Attributes:
        trial_id: Optuna's, of all studies.
        number: Optuna's, within the study.
        state: Optuna's name of it.
        index: ours; -1 where it has none yet.
        content: the packed result; None where it has none.
    """

    trial_id: int
    number: int
    state: str
    index: int
    content: Any

    @property
    def result(self) -> Result | None:
        return result_of(self.content)


def rows(storage: Any, study_id: int) -> Iterator[Row]:
    """The trials of a study, one after the other: Optuna would keep all of them."""
    query = ROWS.format(study=study_id)
    with storage.engine.connect() as connection:
        for trial_id, number, state, content, index in connection.exec_driver_sql(query):
            known = json.loads(content) if content else None
            yield Row(trial_id, number, state, json.loads(index) if index else -1, known)


def ended(rows: Iterable[Row], numbers: Collection[int]) -> Iterator[tuple[Row, Result]]:
    """Trials that will not run again, as the storage's and as ours; the first of each index.

    Args:
        numbers: of trials that no longer count.
    """
    void, known = set(numbers), set()
    for row in rows:
        result = None if row.number in void else row.result
        if result is None or not result.outcome.final:
            continue
        if result.trial.index not in known:
            known.add(result.trial.index)
            yield row, result


def seconds_of(when: str | datetime | None) -> float:
    """A time of Optuna's, which is of this machine's zone, in seconds since 1970 UTC; 0 for none.

    SQLite has it as text.
    """
    if when is None:
        return 0.0
    return (datetime.fromisoformat(when) if isinstance(when, str) else when).timestamp()


def result_of(content: Any, study: str = "") -> Result | None:
    """The result that is kept with a trial, if one is."""
    if content is None:
        return None
    if isinstance(content, str):
        return replace(Result.unpack(content), study=study)
    # as it was kept at first
    return Result(Trial.from_dict(content["trial"]), Outcome.from_dict(content["outcome"]), study)


def attributes(connection: Any, key: str) -> dict[str, Any]:
    """An attribute of all studies that have it, by name and in the order in which they were made.

    By a query of our own: Optuna asks the database six times for each study.
    """
    return {
        name: json.loads(value)
        for name, value in connection.exec_driver_sql(ATTRIBUTES.format(key=key))
    }


def names_of(connection: Any, experiment: str) -> dict[int, str]:
    """The studies of an experiment, by Optuna's numbers."""
    rows = connection.exec_driver_sql(STUDIES)
    return {study_id: name for study_id, name in rows if is_of(name, experiment)}


def is_of(name: str, experiment: str) -> bool:
    """Whether a study of Optuna's is one of an experiment of ours."""
    key = StudyKey.find(name)
    return key is not None and key.experiment == experiment
