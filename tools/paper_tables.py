"""Writes tables 1 to 3 of Jozefowicz, Zaremba and Sutskever 2015 beside what was trained here into
docs/studies/jozefowicz2015.md.  Nothing is trained: `python -m tools.paper_tables`, two seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from rnnzoo.evolve import facts
from rnnzoo.evolve.history import History
from rnnzoo.spec.trial import ROUND, Result
from rnnzoo.sweep.recorded import rows_of
from tools.recorded import ROOT, results_of

PAGE = ROOT / "docs/studies/jozefowicz2015.md"
# A cell is shown as the first of these has it.
EXPERIMENTS = ("jozefowicz2015_gates", "jozefowicz2015_mutants")
OF_MUSIC = ("jozefowicz2015_tunes", "jozefowicz2015_music")
BETTER = "results/better.jsonl.gz"
MARK, END = "<!-- paper tables -->\n", "<!-- end of paper tables -->\n"
NONE = "—"

# The paper's names of cells, and ours in these experiments.
CELLS: Mapping[str, str] = {
    "Tanh": "rnn",
    "LSTM": "lstm",
    "LSTM-f": "lstm_f",
    "LSTM-i": "lstm_i",
    "LSTM-o": "lstm_o",
    "LSTM-b": "lstm_b",
    "GRU": "gru",
    "MUT1": "mut1",
    "MUT2": "mut2",
    "MUT3": "mut3",
}
# The paper's names of the first cells of the search over cells, whose `lstm` has a bias of 1.
FIRST: Mapping[str, str] = {"GRU": "gru", "LSTM-b": "lstm"}

# Table 1: accuracy on arithmetic, on XML, on Penn Treebank by words; higher is better.
ACCURACIES: Mapping[str, tuple[float, float, float]] = {
    "Tanh": (0.29493, 0.32050, 0.08782),
    "LSTM": (0.89228, 0.42470, 0.08912),
    "LSTM-f": (0.29292, 0.23356, 0.08808),
    "LSTM-i": (0.75109, 0.41371, 0.08662),
    "LSTM-o": (0.86747, 0.42117, 0.08933),
    "LSTM-b": (0.90163, 0.44434, 0.08952),
    "GRU": (0.89565, 0.45963, 0.09069),
    "MUT1": (0.92135, 0.47483, 0.08968),
    "MUT2": (0.89735, 0.47324, 0.09036),
    "MUT3": (0.90728, 0.46478, 0.09161),
}
# Table 2: nats a step on Nottingham, on Nottingham with dropout, on Piano-midi; lower is better.
MUSIC: Mapping[str, tuple[float, float, float]] = {
    "Tanh": (3.612, 3.267, 6.809),
    "LSTM": (3.492, 3.403, 6.866),
    "LSTM-f": (3.732, 3.420, 6.813),
    "LSTM-i": (3.426, 3.252, 6.856),
    "LSTM-o": (3.406, 3.253, 6.870),
    "LSTM-b": (3.419, 3.345, 6.820),
    "GRU": (3.410, 3.427, 6.876),
    "MUT1": (3.254, 3.376, 6.792),
    "MUT2": (3.372, 3.429, 6.852),
    "MUT3": (3.337, 3.505, 6.840),
}
# Table 3: nats a word on Penn Treebank with 5 million weights on test, 10 and 20 million on
# validation, 20 million on test, and the perplexity that is printed beside the last.
WORDS: Mapping[str, tuple[float, float, float, float, float]] = {
    "Tanh": (4.811, 4.729, 4.635, 4.582, 97.7),
    "LSTM": (4.699, 4.511, 4.437, 4.399, 81.4),
    "LSTM-f": (4.785, 4.752, 4.658, 4.606, 100.8),
    "LSTM-i": (4.755, 4.558, 4.480, 4.444, 85.1),
    "LSTM-o": (4.708, 4.496, 4.447, 4.411, 82.3),
    "LSTM-b": (4.698, 4.437, 4.423, 4.380, 79.83),
    "GRU": (4.684, 4.554, 4.559, 4.519, 91.7),
    "MUT1": (4.699, 4.605, 4.594, 4.550, 94.6),
    "MUT2": (4.707, 4.539, 4.538, 4.503, 90.2),
    "MUT3": (4.692, 4.523, 4.530, 4.494, 89.47),
}


@dataclass(frozen=True)
class Reached:
    """Scores of a cell on a task, on test; lower is better.

    Attributes:
        best: of the setting that validation chose among those of the search.
        rounds: of the trainings that were made after the settings were chosen.
    """

    best: float
    rounds: tuple[float, ...]


def reached_by(results: Iterable[Result], worst: float) -> dict[tuple[str, str], Reached]:
    """What each variant reached on each task.

    Args:
        worst: the score of a training that did not complete.
    """
    searched: dict[tuple[str, str], list[Result]] = {}
    rounds: dict[tuple[str, str], list[float]] = {}
    for result in results:
        key = result.key
        if key.stage == ROUND:
            score = result.outcome.scores.get("test", worst)
            rounds.setdefault((key.variant, key.task), []).append(score)
        elif not key.stage and not key.replicate:
            searched.setdefault((key.variant, key.task), []).append(result)
    reached = {}
    for study, trials in searched.items():
        best = min(trials, key=lambda trial: trial.outcome.scores.get("validation", math.inf))
        score = best.outcome.scores.get("test", worst)
        reached[study] = Reached(score, tuple(rounds.get(study, ())))
    return reached


def of_first_cells() -> dict[str, float]:
    """By the paper's names, what the first cells of the search over cells reached on arithmetic, on
    test, at the setting that validation chose.
    """
    history = History.of(rows_of(ROOT / BETTER))
    numbers = {drawn.variant: drawn.number for drawn in history.drawn.values() if drawn.variant}
    scores = {
        name: facts.chosen(history, numbers[variant], "arithmetic")
        for name, variant in FIRST.items()
    }
    return {name: 1.0 - score for name, score in scores.items() if score is not None}


def tables() -> str:
    """The three tables as Markdown."""
    errors: dict[tuple[str, str], Reached] = {}
    for name in EXPERIMENTS:
        errors = reached_by(results_of(name), worst=1.0) | errors
    nats: dict[tuple[str, str], Reached] = {}
    for name in OF_MUSIC:
        nats |= reached_by(results_of(name), worst=math.inf)
    parts = (first_table(errors, of_first_cells()), second_table(nats), third_table())
    return "\n\n".join(parts) + "\n"


def first_table(errors: Mapping[tuple[str, str], Reached], first_cells: Mapping[str, float]) -> str:
    """Accuracy on arithmetic, XML and Penn Treebank."""
    head = (
        "table 1, accuracy",
        *("arithmetic: paper", "best of 8", "rounds", "best of 5"),
        *("XML: paper", "best of 8", "rounds"),
        *("PTB: paper", "here"),
    )
    rows = []
    for name, variant in CELLS.items():
        arithmetic, xml, words = (f"{share:.5f}" for share in ACCURACIES[name])
        in_search = f"{first_cells[name]:.3f}" if name in first_cells else NONE
        own = [_accuracies(errors.get((variant, task))) for task in ("arithmetic", "xml")]
        rows.append((name, arithmetic, *own[0], in_search, xml, *own[1], words, NONE))
    return markdown(head, rows)


def _accuracies(errors: Reached | None) -> tuple[str, str]:
    """The cells of a table for a variant on a task, as shares of right answers."""
    if errors is None:
        return NONE, NONE
    return _shown(Reached(1.0 - errors.best, tuple(1.0 - error for error in errors.rounds)))


def _shown(reached: Reached) -> tuple[str, str]:
    """The best of the search, and the mean of the rounds with their number."""
    if not reached.rounds:
        return f"{reached.best:.3f}", NONE
    return f"{reached.best:.3f}", f"{mean(reached.rounds):.3f} of {len(reached.rounds)}"


def second_table(nats: Mapping[tuple[str, str], Reached]) -> str:
    """Music."""
    head = (
        *("table 2, nats a step", "Nottingham: paper", "best of 4", "rounds", "with dropout"),
        *("here", "Piano-midi: paper", "best of 4", "rounds"),
    )
    rows = []
    for name, variant in CELLS.items():
        tunes, with_dropout, piano = (f"{score:.3f}" for score in MUSIC[name])
        own = {task: _shown(nats[variant, task]) for task in ("nottingham", "piano_midi")}
        of_tunes = (tunes, *own["nottingham"], with_dropout, NONE)
        rows.append((name, *of_tunes, piano, *own["piano_midi"]))
    return markdown(head, rows)


def third_table() -> str:
    """Penn Treebank by words, of which nothing was trained here."""
    head = (
        "table 3, nats a word",
        *("5M weights, test", "10M, validation", "20M, validation", "20M, test (perplexity)"),
        "here",
    )
    rows = []
    for name in CELLS:
        *nats, last, perplexity = WORDS[name]
        shown = [f"{score:.3f}" for score in nats]
        rows.append((name, *shown, f"{last:.3f} ({perplexity:g})", NONE))
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def with_tables(page: str, shown: str) -> str:
    """The page with the tables as they should be."""
    above, _, rest = page.partition(MARK)
    below = rest.partition(END)[2]
    return f"{above}{MARK}{shown}{END}{below}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(), tables()))
