"""What an experiment cannot find out is said before it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnzoo.api.beforehand import warnings
from rnnzoo.cli import main
from rnnzoo.confirm.forecast import forecast
from rnnzoo.confirm.stand import at_most
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment

TEXT = "experiment: e\ntask: {task}\nvariants: [lstm, gru]\nmargin: 0.1\n"


def experiment(more: str = "", task: str = "chorales") -> Experiment:
    return parse_experiment(TEXT.format(task=task) + more, "e.yaml", Path())


@pytest.mark.parametrize(
    ("training", "task", "warned"),
    [
        ("{epochs: 25, patience: 6}", "adding", True),
        ("{epochs: 25, patience: 9}", "adding", False),
        ("{epochs: 25, patience: 0}", "adding", False),
        ("{epochs: 25, patience: 6}", "chorales", False),
        ("{epochs: 25, patience: 6}", "temporal_order", True),
        ("{epochs: 25, patience: 6}", "copy_memory", True),
    ],
)  # fmt: skip
def test_patience_is_short_where_a_task_is_learnt_after_a_plateau(
    training: str, task: str, warned: bool
) -> None:
    remarks = warnings(experiment(f"training: {training}\n", task))
    assert bool(remarks) == warned
    for remark in remarks:
        assert f"patience 6 of 25 epochs is short for {task}" in remark.problem
        assert remark.fix == "patience: 0, or at least 9"


@pytest.mark.parametrize(
    ("trials", "claims", "draws", "words"),
    [
        (4, 24, "own", "24 of 24 tested claims cannot be decided"), (4, 1, "own", ""),
        (2, 1, "own", "1 of 1 tested claim cannot be decided"),
        (2, 1, "own", "and 1 claim has 0.05"),
        (8, 24, "own", ""),
        (8, 24, "common",
         "with 8 trials of each variant no p-value is below 0.0078, and 24 claims share 0.05"),
        (8, 5, "common", ""),
    ],
)  # fmt: skip
def test_claims_that_no_scores_can_decide_are_told(
    trials: int, claims: int, draws: str, words: str
) -> None:
    listed = "".join(f"  - lstm same as gru within {number}\n" for number in range(1, claims + 1))
    remarks = warnings(
        experiment(f"search: {{trials: {trials}, draws: {draws}}}\nclaims:\n{listed}")
    )
    assert bool(remarks) == bool(words)
    assert words in "".join(map(str, remarks))


def test_the_study_that_could_not_decide_is_told_how_many_trials_it_takes() -> None:
    claims = "".join(f"  - lstm same as gru within {number}\n" for number in range(1, 25))
    (remark,) = warnings(
        experiment(f"search: {{trials: 4}}\nselect: {{keep: 3}}\nclaims:\n{claims}")
    )
    assert remark.fix == "at least 7 trials, or fewer claims"
    assert (
        warnings(experiment(f"search: {{trials: 7}}\nselect: {{keep: 3}}\nclaims:\n{claims}")) == []
    )


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("{sampler: tpe}", "'tpe' goes by the trials before"),
        ("{sampler: TPESampler}", "'TPESampler' goes by"),
        ("{pruner: median}", "'median' prunes by the trials before"), ("{sampler: random}", ""),
        ("{sampler: qmc}", ""),
    ],
)  # fmt: skip
def test_trials_that_depend_on_each_other_are_told(search: str, words: str) -> None:
    remarks = warnings(experiment(f"search: {search}\nclaims: [lstm worse than gru]\n"))
    assert bool(remarks) == bool(words)
    assert words in "".join(map(str, remarks))


def test_a_warning_is_one_object_with_its_fix_for_programs_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(TEXT.format(task="adding") + "training: {epochs: 25, patience: 6}\n")
    assert main(["check", str(path), "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)
    (warning,) = file["warnings"]
    assert warning["problem"].startswith("patience 6 of 25 epochs is short for adding")
    assert warning["fix"] == "patience: 0, or at least 9"


CHORALES = "{name: chorales, label: a}, {name: chorales, label: b}"
CONFIRM = (
    "search: {{trials: {trials}, space: {{units: {{int: [16, 64]}}}}}}\n"
    "confirm: {{{confirm}}}\n"
    "claims: {claims}\n"
)


@pytest.mark.parametrize(
    ("trials", "confirm", "claims", "words"),
    [
        (10, "budget: 150", "[lstm worse than gru]", ""),
        (10, "budget: 60", "[lstm worse than gru]", ""),
        (10, "budget: 36", "[lstm worse than gru]",
         "a budget of 36 decides no claim on chorales in four of five studies"),
        (10, "budget: 36, most: 6", "[lstm worse than gru]",
         "fix: budget: 50 and most: 13, a larger margin"),
        (10, "budget: 100, most: 6", "[lstm worse than gru]", "fix: most: 13, a larger margin"),
        (10, "budget: 35", "[lstm worse than gru]",
         "the search takes 20 trainings, the pilots at least 4, and the 6 rounds"),
        (10, "budget: 1", "[weights of lstm below 200% of gru]", "`confirm` has nothing to decide"),
        (10, "budget: 1, most: 6", "[lstm worse than gru]", "fix: budget: 36, or fewer"),
        (10, "region: 0.05%", "[lstm worse than gru]",
         "the region of 0.0005 of the space is one setting"),
        (1, "budget: 150", "[lstm worse than gru]",
         "nothing can be confirmed on chorales with 1 trial of each variant: where gru and lstm"),
        # rounds decide, not the search
        (2, "budget: 150", "[lstm worse than gru, gru same as lstm]", ""),
        (2, "budget: 150", "[lstm worse than gru, no variant better than gru]",
         "1 of 1 tested claim cannot be decided"),
    ],
)  # fmt: skip
def test_what_a_second_stage_cannot_do_is_told(
    trials: int, confirm: str, claims: str, words: str
) -> None:
    remarks = warnings(experiment(CONFIRM.format(trials=trials, confirm=confirm, claims=claims)))
    assert bool(remarks) == bool(words)
    assert words in "".join(map(str, remarks))


RATE, UNITS = "learning_rate: {float: [1.0e-3, 1.0e-2], log: true}", "units: {int: [16, 64]}"


@pytest.mark.parametrize(
    ("settings", "trials", "space", "words"),
    [
        ("own", 4, RATE, ""),
        ("own", 3, RATE, "3 trials of each variant in a space of 1 hyper-parameter may miss"),
        ("own", 32, f"{RATE}, {UNITS}", "32 trials of each variant in a space of 2 hyper-param"),
        ("common", 4, f"{RATE}, {UNITS}", ""),
    ],
)  # fmt: skip
def test_searches_that_may_miss_a_variants_own_settings_are_told(
    settings: str, trials: int, space: str, words: str
) -> None:
    text = (
        f"search: {{trials: {trials}, space: {{{space}}}}}\n"
        f"confirm: {{settings: {settings}, budget: 300}}\n"
        "claims: [lstm worse than gru]\n"
    )
    remarks = warnings(experiment(text))
    assert bool(remarks) == bool(words)
    assert words in "".join(map(str, remarks))


@pytest.mark.parametrize(
    ("confirm", "words"),
    [
        ("budget: 35", "nothing can be confirmed on a or b with a budget of 35: on each, the"),
        ("budget: 36", "a budget of 36 decides no claim on a or b in four of five"),
    ],
)  # fmt: skip
def test_what_is_so_on_several_tasks_is_said_once(confirm: str, words: str) -> None:
    tasks = TEXT.replace("task: {task}", "tasks: [" + CHORALES + "]")
    more = CONFIRM.format(trials=10, confirm=confirm, claims="[lstm worse than gru]")
    (remark,) = warnings(parse_experiment(tasks + more, "e.yaml", Path()))
    assert remark.problem.startswith(words)


def test_a_grid_that_ends_before_its_trials_is_as_short_as_it_is() -> None:
    text = (
        "search: {sampler: grid, trials: 9, space: {learning_rate: {choice: [0.001, 0.01, 0.1]}}}\n"
        "confirm: {settings: own, budget: 300, region: 34%}\n"
        "claims: [lstm worse than gru]\n"
    )
    remarks = "".join(map(str, warnings(experiment(text))))
    assert "3 trials of each variant in a space of 1 hyper-parameter may miss" in remarks


OWN_SPACE = (
    "experiment: e\ntask: adding\nvariants: [lstm, gru, {{name: own, cell: rnn, space: {own}}}]\n"
    "margin: 0.1\n"
    "search: {{trials: {trials}, sampler: {sampler}, space: {{units: {{int: [16, 17]}}}}}}\n"
    "confirm: {{settings: own}}\n"
    "claims: [own worse than lstm, gru worse than lstm]\n"
)


@pytest.mark.parametrize(
    ("trials", "sampler", "own", "said", "fix"),
    [
        (3, "random", "{units: {int: [2, 9]}}", "where own can do well", "at least 4 trials"),
        (1, "random", "{units: {int: [2, 9]}}", "where lstm, own and gru can", "at least 4 trials"),
        (4, "random", "{units: {int: [2, 9]}}", "", ""),
        (3, "random", "{}", "", ""),  # one space: nine trials of it
        (1, "random", "{}", "where lstm, own and gru can do well", "at least 2 trials"),
        (9, "grid", "{units: {int: [2, 3]}}", "where own can do well", "a grid of more points"),
        (9, "grid", "{units: {int: [2, 9]}}", "", ""),
    ],
)  # fmt: skip
def test_searches_that_cannot_say_where_variants_do_well_are_told(
    trials: int, sampler: str, own: str, said: str, fix: str
) -> None:
    """A surface goes through four trials or more of the variants with one space."""
    text = OWN_SPACE.format(trials=trials, sampler=sampler, own=own)
    short = parse_experiment(text, "e.yaml", Path())
    told = [remark for remark in warnings(short) if "nothing can be confirmed" in remark.problem]
    assert [remark.fix for remark in told] == ([fix] if fix else [])
    assert said in "".join(map(str, told))
    # and the plan promises nothing
    assert (forecast(short, "adding", trials) is None) == bool(fix)
    assert (at_most(short, "adding", trials) == 0) == bool(fix)


def test_what_rounds_decide_has_its_share_of_the_level() -> None:
    text = CONFIRM.format(
        trials=4, confirm="budget: 150", claims="[lstm worse than gru, no variant better than gru]"
    )
    (remark,) = warnings(experiment(text + "select: {keep: 3}\n"))
    assert (
        "no p-value is below 0.029, and 1 claim has 0.025, as those that rounds decide have the"
        " rest of 0.05"
    ) in remark.problem
    assert remark.fix.startswith("at least 5 trials")


def test_families_that_lack_the_same_trials_are_told_together() -> None:
    tasks = TEXT.replace("task: {task}", "tasks: [" + CHORALES + "]")
    more = "family: task\nsearch: {trials: 2}\nclaims: [lstm worse than gru]\n"
    (remark,) = warnings(parse_experiment(tasks + more, "e.yaml", Path()))
    assert remark.problem.startswith("1 of 1 tested claim each on a and on b cannot be")


def test_warnings_are_printed_with_their_fix_beneath(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(TEXT.format(task="adding") + "training: {epochs: 25, patience: 6}\n")
    assert main(["check", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "\n  warning: patience 6 of 25 epochs is short for adding: such tasks" in printed
    assert "counts as one that fails\n    fix: patience: 0, or at least 9\n" in printed
