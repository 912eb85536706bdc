"""What fuzzing has found, each once: the file that showed it, and what must hold of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnzoo import lang
from rnnzoo.errors import Mistake, Span, SpecError, UsageError
from rnnzoo.lang import ir, listing
from rnnzoo.lang.text import cell_text
from rnnzoo.spec import settings
from rnnzoo.spec.document import parse
from rnnzoo.spec.read_experiment import parse_experiment, read
from tests.fuzz.reading import cut_off, look_at

HEAD = "name: q\nequations: |\n"
EXPERIMENT = "experiment: e\ntask: adding\nvariants: [lstm, gru]\n"


def chains(count: int, *bodies: str, end: str) -> str:
    """Equations a0, b0, a1, b1, ...; `{a}` and `{b}` in a body are those before, which begin with
    products on h[t-1].
    """
    lines = []
    for number in range(count):
        before = {
            name: f"{name}{number - 1}" if number else f"({name.upper()} @ h[t-1])" for name in "ab"
        }
        lines += [
            f"  {name}{number} = {body.format(**before)}\n" for name, body in zip("ab", bodies)
        ]
    return f"{HEAD}{''.join(lines)}  h = {end.format(count - 1)}\n"


def calls(depth: int, inner: str) -> str:
    return "tanh(" * depth + inner + ")" * depth


LONG = {
    "one chain of 2000 operations": chains(38, calls(50, "{a}"), end="a{0} + tanh(V @ x)"),
    "two alike that the engine lays side by side": chains(
        18, calls(50, "{a}"), calls(50, "{b}"), end="a{0} * b{0} + V @ x"
    ),
    "one of products": chains(190, "A @ {a} + C @ {a}", end="a{0} + V @ x"),
    "one of what is not kept": chains(150, "abs(abs(abs({a}))) - 3 * {a}", end="a{0} + V @ x"),
    "each twice the one before": chains(190, "{a} + {a}", end="a{0} + V @ x"),
    "each the one before in two ways, with time alone": chains(
        120, "sin({a}) + cos({a})", end="a{0} * h[t-1] + V @ x"
    ).replace("(A @ h[t-1])", "t"),
}


LONGEST = ("one chain of 2000 operations", "two alike that the engine lays side by side")  # seconds


def _slow(name: str) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.slow,) if name in LONGEST else ()


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=name, marks=_slow(name)) for name, text in LONG.items()]
)
def test_a_chain_of_values_may_be_longer_than_python_recurses_and_costs_no_power_of_two(
    text: str,
) -> None:
    with cut_off():
        look_at(lang.parse_text(text))


WIDE = {
    "sizes that are known one after the other": HEAD
    + "".join(f"  a{n} = {'+'.join([f'a{n + 1}'] * 9)}\n" for n in range(100))
    + "  a100 = tanh(W @ x)\n  h = a0 + h[t-1]\n",
    "490 matrices on one state": HEAD
    + "".join(
        f"  a{n} = {'+'.join(f'(M{n}_{column} @ h[t-1])' for column in range(49))}\n"
        for n in range(9)
    )
    + f"  h = {' + '.join(f'a{n}' for n in range(9))} + V @ x\n",
}


@pytest.mark.parametrize("text", WIDE.values(), ids=WIDE)
def test_what_is_wide_takes_no_square_of_its_size(text: str) -> None:
    with cut_off(5):
        look_at(lang.parse_text(text))


NUMBERS = {
    "memory": f"resources: {{memory: '{'9' * 200_000}x'}}\n",
    "claims": f"claims: ['lstm same as gru within {'9' * 200_000}x']\n",
    "claims that fit a form but for their end": "claims:\n"
    + f"  - lstm same as gru within {'9' * 1900}x\n" * 100,
}


@pytest.mark.parametrize("text", NUMBERS.values(), ids=NUMBERS)
def test_a_number_that_goes_on_and_on_is_looked_at_once(text: str) -> None:
    with cut_off(5), pytest.raises(SpecError):
        parse_experiment(EXPERIMENT + text, "e.yaml", Path())


def test_an_expression_without_spaces_survives_printing_which_puts_them_in() -> None:
    text = HEAD + f"  h=h[t-1]*({'+'.join(['(' + '+'.join(['b_' + 'x' * 35] * 15) + ')'] * 15)})\n"
    cell = lang.parse_text(text)
    assert len(cell_text(cell)) > len(text)
    assert lang.parse_text(cell_text(cell)) == cell


def test_letters_of_the_listing_are_not_those_of_the_cell() -> None:
    text = HEAD + (
        "  z2 = tanh(W @ x + R @ h[t-1])\n"
        "  h = z2 * z2 * tanh(z2) + sigmoid(z2 * h[t-1]) * tanh(z2 * h[t-1])\n"
    )
    lines = [line for line in listing.listing(lang.parse_text(text)).splitlines() if " = " in line]
    names = [line.partition(" = ")[0] for line in lines]
    assert len(names) == len(set(names))


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, beside a cell that is none of it."""
    folder = tmp_path / "project"
    (folder / "cells").mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text("name: secret\npassword: hunter2\n")
    monkeypatch.chdir(folder)
    return folder


