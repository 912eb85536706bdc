"""What decides: `select:`, `margin:`, `floor:`, `confirm:` and `claims:`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnzoo.errors import Span, number_of
from rnnzoo.spec import claims as sentences
from rnnzoo.spec import shares
from rnnzoo.spec.document import Scalar
from rnnzoo.spec.experiment import Claim, Confirm, Dimension, Select, Variant
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.keys import CONFIRM, SELECT
from rnnzoo.spec.read_experiment.source import Source

LEAST_KEPT = 3
KEPT = 0.1  # a share, in messages
# of the margin; below it more than 5 % of studies without an effect say a wrong word
LEAST_FLOOR = 0.25


def read_select(source: Source, trials: int) -> Select:
    table = source.top.table_at("select", "{keep: 4}")
    usual = Select(keep=min(max(LEAST_KEPT, round(trials / 10)), trials))
    if table is None:
        return usual
    entry = Entry(table, source.mistakes, "`select`", SELECT)
    keep = _keep(source, entry, usual.keep)
    select = Select(
        on=entry.value("on", usual.on),
        keep=keep,
        report=entry.value("report", usual.report),
        replicates=entry.value("replicates", usual.replicates),
    )
    entry.done()
    if entry.node("keep") is not None and "keep" not in entry.refused and not source.trials_refused:
        _check_keep(source, keep, trials, entry.span("keep"))
    return select


def _keep(source: Source, entry: Entry, usual: float) -> float:
    """A count, or a share of the trials."""
    node = entry.node("keep")
    written = node.value if isinstance(node, Scalar) else None
    if isinstance(written, str) and shares.number(written) is not None:
        return source.share(entry, "keep", KEPT)
    return entry.number("keep", usual)


def _check_keep(source: Source, keep: float, trials: int, span: Span) -> None:
    """`keep` is a count or a share of the trials; fewer than three cannot be compared."""
    add, of_trials = source.mistakes.add, number_of(trials, "trial")
    if 0 < keep < 1 and keep * trials < LEAST_KEPT:
        fix = f"keep at least {LEAST_KEPT}, or run more trials"
        add(
            span,
            f"a share of {keep:g} of {of_trials} is {keep * trials:.1f}: too few to compare",
            fix,
        )
    elif keep >= 1 and not float(keep).is_integer():
        add(
            span,
            f"keep {keep:g} is neither a count nor a share",
            f"write keep: 4, or keep: {shares.forms(KEPT)}",
        )
    elif keep <= 0 or 1 <= keep < LEAST_KEPT:
        add(span, f"keep {keep:g} is too few to compare", f"keep at least {LEAST_KEPT}")
    elif keep > trials:
        add(
            span,
            f"keep {keep:g} is more than the {of_trials}",
            "keep fewer, or run more",
        )


def read_margin(source: Source) -> float | None:
    """The margin; where it is a mistake some number, since nothing more is to be said of it."""
    if source.top.node("margin") is None:
        return None
    margin = source.top.value("margin", 0.0)
    return 1.0 if "margin" in source.top.refused else margin


def read_floor(source: Source, margin: float | None) -> float | None:
    """What a difference must exceed."""
    if source.top.node("floor") is None:
        return None
    floor = source.top.value("floor", 0.0)
    if "confirm" not in source.top:
        source.mistakes.add(
            source.top.span("floor"), "`floor` is for `confirm:`, which is not here", "delete it"
        )
    if margin and not {"floor", "margin"} & source.top.refused:
        fix = f"write floor: {margin / 2:g}, or leave it out"
        if floor > margin:
            problem = f"the floor {floor:g} is above the margin {margin:g}"
            source.mistakes.add(source.top.span("floor"), problem, fix)
        elif floor < LEAST_FLOOR * margin:
            problem = (
                f"the floor {floor:g} is below a quarter of the margin {margin:g}: chance, and"
                " settings that are not known better than that, would be called a difference"
            )
            source.mistakes.add(source.top.span("floor"), problem, fix)
    return floor


def read_confirm(source: Source, margin: float | None) -> Confirm | None:
    table = source.top.table_at("confirm", "{}")
    if table is None:
        return None
    usual, entry = Confirm(), Entry(table, source.mistakes, "`confirm`", CONFIRM)
    confirm = Confirm(
        until=entry.value("until", usual.until),
        settings=entry.value("settings", usual.settings),
        region=source.share(entry, "region", usual.region),
        pilot=entry.value("pilot", usual.pilot),
        first=entry.value("first", usual.first),
        most=entry.value("most", usual.most),
        budget=entry.value("budget", usual.budget),
        hours=entry.value("hours", usual.hours),
    )
    entry.done()
    _check_confirm(source, confirm, entry, margin)
    return confirm


def _check_confirm(source: Source, confirm: Confirm, entry: Entry, margin: float | None) -> None:
    """What `confirm` needs of itself and of the margin."""
    add, span = source.mistakes.add, source.top.span("confirm")
    if margin is None or margin <= 0.0:
        problem = "`confirm` needs a margin: how much difference is none?"
        add(span, problem, "give the experiment a `margin:` above 0", ("margin",))
    if confirm.hours == 0.0 and "hours" not in entry.refused:
        add(entry.span("hours"), "nothing is trained in 0 hours", "write hours: 8, or delete it")
    if confirm.first > confirm.most and not {"first", "most"} & entry.refused:
        fix = f"write first: {confirm.most} or less"
        rounds = number_of(confirm.first, "round")
        problem = f"the first look, after {rounds}, is later than the last"
        add(entry.span("first"), problem, fix)
    if "most" in entry and confirm.until == "stopped":
        add(
            entry.span("most"),
            "`until: stopped` has no last round",
            "delete `most`, or write `until: decided`",
        )


def check_spaces(
    source: Source, confirm: Confirm, claims: Sequence[Claim], variants: Sequence[Variant]
) -> None:
    """Variants that are confirmed have a space, and where they train at common settings the
    same one.
    """
    spaces = {variant.label: variant.space.dimensions for variant in variants}
    fix = "search a hyper-parameter, as in `learning_rate: {float: [1e-3, 3e-2], log: true}`"
    if spaces and not any(spaces.values()):
        problem = "`confirm` looks for good settings, and the space has a single one"
        source.mistakes.add(source.top.span("confirm"), problem, fix, ("search", "variants"))
        return
    for claim in claims:
        a, b = spaces.get(claim.a), spaces.get(claim.b)
        if claim.form not in sentences.CONFIRMED or a is None or b is None:
            continue
        if not a or not b:
            problem = (
                f"nothing is searched of '{claim.b if a else claim.a}', which is to be"
                " confirmed where it does well"
            )
            source.mistakes.add(claim.span, problem, fix)
        elif a != b and confirm.settings == "common":
            source.mistakes.add(
                claim.span,
                f"'{claim.a}' and '{claim.b}' have no common settings: their spaces differ in"
                f" {_differing(a, b)}",
                "give both the same `space:`, or write `settings: own` in `confirm:`",
            )


def read_claims(source: Source, known: sentences.Known) -> tuple[Claim, ...]:
    claims: list[Claim] = []
    first: dict[tuple[str, ...], Claim] = {}  # by question
    for node in source.top.listing("claims"):
        claim = sentences.read(node, known, source.mistakes)
        if claim is None:
            continue
        questions = sentences.questions(claim, list(known.tasks))
        again = {question[0]: first[question] for question in questions if question in first}
        if again:
            _asked_again(source, claim, again, len(questions))
        first |= {question: claim for question in questions if question not in first}
        claims.append(claim)
    return tuple(claims)


def _asked_again(source: Source, claim: Claim, earlier: Mapping[str, Claim], of: int) -> None:
    """A claim whose question is asked before: its p would be adjusted for both.

    Args:
        earlier: the first claim that asks it, by task.
        of: how many tasks the claim is judged on.
    """
    first = next(iter(earlier.values()))
    if first.text == claim.text:
        source.mistakes.add(
            claim.span, f"the claim '{claim.text}' stands here twice", "keep one of them"
        )
        return
    where = f"on {', '.join(earlier)} this" if len(earlier) < of else "this"
    line = f" (line {first.span.line})" if first.span.file == source.file else ""
    problem = f"{where} asks what '{first.text}'{line} asks already"
    source.mistakes.add(claim.span, problem, "keep one of them: one answer decides both")


def _differing(first: Sequence[Dimension], second: Sequence[Dimension]) -> str:
    """Names of the dimensions that two spaces do not share."""
    names = {
        dimension.name
        for dimension in (*first, *second)
        if not (dimension in first and dimension in second)
    }
    return ", ".join(sorted(names)) or "the order of their dimensions"
