"""What `check` and `show` warn of: cells that can never learn, explode, die or begin saturated; and
nothing else.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.cli import main
from rnnzoo.lang import start
from rnnzoo.lang.lint import Finding, lint, warnings
from rnnzoo.spec.cell import INITIALISERS, Init, built_in_names, parse_cell
from tests.samples import compiled, slow_outside_of

CELLS = Path(__file__).parents[2] / "experiments" / "cells"
OF_EXPERIMENTS = tuple(str(path) for path in sorted(CELLS.glob("*.yaml")))
DEAD = """name: dead
title: never learns to remember
equations: |
  u = E @ x
  a = a[t-1] * exp(-exp(w_a)) + w_b * u
  h = w_c * a + p_d * u
"""


def cell(body: str) -> lang.ir.Cell:
    return lang.parse_text(f"name: q\n{body}")


def only(body: str) -> Finding:
    (finding,) = lint(cell(body))
    return finding


def of(equation: str, more: str = "") -> str:
    return f"equations: |\n  h = {equation}\n{more}"


@pytest.mark.parametrize(
    "name",
    slow_outside_of((*compiled(), *OF_EXPERIMENTS), (*built_in_names(), *OF_EXPERIMENTS)),
    ids=lambda name: Path(name).stem,
)
def test_nothing_is_said_of_the_cells_of_the_zoo_and_of_experiments(name: str) -> None:
    assert lint(lang.load(name)) == ()


# Healthy cells of the literature whose start is unusual: zeros that hold others back for one update
# only, gates that are nearly open or shut, counters and sums, states that only conditions read.
HEALTHY = {
    "irnn": """
equations: |
  h = relu(W @ x + R @ h[t-1] + b)
init: {R: identity}
""",
    "lru": """
equations: |
  u = E @ x
  r = exp(-exp(w_nu))
  p = r * cos(w_th) * p[t-1] - r * sin(w_th) * q[t-1] + u
  q = r * sin(w_th) * p[t-1] + r * cos(w_th) * q[t-1]
  h = C @ p + D @ q
weights: {w_nu: {shape: [units]}}
init: {w_nu: -2, w_th: {uniform: [0, 3]}}
""",
    "minlstm": """
equations: |
  f = sigmoid(W_f @ x + b_f)
  i = sigmoid(W_i @ x + b_i)
  h = f / (f + i) * h[t-1] + i / (f + i) * (W_h @ x + b_h)
""",
    "mingru": """
equations: |
  z = sigmoid(W_z @ x + b_z)
  h = (1 - z) * h[t-1] + z * (W_h @ x)
""",
    "chrono": """
extends: lstm
init: {b_f: 6.6, b_i: -6.6}
""",
    "rezero": """
equations: |
  h = h[t-1] + p * tanh(W @ x + R @ h[t-1] + b)
""",
    "lora": """
equations: |
  h = tanh(W @ x + U @ (V @ h[t-1]) + b)
options: {k: 4}
weights: {U: {shape: [units, k]}, V: {shape: [k, units]}}
init: {U: zeros}
""",
    "linear": """
equations: |
  h = W @ x + R @ h[t-1]
""",
    "counter": """
equations: |
  k = k[t-1] + 1
  h = where(k < 3, tanh(W @ x + R @ h[t-1]), h[t-1])
""",
    "counter2": """
equations: |
  k = 1
  h = where(k[t-1] == 0, tanh(V @ x), tanh(W @ x + R @ h[t-1]))
""",
    "scrn": """
options: {a: 0.95}
equations: |
  s = (1 - a) * (B @ x) + a * s[t-1]
  h = sigmoid(P @ s + A @ x + R @ h[t-1])
""",
    "rwkv": """
equations: |
  k = K @ x
  v = V @ x
  a = exp(-exp(w)) * a[t-1] + exp(k) * v
  d = exp(-exp(w)) * d[t-1] + exp(k)
  r = sigmoid(W_r @ x)
  h = r * (a + exp(u + k) * v) / (d + exp(u + k))
weights: {u: {shape: [units]}}
""",
    "adding_relu": """
equations: |
  h = h[t-1] + relu(W @ x)
""",
    "cornn": """
options: {dt: 0.05}
equations: |
  z = z[t-1] + dt * (tanh(R @ y[t-1] + Q @ z[t-1] + W @ x + b) - y[t-1] - z[t-1])
  y = y[t-1] + dt * z
