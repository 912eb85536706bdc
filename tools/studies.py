"""Writes the map of all studies from the trials in results/: the table of docs/studies/README.md,
and docs/figures/studies.svg.  Nothing is trained: `python -m tools.studies`, ten seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnzoo.errors import in_percent, signed
from rnnzoo.report.figures import at_a_glance
from rnnzoo.report.verdict import LEVEL, Verdict, counted
from rnnzoo.spec.claims import judged
from rnnzoo.spec.experiment import Claim
from rnnzoo.stats.shares import share_interval
from tools.recorded import ROOT, results_of

PAGE = ROOT / "docs/studies/README.md"
PICTURE = ROOT / "docs/figures/studies.svg"
AT_EQUAL_SETTINGS = "equal_settings_"  # begins the numbers of a search's trials compared so


@dataclass(frozen=True)
class Study:
    """Experiments that ask one question.

    Attributes:
        page: the name of its page in docs/studies/.
        title: what a picture calls it.
        experiments: their names; of claims that several ask, the last answer is shown, so that
            those with fresh trainings stand behind a search.
    """

    page: str
    title: str
    experiments: tuple[str, ...]


STUDIES = (
    Study(
        "greff2015",
        "The LSTM, part by part (Greff et al. 2015)",
        (
            "greff2015",
            "greff2015_music",
            "greff2015_decided",
            "greff2015_noaf",
            "greff2015_framewise",
            "greff2015_frames",
            "greff2015_ctc",
            "greff2015_ctc_more",
            "greff2015_strokes",
        ),
    ),
    Study("long_term", "How far back cells learn", ("long_term",)),
    Study(
        "minimal",
        "Were RNNs all we needed? (Feng et al. 2024)",
        ("minimal", "minimal_chorales", "minimal_tuned"),
    ),
    Study("one_gate", "One gate or three", ("one_gate", "one_gate_chorales", "one_gate_tuned")),
    Study(
        "timing",
        "Learning to forget and to time (Gers et al. 2000, 2002)",
        ("continual", "peepholes", "periodic"),
    ),
    Study("forget_bias", "A forget bias of 1 (Jozefowicz et al. 2015)", ("forget_bias",)),
    Study(
        "jozefowicz2015",
        "Gates, mutants, a search (Jozefowicz et al. 2015)",
        (
            "jozefowicz2015_gates",
            "jozefowicz2015_longer",
            "jozefowicz2015_mutants",
            "jozefowicz2015_found",
            "jozefowicz2015_best",
            "jozefowicz2015_music",
            "jozefowicz2015_tunes",
        ),
    ),
    Study(
        "koutnik2014",
        "A clockwork RNN (Koutnik et al. 2014)",
        (
            "koutnik2014",
            "koutnik2014_pieces",
            "koutnik2014_words",
            "koutnik2014_small",
            "koutnik2014_sizes",
            "koutnik2014_letters",
            "koutnik2014_lines",
        ),
    ),
    Study(
        "chung2014",
        "Gated units on music (Chung et al. 2014)",
        (
            "chung2014",
            "chung2014_piano",
            "chung2014_muse",
            "chung2014_nottingham",
            "chung2014_again",
        ),
    ),
    Study(
        "yao2015",
        "Depth gates (Yao et al. 2015)",
        ("yao2015", "yao2015_again", "yao2015_ten", "yao2015_words", "yao2015_words_ten"),
    ),
)


@dataclass(frozen=True)
class Row:
    """A claim on a task, and what became of it.

    Attributes:
        trainings: of the variants that it is about, in the search and in rounds.
        several: the tasks of a claim about more than one.
    """

    study: Study
    claim: str
    task: str
    verdict: Verdict
    trainings: int
    several: tuple[str, ...] = ()

    @property
    def question(self) -> tuple[str, str]:
        return self.claim, self.task

    @property
    def is_judged(self) -> bool:
        """Not if no training could judge it, and the search alone compares the two."""
        numbers = self.verdict.numbers
        return "low" in numbers or f"{AT_EQUAL_SETTINGS}low" not in numbers


def rows(experiments: Collection[str] = ()) -> list[Row]:
    """The claims of all studies, or of those experiments, in their order."""
    return [
        row for study in STUDIES for row in _last_answers(study, experiments or study.experiments)
    ]


def _last_answers(study: Study, wanted: Collection[str]) -> list[Row]:
    """The claims of one study, each with its last answer; without any, as it was left last."""
    answers: dict[tuple[str, str], Row] = {}
    for name in study.experiments:
        if name in wanted:
            for row in _of_experiment(study, name):
                before = answers.get(row.question, row)
                answers[row.question] = row if row.is_judged or not before.is_judged else before
    return list(answers.values())


def _of_experiment(study: Study, name: str) -> Iterator[Row]:
    results = results_of(name)
    verdicts = results.summary().verdicts
    experiment = results.experiment
    labels = [task.label for task in experiment.tasks]
    for (claim, task), verdict in zip(judged(experiment.claims, labels), verdicts, strict=True):
        about = {claim.a, claim.b} - {""}
        if claim.form.startswith("no variant"):
            about = set()
        on = claim.tasks or (task,)
        keys = [result.key for result in results if result.key.task in on]
        trainings = sum(not about or key.variant in about for key in keys)
        yield Row(study, _sentence(claim, task), task, verdict, trainings, claim.tasks)


def _sentence(claim: Claim, task: str) -> str:
    """Its text without the task, which stands beside it."""
    return claim.text.removeprefix(f"on {task}: ")


def table(shown: Sequence[Row]) -> str:
    """Rows as Markdown."""
    lines = [
        "| study | task | claim | whose | verdict | by how much | trainings |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *map(_line, shown)])


def _line(row: Row) -> str:
    said = row.verdict.said
    cells = (
        f"[{row.study.page}]({row.study.page}.md)",
        row.task,
        row.claim,
        row.verdict.note,
        said if row.verdict.word == "undecided" else f"**{said}**",
        _effect(row),
        f"{row.trainings:,}",
    )
    return f"| {' | '.join(cells)} |"


def _effect(row: Row) -> str:
    """What was measured, with its interval."""
    numbers = row.verdict.numbers
    if not row.several:
        return _measured(numbers)
    parts = []
    for task in row.several:
        prefix = f"{task}/"
        own = {
            name.removeprefix(prefix): number
            for name, number in numbers.items()
            if name.startswith(prefix)
        }
        parts.append(f"{task} {_measured(own)}")
    return "; ".join(parts)


def _measured(known: Mapping[str, float]) -> str:
    """What was measured on one task."""
    if "solved_a" in known:
        return f"{_solved(known, 'a')} against {_solved(known, 'b')}"
    if "share" in known:
        share, low, high = (in_percent(known[name], 1) for name in ("share", "low", "high"))
        return f"{share} ({low} to {high})"
    if "lowest" in known:
        return f"{in_percent(known['lowest'], 1)} to {in_percent(known['highest'], 1)}"
    if "low" in known:
        return _with_interval(known)
    # the second stage judged nothing: the search has an interval, at settings that both share
    return f"{_with_interval(known, AT_EQUAL_SETTINGS)} at equal settings"


def _with_interval(known: Mapping[str, float], prefix: str = "") -> str:
    """A difference with its interval."""
    difference, low, high = (
        signed(known[f"{prefix}{name}"]) for name in ("difference", "low", "high")
    )
    return f"{difference} ({low} to {high})"


def _solved(known: Mapping[str, float], side: str) -> str:
    """How many trainings of one variant solved the task."""
    solved, trials = (int(known[f"{what}_{side}"]) for what in ("solved", "trials"))
    return counted(solved, trials, share_interval(solved, trials, LEVEL))


def with_map(page: str, shown: Sequence[Row]) -> str:
    """The page with the table as it should be, which is the last thing on it."""
    above, mark, _ = page.partition("<!-- map -->\n")
    return f"{above}{mark}{table(shown)}\n"


def picture(shown: Sequence[Row]) -> str:
    """All verdicts at a glance, as SVG."""
    titles = dict.fromkeys(row.study.title for row in shown)
    return at_a_glance(
        {title: [row.verdict.word for row in shown if row.study.title == title] for title in titles}
    )


if __name__ == "__main__":
    shown = rows()
    PAGE.write_text(with_map(PAGE.read_text(), shown))
    PICTURE.write_text(picture(shown))
