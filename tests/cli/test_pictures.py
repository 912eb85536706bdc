"""Commands that draw: show, gallery, inspect, gradients."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rnnzoo.cli import cells, main, models
from rnnzoo.lang.view import view
from rnnzoo.report.figures import LagNorms
from rnnzoo.spec.cell import built_in_names
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.terminal.console import PlainConsole
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.command import rnnzoo
from tests.samples import ALL, compiled, slow_outside_of


def test_show_writes_a_picture_and_a_page(tmp_path: Path) -> None:
    done = rnnzoo("show", "lstm", "--svg", "pictures/lstm.svg", "--html", "lstm.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "wrote pictures/lstm.svg\nwrote lstm.html\n"
    drawn = (tmp_path / "pictures" / "lstm.svg").read_text()
    assert ET.fromstring(drawn).get("class") == "rz"
    page = (tmp_path / "lstm.html").read_text()
    assert "What is left of a small disturbance of each state" in page
    assert "<li>half-life in steps: h 0.9, c " in page
    assert "<math" in page
    assert 'data-hold="f"' in page
    assert not re.search(r"src=|url\((?!#)", page)  # needs no other file and no network


def test_what_is_no_picture_of_ours_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.svg").write_text("<svg>mine</svg>")
    done = rnnzoo("show", "lstm", "--svg", "mine.svg", cwd=tmp_path)
    assert done.returncode == 2
    assert "fix: choose another file" in done.stderr
    assert (tmp_path / "mine.svg").read_text() == "<svg>mine</svg>"
    assert rnnzoo("show", "lstm", "--svg", "ours.svg", cwd=tmp_path).returncode == 0
    assert rnnzoo("show", "gru", "--svg", "ours.svg", cwd=tmp_path).returncode == 0


def test_show_says_what_a_variant_changes(tmp_path: Path) -> None:
    printed = rnnzoo("show", "coupled", cwd=tmp_path, PYTHONIOENCODING="utf-8").stdout
    assert "iₜ = 1 - fₜ" in printed
    assert "extends  lstm, changes i" in printed
    difference = rnnzoo("show", "coupled", "--diff", "lstm", cwd=tmp_path).stdout
    assert difference.splitlines() == [
        "coupled against lstm", "  - i = sigmoid(W_i @ x + R_i @ h[t-1] + b_i)", "  + i = 1 - f",
    ]  # fmt: skip
    assert "have the same equations" in rnnzoo("show", "np", "--diff", "lstm", cwd=tmp_path).stdout
    assert "h = tanh(W @ x" in rnnzoo("show", "rnn", cwd=tmp_path, PYTHONIOENCODING="ascii").stdout


def test_a_cell_differs_from_another_by_equations_that_one_of_them_has() -> None:
    difference = cells._difference(view("phased_lstm"), view("peephole"))
    assert "  + time = time[t-1] + dt" in difference
    assert [line for line in difference if line.startswith(("  - time", "  - m "))] == []
    back = cells._difference(view("peephole"), view("phased_lstm"))
    assert "  - time = time[t-1] + dt" in back
    assert sorted(line[4:] for line in back[1:]) == sorted(line[4:] for line in difference[1:])


@pytest.mark.parametrize(
    "name", slow_outside_of({*compiled(), "echo_state", "phased_lstm"}, built_in_names())
)
def test_show_describes_every_cell(name: str) -> None:
    cell = view(name)
    lines = cells._description(cell, 88, 64)
    described = "\n".join(lines)
    written = [*cell.unicode, *cell.unicode_first_layer, *cell.constants]
    assert max(len(line) for line in lines if line.strip() not in written) <= 80
    assert re.search(rf"\b{cell.count_params(88, 64):,} (in all|are trained)", described)


def test_the_gallery_has_a_page_for_every_cell_and_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "experiments" / "cells"
    own.mkdir(parents=True)
    (own / "own.yaml").write_text(
        "name: own\ntitle: <b>mine</b>\nequations: |\n  h = tanh(W @ x + R @ h[t-1] + b)\n"
    )
    (own / "bad.yaml").write_text("name: bad\n")
    drawn = built_in_names() if ALL else compiled()
    monkeypatch.setattr(cells, "built_in_names", lambda: drawn)
    monkeypatch.chdir(tmp_path)
    assert main(["gallery", "site"]) == 0
    told = capsys.readouterr().out
    assert "left out experiments/cells/bad.yaml" in told
    assert "drawing pages of cells ...\nwrote " in told
    names = {path.stem for path in (tmp_path / "site").glob("*.html")}
    assert names == {*drawn, "own", "index"}
    for path in (tmp_path / "site").glob("*.html"):
        text = path.read_text()
        assert "<b>mine" not in text
        assert not re.search(
            r"src=|https?://(?!www\.w3\.org/)",
            re.sub(r"xmlns\S*|<!DOCTYPE[^>]*>", "", text),
        ), path
        for link in re.findall(r'href="([^"#]+)"', text):
            assert (path.parent / link).is_file(), link
    monkeypatch.setattr(cells, "built_in_names", lambda: ("lstm", "rnn"))
    assert main(["gallery", "site"]) == 0  # over what is there


def test_a_gallery_is_not_written_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("")
    done = rnnzoo("gallery", "thesis", cwd=tmp_path)
    assert done.returncode == 2
    assert "holds other files" in done.stderr


def test_inspect_shows_the_best_trial_of_a_variant_and_a_run_of_mlflow_alike(swept: Path) -> None:
    done = rnnzoo("inspect", "small.yaml", "--variant", "gated", "--json", cwd=swept)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    content = json.loads(done.stdout)
    assert [row["name"] for row in content["values"] if row["gate"]] == ["f"]
    assert "<svg" in (swept / content["page"]).read_text()
    tracker = MlflowTracker(f"sqlite:///{swept}/runs/mlflow.db")
    runs = tracker.client.search_runs(
        [tracker.client.get_experiment_by_name("small").experiment_id]
    )
    run = next(
        stored
        for stored in runs
        if stored.data.tags.get("rnnzoo.role") == "study" and stored.data.tags["variant"] == "gated"
    )
    again = rnnzoo("inspect", run.info.run_id, "--json", cwd=swept)
    assert json.loads(again.stdout)["values"] == content["values"]
    kept = {file.path for file in tracker.client.list_artifacts(run.info.run_id, "cell")}
    assert kept == {"cell/diagram.svg", "cell/equations.tex", "cell/cell.yaml"}
    trial = next(stored for stored in runs if stored.data.tags.get("rnnzoo.role") == "trial")
    refused = rnnzoo("inspect", trial.info.run_id, cwd=swept)
    assert refused.returncode == 1
    assert "take the run of a variant" in refused.stderr


def test_inspect_names_the_gates_and_says_what_its_shares_are_of(swept: Path) -> None:
    gated = rnnzoo("inspect", "small.yaml", "--variant", "gated", cwd=swept).stdout
    assert "\ngates   f: shut below 0.1, open above 0.9; others by magnitude\n" in gated
    plain = rnnzoo("inspect", "small.yaml", "--variant", "rnn", cwd=swept).stdout
    assert "\ngates   none: the shares are of magnitudes\n" in plain
    assert not [line for line in (gated + plain).splitlines() if line != line.rstrip()]


def printed_within(width: int, show: Callable[[Console], None]) -> str:
    out = io.StringIO()
    show(PlainConsole(file=out, width=width))
    return out.getvalue()


def test_in_a_terminal_that_is_too_narrow_a_value_is_a_block_of_lines() -> None:
    values = [
        {"name": "f", "gate": True, "shut": 0.25, "open": 0.5, "mean": 0.6},
        {"name": "h", "gate": False, "shut": 0.0, "open": 0.0, "mean": -1.5},
    ]
    wide = printed_within(80, lambda console: models._print_values(values, console))
    assert wide.splitlines()[:3] == [
        "value  kind    mean  below 0.1  above 0.9",
        "f      gate   0.600       25 %       50 %",
        "h            -1.500        0 %        0 %",
    ]
    narrow = printed_within(20, lambda console: models._print_values(values, console))
    assert narrow.startswith(
        "value: f\n  kind: gate\n  mean: 0.600\n  below 0.1: 25 %\n  above 0.9: 50 %\nvalue: h\n"
    )


def test_in_a_terminal_that_is_too_narrow_norms_of_a_state_are_a_block_of_lines() -> None:
    curves = [
        LagNorms("my_cell_with_a_long_name", "c", np.full(20, 0.5), np.full(20, 1e-9), None),
        LagNorms("rnn", "h", np.full(20, 1.0), None, None),
    ]
    wide = printed_within(80, lambda console: models._print_lags(curves, console))
    assert wide.splitlines() == [
        "",
        "cell                      state  weights    lag 1   lag 10   lag 20",
        "my_cell_with_a_long_name  c      start    5.0e-01  5.0e-01  5.0e-01",
        "my_cell_with_a_long_name  c      trained  1.0e-09  1.0e-09  1.0e-09",
        "rnn                       h      start    1.0e+00  1.0e+00  1.0e+00",
    ]
    narrow = printed_within(40, lambda console: models._print_lags(curves, console))
    assert narrow.endswith(
        "\ncell: rnn\n  state: h\n  weights: start\n"
        "  lag 1: 1.0e+00\n  lag 10: 1.0e+00\n  lag 20: 1.0e+00\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["small.yaml"], "which variant?\n  fix: --variant NAME, one of: rnn, gated"),
        (["mine.keras"], "mine.keras is a model's file"),
        (["small.yaml", "--variant", "gate"], "no variant 'gate'"),
        (["small.yaml", "--variant", "gated", "--sequence", "99"], "from 0 to 31"),
        (
            ["small.yaml", "--variant", "gated", "--layer", "2"],
            "--layer must be 1: there is one layer",
        ),
    ],
)
def test_what_cannot_be_inspected_is_said_plainly(
    swept: Path, arguments: list[str], words: str
) -> None:
    done = rnnzoo("inspect", *arguments, cwd=swept)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_gradients_of_a_training_that_diverges_end_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        models, "trained", lambda trial, console: Outcome(Kind.DIVERGED, message="the loss was nan")
    )
    sizes = [f"--set=task.{name}=20" for name in ("length", "train", "valid", "test")]
    assert main(["gradients", "rnn", "--set=units=2", *sizes]) == 1
    assert "rnn: diverged: the loss was nan" in capsys.readouterr().err


STATES = {"rnn": ("h",), "lstm": ("c", "h")}


@pytest.mark.parametrize("drawn", [("rnn",), pytest.param(("rnn", "lstm"), marks=pytest.mark.slow)])
def test_gradients_are_drawn_at_the_start_and_after_training(
    tmp_path: Path, drawn: tuple[str, ...]
) -> None:
    sizes = ("task.length=20", "task.train=64", "units=8", "training.epochs=2")
    settings = [f"--set={size}" for size in sizes]
    done = rnnzoo("gradients", *drawn, *settings, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    expected = [(name, state) for name in drawn for state in STATES[name]]
    assert [(norms["cell"], norms["state"]) for norms in content["norms"]] == expected
    for norms in content["norms"]:
        assert (len(norms["start"]), len(norms["trained"])) == (20, 20)
        assert (norms["bound"] is not None) == (norms["cell"] == "rnn")
    ET.parse(tmp_path / content["picture"])


def test_a_notebook_shows_a_cells_equations_and_its_picture() -> None:
    shown = view("peephole")._repr_html_()
    assert "p_f ⊙ cₜ₋₁" in shown
    assert "<svg" in shown
