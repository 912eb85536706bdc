"""What the benchmarks measure is there."""

from __future__ import annotations

from benchmarks import reports


def test_each_study_whose_report_is_timed_has_a_table_and_a_file() -> None:
    for study in reports.STUDIES:
        assert study.exists(), f"{study.name}: results/ has a table of it"
    names = {study.stem for study in reports.STUDIES}
    assert {"greff2015", "long_term"} <= names
    # a search over cells alone has a history, and no table
    assert "jozefowicz2015" not in names
