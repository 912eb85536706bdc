"""The map of all studies against the tables of trials that it is made from."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from rnnzoo.report.figures import at_a_glance
from tools.studies import PAGE, PICTURE, ROOT, STUDIES, picture, rows, table, with_map

SMALL = ("minimal", "one_gate")  # experiments, whose trials are few
REMAKE = "python -m tools.studies writes them anew"


def test_each_table_of_trials_belongs_to_a_study_and_each_study_has_its_page() -> None:
    experiments = [name for study in STUDIES for name in study.experiments]
    assert sorted(experiments) == sorted(file.stem for file in ROOT.glob("results/*.csv"))
    for study in STUDIES:
        page = (ROOT / f"docs/studies/{study.page}.md").read_text()
        assert all(f"experiments/studies/{name}.yaml" in page for name in study.experiments)


def test_lines_of_the_map_are_what_the_trials_say() -> None:
    page = PAGE.read_text().splitlines()
    lines = table(rows(SMALL)).splitlines()
    assert len(lines) == 2 + 4 + 3
    assert not {*lines} - {*page}, REMAKE


@pytest.mark.slow
def test_the_map_and_its_picture_are_what_the_trials_say() -> None:
    shown = rows()
    page = PAGE.read_text()
    assert with_map(page, shown) == page, REMAKE
    assert _words(picture(shown)) == _words(PICTURE.read_text()), REMAKE


def _words(svg: str) -> list[str]:
    """What is written in a picture; where its marks stand depends on Matplotlib's version."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_picture_has_a_mark_for_each_claim() -> None:
    few = rows(SMALL)
    drawn = picture(few)
    assert "supported (6)" in drawn
    assert "undecided (1)" in drawn
    assert drawn.count("<use") >= len(few)


@pytest.mark.parametrize(
    ("claims", "lines"), [(1, [1]), (24, [24]), (25, [24, 1]), (48, [24, 24]), (49, [24, 24, 1])]
)
def test_many_claims_of_a_study_stand_on_several_lines_of_the_picture(
    claims: int, lines: list[int]
) -> None:
    drawn = at_a_glance({"many": ["refuted"] * claims, "one": ["refuted"]})
    marks = Counter(float(y) for y in re.findall(r'<use [^>]*y="([\d.]+)"', drawn))
    by_line = [marks[y] for y in sorted(marks)]
    assert by_line == [2, 2, *lines, 1]  # the first two lines are the legend's


def test_a_verdict_in_the_map_is_the_one_that_its_page_prints() -> None:
    """`minimal.md` was written by hand from the report."""
    (row,) = (row for row in rows(("minimal",)) if row.claim == "mingru worse than gru")
    printed = (ROOT / "docs/studies/minimal.md").read_text()
    assert "+0.715 (+0.645 to +0.785)" in table([row])
    assert "+0.715 (+0.645 to +0.785)" in printed
    assert row.trainings == 16


def test_what_no_rounds_judge_is_bounded_at_equal_settings() -> None:
    (row,) = rows(("greff2015_noaf",))
    assert "+0.865 (+0.527 to +1.230) at equal settings" in table([row])
    printed = (ROOT / "docs/studies/greff2015.md").read_text()
    assert "worse by 0.87 nats (0.53 to 1.23)" in printed


def test_what_no_rounds_judge_leaves_the_answer_of_the_search() -> None:
    (row,) = (
        row
        for row in rows(("greff2015", "greff2015_noaf"))
        if row.question == ("noaf worse than peephole", "jsb_chorales")
    )
    assert "+0.474 (-0.243 to +1.005)" in table([row])
