"""What a search found, as files that are read like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.api import beforehand
from rnnzoo.evolve import found
from rnnzoo.evolve.draw import form_of
from rnnzoo.evolve.history import History
from rnnzoo.lang import load
from rnnzoo.lang.rewriting import Graph
from rnnzoo.spec.read_experiment import read
from tests.evolve.worlds import SPEC, plan, searched

CONFIRM = "margin: 0.02\nconfirm: {budget: 50}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an experiment and the files of its search."""
    folder = tmp_path_factory.mktemp("project")
    text = SPEC + "  unseen: [chorales]\n" + CONFIRM
    (folder / "small.yaml").write_text(text)
    of = plan(text)
    (folder / "found").mkdir()
    for file in found.found(of, History.of(searched(of)), "../small.yaml"):
        (folder / "found" / file.name).write_text(file.text)
    return folder


def test_a_found_cell_is_read_back_as_it_was_drawn(folder: Path) -> None:
    history = History.of(searched(plan()))
    best = found.best(history)
    assert best
    for ended in best:
        cell = load(f"small_{ended.number}", folder / "found")
        assert form_of(plan(), cell) == history.drawn[ended.number].form
        assert len(Graph.of(cell).nodes) == history.drawn[ended.number].nodes


def test_the_best_come_first_and_none_of_the_first_cells(folder: Path) -> None:
    history = History.of(searched(plan()))
    best = found.best(history)
    assert [each.fitness for each in best] == sorted((e.fitness for e in best), reverse=True)
    assert not any(history.drawn[ended.number].variant for ended in best)


def test_a_sweep_confirms_them_beside_the_first_cells_on_its_tasks_and_on_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    experiment = read(Path("found/small_confirmed.yaml"))
    assert experiment.cell_search is None
    assert [task.label for task in experiment.tasks] == ["parity", "adding", "chorales"]
    labels = [variant.label for variant in experiment.variants]
    assert labels[:2] == ["gru", "lstm"]
    assert all(label.startswith("small_") for label in labels[2:])
    assert [claim.text for claim in experiment.claims] == [
        *(f"{label} better than gru" for label in labels[2:]),
        f"{labels[2]} better than lstm",
    ]


def test_the_budget_lasts_for_the_rounds_of_all_that_was_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    search = read(Path("small.yaml"))
    confirming = read(Path("found/small_confirmed.yaml"))
    assert search.confirm is not None
    assert confirming.confirm is not None
    assert search.confirm.budget == 50
    rounds = confirming.confirm.budget // len(confirming.variants) - confirming.search.trials - 2
    assert rounds == confirming.confirm.most
    told = [remark.problem for remark in beforehand.warnings(confirming)]
    assert not any(text.startswith("nothing can be confirmed") for text in told)


def test_a_budget_that_lasts_is_left_as_it_is() -> None:
    of = plan(SPEC + "margin: 0.02\nconfirm: {budget: 5000}\n")
    files = found.found(of, History.of(searched(of)), "../small.yaml")
    assert "confirm:" not in "".join(file.text for file in files)


def test_paths_of_own_cells_and_data_are_found_from_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "found").mkdir()
    equations = "|\n  h = tanh(W @ x + R @ h[t-1] + b)"
    (tmp_path / "sub" / "mine.yaml").write_text(f"name: mine\nequations: {equations}\n")
    path = Path("sub/small.yaml")
    path.write_text(
        SPEC.replace("[gru, lstm]", "[gru, lstm, {name: gru_2, cell: ./mine.yaml}, mine]")
        + "  unseen: [{name: arrays, file: my.npz}]\n"
    )
    experiment = read(path)
    search = experiment.cell_search
    assert search is not None
    of = replace(plan(), experiment=experiment, search=replace(search, parents=("mine",)))
    of = replace(of, first={label: load("rnn") for label in ("mine", "gru")})
    for file in found.found(of, History.of(searched(plan())), "../sub/small.yaml"):
        (tmp_path / "found" / file.name).write_text(file.text)
    confirmed = read(tmp_path / "found" / "small_confirmed.yaml")
    assert confirmed.tasks[-1].options["file"] == "../sub/my.npz"
    labels = {variant.label: variant.reference for variant in confirmed.variants}
    assert labels["gru"] == "gru"
    assert labels["mine"] == labels["gru_2"] == "../sub/mine.yaml"


@pytest.mark.parametrize(
    "name", ["lstm+norm", "l" * 60, "a_long+name_of_a_search_over_cells_of_60"]
)
def test_what_is_found_can_be_read_whatever_the_search_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of an experiment may have a `+`, and be longer than one of a cell."""
    monkeypatch.chdir(tmp_path)
    text = SPEC.replace("experiment: small", f"experiment: {name}") + CONFIRM
    Path("search.yaml").write_text(text)
    of = plan(text)
    history = History.of(searched(plan()))  # its rows do not depend on the name
    files = list(found.found(of, history, "search.yaml"))
    for file in files:
        Path(file.name).write_text(file.text)
    *cells, confirming = [Path(file.name) for file in files]
    assert [load(cell.stem, tmp_path).name for cell in cells] == [cell.stem for cell in cells]
    experiment = read(confirming)
    assert [variant.label for variant in experiment.variants[2:]] == [cell.stem for cell in cells]
    assert experiment.name == confirming.stem == found.confirming_name(name)
    assert len({file.name for file in files}) == len(files) == found.BEST + 1


def test_a_file_says_whose_it_is(folder: Path) -> None:
    of = plan()
    texts = [path.read_text() for path in (folder / "found").iterdir()]
    assert all(found.is_own(text, of) for text in texts)
    assert not found.is_own((folder / "small.yaml").read_text(), of)
    assert not found.is_own(texts[0].replace("experiment small", "experiment other"), of)


def test_where_only_the_filter_was_run_nothing_is_best() -> None:
    of = plan(settings=0)
    assert not list(found.found(of, History.of(searched(of)), "x.yaml"))
