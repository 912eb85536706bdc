"""A finished training trained longer: what an edit of `epochs` makes of the trials before it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnzoo.backends import facts
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import STATE, Kind, Outcome
from rnnzoo.sweep import longer
from rnnzoo.sweep.longer import Longer
from rnnzoo.sweep.plan import TRIALS, Study, studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.memory import MemoryTracker
from tests.samples import slow
from tests.sweep import epochs
from tests.sweep.inline import InlineLauncher
from tests.sweep.loop import Quiet

SPEC = """\
experiment: longer
task: adding
variants: [rnn]
search: {trials: 5, space: {learning_rate: {float: [0.001, 0.1], log: true}}}
training: {epochs: 4, patience: 2}
"""
LONGER = SPEC.replace("epochs: 4", "epochs: 6")
RUNGS = SPEC.replace("trials: 5", "trials: 8, rungs: {epochs: [2], keep: 60%}")
Ends = dict[int, Outcome]


def planned(folder: Path, spec: str) -> tuple[Study, ...]:
    experiment = parse_experiment(spec, str(folder / "longer.yaml"), folder)
    return studies(experiment, {"adding": "digest"}, {"adding": 2})


def sweep(folder: Path, spec: str, stop_after: int = 10**9) -> Sweep:
    (study,) = planned(folder, spec)
    epochs.epochs_run.clear()
    return Sweep(
        study.experiment,
        (study,),
        study.experiment.search.trials,
        Store(f"sqlite:///{folder}/optuna.db"),
        MemoryTracker(),
        InlineLauncher(epochs.train),
        Quiet(stop_after),
        folder / "runs" / "longer",
    )


def swept(folder: Path, spec: str) -> Sweep:
    made = sweep(folder, spec)
    made.run()
    return made


def ends(made: Sweep) -> Ends:
    return {result.trial.index: result.outcome for result in made.results()}


def run(index: int | None = None) -> list[int]:
    """The epochs that were run, of one trial or of all."""
    return sorted(epoch for _, which, epoch in epochs.epochs_run if index in (None, which))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep of 4 epochs."""
    folder = tmp_path_factory.mktemp("before")
    swept(folder, SPEC)
    return folder


@pytest.fixture(scope="module")
def from_the_start(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    return ends(swept(tmp_path_factory.mktemp("start"), LONGER))


@pytest.fixture
def folder(before: Path, tmp_path: Path) -> Path:
    """A copy of it, whose files lie where they did."""
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    return tmp_path


def states(folder: Path) -> list[Path]:
    return sorted(longer.kept(folder / "runs" / "longer" / TRIALS))


def test_trials_go_on_from_where_they_ended_and_those_that_ended_by_themselves_count(
    folder: Path, from_the_start: Ends
) -> None:
    assert len(states(folder)) == 4
    edited = swept(folder, LONGER)
    assert ends(edited) == from_the_start
    assert run() == [5, 5, 5, 6, 6, 6]
    assert edited.observer.notes == [
        "rnn: the training changed; 5 trials run before are set aside",
        "rnn: 2 trials of an earlier version are the same here, and count",
        "rnn: 3 trials go on from epoch 4",
    ]
    # each training has one state, where it came farthest
    epoch_of = {file.parent.name: longer.files.read(file).epoch for file in states(folder)}
    assert epoch_of == {"0000": 6, "0001": 3, "0003": 6, "0004": 6}
    assert not list(folder.rglob("checkpoint.npz"))

    again = swept(folder, LONGER)
    assert (run(), again.observer.notes) == ([], [])
    longest = swept(folder, SPEC.replace("epochs: 4", "epochs: 7"))
    assert run() == [7, 7, 7]
    assert {len(end.curve) for end in ends(longest).values()} == {3, 7}


@pytest.mark.parametrize("stop_after", [1, slow(2)])
def test_a_sweep_that_is_cut_off_as_trials_go_on_has_each_once(
    stop_after: int, folder: Path, from_the_start: Ends
) -> None:
    with pytest.raises(KeyboardInterrupt):
        sweep(folder, LONGER, stop_after).run()
    last = swept(folder, LONGER)
    assert ends(last) == from_the_start
    assert len(last.observer.ends) == 3 - stop_after
    assert run() == sorted([5, 6] * (3 - stop_after))


def test_on_rungs_the_same_trials_go_on(tmp_path: Path) -> None:
    (tmp_path / "start").mkdir()
    whole = ends(swept(tmp_path / "start", RUNGS.replace("epochs: 4", "epochs: 6")))
    run_to = [len(end.curve) for end in whole.values()]
    assert (run_to.count(2), run_to.count(6)) >= (3, 2)
    swept(tmp_path, RUNGS)
    edited = swept(tmp_path, RUNGS.replace("epochs: 4", "epochs: 6"))
    assert ends(edited) == whole
    assert run() == sorted([5, 6] * run_to.count(6))


SYSTEM = facts.system()


def _damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def _flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[200] ^= 1  # within the variable
    file.write_bytes(content)


def _elsewhere(file: Path) -> None:
    content = file.read_bytes()
    machine = SYSTEM.encode()
    assert machine in content
    with longer.files.np.load(file) as arrays:
        kept = dict(arrays)
    kept["course"] = longer.files.np.frombuffer(
        kept["course"].tobytes().replace(machine, b"another"), "uint8"
    )
    longer.files.np.savez(file, **kept)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_damaged, "the state is damaged"),
        (_flipped, "the state is damaged"),
        (_elsewhere, f"the state was written elsewhere, system was another and is {SYSTEM}"),
        (Path.unlink, "no state was kept"),
    ],
)
def test_without_a_state_that_can_be_used_a_trial_trains_anew_and_says_so(
    change: Callable[[Path], None], said: str, folder: Path, from_the_start: Ends
) -> None:
    change(states(folder)[0])
    edited = swept(folder, LONGER)
    assert ends(edited) == from_the_start
    assert run(0) == [1, 2, 3, 4, 5, 6]
    told = f"rnn: 2 trials go on from epoch 4; 1 trial trains anew: {said}"
    assert edited.observer.notes[-1] == told


