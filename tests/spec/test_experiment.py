"""Experiment files: what is read, what is filled in, what overrides do, and that the resolved text
reads back alike.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.errors import SpecError, UsageError
from rnnzoo.spec import settings as projects
from rnnzoo.spec.document import parse, plain, yaml_text
from rnnzoo.spec.experiment import OURS, PRUNERS, SAMPLERS, Experiment, Rungs
from rnnzoo.spec.hyperparameters import HYPERPARAMETERS, OPTIMIZERS
from rnnzoo.spec.read_experiment import parse_experiment, read, resolved
from rnnzoo.sweep import open as door
from rnnzoo.sweep.plan import studies
from tests.samples import examples

ROOT = Path(__file__).parent.parent.parent
SMALL = "experiment: e\ntask: adding\nvariants: [lstm, gru]\n"


def parsed(text: str, *sets: str) -> Experiment:
    return parse_experiment(text, "e.yaml", ROOT / "experiments", sets)


def again(experiment: Experiment) -> Experiment:
    return parse_experiment(yaml_text(resolved(experiment)), experiment.file, ROOT / "experiments")


def test_a_short_file_gets_every_default() -> None:
    experiment = parsed(SMALL)
    assert (experiment.baseline, experiment.margin, experiment.claims) == ("lstm", None, ())
    assert (experiment.search.sampler.name, experiment.search.pruner, experiment.search.trials) == (
        "random",
        None,
        10,
    )
    assert (experiment.select.on, experiment.select.keep, experiment.select.report) == (
        "validation",
        3,
        "test",
    )
    assert all(
        variant.space.fixed == {"units": 64, "learning_rate": 1e-3}
        for variant in experiment.variants
    )


@pytest.mark.parametrize("assignment", ["variants.0=gru", "claims.x=1", "tasks.0.length=3"])
def test_a_list_is_overridden_as_a_whole(assignment: str) -> None:
    name = assignment.partition(".")[0]
    with pytest.raises(
        UsageError,
        match=f'`{name}` is a list, which is replaced as a whole\n  fix: overrides=\\["{name}=',
    ):
        parsed(SMALL, assignment)
    assert [variant.label for variant in parsed(SMALL, "variants=[rnn, np]").variants] == [
        "rnn",
        "np",
    ]


def test_the_main_experiment_is_right() -> None:
    experiment = read(ROOT / "experiments" / "gates.yaml")
    assert len(experiment.variants) == 11
    assert {name for claim in experiment.claims for name in (claim.a, claim.b) if name} <= {
        variant.label for variant in experiment.variants
    }
    assert [dimension.name for dimension in experiment.variants[0].space.dimensions] == [
        "learning_rate"
    ]


def test_a_variant_has_a_label_options_a_space_and_initialisers_of_its_own() -> None:
    experiment = parsed(
        "experiment: e\n"
        "task: adding\n"
        "init: {normal: 0.1}\n"
        "variants: [lstm, {name: cw7, cell: clockwork, options: {modules: 7}, init: {b:"
        " modules}, space: {units: 7}}]\n"
    )
    first, clockwork = experiment.variants
    assert (clockwork.label, clockwork.cell.name, clockwork.reference) == (
        "cw7",
        "clockwork",
        "clockwork",
    )
    assert clockwork.cell.options == {"modules": 7, "base": 2}
    assert first.init == {"*": {"normal": 0.1}}
    # the option's value stands for its name
    assert clockwork.init == {"*": {"normal": 0.1}, "b": 7}
    assert (first.space.fixed["units"], clockwork.space.fixed["units"]) == (64, 7)


def test_a_cell_of_ones_own_is_found_beside_the_experiment_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    for place in (tmp_path / "near.yaml", tmp_path / "cells" / "mine.yaml"):
        place.write_text(f"name: {place.stem}\nextends: lstm\n")
    path = tmp_path / "e.yaml"
    path.write_text(
        "experiment: e\ntask: adding\nvariants: [near, mine, {name: path, cell: cells/mine.yaml}]\n"
    )
    assert [variant.cell.name for variant in read(path).variants] == ["near", "mine", "mine"]


def test_tasks_may_come_several_times_under_labels() -> None:
    experiment = parsed(
        "experiment: e\n"
        "tasks: [adding, {name: adding, label: long, length: 400}]\n"
        "variants: [lstm]\n"
    )
    assert [(task.label, task.name, dict(task.options)) for task in experiment.tasks] == [
        ("adding", "adding", {}),
        ("long", "adding", {"length": 400}),
    ]


@pytest.mark.parametrize(
    "claim",
    [
        "lstm worse than gru", "lstm  better  than gru", "lstm same as gru within 0.1",
        "no variant better than lstm by 1e-2", "importance of units above 2/3",
        "importance of units above 66%", "importance of units below 0.01", "interactions below 20%",
        "interactions above 1/20", "weights of gru below 80% of lstm",
        "on adding: lstm worse than gru", "lstm solves adding more often than gru",
    ],
)  # fmt: skip
def test_every_form_of_a_claim_is_understood_quoted_or_not(claim: str) -> None:
    text = SMALL + "search: {space: {units: {int: [8, 16]}}}\n"
    bare, quoted = (
        parsed(f"{text}claims:\n  - {written}\n").claims for written in (claim, f'"{claim}"')
    )
    assert bare == quoted
    assert bare[0].text == " ".join(claim.split())


def test_the_blanks_of_a_claim_are_filled_in() -> None:
    text = SMALL + "margin: 0.1\nsearch: {space: {units: {int: [8, 16]}}}\nclaims:\n"
    lines = (
        "on adding: lstm same as gru",
        "lstm same as gru within 1e-2",
        "{claim: importance of units above 2/3, note: where}",
    )
    on_task, own, share = parsed(text + "".join(f"  - {line}\n" for line in lines)).claims
    assert (on_task.form, on_task.task, on_task.a, on_task.b, on_task.number) == (
        "A same as B",
        "adding",
        "lstm",
        "gru",
        0.1,
    )
    assert (own.form, own.task, own.number) == ("A same as B", "", 0.01)
    assert (share.name, share.number, share.note) == ("units", pytest.approx(2 / 3), "where")


def test_sharing_is_kept_in_what_a_spec_resolves_to_and_changes_no_study() -> None:
    alone, sharing = parsed(SMALL), parsed(SMALL + "share: true\n")
    assert (alone.share, sharing.share) == (False, True)
    assert parsed(yaml_text(resolved(sharing))).share
    assert "share" not in resolved(alone)
    first, second = (
        {study.identity for study in studies(spec, {"adding": "d"}, {"adding": 2})}
        for spec in (alone, sharing)
    )
    assert first == second


def test_a_control_is_the_baseline_once_more_and_claims_can_name_it() -> None:
    experiment = parsed(SMALL + "controls: true\nclaims: [lstm_again worse than lstm]\n")
    assert (experiment.control, experiment.variants[-1].label, experiment.variants[-1].cell) == (
        "lstm_again",
        "lstm_again",
        experiment.variants[0].cell,
    )
    assert (
        parse_experiment(yaml_text(resolved(experiment)), "resolved", Path()).variants
        == experiment.variants
    )


@pytest.mark.parametrize(
    "claim",
    ["lstm worse than", "lstm same as gru within x", "lstm worse than gru or so", "lstm than gru"],
)
def test_a_sentence_of_another_form_is_answered_with_the_forms(claim: str) -> None:
    with pytest.raises(SpecError, match="one of: A worse than B"):
        parsed(f"{SMALL}claims: [{claim}]\n")


@pytest.mark.parametrize(
    "pair",
    [
        ("lstm worse than gru", "lstm same as gru"),
        ("lstm same as gru within 0.1", "lstm same as gru within 0.2"),
        ("lstm worse than gru", "on all tasks: lstm worse than gru"),
        ("on all tasks: lstm worse than gru", "on most tasks: lstm worse than gru"),
        ("on all tasks: lstm worse than gru", "on all tasks: lstm better than gru"),
        ("on a: lstm worse than gru", "on b: lstm worse than gru"),
        ("gru at least 2 times as fast as lstm", "lstm at least 2 times as fast as gru"),
        ("weights of gru below 50% of lstm", "weights of lstm below 50% of gru"),
        ("importance of units above 20%", "importance of units above 30%"),
        ("lstm solves a more often than gru", "lstm diverges more often than gru"),
    ],
)
def test_claims_that_ask_different_questions_stand_beside_each_other(pair: tuple[str, str]) -> None:
    tasks = ", ".join(f"{{name: adding, label: {label}}}" for label in "abc")
    text = SMALL.replace("task: adding", f"tasks: [{tasks}]") + "margin: 0.3\n"
    text += "search: {space: {units: {int: [8, 16]}}}\n"
    experiment = parsed(text + "claims:\n" + "".join(f"  - {claim}\n" for claim in pair))
    assert [claim.text for claim in experiment.claims] == list(pair)


@pytest.mark.parametrize(
    "line",
    [
        "confirm: {hours: -1}", "confirm: {hours: soon}", "confirm: {first: 0}",
        "confirm: {first: 999}", "confirm: {most: 1}", "margin: -1", "margin: wide", "floor: -1",
        "search.trials: 0", "select: {keep: many}", "resources: {minutes: -1}",
    ],
)  # fmt: skip
def test_a_value_that_is_wrong_is_one_mistake_and_no_more(line: str) -> None:
    key, _, value = line.partition(": ")
    text = (
        f"{SMALL}margin: 0.1\nfloor: 0.05\nselect: {{keep: 4}}\n"
        "search: {space: {units: {int: [8, 16]}}}\nconfirm: {}\nclaims: [lstm same as gru]\n"
    )
    with pytest.raises(SpecError) as caught:
        parsed(text, f"{key}={value}")
    assert len(caught.value.mistakes) == 1


# ------------------------------------------------------------------ overrides


@pytest.mark.parametrize("trials", [1, 2, 3, 50])
def test_without_keep_a_tenth_is_kept_but_three_where_there_are_three(trials: int) -> None:
    kept = parsed(f"{SMALL}search: {{trials: {trials}}}\nselect: {{report: validation}}\n").select
    assert (kept.keep, kept.report) == ({1: 1, 2: 2, 3: 3, 50: 5}[trials], "validation")


def test_overrides_reach_every_level() -> None:
    sets = (
        "search.trials=4",
        "training.epochs=2",
        "search.space.units={int: [8, 32], log: true}",
        "task.length=50",
    )
    experiment = parsed(
        SMALL, *sets, "search.sampler=tpe", "search.sampler.multivariate=false", "variants=[rnn]"
    )
    assert (experiment.search.trials, experiment.training.epochs) == (4, 2)
    assert experiment.search.space.dimensions[0].log
    assert (experiment.tasks[0].name, experiment.tasks[0].options) == ("adding", {"length": 50})
    assert (experiment.search.sampler.name, experiment.search.sampler.options) == (
        "tpe",
        {"multivariate": False},
    )
    assert [variant.label for variant in experiment.variants] == ["rnn"]


def test_the_last_of_two_overrides_holds_and_an_empty_one_means_the_default() -> None:
    assert parsed(SMALL, "search.trials=4", "search.trials=5").search.trials == 5
    assert parsed(SMALL + "margin: 0.1\n", "margin=").margin is None


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs=2", "did you mean 'training.epochs'"),
        ("units=8", "did you mean 'search.space.units'"),
        ("search.epochs=2", "did you mean 'training.epochs'"),
        ("search.trial=2", "did you mean 'search.trials'"),
        ("trials", 'write overrides=["key=value"]'), ("=2", 'write overrides=["key=value"]'),
        ("search..trials=2", 'write overrides=["key=value"]'), ("about=[1", 'overrides=["about='),
    ],
)  # fmt: skip
def test_an_override_that_fits_nothing_is_answered_with_the_nearest_key(
    assignment: str, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parsed(SMALL, assignment)


@pytest.mark.parametrize(
    ("override", "problem", "fix"),
    [
        (
            "search.trials=3",
            "with this, keep 4 is more than the 3 trials (spec.yaml:",
            "keep fewer, or run more",
        ),
        (
            "variants=[lstm, rnn]",
            "with this, the claim is about the variant 'gru', which is not here",
            "one of: lstm",
        ),
        (
            "search.sampler=grid",
            "with this, a grid needs steps, and 'learning_rate' has none",
            "give it a `step:`",
        ),
    ],
)
def test_what_an_override_makes_wrong_in_a_file_that_is_right_is_blamed_on_it(
    override: str, problem: str, fix: str
) -> None:
    right = """\