output: y
""",
    "fastgrnn": """
equations: |
  s = W @ x + R @ h[t-1]
  z = sigmoid(s + b_z)
  n = tanh(s + b_n)
  h = (sigmoid(zeta) * (1 - z) + sigmoid(nu)) * n + z * h[t-1]
weights: {zeta: {shape: []}, nu: {shape: []}}
init: {zeta: 1, nu: -4}
""",
    "learned": """
equations: |
  h = tanh(W @ x + R @ h[t-1])
initial: {h: learned}
""",
    "ugrnn": """
equations: |
  g = sigmoid(W_g @ x + R_g @ h[t-1] + b_g)
  h = g * h[t-1] + (1 - g) * tanh(W_c @ x + R_c @ h[t-1] + b_c)
""",
    "mi": """
equations: |
  u = W @ x
  v = R @ h[t-1]
  h = tanh(p_a * u * v + p_b * u + p_c * v + b)
init: {p_a: 1, p_b: 0.5, p_c: 0.5}
""",
    "rhn": """
equations: |
  t1 = sigmoid(W_t @ x + R_t @ h[t-1] + b_t)
  s1 = tanh(W_h @ x + R_h @ h[t-1] + b_h) * t1 + h[t-1] * (1 - t1)
  t2 = sigmoid(R_t2 @ s1 + b_t2)
  h = tanh(R_h2 @ s1 + b_h2) * t2 + s1 * (1 - t2)
