"""`rnnzoo skill`: its form, and what it names exists.  Its commands and its YAML are examples as
those of the pages (test_examples.py).
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from rnnzoo.cli import main
from rnnzoo.cli.parser import SKILL as SKILL_FILE
from rnnzoo.cli.parser import commands
from rnnzoo.report.verdict import Verdict, Word
from rnnzoo.spec.cell import CELL
from rnnzoo.spec.read_experiment import keys
from tests.docs.blocks import ROOT, SKILL

_, FRONT, GUIDE = SKILL.read_text().split("---\n", 2)
KEYS = {
    *CELL, *keys.EXPERIMENT, *keys.SEARCH, *keys.SELECT, *keys.CONFIRM, *keys.VARIANT,
}  # fmt: skip
OF_VERDICTS = {"verdicts", *(field.name for field in dataclasses.fields(Verdict)), *get_args(Word)}
# of one task, of the language, and of YAML
OTHERS = {"h", "b", "p", "w", "x", "x_t", "b_f", "test", "fix", "no", "on"}


def test_its_front_matter_is_that_of_a_skill() -> None:
    front = yaml.safe_load(FRONT)
    assert set(front) == {"name", "description"}
    assert front["name"] == Path(SKILL_FILE).parent.name
    assert 0 < len(front["description"]) <= 1024
    assert SKILL.read_text().count("\n") < 120


def test_each_key_and_word_that_it_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+)`", GUIDE))
    assert named <= KEYS | OF_VERDICTS | {*commands()} | OTHERS
    assert get_args(Word) == tuple(word for word in get_args(Word) if f"`{word}`" in GUIDE)


def test_each_page_that_it_names_exists() -> None:
    pages = re.findall(r"docs/[\w-]+\.md", GUIDE)
    assert len(pages) > 5
    assert [page for page in pages if not (ROOT / page).is_file()] == []


def test_it_is_printed_as_it_is_or_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["skill"]) == 0
    assert capsys.readouterr().out == SKILL.read_text()
    assert main(["skill", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": SKILL_FILE, "text": SKILL.read_text()}


def test_its_experiment_is_taken_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (experiment,) = re.findall(r"```yaml\n(experiment: .*?)```", GUIDE, re.S)
    (tmp_path / "memory.yaml").write_text(experiment)
    assert main(["check", "--json", str(tmp_path / "memory.yaml")]) == 0
    (checked,) = json.loads(capsys.readouterr().out)
    assert checked["warnings"] == []


def test_help_says_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert SKILL_FILE in capsys.readouterr().out