OUTSIDE = ("../secret.yaml", "cells/../../secret.yaml", "cells/link.yaml", "link", "{}/secret.yaml")


@pytest.mark.parametrize("reference", OUTSIDE)
def test_an_experiment_names_no_cell_outside_of_the_project(reference: str, trap: Path) -> None:
    (trap / "cells" / "link.yaml").symlink_to(trap.parent / "secret.yaml")
    (trap / "e.yaml").write_text(EXPERIMENT.replace("gru", reference.format(trap.parent)))
    with pytest.raises(
        SpecError, match=r"e\.yaml:3:18: .*lies outside of the folder of this file"
    ) as caught:
        read(Path("e.yaml"))
    assert "hunter2" not in str(caught.value)


def test_a_cell_extends_none_outside_of_the_project(trap: Path) -> None:
    (trap / "link.yaml").symlink_to(trap.parent / "secret.yaml")
    (trap / "q.yaml").write_text("name: q\nextends: link\n")
    with pytest.raises(SpecError, match=r"q\.yaml:2:10: 'link' lies outside"):
        lang.load("q.yaml")


def test_a_cell_that_extends_a_file_that_is_not_there_is_told_where(trap: Path) -> None:
    (trap / "q.yaml").write_text("name: q\nextends: con.yaml\n")
    with pytest.raises(SpecError, match=r"q\.yaml:2:10: there is no file con\.yaml\n") as caught:
        lang.load("q.yaml")
    fix = "fix: give its path from this folder, or a name from `rnnzoo list cells`"
    assert fix in str(caught.value)


def test_a_cell_whose_path_is_misspelt_is_told_the_one_meant(trap: Path) -> None:
    (trap / "cells" / "quick.yaml").write_text("name: quick\nextends: gru\n")
    (trap / "e.yaml").write_text(EXPERIMENT.replace("gru", "cells/quik.yaml"))
    message = r"e\.yaml:3:18: there is no file cells/quik\.yaml\n"
    with pytest.raises(SpecError, match=message) as caught:
        read(Path("e.yaml"))
    assert "fix: did you mean 'cells/quick.yaml'?" in str(caught.value)


def test_a_circle_of_links_is_no_reason_to_fail(trap: Path) -> None:
    (trap / "cells" / "loop.yaml").symlink_to(trap / "cells" / "loop.yaml")
    (trap / "e.yaml").write_text(EXPERIMENT.replace("gru", "cells/loop.yaml"))
    with pytest.raises(
        SpecError,
        match=r"e\.yaml:3:18: cannot read cells/loop\.yaml: Too many levels of symbolic links",
    ):
        read(Path("e.yaml"))
    (trap / "mlflow.yml").write_text("storage: {url: sqlite:///cells/loop.yaml}\n")
    assert settings.read().storage.endswith("cells/loop.yaml")