init: {b_t: -3, b_t2: -3}
""",
}


@pytest.mark.parametrize("body", HEALTHY.values(), ids=HEALTHY)
def test_nothing_is_said_of_healthy_cells_whose_start_is_unusual(body: str) -> None:
    assert lint(cell(body)) == ()


def test_a_cell_that_can_never_learn_is_told_with_the_init_that_helps() -> None:
    (finding,) = lint(lang.parse_text(DEAD))
    assert (finding.problem, finding.names) == ("no gradient", ("w_a", "w_b", "w_c"))
    assert finding.fix == "`init: {w_b: 1}`"
    assert lint(lang.parse_text(DEAD + "init: {w_b: 1}\n")) == ()


# (equation, what else stands in the file) -> (problem, names, fix, which is empty where no init
# helps)
ODD = {
    "a product of zeros": ("p * p * tanh(W @ x + R @ h[t-1])", "", "no gradient", "p",
        "`init: {p: 1}`"),
    "zero by symmetry": ("tanh(W @ x + R @ h[t-1] + b ** 2)", "", "no gradient", "b",
        "`init: {b: 1}`"),
    "shut by relu": ("relu(W @ x + R @ h[t-1] + b)", "init: {b: -50}\n", "no gradient", "b",
        "`init: {b: 1}`"),
    "a branch that is never taken": ("where(t < 0, V @ x, tanh(W @ x + R @ h[t-1]))", "",
        "no gradient", "V", ""),
    "in a condition only": ("where(V @ x > 0, tanh(W @ x + R @ h[t-1]), h[t-1])", "",
        "no gradient", "V", ""),
    "terms that cancel": ("tanh(W @ x + R @ h[t-1] + b_2 - b_2)", "", "no gradient", "b_2", ""),
    "a division by zero": ("tanh((W @ x) / p + R @ h[t-1])", "", "not finite", "p",
        "`init: {p: 1}`"),
    "a root of zero": ("tanh(W @ x + R @ h[t-1] + sqrt(abs(b)))", "", "not finite", "b",
        "`init: {b: 1}`"),
    "a large matrix": ("W @ x + R @ h[t-1]", "init: {R: {normal: 0.5}}\n", "explodes", "h",
        "`init: {R: orthogonal}`"),
    "a factor above 1": ("W @ x + 1.5 * h[t-1]", "", "explodes", "h", ""),
    "an exponential": ("exp(W @ x + R @ h[t-1])", "", "explodes", "h", ""),
    "a steep activation": ("tanh(W @ x + 2 * (R @ h[t-1]))", "", "gradient explodes", "h",
        "apply to what is carried only what has slopes of at most 1, as tanh has, and let matrices"
        " on states begin orthogonal"),
    "forgets all": ("0.5 * h[t-1] * sigmoid(W @ x)", "initial: {h: 1}\n", "dies", "h", ""),
    "far from 0": ("tanh(W @ x + R @ h[t-1] + b)", "init: {b: 20}\n", "saturated", "h",
        "`init: {b: 1}`"),
}  # fmt: skip


@pytest.mark.parametrize(("equation", "more", "problem", "name", "fix"), ODD.values(), ids=ODD)
def test_what_is_odd_at_the_start_is_named(
    equation: str, more: str, problem: str, name: str, fix: str
) -> None:
    findings = [finding for finding in lint(cell(of(equation, more))) if finding.problem == problem]
    assert len(findings) == 1
    assert name in findings[0].names
    assert findings[0].fix == fix if fix else not findings[0].init
    assert findings[0].advice


@pytest.mark.parametrize(
    "body",
    [
        "extends: lstm\ninit: {b_f: 20}\n",
        of("tanh((W @ x) / p + R @ h[t-1])"),
        of("relu(W @ x + R @ h[t-1] + b)", "init: {b: -50}\n"),
        of("tanh(W @ x + R @ h[t-1])", "init: {R: {normal: 20}}\n"),
    ],
)
def test_with_the_init_that_is_proposed_the_warning_is_gone(body: str) -> None:
    findings = lint(cell(body))
    assert findings
    for finding in findings:
        assert finding.init
        mended = lint(lang.with_init(cell(body), finding.init))
        assert (finding.problem, finding.names) not in [
            (other.problem, other.names) for other in mended
        ]


def test_no_other_beginning_is_proposed_for_a_constant() -> None:
    body = "constants: |\n  D = (row == col) * 3\n" + of("W @ x + D @ h[t-1]")
    (finding,) = lint(cell(body))
    assert finding.problem == "explodes"
    assert "D" not in finding.init
    assert "orthogonal" not in str(finding.init)


def test_a_gate_is_named_by_its_equation_and_an_activation_within_one_by_its_name() -> None:
    assert only("extends: lstm\ninit: {b_f: 20}\n").text.startswith("'f' is saturated at the start")
    assert only(of("1 * tanh(W @ x + R @ h[t-1] + b)", "init: {b: 20}\n")).text.startswith(
        "tanh in 'h' is saturated"
    )


def test_states_that_die_with_what_never_reaches_them_are_told_with_it() -> None:
    body = "equations: |\n  c = c[t-1] * sigmoid(V @ x)\n  h = tanh(W @ x + R @ h[t-1] + U @ c)\n"
    assert {(finding.problem, finding.names) for finding in lint(cell(body))} == {
        ("no gradient", ("V", "U")),
        ("dies", ("c",)),
    }


def test_a_cell_that_has_no_value_with_few_units_is_run_with_more() -> None:
    many = lang.load("clockwork", options={"modules": 40})
    assert lint(many) == ()
    broken = lang.with_init(many, {"b": Init("constant", (9,))})
    assert [finding.problem for finding in lint(broken)] == ["saturated"]


def test_a_layer_above_the_first_is_looked_at_too() -> None:
    body = of(
        "tanh(W @ x + R @ h[t-1] + relu(p_u) * below.h)",
        "first_layer: |\n  h = tanh(W @ x + R @ h[t-1])\n",
    )
    assert (only(body).layer, only(body).names) == (2, ("p_u",))


def test_a_cell_of_a_thousand_operations_is_looked_at_in_seconds() -> None:
    lines = [f"  e_{n} = tanh(W_{n} @ x + R_{n} @ h[t-1] + b_{n} * relu(p_{n}))" for n in range(80)]
    total = (
        " + ".join(f"e_{n}" for n in range(40))
        + " + tanh("
        + " + ".join(f"e_{n}" for n in range(40, 80))
        + ")"
    )
    large = cell("equations: |\n" + "\n".join([*lines, f"  h = tanh({total})"]) + "\n")
    began = time.process_time()
    assert lint(large)
    assert time.process_time() - began < 8


def test_a_warning_stands_where_the_weight_is_used_and_at_the_init_that_is_in_the_way() -> None:
    spec = parse_cell(DEAD, "dead.yaml")
    (mistake,) = warnings(spec, lang.check(spec))
    assert (mistake.span.line, mistake.span.column, mistake.span.length) == (5, 33, 3)
    assert mistake.warning
    assert mistake.problem.startswith("'w_a', 'w_b' and 'w_c' get no gradient")
    spec = parse_cell("name: q\nextends: lstm\ninit:\n  b_f: 20\n", "q.yaml")
    (mistake,) = warnings(spec, lang.check(spec))
    assert (mistake.span.file, mistake.span.line, mistake.span.column) == ("q.yaml", 4, 3)


def test_check_warns_and_does_not_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dead.yaml").write_text(DEAD)
    assert main(["check", str(tmp_path / "dead.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "is right: 3 equations" in printed
    assert "dead.yaml:5:33: warning: 'w_a', 'w_b' and 'w_c' get no gradient" in printed
    assert "fix: `init: {w_b: 1}`" in printed
    assert main(["check", "--json", str(tmp_path / "dead.yaml")]) == 0
    (file,) = json.loads(capsys.readouterr().out)
    assert file["mistakes"] == []
    assert [
        (warning["line"], warning["column"], warning["fix"]) for warning in file["warnings"]
    ] == [(5, 33, "`init: {w_b: 1}`")]


def test_check_as_json_has_mistakes_and_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(
        "name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1]) + q\n"
    )
    assert (
        main(["check", "--json", str(tmp_path / "bad.yaml"), str(tmp_path / "nothing.yaml")]) == 2
    )
    bad, nothing = json.loads(capsys.readouterr().out)
    assert (bad["mistakes"][0]["line"], bad["warnings"]) == (3, [])
    assert "there is no file" in nothing["mistakes"][0]["problem"]


def test_show_warns_in_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dead.yaml").write_text(DEAD)
    main(["show", str(tmp_path / "dead.yaml")])
    assert "warning: 'w_a', 'w_b' and 'w_c' get no gradient" in capsys.readouterr().out
    main(["show", "--json", str(tmp_path / "dead.yaml")])
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert (warning["names"], warning["init"]) == (["w_a", "w_b", "w_c"], {"w_b": 1})


def test_check_of_an_experiment_warns_of_its_own_cells_and_of_what_its_init_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dead.yaml").write_text(DEAD)
    spec = (
        "experiment: e\n"
        "task: adding\n"
        "variants: [lstm, dead, {name: shut, cell: lstm, init: {b_f: -20}}]\n"
    )
    (tmp_path / "e.yaml").write_text(spec)
    assert main(["check", str(tmp_path / "e.yaml")]) == 0
    printed = capsys.readouterr().out
    assert (
        "dead.yaml:5:33: warning: variant 'dead': 'w_a', 'w_b' and 'w_c' get no gradient" in printed
    )
    assert "warning: variant 'shut': 'f' is saturated at the start" in printed
    assert "variant 'lstm'" not in printed


# of `spectral_radius`, which Keras does not have, see tests/lang/test_matrices.py
@pytest.mark.parametrize("name", sorted(INITIALISERS.keys() - {"spectral_radius"}))
def test_every_initialiser_begins_with_what_keras_begins_with(name: str) -> None:
    """Mean and deviation of many draws, by Keras' formulas."""
    shape, values = (300, 200), (0.3,) if name in ("constant", "normal", "uniform") else ()
    drawn = start.draw(Init(name, values), shape, {}, np.random.default_rng(0))
    rows, columns = shape
    deviations = {
        "constant": 0, "zeros": 0, "ones": 0, "identity": np.eye(*shape).std(),
        "orthogonal": rows**-0.5, "normal": 0.3, "uniform": 0.3 / 3**0.5,
        "glorot": (2 / (rows + columns)) ** 0.5, "he": (2 / columns) ** 0.5, "lecun": columns**-0.5,
    }  # fmt: skip
    deviation = deviations[name.removesuffix("_uniform").removesuffix("_normal")]
    assert drawn.shape == shape
    assert drawn.std() == pytest.approx(deviation, rel=0.02)
    assert drawn.mean() == pytest.approx(
        {"constant": 0.3, "ones": 1, "identity": 1 / rows}.get(name, 0), abs=0.005
    )


def test_orthogonal_matrices_are_orthogonal_whatever_their_shape() -> None:
    for shape in ((5, 5), (7, 3), (3, 7)):
        drawn = start.draw(Init("orthogonal"), shape, {}, np.random.default_rng(0))
        small = drawn @ drawn.T if shape[0] < shape[1] else drawn.T @ drawn
        np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-12)
