"""What a table's columns are probably for: the roles of tables as people have them, and what is
asked for where columns do not tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.api import looking
from rnnzoo.errors import UsageError
from rnnzoo.tasks._table.guess import Given, Guess, options

RNG = np.random.default_rng(0)
NOTHING = Given()


def looked(folder: Path, lines: Sequence[str], given: Given = NOTHING) -> looking.Looked:
    file = folder / "my.csv"
    file.write_text("\n".join(lines) + "\n")
    return looking.table(str(file), given)


def guessed(folder: Path, lines: Sequence[str], given: Given = NOTHING) -> Guess:
    return looked(folder, lines, given).guess


def roles(guess: Guess) -> dict[str, str]:
    return {name: role.role for name, role in guess.roles.items()}


def ward(people: int = 12) -> Iterator[str]:
    yield "person,patient_id,hour,pulse,ward,site,outcome"
    for patient in range(people):
        for hour in range(3 + patient % 3):
            pulse = RNG.normal(75, 8)
            outcome = ("ill", "well")[patient % 2]
            place = f"{'ab'[hour % 2]},x"
            yield f"{patient // 2},{patient},{hour},{pulse:.2f},{place},{outcome}"


def test_ids_orders_groups_and_targets_are_told_by_how_values_lie(tmp_path: Path) -> None:
    guess = guessed(tmp_path, list(ward()))
    assert roles(guess) == {
        "person": "group",
        "patient_id": "id",
        "hour": "order",
        "pulse": "input",
        "ward": "input",
        "site": "not used",
        "outcome": "target",
    }
    assert (guess.sequences, guess.lengths, guess.per) == (12, (3, 5), "sequence")
    assert guess.roles["ward"].kind == "category"
    assert guess.roles["site"].why == "it has one value"


def test_names_need_not_tell_where_the_order_begins_again(tmp_path: Path) -> None:
    lines = ["a,b,c,d"]
    lines += [
        f"{row // 4 + 7},{row % 4},{RNG.normal():.3f},{'xy'[row // 4 % 2]}" for row in range(80)
    ]
    guess = guessed(tmp_path, lines)
    assert roles(guess) == {"a": "id", "b": "order", "c": "input", "d": "target"}


def test_a_target_that_changes_within_a_sequence_is_one_a_step(tmp_path: Path) -> None:
    lines = ["id,t,x,label"]
    lines += [f"{row // 5},{row % 5},{RNG.normal():.3f},{'xyz'[row % 3]}" for row in range(60)]
    assert guessed(tmp_path, lines).per == "step"


def test_two_columns_name_a_sequence_where_one_does_not(tmp_path: Path) -> None:
    lines = ["patient,visit,hour,pulse,outcome"]
    lines += [
        f"{patient},{visit},{hour},{RNG.normal():.3f},{'ab'[patient % 2]}"
        for patient in range(6)
        for visit in range(2)
        for hour in range(4)
    ]
    guess = guessed(tmp_path, lines)
    assert guess.of("id") == ["patient", "visit"]
    assert guess.sequences == 12


def test_rows_are_sequences_where_columns_are_numbered(tmp_path: Path) -> None:
    lines = [",".join(["label", *(f"t{step}" for step in range(10))])]
    lines += [
        f"{'ab'[row % 2]}," + ",".join(map(str, RNG.normal(size=10).round(2))) for row in range(20)
    ]
    guess = guessed(tmp_path, lines)
    assert guess.form == "each row is a sequence"
    assert guess.of("target") == ["label"]
    assert len(guess.of("input")) == 10


def test_one_series_is_cut_into_windows_once_its_target_is_named(tmp_path: Path) -> None:
    lines = ["date,price,volume"]
    lines += [f"2020-01-{day:02d},{RNG.normal():.3f},{RNG.integers(9, 99)}" for day in range(1, 29)]
    (lacking,) = guessed(tmp_path, lines).open
    assert (lacking.option, lacking.candidates) == ("target", ("price", "volume"))
    guess = guessed(tmp_path, lines, Given(target="price"))
    assert guess.of("order") == ["date"]
    assert guess.window["horizon"] == 1
    assert guess.roles["price"].kind == "standard"


def test_what_names_things_is_one_hot_and_what_numbers_rows_is_left_out(tmp_path: Path) -> None:
    lines = ["row,id,step,word,note,y"]
    lines += [
        f"{row},{row // 6},{row % 6},{RNG.integers(0, 9)},remark {row},{'ab'[row // 6 % 2]}"
        for row in range(600)
    ]
    guess = guessed(tmp_path, lines)
    assert guess.roles["word"].kind == "category"
    assert "look like ids" in guess.roles["word"].why
    assert roles(guess)["row"] == roles(guess)["note"] == "not used"


def test_a_sequence_is_in_one_split(tmp_path: Path) -> None:
    lines = ["digit,take,set,length"]
    lines += [
        f"{row // 10},{row % 10},{'train' if row % 3 else 'test'},{row * 7 % 13}"
        for row in range(100)
    ]
    guess = guessed(tmp_path, lines)
    assert guess.of("id") == []
    assert guess.of("split") == ["set"]
    assert guess.open[0].option == "id"


def test_columns_are_counted_as_they_are(tmp_path: Path) -> None:
    lines = ["id,t,a,b,c,d,e,y", "1,0,1.5,,yes,2020-01-02,,u", "1,1,NA,3,true,2020-01-03,,u"]
    lines = [
        line.replace("yes", "false") for line in [*lines, "2,0,2.5,4,true,2019-01-03T10:00:00,,v"]
    ]
    columns = {column["name"]: column for column in looked(tmp_path, lines).plain()["columns"]}
    of = {
        name: [column[key] for key in ("holds", "missing", "distinct", "low", "high")]
        for name, column in columns.items()
    }
    assert of["a"] == ["numbers", 1, 2, "1.5", "2.5"]
    assert of["b"] == ["whole numbers", 1, 2, "3", "4"]
    assert of["c"] == ["true or false", 0, 2, "", ""]
    assert of["d"] == ["dates", 0, 3, "2019-01-03T10:00:00", "2020-01-03"]
    assert of["e"] == ["nothing", 3, 0, "", ""]
    assert columns["c"]["often"] == ["true", "false"]
    assert columns["e"]["why"] == "it is empty"


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column 'outcom'.*\n.*did you mean 'outcome'"):
        guessed(tmp_path, list(ward()), Given(target="outcom"))


def test_an_id_whose_rows_are_scattered_asks_for_an_order(tmp_path: Path) -> None:
    lines = ["id,x,label"]
    lines += [f"{row % 9},{RNG.normal():.3f},{'abc'[row % 3]}" for row in range(90)]
    guess = guessed(tmp_path, lines)
    assert (guess.of("id"), [known.option for known in guess.open]) == (["id"], ["order"])


def test_decimal_commas_are_told(tmp_path: Path) -> None:
    lines = ["id;t;x;label"]
    lines += [f"{row // 5};{row % 5};{row},5;{'ab'[row // 5 % 2]}" for row in range(50)]
    (lacking,) = guessed(tmp_path, lines).open
    assert "x: text such as 0,5: numbers are written with a point, 0.5" in lacking.problem


def test_a_file_without_a_header_is_odd(tmp_path: Path) -> None:
    rows = [f"{number / 7:.3f},{number / 3:.2f},a" for number in range(1, 9)]
    assert "first row holds numbers" in looked(tmp_path, rows).odd[0]


@pytest.mark.parametrize(("steps", "role"), [(20, "characters"), (9, "words")])
def test_texts_of_which_most_come_once_are_transcribed(
    tmp_path: Path, steps: int, role: str
) -> None:
    lines = ["id,step,x,transcript"]
    for number in range(60):
        text = " ".join(f"{number % 31:b}")
        rows = range(steps + number % 2)
        lines += [f"{number},{step},{RNG.normal():.2f},on {text}" for step in rows]
    shown = looked(tmp_path, lines)
    assert shown.guess.roles["transcript"].kind == role
    assert "31 texts, transcribed by their" in shown.guess.roles["transcript"].why
    assert options(shown.guess, shown.columns)["target"] == {"transcript": role}
