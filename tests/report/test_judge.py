"""The judge: first on tables that papers print, then on searches whose truth is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from rnnzoo.api.beforehand import out_of_reach
from rnnzoo.errors import Mistakes, Span, StatsError
from rnnzoo.report.answers import answers
from rnnzoo.report.judge import Diverging, Printed, Searches, judge
from rnnzoo.report.learnt import Nothing
from rnnzoo.report.verdict import Verdict, Word, percent
from rnnzoo.spec import claims
from rnnzoo.spec.experiment import Claim
from rnnzoo.stats.compare import Trials
from rnnzoo.stats.importance import Share

# Jozefowicz, Zaremba and Sutskever 2015, tables 1 to 3: accuracies (1 - accuracy here: lower is
# better) of arithmetic, XML and PTB; negative log-likelihoods of Nottingham without and with
# dropout and of Piano-midi; PTB with 5M weights (test), and with dropout 10M (validation) and 20M
# (validation, test).
COLUMNS = ("arithmetic", "xml", "ptb", "n", "n_drop", "p", "ptb5", "ptb10", "ptb20", "ptb20_test")
ROWS = {
    "tanh": (0.29493, 0.32050, 0.08782, 3.612, 3.267, 6.809, 4.811, 4.729, 4.635, 4.582),
    "lstm": (0.89228, 0.42470, 0.08912, 3.492, 3.403, 6.866, 4.699, 4.511, 4.437, 4.399),
    "lstm_f": (0.29292, 0.23356, 0.08808, 3.732, 3.420, 6.813, 4.785, 4.752, 4.658, 4.606),
    "lstm_i": (0.75109, 0.41371, 0.08662, 3.426, 3.252, 6.856, 4.755, 4.558, 4.480, 4.444),
    "lstm_o": (0.86747, 0.42117, 0.08933, 3.406, 3.253, 6.870, 4.708, 4.496, 4.447, 4.411),
    "lstm_b": (0.90163, 0.44434, 0.08952, 3.419, 3.345, 6.820, 4.698, 4.437, 4.423, 4.380),
    "gru": (0.89565, 0.45963, 0.09069, 3.410, 3.427, 6.876, 4.684, 4.554, 4.559, 4.519),
    "mut1": (0.92135, 0.47483, 0.08968, 3.254, 3.376, 6.792, 4.699, 4.605, 4.594, 4.550),
    "mut2": (0.89735, 0.47324, 0.09036, 3.372, 3.429, 6.852, 4.707, 4.539, 4.538, 4.503),
    "mut3": (0.90728, 0.46478, 0.09161, 3.337, 3.505, 6.840, 4.692, 4.523, 4.530, 4.494),
}
ACCURACIES = COLUMNS[:3]
PRINTED = Printed({
    column: {
        name: 1 - row[number] if column in ACCURACIES else row[number]
        for name, row in ROWS.items()
    }
    for number, column in enumerate(COLUMNS)
})  # fmt: skip


def claim(
    text: str, variants: tuple[str, ...] = tuple(ROWS), tasks: tuple[str, ...] = COLUMNS
) -> Claim:
    mistakes = Mistakes()
    known = claims.Known(variants, tasks, ("rate",), 0.1, lambda task: True)
    parsed = claims.parse(text, Span("", 1, 1, text), known, mistakes)
    assert parsed is not None, mistakes.collected
    return parsed


def words(text: str, tasks: tuple[str, ...]) -> dict[str, str]:
    return {judged.task: judged.word for judged in judge([claim(text)], tasks, PRINTED)}


# ------------------------------------------------------------------ Jozefowicz et al. 2015


def test_their_claim_that_the_gru_beats_the_lstm_but_in_language_fails_on_two_tasks_of_music() -> (
    None
):
    """J4, section 4."""
    judged = words("gru better than lstm", COLUMNS)
    assert {task for task, word in judged.items() if word == "refuted"} == {
        "n_drop",
        "p",
        "ptb10",
        "ptb20",
        "ptb20_test",
    }
    # "but in language modelling": there it is ahead without dropout
    assert judged["ptb"] == judged["ptb5"] == "supported"


def test_their_claim_that_mut1_beats_the_gru_outside_language_holds_on_every_task() -> None:
    """J5, section 4."""
    judged = words("mut1 better than gru", COLUMNS)
    assert all(judged[task] == "supported" for task in ("arithmetic", "xml", "n", "n_drop", "p"))
    assert all(
        judged[task] == "refuted" for task in ("ptb", "ptb5", "ptb10", "ptb20", "ptb20_test")
    )


def test_their_claim_that_a_forget_bias_beats_both_fails_against_the_gru_on_four_tasks() -> None:
    """J7, section 5."""
    assert set(words("lstm_b better than lstm", COLUMNS).values()) == {"supported"}
    judged = words("lstm_b better than gru", COLUMNS)
    assert {task for task, word in judged.items() if word == "refuted"} == {
        "xml",
        "ptb",
        "n",
        "ptb5",
    }


@pytest.mark.parametrize(
    "text",
    [
        "on n: no variant better than mut1 by 0", "on p: no variant better than mut1 by 0",
        "on n_drop: no variant better than lstm_i by 0",
        *(f"on n_drop: lstm_o better than {name}" for name in ROWS if name not in ("lstm_i",
            "lstm_o")),
    ],
)  # fmt: skip
def test_their_claims_about_what_is_best_on_music_hold(text: str) -> None:
    """J8, section 4."""
    (verdict,) = judge([claim(text)], COLUMNS, PRINTED)
    assert verdict.word == "supported"
    assert verdict.p is None
    assert verdict.test.startswith("the numbers as printed")


def test_a_printed_table_says_nothing_about_weights_or_importance() -> None:
    for text in ("on n: weights of gru below 80% of lstm", "on n: interactions below 20%"):
        (verdict,) = judge([claim(text)], COLUMNS, PRINTED)
        assert verdict.word == "undecided"


# ------------------------------------------------------------------ searches


def evidence(
    worse_by: Mapping[str, float], trials: int = 60, seed: int = 0, **more: object
) -> Searches:
    rng = np.random.default_rng(seed)
    searched = {}
    for name, by in worse_by.items():
        quality = 8.5 + rng.gamma(1.5, 0.5, trials) + by
        searched["task", name] = Trials.of(
            quality + rng.normal(0, 0.03, trials), quality + rng.normal(0, 0.03, trials)
        )
    complete = dict.fromkeys(searched, (trials, trials))
    shares = {"rate": Share(0.7, 0.68, 0.8), "": Share(0.15, 0.05, 0.25)}
    return Searches(
        searched,
        complete,
        {"task": max(3, trials // 10)},
        lambda task: shares,
        lambda task, a, b: (0.74, 0.76),
        **{"draws": 1999, **more},
    )  # type: ignore[arg-type]


def verdict(text: str, searched: Searches) -> Verdict:
    (verdict,) = judge(
        [claim(text, tuple(name for _, name in searched.trials), ("task",))], ("task",), searched
    )
    return verdict


@pytest.mark.parametrize(
    ("text", "by", "trials", "word"),
    [
        ("a worse than b", 0.6, 60, "supported"), ("a worse than b", -0.6, 60, "refuted"),
        ("a worse than b", 0.0, 30, "undecided"), ("a better than b", -0.6, 60, "supported"),
        ("a better than b", 0.6, 60, "refuted"), ("a same as b within 0.3", 0.0, 200, "supported"),
        ("a same as b within 0.3", 1.0, 60, "refuted"),
        ("a same as b within 0.3", -1.0, 60, "refuted"),
        ("a same as b within 0.01", 0.0, 60, "undecided"),
        ("a same as b within 0.3", 0.3, 60, "undecided"),
        ("no variant better than b", 0.5, 60, "supported"),
        ("no variant better than b", -0.8, 60, "refuted"),
        ("no variant better than b", -0.1, 60, "undecided"),
    ],
)  # fmt: skip
def test_verdicts_follow_the_truth_of_a_simulation(
    text: str, by: float, trials: int, word: str
) -> None:
    judged = verdict(text, evidence({"b": 0.0, "a": by}, trials))
    assert judged.word == word, judged
    assert judged.p is not None
    assert (judged.p <= 0.05) == (word != "undecided")
    assert bool(judged.settle) == (word == "undecided")
    assert {"difference", "low", "high", "welch", "welch_false_alarms", "kept", "trials_a"} <= set(
        judged.numbers
    )


@pytest.mark.parametrize("claims_", [1, 19])
@pytest.mark.parametrize("by", [-0.5, -0.25, 0.0, 0.2, 0.3])
def test_the_interval_has_the_level_of_the_word_and_agrees_with_it(by: float, claims_: int) -> None:
    searched = evidence({"b": 0.0, "a": by, "c": 0.05}, 60)
    texts = ["a worse than b", *["c worse than b"] * (claims_ - 1)]
    judged = judge(
        [claim(text, ("a", "b", "c"), ("task",)) for text in texts], ("task",), searched
    )[0]
    assert judged.level == pytest.approx(1 - 0.05 / claims_)
    assert (judged.word == "undecided") == (judged.numbers["low"] <= 0.0 <= judged.numbers["high"])
    assert percent(judged.level) in judged.detail


@pytest.mark.parametrize(
    ("level", "text"),
    [
        (0.95, "95 %"),
        (0.99, "99 %"),
        (1 - 0.05 / 19, "99.74 %"),
        (1 - 0.05 / 5, "99 %"),
        (0.9, "90 %"),
    ],
)
def test_a_level_is_written_to_two_figures_of_what_it_leaves(level: float, text: str) -> None:
    assert percent(level) == text


def test_a_word_for_or_against_costs_what_two_directions_cost() -> None:
    searched = evidence({"b": 0.0, "a": 0.13}, 60, seed=3)
    judged = verdict("a worse than b", searched)
    assert judged.p == pytest.approx(2 * judged.numbers["worse"])


# ------------------------------------------------------------------ what would settle it


def test_advice_is_for_stated_differences_and_not_for_the_one_that_was_found() -> None:
    """Studies of one truth give alike advice: the spread of a search is known far better than a
    difference.
    """
    advice = []
    for seed in range(12):
        settle = verdict(
            "a worse than b", evidence({"b": 0.0, "a": 0.02}, 60, seed=seed, margin=0.025, draws=29)
        ).settle
        parts = re.fullmatch(
            r"a difference of 0.05: about ([\d,]+) .*; a difference of 0.025: about ([\d,]+) .*",
            settle,
        )
        assert parts, settle
        advice.append([int(number.replace(",", "")) for number in parts.groups()])
    large, small = np.array(advice).T
    assert (small > 3 * large).all()
    assert large.max() < 6 * large.min()


def test_more_claims_take_more_trials_to_settle() -> None:
    searched = evidence({"b": 0.0, "a": 0.0}, 60, margin=0.05, draws=199)
    asked = claim("a worse than b", ("a", "b"), ("task",))
    alone = judge([asked], ("task",), searched)[0]
    among = judge([asked] * 20, ("task",), searched)[0]
    first, second = (
        int(re.findall(r"about ([\d,]+)", text.settle)[0].replace(",", ""))
        for text in (alone, among)
    )
    assert second > 1.5 * first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a same as b within 0.1", "if the two are equal: about"),
        ("a same as b within 0.1", "if they differ by 0.2:"),
        ("no variant better than b by 0.1", "if the two are equal: about"),
        ("a worse than b", "a difference of"),
    ],
)  # fmt: skip
def test_advice_says_what_it_is_for(text: str, words: str) -> None:
    assert words in verdict(text, evidence({"b": 0.0, "a": 0.0}, 30, draws=199)).settle


def test_what_so_many_trials_would_have_shown_is_said() -> None:
    judged = verdict("a worse than b", evidence({"b": 0.0, "a": 0.0}, 60, margin=2.0))
    assert judged.settle.startswith("a difference of 4: 80 % of such studies would have shown it")


def idle(*names: str, **more: object) -> Searches:
    searched = evidence({"b": 0.0, "a": 0.0}, 30, **more)
    nothing = {"task": Nothing("always 1", 8.0)}
    return replace(searched, nothing=nothing, idle={("task", name) for name in names})


def test_who_has_learnt_nothing_is_said_in_a_verdict_and_no_more_trials_are_asked_for() -> None:
    of_a, both = (verdict("a worse than b", idle(*names)) for names in (("a",), ("a", "b")))
    assert of_a.detail.endswith("a is not clearly better than 'always 1', which learns nothing")
    assert both.detail.endswith(
        "a and b are not clearly better than 'always 1', which learns nothing"
    )
    assert of_a.settle == both.settle == ""


def test_more_trials_are_asked_for_where_only_the_interval_reaches_what_learns_nothing() -> None:
    searched = replace(idle("a"), nothing={"task": Nothing("always 1", 12.0)})
    judged = verdict("a worse than b", searched)
    assert judged.detail.endswith("a is not clearly better than 'always 1', which learns nothing")
    assert judged.settle.startswith("a difference of ")


@pytest.mark.parametrize(("exhausted", "harder"), [(12.0, True), (8.0, False)])
def test_a_task_that_both_solve_is_to_be_made_harder(exhausted: float, harder: bool) -> None:
    searched = evidence({"b": 0.0, "a": 0.0}, 30, exhausted={"task": exhausted})
    judged = verdict("a worse than b", searched)
    assert judged.word == "undecided"
    told = "a harder task: both variants solve this one, which no longer separates them"
    assert (judged.settle == told) is harder


def test_perfect_scores_ask_for_a_harder_task() -> None:
    searched = evidence({"b": 0.0, "a": 0.0}, exhausted={"task": 0.0})
    searched.trials["task", "a"] = searched.trials["task", "b"] = Trials.of([0.0] * 60, [0.0] * 60)  # type: ignore[index]
    assert verdict("a worse than b", searched).settle.startswith("a harder task")


def test_scores_that_are_all_equal_are_said_to_be() -> None:
    searched = evidence({"b": 0.0, "a": 0.0})
    searched.trials["task", "a"] = searched.trials["task", "b"] = Trials.of([0.5] * 60, [0.5] * 60)  # type: ignore[index]
    judged = verdict("a worse than b", searched)
    assert (judged.word, judged.settle, judged.p) == ("undecided", "", 1.0)
    assert "no difference" in judged.detail
    assert judged.detail.endswith("all scores are equal")


# ------------------------------------------------------------------ what cannot be decided


def claims_about(count: int, text: str = "a worse than b") -> list[Claim]:
    return [claim(text, ("a", "b"), ("task",))] * count


@pytest.mark.parametrize(
    ("count", "trials", "paired", "reached"),
    [
        (24, 4, False, False), (1, 4, False, True), (2, 4, False, False), (24, 8, False, True),
        (24, 6, False, False), (1, 5, True, False), (1, 6, True, True), (24, 9, True, False),
        (24, 10, True, True),
    ],
)  # fmt: skip
def test_claims_that_no_scores_can_decide_are_known_beforehand(
    count: int, trials: int, paired: bool, reached: bool
) -> None:
    beyond = out_of_reach(claims_about(count), ("task",), trials, paired)
    assert (beyond is None) == reached
    if beyond is not None:
        assert (beyond.claims, beyond.tested) == (count, count)
        assert out_of_reach(claims_about(count), ("task",), beyond.trials, paired) is None
        assert out_of_reach(claims_about(count), ("task",), beyond.trials - 1, paired) is not None


def test_a_claim_that_can_be_decided_may_bring_the_others_into_reach() -> None:
    solve = claims_about(1, "a solves task more often than b")
    assert out_of_reach([*solve, *claims_about(1)], ("task",), 4, False) is None
    assert out_of_reach(claims_about(2), ("task",), 4, False) is not None
    assert out_of_reach(claims_about(3, "weights of a below 80% of b"), ("task",), 3, False) is None


def test_the_most_different_scores_that_there_are_decide_what_is_in_reach_and_no_more() -> None:
    score = np.arange(4.0)
    searched = evidence({"b": 0.0, "a": 0.0})
    searched = replace(searched, keep={"task": 3}, draws=20_000)
    searched.trials["task", "b"], searched.trials["task", "a"] = (
        Trials.of(score, score),
        Trials.of(score + 9, score + 9),
    )  # type: ignore[index]
    words = {
        count: {judged.word for judged in judge(claims_about(count), ("task",), searched)}
        for count in (1, 2)
    }
    assert words == {1: {"supported"}, 2: {"undecided"}}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("importance of rate above 2/3", "supported"), ("importance of rate below 2/3", "refuted"),
        ("importance of rate above 0.7", "undecided"), ("interactions below 20%", "undecided"),
        ("interactions below 30%", "supported"), ("interactions above 30%", "refuted"),
        ("weights of a below 80% of b", "supported"), ("weights of a below 74% of b", "refuted"),
        ("weights of a below 75% of b", "undecided"),
    ],
)  # fmt: skip
def test_shares_are_judged_by_their_interval_and_weights_by_counting(text: str, word: str) -> None:
    judged = verdict(text, evidence({"b": 0.0, "a": 0.0}))
    assert (judged.word, judged.p) == (word, None)


def solving(*counts: tuple[int, int]) -> Searches:
    searched = evidence({"b": 0.0, "a": 0.0})
    return replace(
        searched, solving={("task", name): count for name, count in zip(("a", "b"), counts)}
    )


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        ((12, 12), (0, 12), "supported"), ((0, 12), (12, 12), "refuted"),
        ((7, 12), (5, 12), "undecided"), ((0, 12), (0, 12), "undecided"),
        ((12, 12), (12, 12), "undecided"), ((4, 4), (1, 4), "undecided"),
        ((12, 12), (0, 3), "supported"),
    ],
)  # fmt: skip
def test_who_solves_a_task_more_often_is_judged_by_the_shares_of_all_trials(
    a, b, word: str
) -> None:  # type: ignore[no-untyped-def]
    judged = verdict("a solves task more often than b", solving(a, b))
    assert judged.word == word
    assert f"a solves it in {a[0]} of {a[1]}" in judged.detail
    assert judged.numbers["difference"] == pytest.approx(a[0] / a[1] - b[0] / b[1])
    assert ("as often" in judged.detail) == (judged.numbers["difference"] == 0.0)


def test_what_is_not_known_to_be_solved_is_undecided_and_says_why() -> None:
    judged = verdict("a solves task more often than b", evidence({"b": 0.0, "a": 0.0}))
    assert (judged.word, judged.settle) == ("undecided", "")
    assert (
        judged.detail
        == "no trial of a has ended, or these do not say from which score on task is solved"
    )


DIVERGING = "a diverges more often than b"


def diverging(a: Diverging, b: Diverging) -> Searches:
    return replace(evidence({"b": 0.0, "a": 0.0}), diverging={("task", "a"): a, ("task", "b"): b})


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        ((9, 12), (1, 12), "supported"),
        ((0, 12), (8, 12), "refuted"),
        ((3, 12), (2, 12), "undecided"),
    ],
)
def test_who_diverges_more_often_is_judged_by_an_exact_test_of_shares(a, b, word: str) -> None:  # type: ignore[no-untyped-def]
    judged = verdict(DIVERGING, diverging(Diverging(*a), Diverging(*b)))
    exact = min(
        float(
            stats.boschloo_exact(
                [[a[0], b[0]], [a[1] - a[0], b[1] - b[0]]], alternative=side
            ).pvalue
        )
        for side in ("greater", "less")
    )
    assert (judged.word, judged.scale) == (word, "share")
    assert judged.p == pytest.approx(min(1.0, 2 * exact))


def test_what_ended_otherwise_and_the_rounds_are_told_and_not_counted() -> None:
    judged = verdict(
        DIVERGING,
        diverging(Diverging(4, 6, {"out of memory": 2}, (1, 14)), Diverging(0, 8, {}, (0, 14))),
    )
    assert judged.detail.startswith(
        "a diverged in 4 of 6 (22 % to 96 %), b diverged in 0 of 8 (0 % to 37 %): 67 percentage"
        " points more"
    )
    assert (
        "not counted of a: 2 out of memory; in the rounds, which are not tested: a in 1 of"
        " 14, b in 0 of 14"
    ) in judged.detail
    alone = verdict(DIVERGING, diverging(Diverging(4, 6), Diverging(0, 8)))
    assert alone.p == judged.p


def test_a_variant_of_which_no_training_came_to_an_end_is_undecided_and_says_why() -> None:
    judged = verdict(DIVERGING, diverging(Diverging(0, 0, {"failed": 6}), Diverging(0, 6)))
    assert (judged.word, judged.p, judged.detail) == (
        "undecided",
        None,
        "no trial of a has completed or diverged",
    )


def test_claims_about_diverging_share_the_error_rate() -> None:
    both = diverging(Diverging(9, 12), Diverging(1, 12))
    (alone,) = judge([claim(DIVERGING, ("a", "b"), ("task",))], ("task",), both)
    pair = [
        claim(text, ("a", "b"), ("task",)) for text in (DIVERGING, "b diverges more often than a")
    ]
    assert alone.p is not None
    assert [judged.p for judged in judge(pair, ("task",), both)] == [pytest.approx(2 * alone.p)] * 2


def test_a_verdict_on_shares_names_the_variants_that_it_is_not_about() -> None:
    judged = verdict(
        "importance of rate above 2/3", evidence({"b": 0.0, "a": 0.0}, excluded=lambda task: ("a",))
    )
    assert (judged.word, judged.detail.endswith("without a, whose scores spread too wide")) == (
        "supported",
        True,
    )


def test_p_values_are_adjusted_for_the_number_of_claims() -> None:
    searched = evidence({"b": 0.0, "a": 0.13}, 60, seed=3)
    asked = claim("a worse than b", ("a", "b"), ("task",))
    alone = judge([asked], ("task",), searched)[0]
    assert alone.word == "supported"
    among = judge([asked] * 40, ("task",), searched)[0]
    assert (among.word, among.numbers["worse"]) == ("undecided", alone.numbers["worse"])


def test_claims_that_are_counted_do_not_make_the_others_harder() -> None:
    searched = evidence({"b": 0.0, "a": 0.13}, 60, seed=3)
    asked, counted = (
        claim(text, ("a", "b"), ("task",))
        for text in ("a worse than b", "weights of a below 80% of b")
    )
    assert (
        judge([asked, *[counted] * 40], ("task",), searched)[0]
        == judge([asked], ("task",), searched)[0]
    )


def test_a_variant_without_trials_is_undecided_and_says_why() -> None:
    searched = evidence({"b": 0.0, "a": 0.0})
    searched.trials["task", "c"] = StatsError("a comparison needs 3 complete trials, not 0")  # type: ignore[index]
    judged = verdict("c worse than b", searched)
    assert (judged.word, judged.detail) == (
        "undecided",
        "c: a comparison needs 3 complete trials, not 0",
    )
    assert judged.settle


def test_the_control_is_not_one_of_all_variants_but_can_be_named() -> None:
    searched = evidence({"b": 0.0, "a": 0.5, "b_again": -0.8}, control="b_again")
    assert verdict("no variant better than b", searched).word == "supported"
    assert verdict("b_again better than b", searched).word == "supported"


def test_the_same_trials_give_the_same_verdicts() -> None:
    first, second = (
        verdict("a worse than b", evidence({"b": 0.0, "a": 0.1}, seed=1)) for _ in range(2)
    )
    assert first == second


def test_what_did_not_complete_is_said() -> None:
    searched = evidence({"b": 0.0, "a": 0.5})
    searched.complete["task", "a"] = (41, 60)  # type: ignore[index]
    assert "a: only 41 of 60 trials completed" in verdict("a worse than b", searched).detail


def _family(worse_by: float, simulations: int) -> float:
    """In which share of studies of eight claims at least one gets a verdict, for it or against
    it.
    """
    hits = 0
    for seed in range(simulations):
        names = {"b": 0.0, **{f"v{number}": worse_by for number in range(8)}}
        searched = evidence(names, 30, seed=10_000 + seed, draws=1999)
        several = [claim(f"v{number} worse than b", tuple(names), ("task",)) for number in range(8)]
        hits += any(judged.word != "undecided" for judged in judge(several, ("task",), searched))
    return hits / simulations


@pytest.mark.slow
def test_a_false_word_for_or_against_any_of_eight_claims_comes_in_at_most_5_percent() -> None:
    assert _family(0.0, 300) < 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


# ------------------------------------------------------------------ several tasks

TASKS = ("one", "two", "three")


def over(text: str, *differences: float) -> Verdict:
    """Of a and b on three tasks, where they differ by so much."""
    searched = evidence({"b": 0.0, "a": 0.0})
    trials, rng = {}, np.random.default_rng(11)
    for task, difference in zip(TASKS, differences):
        for name, better in (("a", difference), ("b", 0.0)):
            scores = rng.normal(better, 0.1, 20)
            trials[task, name] = Trials.of(scores, scores)
    every = replace(
        searched,
        trials=trials,
        complete=dict.fromkeys(trials, (20, 20)),
        keep=dict.fromkeys(TASKS, 3),
        _known={},
    )
    (verdict,) = judge([claim(text, ("a", "b"), TASKS)], TASKS, every)
    return verdict


@pytest.mark.parametrize(
    ("text", "differences", "word"),
    [
        ("on all tasks: a worse than b", (1.0, 1.0, 1.0), "supported"),
        ("on all tasks: a worse than b", (1.0, 1.0, 0.0), "undecided"),
        ("on all tasks: a worse than b", (1.0, 1.0, -1.0), "refuted"),
        ("on most tasks: a worse than b", (1.0, 1.0, -1.0), "supported"),
        ("on most tasks: a worse than b", (1.0, 0.0, -1.0), "undecided"),
        ("on most tasks: a worse than b", (1.0, -1.0, -1.0), "refuted"),
        ("on all tasks: a same as b within 0.5", (0.0, 0.0, 0.0), "supported"),
        ("on most tasks: a same as b within 0.5", (0.0, 2.0, 2.0), "refuted"),
    ],
)
def test_one_claim_about_several_tasks_holds_on_all_or_on_more_than_half_of_them(
    text: str, differences: tuple[float, ...], word: str
) -> None:
    judged = over(text, *differences)
    assert (judged.word, judged.names_task, judged.where) == (word, True, "")
    assert [f"on {task}: a " in judged.detail for task in TASKS] == [True] * 3
    assert {f"{task}/difference" for task in TASKS} <= set(judged.numbers)


def test_a_claim_about_all_tasks_has_the_largest_p_of_them_and_counts_as_one() -> None:
    judged = over("on all tasks: a worse than b", 1.0, 1.0, 0.15)
    each = [judged.numbers[f"{task}/worse"] for task in TASKS]
    assert judged.p == pytest.approx(2 * max(each))


def test_what_one_of_several_tasks_cannot_say_is_told_with_its_place() -> None:
    counts = dict.fromkeys([(task, name) for task in TASKS for name in "ab"], Diverging(3, 6))
    changed = replace(
        evidence({"b": 0.0, "a": 0.0}), diverging={**counts, ("two", "a"): Diverging(0, 0)}
    )
    (verdict,) = judge(
        [claim("on all tasks: a diverges more often than b", ("a", "b"), TASKS)], TASKS, changed
    )
    assert (verdict.word, verdict.detail) == (
        "undecided",
        "on two: no trial of a has completed or diverged",
    )
    assert answers(
        [(claim("on all tasks: a diverges more often than b", ("a", "b"), TASKS), verdict.task)],
        [verdict],
        {},
        {},
    ) == [verdict.detail]


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        ("on all tasks: a worse than b", "supported", "a is worse than b on all 3 tasks"),
        ("on most tasks: a same as b", "refuted",
         "It is not so that a and b are the same within 0.1 on most tasks (2 of 3)"),
        ("on most tasks: a at least 2 times as fast as b", "undecided",
         "Whether a trains at least 2 times as fast as b on most tasks (2 of 3) stays open"),
    ],
)  # fmt: skip
def test_the_answer_to_a_claim_about_several_tasks_says_how_many(
    text: str, word: Word, said: str
) -> None:
    about = claim(text, ("a", "b"), TASKS)
    verdict = Verdict(text, f"{about.over} tasks", word, "found", "test", numbers={"tasks": 3.0})
    assert answers([(about, verdict.task)], [verdict], {}, {}) == [said]