experiment: right
task: adding
baseline: rnn
variants: [gru, rnn]
search: {trials: 6, space: {units: 4, learning_rate: {float: [1e-3, 1e-2]}}}
select: {keep: 4}
claims: [gru worse than rnn]
"""
    parse_experiment(right, "spec.yaml", Path(), ["training.epochs=2"])
    with pytest.raises(SpecError) as caught:
        parse_experiment(right, "spec.yaml", Path(), ["training.epochs=2", override])
    (mistake,) = caught.value.mistakes
    assert (mistake.span.file, mistake.span.text) == ("overrides", override)
    assert mistake.problem.startswith(problem)
    assert mistake.fix.startswith(fix)
    with pytest.raises(SpecError) as caught:  # wrong in the file itself
        parse_experiment(
            right.replace("keep: 4", "keep: 9"), "spec.yaml", Path(), ["training.epochs=2"]
        )
    assert caught.value.mistakes[0].span.file == "spec.yaml"


FULL = """\
experiment: right
task: {name: adding, label: a, length: 30}
baseline: rnn
variants: [gru, {name: mine, cell: lstm, init: {b_f: 1}}, rnn]
search: {trials: 6, sampler: random, space: {units: {int: [4, 8]}, learning_rate: {float: [1e-3, 1e-2]}}}
training: {optimizer: adam, epochs: 3}
select: {on: validation, keep: 4}
margin: 0.1
confirm: {budget: 80}
claims: [gru worse than rnn, mine same as rnn, mine solves a more often than rnn,
  importance of learning_rate above 20%]