@pytest.mark.parametrize(("room", "kept"), [("0", 0), ("6kB", 2), ("1MB", 4)])
def test_states_take_no_more_room_than_they_may(room: str, kept: int, tmp_path: Path) -> None:
    notes = swept(tmp_path, f"{SPEC}resources: {{states: {room}}}\n").observer.notes
    assert len(states(tmp_path)) == kept
    without_room = (
        "the state of 2 finished trainings had no room within `states` of `resources`, 6.0 kB:"
        " with more epochs they begin anew; `rnnzoo clean` says what takes room"
    )
    assert notes == ([without_room] if kept == 2 else [])


def test_where_a_longer_state_has_no_room_the_shorter_stays(folder: Path) -> None:
    file = states(folder)[0]
    size = longer.room_of(states(folder))
    swept(folder, f"{LONGER}resources: {{states: {size - 1}}}\n")
    assert len(states(folder)) == 4
    assert file.exists()


def looked(folder: Path, spec: str) -> tuple[Study, Longer, Store]:
    (study,) = planned(folder, spec)
    store = Store(f"sqlite:///{folder}/optuna.db")
    beginnings = Longer(folder / "runs" / "longer", machine=facts.machine("tensorflow"))
    beginnings.add([study], store.editions("longer"))
    return study, beginnings, store


def ahead(folder: Path, spec: str) -> longer.Ahead:
    study, beginnings, store = looked(folder, spec)
    return beginnings.ahead(study, range(study.experiment.search.trials), store)


@pytest.mark.parametrize(
    ("spec", "counted", "going_on", "anew"),
    [
        (LONGER, 2, {4: 3}, {}),
        (LONGER.replace("trials: 5", "trials: 9"), 2, {4: 3}, {}),
        (SPEC.replace("patience: 2", "patience: 3"), 4, {3: 1}, {}),
        (LONGER.replace("patience: 2", "patience: 0"), 1, {4: 3, 3: 1}, {}),
        (SPEC.replace("epochs: 4", "epochs: 3"), 1, {3: 1}, {longer.FEWER_EPOCHS: 3}),
        (LONGER.replace("patience: 2", "patience: 1"), 0, {}, {longer.LESS_PATIENCE: 4}),
        (LONGER.replace("epochs: 6", "epochs: 6, batch: 8"), 0, {}, {}),
        (LONGER.replace("trials: 5", "trials: 5, pruner: median"), 0, {}, {}),
    ],
)  # fmt: skip
def test_before_a_sweep_it_is_known_what_counts_and_what_goes_on(
    spec: str, counted: int, going_on: dict[int, int], anew: dict[str, int], before: Path
) -> None:
    assert ahead(before, spec) == longer.Ahead(counted, going_on, anew)


def test_under_a_cosine_all_trains_anew(tmp_path: Path) -> None:
    cosine = SPEC.replace("patience: 2", "patience: 2, schedule: cosine")
    swept(tmp_path, cosine)
    edited = cosine.replace("epochs: 4", "epochs: 6")
    assert ahead(tmp_path, edited) == longer.Ahead(0, {}, {longer.COSINE: 4})


def test_a_state_is_needed_as_long_as_a_trial_may_go_on_from_it(folder: Path) -> None:
    study, beginnings, _ = looked(folder, LONGER)

    def needed(*ended: int) -> set[str]:
        trials = [(study.identity, index) for index in ended]
        return {file.parent.name for file in beginnings.needed([study], trials)}

    assert needed() == {"0000", "0001", "0003", "0004"}
    assert needed(0, 1) == {"0003", "0004"}


def test_what_no_version_wrote_is_no_state(folder: Path) -> None:
    (folder / STATE).write_text("text")
    assert not longer.files.is_whole(folder / STATE)
    assert {end.kind for end in ends(sweep(folder, SPEC)).values()} == {
        Kind.COMPLETE,
        Kind.DIVERGED,
    }