def test_a_mark_of_byte_order_moves_no_column(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_bytes(b"\xef\xbb\xbfname: \xff\n")
    with pytest.raises(SpecError, match=r"q\.yaml:1:7: the file is not UTF-8 text"):
        lang.load(str(tmp_path / "q.yaml"))


def test_a_suggestion_looks_into_no_file_outside_of_the_project_and_waits_for_no_pipe(
    trap: Path,
) -> None:
    (trap.parent / "other.yaml").write_text(
        "name: other\nequations: |\n  h = tanh(W @ x + h[t-1])\n"
    )
    (trap / "cells" / "lstn.yaml").symlink_to(trap.parent / "other.yaml")
    os.mkfifo(trap / "cells" / "pipe.yaml")
    (trap / "e.yaml").write_text(EXPERIMENT.replace("gru", "lstn2"))
    with cut_off(5), pytest.raises(SpecError, match="no cell 'lstn2'") as caught:
        read(Path("e.yaml"))
    assert "did you mean 'lstm'" in str(caught.value)


@pytest.mark.parametrize("name", ["folder.yaml", "pipe.yaml"])
def test_a_cell_that_is_no_file_is_refused(name: str, trap: Path) -> None:
    (trap / "folder.yaml").mkdir()
    os.mkfifo(trap / "pipe.yaml")
    (trap / "e.yaml").write_text(EXPERIMENT.replace("gru", name))
    with cut_off(5), pytest.raises(SpecError, match=rf"e\.yaml:3:18: '{name}' is no file"):
        read(Path("e.yaml"))


def test_a_cell_that_is_named_on_the_command_line_may_lie_anywhere(trap: Path) -> None:
    (trap.parent / "mine.yaml").write_text("name: mine\nextends: lstm\n")
    assert lang.load(str(trap.parent / "mine.yaml")).states == lang.load("lstm").states


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029", "\r"])
def test_a_line_is_a_line_to_every_reader(end: str) -> None:
    """YAML ends lines where editors do not, so that the places of mistakes would be those of other
    lines.
    """
    with pytest.raises(
        SpecError, match=f"q.yaml:2:4: a character that cannot be seen: U\\+{ord(end):04X}"
    ):
        parse(f"name: q\n# a{end}# b\ntitle: [\n", "q.yaml")


def test_windows_line_ends_give_the_same_cell_and_the_same_places() -> None:
    text = HEAD + "  h = tanh(W @ x + R @ h[t-1])\n"
    assert lang.parse_text(text.replace("\n", "\r\n")) == lang.parse_text(text)
    with pytest.raises(SpecError) as unix:
        lang.parse_text(text.replace("tanh", "tanhh"))
    with pytest.raises(SpecError) as windows:
        lang.parse_text(text.replace("tanh", "tanhh").replace("\n", "\r\n"))
    assert str(unix.value) == str(windows.value)


@pytest.mark.parametrize("words", ["\x1b[31mred", "a\u202eb", "\x9b2J", "a" * 3000])
def test_no_message_steers_a_terminal_or_fills_it(words: str) -> None:
    place = Span("q.yaml", 1, 1, words)
    for error in (
        SpecError(Mistake(place, f"no {words}", f"not {words}")),
        UsageError(f"no {words}\n  fix: none"),
    ):
        text = str(error)
        assert all(char.isprintable() or char == "\n" for char in text)
        assert isinstance(error, UsageError) or len(text) < 1300
        assert "fix: " in text


def test_an_experiment_that_extends_a_file_outside_learns_nothing_of_that_folder(
    trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither whether there is such a file, nor which are alike: folders are listed for that."""
    listed: list[str] = []
    for name in ("scandir", "listdir"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda path=".", real=real: listed.append(str(path)) or real(path)
        )
    (trap / "e.yaml").write_text("extends: /etc/hostname.yaml\nexperiment: e\n")
    with pytest.raises(SpecError, match=r"e\.yaml:1:10: /etc/hostname\.yaml lies outside"):
        read(Path("e.yaml"))
    assert "/etc" not in listed


def test_a_mistake_in_a_text_that_goes_over_lines_lies_on_a_line_of_it() -> None:
    text = HEAD + (
        "  h = tanh(W @ x + R @ h[t-1] + w)\ninit:\n  w: log(16 * maximum(random, 1e-4)\n"
        "    + (random, 1e-4))\n"
    )
    with pytest.raises(SpecError) as caught:
        lang.parse_text(text)
    (mistake,) = caught.value.mistakes
    assert mistake.problem == "a tuple is not part of the language"
    assert mistake.span.line == 5
    assert mistake.span.column <= len(mistake.span.text) + 1


def test_a_number_is_no_matrix_that_a_function_of_matrices_yields() -> None:
    text = HEAD + (
        "  h = tanh(W @ x + D * h[t-1])\nconstants: |\n  A = row - col\n  B = row + 1\n"
        "  D = zoh(A, B)\nweights:\n  A: {shape: [3, 3]}\n  B: {shape: [3, 3]}\n"
        "  D: {shape: null}\n"
    )
    with pytest.raises(SpecError, match="zoh is a matrix, and this is a number"):
        lang.parse_text(text)


def test_what_is_divided_by_infinity_has_a_derivative_of_nothing() -> None:
    """Two values lie side by side for one division, whose derivatives fold to the number 0."""
    tower = " ** ".join(["2"] * 7)
    cell = lang.parse_text(
        f"{HEAD}  u = R_u @ h[t-1]\n  v = R_v @ h[t-1]\n  s = {tower}\n"
        "  z = sigmoid(b_z + u / s)\n  r = sigmoid(b_r + v / s)\n"
        "  h = z * h[t-1] + r * tanh(W @ x)\n"
    )
    look_at(cell)


def test_a_size_that_divides_by_nothing_is_refused_without_a_warning() -> None:
    sizes = ir.Sizes(inputs=3, units=4, options={"rank": 0})
    with pytest.raises(UsageError, match="the size units / rank is inf"):
        sizes.of("units / rank")