"""  # noqa: E501


@pytest.mark.parametrize("written", sorted({*re.findall(r"\w+(?=:)", FULL)} - {"label"}))
def test_a_misspelt_key_is_one_message(written: str) -> None:
    parse_experiment(FULL, "e.yaml", Path())
    misspelt = re.sub(rf"\b{written}:", f"{written}x:", FULL, count=1)
    with pytest.raises(SpecError) as caught:
        door.checked(parse_experiment(misspelt, "e.yaml", Path()))
    (mistake,) = caught.value.mistakes
    assert f"{written}x" in mistake.span.text


@pytest.mark.parametrize("wrong", ["foo", "7", "[1]", "{a: 1}"])
@pytest.mark.parametrize("key", ["task", "variants", "search", "margin"])
def test_a_wrong_value_is_reported_and_not_what_follows_from_it(key: str, wrong: str) -> None:
    misspelt = re.sub(rf"^{key}: .*$", f"{key}: {wrong}", FULL, flags=re.MULTILINE)
    if (key, wrong) == ("margin", "7"):
        parse_experiment(misspelt, "e.yaml", Path())
        return
    with pytest.raises(SpecError) as caught:
        parse_experiment(misspelt, "e.yaml", Path())
    where = next(
        number
        for number, line in enumerate(FULL.split("\n"), start=1)
        if line.startswith(f"{key}:")
    )
    assert {mistake.span.line for mistake in caught.value.mistakes} == {where}


def test_a_wrong_value_of_an_override_is_shown_where_it_was_written() -> None:
    with pytest.raises(SpecError) as caught:
        parsed(SMALL, "search.space.units={int: [64, 8]}")
    assert str(caught.value) == (
        "overrides:1:26: low 64 is above high 8\n"
        "    search.space.units={int: [64, 8]}\n"
        "                             ^\n"
        "  fix: write int: [8, 64]"
    )


# ------------------------------------------------------------------ there and back


def names(alphabet: str = "abz019_-.+") -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=6).filter(lambda name: name[0].isalnum())


@st.composite
def ranges(draw: st.DrawFn, whole: bool, top: float) -> dict[str, Any]:
    numbers = st.integers(1, int(top)) if whole else st.floats(1e-6, top, exclude_max=True)
    low, high = sorted((draw(numbers), draw(numbers)))
    dimension: dict[str, Any] = {"int" if whole else "float": [low, high]}
    how = draw(st.sampled_from(["", "log", "step"]))
    if how == "log":
        dimension["log"] = True
    if how == "step" and high > low:
        dimension["step"] = draw(
            st.integers(1, int(high - low)) if whole else st.just((high - low) / 3)
        )
    return dimension


@st.composite
def spaces(draw: st.DrawFn, common: bool = True) -> dict[str, Any]:
    """A space in any order, with chains of `when`."""
    space: dict[str, Any] = {}
    for name, whole, top in (
        ("units", True, 99),
        ("learning_rate", False, 1),
        ("dropout", False, 1),
        ("batch", True, 64),
    ):
        if draw(st.booleans()):
            value = st.integers(1, int(top)) if whole else st.floats(1e-6, top, exclude_max=True)
            choice = st.lists(value, min_size=1, max_size=3, unique=True).map(
                lambda values: {"choice": values}
            )
            space[name] = draw(st.one_of(value, choice, ranges(whole, top)))
    if draw(st.booleans()):
        space["optimizer"] = {
            "choice": draw(st.lists(st.sampled_from(OPTIMIZERS), min_size=1, unique=True))
        }
        space["layers"] = {"int": [1, 4], "when": {"optimizer": space["optimizer"]["choice"][0]}}
        space["clip"] = {
            "float": [0.5, 2],
            "when": {"layers": [2, 3], "optimizer": space["optimizer"]["choice"][:2]},
        }
    elif not common and draw(st.booleans()):
        # what waits for another one drops from the common space
        space["optimizer"] = draw(st.sampled_from(OPTIMIZERS))
    if common and not space:
        space["units"] = 8
    return dict(draw(st.permutations(list(space.items()))))


@st.composite
def experiments(draw: st.DrawFn) -> dict[str, Any]:
    labels = draw(st.lists(names(), min_size=1, max_size=3, unique=True))
    variants: list[Any] = ["lstm"] if "lstm" not in labels else []
    for label in labels:
        variant: dict[str, Any] = {
            "name": label,
            "cell": draw(st.sampled_from(["gru", "clockwork", "peephole"])),
        }
        if draw(st.booleans()) and (space := draw(spaces(common=False))):
            variant["space"] = space
        if variant["cell"] == "clockwork" and draw(st.booleans()):
            variant["options"] = {"modules": draw(st.integers(1, 9))}
        if draw(st.booleans()):
            variant["init"] = draw(
                st.sampled_from([{"b": 1}, {"R": {"uniform": [-0.1, 0.1]}, "*": "orthogonal"}])
            )
        variants.append(variant)
    trials = draw(st.integers(1, 40))
    content = {
        "experiment": draw(names()),
        "about": draw(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
        ),
        "tasks": draw(
            st.sampled_from(
                [["adding"], ["adding", {"name": "adding", "label": "1e3", "length": 1e-5}]]
            )
        ),
        "variants": variants,
        "baseline": draw(st.sampled_from(labels)),
        "search": {
            "sampler": draw(
                st.sampled_from(["random", "qmc", {"name": "tpe", "n_startup_trials": 3}])
            ),
            "trials": trials,
            "seed": draw(st.integers(0, 99)),
            "draws": draw(st.sampled_from(["own", "common"])),
            "space": draw(spaces()),
        },
        "training": {"epochs": draw(st.integers(1, 9)), "clip": draw(st.floats(0, 10))},
        "claims": [f"on adding: {labels[0]} same as lstm within 1e-2"]
        if "lstm" not in labels
        else [],
    }
    if draw(st.booleans()):
        content["search"]["pruner"] = "median"
        content["margin"] = draw(st.floats(0, 5))
    # what does not wait for another one is searched of every variant
    searched = [
        value
        for value in content["search"]["space"].values()
        if isinstance(value, dict) and "when" not in value
    ]
    own = [variant.get("space", {}) for variant in variants if isinstance(variant, dict)]
    narrowed = any("optimizer" in space for space in own) and len(searched) == 1
    if content.get("margin", 0.0) > 1e-3 and searched and not narrowed and draw(st.booleans()):
        until = draw(st.sampled_from(["decided", "stopped"]))
        region = draw(st.sampled_from(["1%", 0.02, ".5 %"]))
        content["confirm"] = {
            "until": until,
            "settings": "own",
            "region": region,
            "pilot": draw(st.integers(0, 3)),
        }
        content["floor"] = draw(st.sampled_from([0.25, 0.5, 1.0])) * content["margin"]
    if trials >= 12:
        content["select"] = {
            "keep": draw(st.sampled_from([3, trials, 0.5, 0.25])),
            "on": "validation",
        }
    return content


@given(experiments())
@settings(max_examples=examples(60))
def test_the_resolved_text_reads_back_as_the_same_experiment(content: dict[str, Any]) -> None:
    first = parsed(yaml_text(content))
    second = again(first)
    assert second == first
    assert resolved(second) == resolved(first)


@given(spaces(), spaces(common=False))
@settings(max_examples=examples(60))
def test_conditions_only_look_back_in_every_variant(
    common: dict[str, Any], own: dict[str, Any]
) -> None:
    variants = [{"name": "a", "cell": "lstm", **({"space": own} if own else {})}]
    content = {
        "experiment": "e",
        "task": "adding",
        "variants": variants,
        "search": {"space": common},
    }
    space = parsed(yaml_text(content)).variants[0].space
    known = set(space.fixed)
    for dimension in space.dimensions:
        assert set(dimension.when) <= known
        known.add(dimension.name)
    assert {"units", "learning_rate"} <= known
    assert set(own) <= known


def test_what_a_variant_can_no_longer_reach_drops_out_of_its_space() -> None:
    text = SMALL.replace("gru", "{name: plain, cell: gru, space: {optimizer: adam}}")
    momentum = "{choice: [0.5, 0.9], when: {optimizer: sgd}}"
    text += f"search: {{space: {{momentum: {momentum}, optimizer: {{choice: [adam, sgd]}}}}}}\n"
    first, other = parsed(text).variants
    assert [dimension.name for dimension in first.space.dimensions] == ["optimizer", "momentum"]
    assert other.space.dimensions == ()


def test_a_replaced_dimension_may_wait_for_one_further_down() -> None:
    own = "{layers: {int: [1, 3], when: {batch: 8}}, batch: {choice: [8, 16]}}"
    text = SMALL.replace("gru", f"{{name: other, cell: gru, space: {own}}}")
    text += "search: {space: {layers: {int: [1, 2]}, batch: {choice: [4, 8]}}}\n"
    assert [dimension.name for dimension in parsed(text).variants[1].space.dimensions] == [
        "batch",
        "layers",
    ]


# ------------------------------------------------------------------ the manual

PAGE = (ROOT / "docs" / "experiments.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda text: text.split("\n")[0][:20])
def test_every_example_of_the_manual_is_right(block: str, tmp_path: Path) -> None:
    """A block that is no whole experiment is put into one, at the place where its first key
    belongs; or it is an mlflow.yml.
    """
    table = plain(parse(block, "docs/experiments.md"))
    if "launcher" in table:
        (tmp_path / "mlflow.yml").write_text(block)
        assert projects.read(tmp_path / "mlflow.yml").launcher.name == table["launcher"]["name"]
        return
    content: dict[str, Any] = {"experiment": "e", "task": "adding", "variants": ["lstm"]}
    if "tasks" in table:
        del content["task"]
    if "extends" in table:
        content = {}
    content.update({"search": table} if "space" in table else table)
    assert parsed(yaml_text(content)).variants


def test_an_earlier_space_is_what_it_says_over_the_present_one_of_each_variant() -> None:
    text = (
        "experiment: e\ntask: adding\n"
        "variants: [lstm, {name: own, cell: lstm, space: {units: {int: [8, 16]}}}]\n"
        "search:\n  space: {units: {int: [4, 64]}, learning_rate: {float: [0.001, 0.1]}}\n"
        "  earlier: {trials: 3, space: {units: {int: [4, 32]}}}\n"
    )
    lstm, own = parsed(text).variants
    (before,) = lstm.earlier
    units, rate = before.space.dimensions
    assert (before.trials, units.high, rate) == (3, 32, lstm.space.dimensions[1])
    assert own.earlier == ()  # its units are its own, and as they were
    assert parsed(yaml_text(resolved(parsed(text)))) == parsed(text)


@pytest.mark.parametrize(
    ("now", "before", "inside"),
    [(0.1, 0.3, True), (0.2, 0.6, True), (0.1, 0.1, True), (0.1, 0.25, False), (0.2, 0.1, False)],
)
def test_an_earlier_step_is_a_multiple_of_the_present_one(
    now: float, before: float, inside: bool
) -> None:
    range_of = "{{dropout: {{float: [0, 0.6], step: {}}}, units: {{int: [1, {}]}}}}".format
    text = (
        "experiment: e\ntask: adding\nvariants: [lstm]\n"
        f"search:\n  space: {range_of(now, 9)}\n"
        f"  earlier: {{trials: 3, space: {range_of(before, 8)}}}\n"
    )
    if inside:
        assert parsed(text).search.earlier
    else:
        with pytest.raises(SpecError, match="the earlier space has more of 'dropout'"):
            parsed(text)


@pytest.mark.parametrize(
    "word", [*HYPERPARAMETERS, *OPTIMIZERS, *SAMPLERS, *PRUNERS, *OURS, "margin", "draws"]
)
def test_the_manual_names_every_word_that_a_file_may_use(word: str) -> None:
    assert word == "none" or f"`{word}" in PAGE or f"{word}:" in PAGE


@pytest.mark.parametrize(
    ("written", "rungs"),
    [
        ("[2, 4]", Rungs((2, 4), 1 / 3)),
        ("{epochs: [3], keep: 50%}", Rungs((3,), 0.5)),
        ("{epochs: [1, 2], keep: 0.6}", Rungs((1, 2), 0.6)),
    ],
)
def test_rungs_are_a_list_or_a_table_and_read_back_the_same(written: str, rungs: Rungs) -> None:
    text = (
        "experiment: rungs\ntask: adding\nvariants: [lstm, gru]\n"
        f"search: {{trials: 27, rungs: {written}}}\ntraining: {{epochs: 8}}\n"
    )
    experiment = parse_experiment(text, "rungs.yaml", Path())
    assert experiment.search.rungs == rungs
    assert again(experiment).search == experiment.search


def titles(variants: str) -> list[str]:
    text = f"""\
experiment: bias
task: adding
variants: {variants}
init: {{normal: 0.1}}
search: {{trials: 3, space: {{units: 4}}}}
"""
    experiment = parse_experiment(text, "bias.yaml", Path())
    return [experiment.title(variant.label) for variant in experiment.variants]


def test_variants_of_one_cell_have_titles_that_say_how_their_weights_begin() -> None:
    assert titles("[lstm, {name: b0, cell: lstm, init: {b_f: 0, R_f: {normal: 0.1}}}]") == [
        "Long short-term memory",
        "Long short-term memory, init {b_f: 0, R_f: {normal: 0.1}}",
    ]


def test_beginnings_are_left_out_of_titles_where_no_variant_has_the_same_cell() -> None:
    assert titles("[gru, {name: b0, cell: lstm, init: {b_f: 0}}]") == [
        "Gated recurrent unit, reset before the product",
        "Long short-term memory",
    ]
