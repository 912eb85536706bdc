"""Optuna's storage as the truth; adaptive samplers and pruners."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial
from sqlalchemy import event

from rnnzoo.errors import StoreError, UsageError
from rnnzoo.spec.experiment import PRUNERS, SAMPLERS, Dimension, Named, Search, Space
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep import samplers, search

SPACE = Space(
    (
        Dimension("optimizer", "choice", choices=("adam", "sgd")),
        Dimension("learning_rate", "float", 1e-4, 1e-1, log=True),
        Dimension("momentum", "float", 0.0, 0.9, when={"optimizer": ("sgd",)}),
        Dimension("units", "int", 4, 64, log=True),
    ),
    {"layers": 1},
)
ATTRIBUTES = {"experiment": "e", "on": "validation", "file": "e.yaml", "parts": {"cell": "a"}}


def trial(index: int, chosen: dict | None = None) -> Trial:
    return Trial("e", "v", "name: v", "adding", index, chosen or {"units": 4}, seed=index)


def complete(score: float) -> Outcome:
    return Outcome(
        Kind.COMPLETE,
        {"validation": score, "test": score},
        ({"epoch": 1, "train": 1.0, "validation": score},),
    )


def study(folder: Path, asked: Search, name: str = "e/v/t/1") -> search.StudyStore:
    return search.Store(f"sqlite:///{folder}/optuna.db").study(name, ATTRIBUTES, asked)


def test_tpe_searches_a_conditional_space_and_goes_on_without_repeating_itself(
    tmp_path: Path,
) -> None:
    asked = Search(sampler=Named("tpe", {"n_startup_trials": 3}), space=SPACE)
    seen = []
    for _ in range(3):  # opened anew each time, as after an interruption
        opened = study(tmp_path, asked)
        for _ in range(4):
            index = len(seen)
            number, chosen = opened.ask(index, None, SPACE)
            assert ("momentum" in chosen) == (chosen["optimizer"] == "sgd")
            opened.tell(number, trial(index, chosen), complete(abs(chosen["learning_rate"] - 0.01)))
            seen.append(chosen["learning_rate"])
    assert len(set(seen)) == 12


def test_a_known_point_is_held_and_the_sampler_draws_the_rest(tmp_path: Path) -> None:
    asked = Search(sampler=Named("tpe"), space=SPACE)
    opened = study(tmp_path, asked)
    known = {"optimizer": "sgd", "units": 40}
    _, chosen = opened.ask(0, None, SPACE, known)
    assert {name: chosen[name] for name in known} == known
    assert 0 <= chosen["momentum"] <= 0.9
    others = [opened.ask(index, None, SPACE)[1] for index in range(1, 9)]
    assert any(other["units"] != 40 for other in others)


def recorded(opened: search.StudyStore) -> list[tuple]:
    """What Optuna says of the trials."""
    trials = opened.study.get_trials()
    return [
        (
            each.number,
            each.state,
            each.values,
            each.params,
            each.distributions,
            each.user_attrs["index"],
        )
        for each in trials
    ]


def test_a_trial_that_goes_to_the_storage_directly_is_as_optuna_would_have_it(
    tmp_path: Path,
) -> None:
    space = Space(
        (*SPACE.dimensions, Dimension("dropout", "float", 0.0, 0.45, step=0.1)), SPACE.fixed
    )
    point = {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.5, "units": 8}
    points = [{**point, "dropout": dropout} for dropout in (0.0, 0.30000000000000004, 0.4)]
    outcomes = [complete(1.5), Outcome(Kind.PRUNED), Outcome(Kind.DIVERGED)]
    by_way = []
    for name, pruner in (("e/v/t/1", None), ("e/v/t/2", Named("none"))):
        opened = study(tmp_path, Search(space=space, pruner=pruner), name)
        for index, (wanted, outcome) in enumerate(zip(points, outcomes, strict=True)):
            number, chosen = opened.ask(index, wanted, space)
            assert chosen == {**wanted, "layers": 1}
            opened.tell(number, trial(index, chosen), outcome)
        by_way.append((opened.direct, recorded(opened)))
    (first, directly), (second, asked) = by_way
    assert (first, second) == (True, False)
    assert directly == asked


def test_nothing_is_kept_of_a_trial_that_has_ended(tmp_path: Path) -> None:
    opened = study(tmp_path, Search(space=SPACE))
    point = {"optimizer": "adam", "learning_rate": 0.01, "units": 8}

    def kept(first: int) -> int:
        for index in range(first, first + 5):
            number, chosen = opened.ask(index, point, SPACE)
            opened.tell(number, trial(index, chosen), complete(1.0))
        gc.collect()
        return sum(type(each) is FrozenTrial for each in gc.get_objects())

    before = kept(0)
    assert kept(5) == before
    assert sorted(opened.ends()) == list(range(10))


def test_hyperband_stops_trials_that_are_worse(tmp_path: Path) -> None:
    options = {"min_resource": 1, "max_resource": 9, "reduction_factor": 3}
    opened = study(tmp_path, Search(pruner=Named("hyperband", options), space=SPACE))
    kinds = []
    for index in range(24):
        number, chosen = opened.ask(
            index,
            {**trial(index).hyperparameters, "optimizer": "adam", "learning_rate": 0.01},
            SPACE,
        )
        going = all(opened.report(number, step, float(index % 5 + 1)) for step in range(1, 10))
        outcome = complete(1.0) if going else Outcome(Kind.PRUNED)
        opened.tell(number, trial(index, chosen), outcome)
        kinds.append(outcome.kind)
    assert kinds.count(Kind.PRUNED) >= 3
    assert kinds.count(Kind.COMPLETE) >= 3
    assert opened.done()[0].kind is Kind.COMPLETE


def test_what_a_dead_sweep_left_running_runs_again_and_what_it_had_finished_does_not(
    tmp_path: Path,
) -> None:
    opened = study(tmp_path, Search(space=SPACE))
    point = {"optimizer": "adam", "learning_rate": 0.01, "units": 8, "layers": 1}
    number, chosen = opened.ask(0, point, SPACE)
    opened.tell(number, trial(0, chosen), complete(1.0))
    opened.ask(1, point, SPACE)  # killed before its outcome
    number, chosen = opened.ask(2, point, SPACE)  # killed between writing the result and telling
    content = {"trial": trial(2).to_dict(), "outcome": complete(2.0).to_dict()}
    opened.storage.set_trial_user_attr(opened.asked[number], "rnnzoo", content)
    again = study(tmp_path, Search(space=SPACE))
    assert again.reclaim() == 1
    assert sorted(again.done()) == [0, 2]
    assert again.reclaim() == 0


def test_every_kind_of_outcome_comes_back_as_it_was(tmp_path: Path) -> None:
    store = search.Store(f"sqlite:///{tmp_path}/optuna.db")
    opened = store.study("e/v/t/1", ATTRIBUTES, Search(space=SPACE))
    point = {"optimizer": "adam", "learning_rate": 0.01, "units": 8}
    outcomes = [
        complete(1.5),
        *(Outcome(kind, message=f"because {kind}") for kind in Kind if kind is not Kind.COMPLETE),
    ]
    for index, outcome in enumerate(outcomes):
        number, chosen = opened.ask(index, point, SPACE)
        opened.tell(number, trial(index, chosen), outcome)
    final = [outcome for outcome in outcomes if outcome.kind.final]
    opened.ask(len(outcomes), point, SPACE)
    record = store.record("e")
    assert [result.outcome for result in record.results] == final
    assert all(result.study == "e/v/t/1" for result in record.results)
    assert (record.running, record.interrupted) == ({"e/v/t/1": 1}, {"e/v/t/1": 1})
    nothing = store.record("another")
    assert nothing == search.Record((), {}, {})
    attributes, ended = store.editions("e")["e/v/t/1"]
    assert (attributes, ended) == (ATTRIBUTES, len(outcomes))


def test_a_result_says_when_its_trial_ended_as_optuna_has_it(tmp_path: Path) -> None:
    opened = study(tmp_path, Search(sampler=Named("tpe"), space=SPACE))
    number, chosen = opened.ask(0, None, SPACE)
    opened.tell(number, trial(0, chosen), complete(1.0))
    (result,) = search.Store(f"sqlite:///{tmp_path}/optuna.db").results("e")
    (ended,) = (of_optuna.datetime_complete for of_optuna in opened.study.trials)
    assert result.ended == pytest.approx(ended.timestamp(), abs=1e-3)


def test_trials_that_run_are_counted_by_experiment_in_one_query(tmp_path: Path) -> None:
    store = search.Store(f"sqlite:///{tmp_path}/optuna.db")
    assert store.running() == {}
    point = {"optimizer": "adam", "learning_rate": 0.01, "units": 8}
    for name in ("e/v/t/1", "e/w/t/1", "other/v/t/1", "of another program", "idle/v/t/1"):
        opened = store.study(name, ATTRIBUTES, Search(space=SPACE))
        number, chosen = opened.ask(0, point, SPACE)
        opened.tell(number, trial(0, chosen), complete(1.0))
        if not name.startswith("idle"):
            opened.ask(1, point, SPACE)
    queries: list[str] = []
    event.listen(
        store.storage.engine, "before_cursor_execute", lambda *told: queries.append(told[2])
    )
    assert store.running() == {"e": 2, "other": 1, "of another program": 1}
    assert len(queries) == 1


def test_editions_of_an_experiment_are_read_in_as_many_queries_however_many_there_are(
    tmp_path: Path,
) -> None:
    store = search.Store(f"sqlite:///{tmp_path}/optuna.db")
    assert store.editions("e") == {}
    point = {"optimizer": "adam", "learning_rate": 0.01, "units": 8}
    names = [f"e/v/t/{number}" for number in (3, 1, 2)] + ["other/v/t/1", "of another program"]
    for count, name in enumerate(names):
        opened = store.study(name, {**ATTRIBUTES, "parts": {"cell": name}}, Search(space=SPACE))
        for index in (*range(count), 0):  # two of one index count once
            number, chosen = opened.ask(index, point, SPACE)
            opened.tell(number, trial(index, chosen), complete(1.0))
        opened.ask(count, point, SPACE)  # this one runs
    queries: list[str] = []
    event.listen(
        store.storage.engine, "before_cursor_execute", lambda *told: queries.append(told[2])
    )
    editions = store.editions("e")
    assert list(editions) == names[:3]  # in the order in which they were made
    assert [ended for _, ended in editions.values()] == [1, 1, 2]
    assert all(attributes["parts"] == {"cell": name} for name, (attributes, _) in editions.items())
    assert len(queries) == 3


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_sampler_can_be_made_or_says_what_it_needs(name: str) -> None:
    try:
        samplers.check(Search(sampler=Named(name)))
    except UsageError as error:
        assert "pip install" in str(error)


@pytest.mark.parametrize("name", sorted(set(PRUNERS) - {"threshold", "percentile", "patient"}))
def test_every_pruner_can_be_made(name: str) -> None:
    samplers.check(Search(pruner=Named(name)))


def test_optuna_is_quiet_for_us_only() -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    try:
        optuna.logging.set_verbosity(optuna.logging.INFO)
        with samplers.quiet():
            assert optuna.logging.get_verbosity() == optuna.logging.ERROR
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)


def test_the_names_are_those_of_the_installed_optuna() -> None:
    import optuna

    known = {name for name in optuna.samplers.__all__ if name.endswith("Sampler")}
    ours = {"RandomSampler", "GridSampler", "QMCSampler"}  # functions of the index here
    assert known - ours - {"BaseSampler", "BaseGASampler", "PartialFixedSampler"} == set(
        SAMPLERS.values()
    )
    assert set(optuna.pruners.__all__) - {"BasePruner"} == set(PRUNERS.values())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Search(sampler=Named("tpe", {"n_startup": 3})), "did you mean 'n_startup_trials'"),
        (Search(sampler=Named("random", {"q": 1})), "takes no options"),
        (Search(pruner=Named("percentile", {"percentile": 900})), "cannot be made"),
        (Search(pruner=Named("median", {"warmup": 1})), "has no option 'warmup'"),
    ],
)
def test_wrong_options_are_refused_in_words(asked: Search, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        samplers.check(asked)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/nothing/here.db", "nonsense://x", "postgresql://u:secret@127.0.0.1:9/x"],
)
def test_a_storage_that_cannot_be_had_is_one_plain_message_without_a_password(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        search.Store(url)
    assert "secret" not in str(caught.value)


def test_a_new_database_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    search.Store(f"sqlite:///{tmp_path}/new/optuna.db")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["optuna.db"]
