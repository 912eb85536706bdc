"""What the parser refuses: numbers that cannot be, before a file is read."""

from __future__ import annotations

import re

import pytest

from rnnzoo.cli.parser import commands, parsed
from rnnzoo.errors import UsageError

# the nearest numbers that each option refuses
REFUSED = {
    "--trials": ["0"],
    "--workers": ["0"],
    "--candidates": ["0"],
    "--trial": ["-1"],
    "--sequence": ["-1"],
    "--sequences": ["0"],
    "--layer": ["0"],
    "--units": ["0"],
    "--inputs": ["0"],
    "--port": ["0", "65536"],
    "--hours": ["0", "-1", "nan", "inf"],
    "--noise": ["0", "-1", "nan", "inf"],
    "--grace": ["-0.1", "nan", "inf"],
}
GIVEN = {"show": "lstm", "train": "lstm", "ui": ""}  # what stands before the option
NUMERIC = [
    (command, action.option_strings[0])
    for command, parser in commands().items()
    for action in parser._actions
    if action.option_strings and action.metavar in ("N", "SECONDS")
]


@pytest.mark.parametrize(("command", "option"), NUMERIC)
def test_a_number_that_cannot_be_is_refused_at_the_command_line(command: str, option: str) -> None:
    before = [command, *GIVEN.get(command, "nowhere.yaml").split()]
    for number in REFUSED[option]:
        with pytest.raises(UsageError, match=f"^{option}: must be a .*number .*not '?{number}'?"):
            parsed([*before, f"{option}={number}"])
    with pytest.raises(UsageError, match=f"^{option}: must be a .*number.*, not 'many'"):
        parsed([*before, option, "many"])


def test_a_number_at_the_edge_is_taken() -> None:
    args = parsed(["sweep", "e.yaml", "--trials=1", "--workers=1", "--hours=0.001", "--grace=0"])
    assert (args.trials, args.workers, args.hours, args.grace) == (1, 1, 0.001, 0.0)
    assert parsed(["ui", "--port", "65535"]).port == 65535
    assert parsed(["inspect", "e.yaml", "--sequence=0", "--sequences=1"]).sequence == 0


def test_a_range_is_told_with_its_ends() -> None:
    with pytest.raises(UsageError) as refused:
        parsed(["ui", "--port", "70000"])
    assert re.fullmatch(
        r"--port: must be a whole number from 1 to 65,535, not 70000", refused.value.problem
    )


@pytest.mark.parametrize("name", ["-x.yaml", "--x.yaml", "-my cells.yml", "-table.csv"])
def test_a_file_whose_name_begins_with_a_dash_is_told_how_to_be_written(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        parsed(["check", name])
    assert refused.value.problem == f"{name} begins as an option does"
    assert refused.value.fix == f"for a file write ./{name}"
    assert parsed(["check", f"./{name}", "--", name]).files == [f"./{name}", name]


def test_an_option_may_be_given_a_file_that_it_writes() -> None:
    assert parsed(["predictions", "e.yaml", "--out=t.csv"]).out == "t.csv"
