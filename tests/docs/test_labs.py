"""The labs of docs/teaching: notebooks without outputs, whose answers are those of the page for
teachers, and which show what that page says.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tools import labs

ANSWERS = (labs.TEACHING / "answers.md").read_text(encoding="utf-8")
BY_HAND = """
assert held[0.5][-1] < 1e-9 and 0.1 < held[1.0][-1] < 0.2 and 0.65 < held[1.2][-1] < 0.67
assert abs(held[1.2][-1] - half[-1]) < 1e-4, "it holds that there was a pulse, not how large"
assert np.allclose(on_the_belt["one pulse"]["c"], np.tanh(1))
assert np.isclose(on_the_belt["two pulses"]["c"][-1, 0], np.tanh(0.5) + np.tanh(-0.3))
noisy = on_the_belt["a pulse, then noise"]["c"][:, 0]
assert np.ptp(noisy) > 0.5, "the belt keeps noise"
assert abs(values["c"][-1, 0] - wanted) < 0.01, "gates hold the value at the last mark"
assert np.allclose(by_hand, norms)
assert np.allclose(on_belt, on_belt[0]), "the gradient survives on the belt"
half_open = gated.gradient_norms(pulse, 1, {**biases_alone, "b_f": 0})["c"]
assert np.allclose(half_open[1:] / half_open[:-1], 0.5), "a gate at a half halves it"
assert [round(steps_to_a_hundredth(b_f)) for b_f in (0, 1, 5)] == [7, 15, 686]
"""
TRAINED_BELT = """
words = [verdict.word for verdict in verdicts]
assert words[0] == "supported" and words[1] != "supported", words
"""
GATES = """
assert {verdict.word for verdict in first.summary().verdicts} == {"undecided"}
same_input, worse_forget, same_output = verdicts.values()
assert worse_forget.word == "supported" and worse_forget.course[-1].low > 0.02
assert same_input.word == same_output.word == "supported", "the same within the margin"
assert x[last:, 0].sum() / 10 == y[0]
step = inside["lstm"]["f"].min(axis=1)
at_marks = x[:, 1] == 1
assert step[at_marks].mean() < step[~at_marks].mean(), "forget gates shut at marks"
assert (abs(inside["no_forget"]["c"][-1]) > 3).mean() > 0.7, "its belt runs away"
model = rnnzoo.load_model(results.best("lstm").trial.model)
(layer,) = [layer for layer in model.layers if hasattr(layer, "weights_by_name")]
output = np.asarray(layer(x[None])).reshape(-1, 16)[-1]
assert np.allclose(output, inside["lstm"]["h"][-1], atol=1e-4), "the weights are the model's"
"""
FORGETTING = """
for s in (0.5, 1.0, 1.5):
    assert np.allclose(norms["silence", s], s**lags), "silence: s to the k"
    assert (norms["letters", s] < norms["silence", s]).all(), "slopes are below 1"
assert 0.1 < norms["letters", 1.5][-1] < 10 < norms["silence", 1.5][-1], "no explosion"
assert solved["rnn"]["order10"] == solved["rnn"]["order20"] == trials
assert solved["lstm"]["order40"] == trials and solved["rnn"]["order40"] <= 1
assert solved["rnn"]["order80"] == 0
ends = {variant: norm[-1] / norm[0] for variant, norm in dependence.items()}
assert ends["lstm"] > 3 * ends["rnn"], "the LSTM looks farther back"
for name, remedy in remedies.items():
    assert remedy.summary().verdicts[0].word == "supported", name
"""
CHECKS = {
    "conveyor_belt": BY_HAND + TRAINED_BELT,
    "which_gate": GATES,
    "forgetting": FORGETTING,
}


def test_every_lab_is_checked() -> None:
    assert {*CHECKS} == {*labs.LABS}


@pytest.mark.parametrize("lab", labs.LABS)
def test_a_lab_is_a_notebook_without_outputs(lab: str) -> None:
    notebook = nbformat.read(labs.LABS[lab], as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    ids = [cell.id for cell in notebook.cells]
    assert len({*ids}) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", each) for each in ids), "ids that an editor drew"


@pytest.mark.parametrize("lab", labs.LABS)
def test_every_exercise_has_an_answer_and_its_own_beginning(lab: str) -> None:
    notebook = nbformat.read(labs.LABS[lab], as_version=4)
    exercises = {cell.id: cell.source for cell in labs.tagged(notebook, "exercise")}
    answers = labs.answers(lab)
    assert {*exercises} == {*answers}
    for name, answer in answers.items():
        assert answer.strip() not in exercises[name], f"{name} is answered in the lab"


@pytest.mark.parametrize("lab", labs.LABS)
def test_every_picture_of_a_lab_stands_among_the_answers(lab: str) -> None:
    notebook = nbformat.read(labs.LABS[lab], as_version=4)
    drawn = {f"pictures/{lab}-{cell.id}.svg" for cell in labs.tagged(notebook, "picture")}
    shown = {*re.findall(rf"\((pictures/{lab}-[\w-]+\.svg)\)", ANSWERS)}
    assert shown == drawn
    assert all((labs.TEACHING / picture).is_file() for picture in shown)


@pytest.mark.parametrize("lab", labs.LABS)
def test_questions_are_numbered_and_answered(lab: str) -> None:
    notebook = nbformat.read(labs.LABS[lab], as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    questions = [int(number) for number in re.findall(r"\*\*Question (\d+)\.\*\*", text)]
    title = re.search(r"^# (.+)$", text, re.M)
    assert title is not None
    section = ANSWERS.partition(f"## {title[1]}\n")[2].partition("\n## ")[0]
    answered = [int(number) for number in re.findall(r"^\*\*(\d+)\.\*\*", section, re.M)]
    assert questions == answered == [*range(1, len(questions) + 1)]
    marks = 2 * (len(questions) + len(labs.tagged(notebook, "exercise")))
    assert f": {marks} marks." in section


def test_the_first_lab_shows_by_hand_what_it_says(tmp_path: Path) -> None:
    notebook = labs.solved("conveyor_belt")
    training = [cell.id for cell in notebook.cells].index("training")
    notebook.cells = notebook.cells[:training]
    labs.executed(notebook, tmp_path, BY_HAND)


@pytest.mark.slow
@pytest.mark.parametrize("lab", labs.LABS)
def test_a_lab_shows_what_its_answers_say(lab: str, tmp_path: Path) -> None:
    labs.executed(labs.solved(lab), tmp_path, CHECKS[lab])


@pytest.mark.slow
def test_a_lab_of_one_short_training_runs_to_its_end(tmp_path: Path) -> None:
    labs.executed(labs.solved("conveyor_belt", {"trials": 1, "epochs": 1}), tmp_path)
