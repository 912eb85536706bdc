"""Answers and ranking as tables for a paper: LaTeX (booktabs), or Markdown.

In: a `Summary`.  Out: text.  What specs and tasks say is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnzoo.errors import signed
from rnnzoo.report.second import PROMISE
from rnnzoo.report.summary import Summary, TaskTable, VariantRow
from rnnzoo.report.text import interval, mean, number
from rnnzoo.report.verdict import Verdict, ends, percent, pvalue

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_ESCAPES = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]<>#|~"})  # of Markdown
Cells = Sequence[str]
TIMES = "times"  # the unit of how fast one variant trains beside another


def latex(summary: Summary) -> str:
    """A table of the verdicts and one of each ranking; they need the package booktabs."""
    parts = ["% needs \\usepackage{booktabs}"]
    if summary.verdicts:
        columns = "llrrr" if len(_units(summary)) < 2 else "llrrlr"
        parts.append(
            _tabular(columns, _heads_of_verdicts(summary), _verdicts(summary), tex(_below(summary)))
        )
    for table in summary.tables:
        columns = "lrlrl" if _fresh(table) else "lrl"
        parts.append(_tabular(columns, _heads(table), _ranking(table), tex(_about(summary, table))))
    return "\n\n".join(parts)


def markdown(summary: Summary) -> str:
    """The answers as sentences, then the tables."""
    parts = [
        f"- **{escaped(verdict.said)}**: {escaped(verdict.answer)}." for verdict in summary.verdicts
    ]
    parts = ["\n".join(parts)] if parts else []
    if summary.verdicts:
        parts += [_piped(_heads_of_verdicts(summary), _verdicts(summary)), escaped(_below(summary))]
    for table in summary.tables:
        parts += [_piped(_heads(table), _ranking(table)), escaped(_about(summary, table))]
    return "\n\n".join(parts)


# ------------------------------------------------------------------ what is in the tables


def _heads_of_verdicts(summary: Summary) -> Cells:
    unit = ("unit",) if len(_units(summary)) > 1 else ()
    return ("claim", "verdict", "difference", "interval", *unit, "trainings")


def _units(summary: Summary) -> Cells:
    """The units that differences are in, each once, in the order of the verdicts."""
    return list(
        dict.fromkeys(filter(None, (_unit(summary, verdict) for verdict in _with_parts(summary))))
    )


def _unit(summary: Summary, verdict: Verdict) -> str:
    """What a verdict's difference is measured in; empty where it has none."""
    if verdict.scale == "times":
        return TIMES
    if "difference" not in verdict.numbers:
        return ""
    if verdict.scale == "share":
        return "percentage points of trainings"
    return next((table.unit for table in summary.tables if table.task == verdict.task), "")


def _verdicts(summary: Summary) -> Iterator[Cells]:
    several, units = len(summary.tables) > 1, len(_units(summary)) > 1
    for verdict in _with_parts(summary):
        place = f"on {verdict.task}: " if several and not verdict.names_task else ""
        p = "" if verdict.p is None else f" (p {pvalue(verdict.p)})"
        difference = _difference(verdict)
        bounds = _amounts(verdict, "low", "high")
        level = f" ({percent(verdict.level)})" if bounds else ""
        unit = (_unit(summary, verdict),) if units else ()
        yield (
            f"{place}{verdict.claim}",
            f"{verdict.said}{p}",
            difference,
            f"{bounds}{level}",
            *unit,
            _trainings(verdict),
        )


def _with_parts(summary: Summary) -> Iterator[Verdict]:
    """The verdicts, each on several tasks followed by what was found on each of them."""
    for verdict in summary.verdicts:
        yield verdict
        yield from verdict.parts


def _difference(verdict: Verdict) -> str:
    if verdict.scale == "times":
        return _amounts(verdict, "ratio_lowest", "ratio_highest")
    difference = verdict.numbers.get("difference")
    if difference is None:
        return ""
    return signed(100 * difference, 0) if verdict.scale == "share" else signed(difference)


def _amounts(verdict: Verdict, first: str, last: str) -> str:
    """From one of a verdict's numbers to another; nothing where there are none."""
    if not {first, last} <= {*verdict.numbers}:
        return ""
    low, high = verdict.numbers[first], verdict.numbers[last]
    if verdict.scale == "times":
        return f"{ends(f'{low:.2f}', f'{high:.2f}')} times"
    return ends(signed(low), signed(high))


def _trainings(verdict: Verdict) -> str:
    numbers = verdict.numbers
    if verdict.parts:
        return ""
    if verdict.confirmed and "rounds" in numbers:
        return f"2 x {numbers['rounds']:.0f}"
    return f"{numbers['trials_a']:.0f} + {numbers['trials_b']:.0f}" if "trials_a" in numbers else ""


def _below(summary: Summary) -> str:
    units = _units(summary)
    unit = "the unit of each row" if len(units) > 1 else "".join(units)
    text = (
        "Differences are those of the first variant less the"
        f" second{f', in {unit}' if unit else ''}"
    )
    text = "" if units == [TIMES] else f"{text}; lower scores are better. "
    text += "How many times as fast is the median over the rounds." if TIMES in units else ""
    text = text.rstrip()
    text = f"{text} {summary.sharing}" if summary.sharing else text
    if not summary.stands:
        return text
    spent = sum(stage.trainings for stage in summary.stands)
    return (
        f"{text} Intervals of fresh trainings hold at every look. {spent} trainings in all."
        f" {PROMISE}"
    )


def _fresh(table: TaskTable) -> bool:
    return any(row.fresh for row in table.rows)


def _heads(table: TaskTable) -> Cells:
    more = ("fresh mean", "95 % interval") if _fresh(table) else ()
    return ("variant", f"best {table.keep} of the search", "95 % interval", *more)


def _ranking(table: TaskTable) -> Iterator[Cells]:
    for row in table.rows:
        yield (
            row.variant,
            mean(row, table),
            interval(row.interval),
            *(_of_rounds(row) if _fresh(table) else ()),
        )


def _of_rounds(row: VariantRow) -> Cells:
    fresh = row.fresh
    if fresh:
        return (f"{number(fresh.mean)} (n = {fresh.trainings})", interval(fresh.interval))
    return ("", "")


def _about(summary: Summary, table: TaskTable) -> str:
    return f"{table.task}: {table.metric} on {summary.report}, {table.unit}; lower is better."


# ------------------------------------------------------------------ how they are written


def _tabular(columns: str, heads: Cells, rows: Iterator[Cells], below: str) -> str:
    lines = [_tex_row(heads), r"\midrule", *map(_tex_row, rows)]
    body = "\n".join(
        ["\\begin{tabular}{" + columns + "}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}"]
    )
    return "\n".join(
        [r"\begin{table}", r"\centering", body, f"\\caption{{{below}}}", r"\end{table}"]
    )


def _tex_row(cells: Cells) -> str:
    return " & ".join(map(tex, cells)) + r" \\"


def tex(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(_TEX.get(letter, letter) for letter in text)


def _piped(heads: Cells, rows: Iterator[Cells]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(escaped, cells)) + " |" for cells in lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return " ".join(text.split()).translate(_ESCAPES)
