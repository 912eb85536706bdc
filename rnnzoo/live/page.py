"""What is shown of a sweep -> the page, in sections: each is replaced by itself when it changes.

All of it is written here, so that the page is whole without its script, which only asks for news.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from rnnzoo import __version__, errors
from rnnzoo.errors import command, duration, number_of, score_text, signed
from rnnzoo.live import draw
from rnnzoo.live.look import OVER, Shown
from rnnzoo.markup import Markup, join, prose, tag
from rnnzoo.spec.hyperparameters import value_text

CARDS = 24  # trials whose curve is shown; more are listed
WORDS = {"silent": "no sign of life", "failed": "ended by an error"}
ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"


def sections(shown: Shown, spec: str) -> dict[str, Markup]:
    """The sections by their id, in order; one that has nothing to show is empty.

    Args:
        spec: the file of the experiment, as the user wrote it.
    """
    if shown["state"] == "not begun":
        return {**dict.fromkeys(SECTIONS, Markup()), "head": _not_begun(shown, spec)}
    made = {
        "head": _head(shown, spec),
        "claims": _claims(shown),
        "running": _running(shown),
        "variants": _variants(shown),
        "ended": _ended(shown),
        "notes": _notes(shown),
    }
    return {name: made[name] for name in SECTIONS}


SECTIONS = ("head", "claims", "running", "variants", "ended", "notes")


def whole(shown: Shown, spec: str) -> str:
    """The page as it is opened."""
    parts = sections(shown, spec)
    main = tag(
        "main",
        tag("p", id="offline", role="status", hidden=True),
        *(tag("section", content, id=name) for name, content in parts.items()),
    )
    times = "Times are those of the machine on which `rnnzoo watch` runs"
    scores = "Scores: lower is better"
    foot = tag("footer", tag("p", prose(f"rnnzoo {__version__}. {times}. {scores}.")))
    again = tag("noscript", tag("meta", http_equiv="refresh", content="5"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href=ICON),
        tag("title", title(shown)),
        tag("style", Markup(style())),
        again,
    )
    body = tag("body", main, foot, tag("script", Markup(script())), data_now=clock(shown))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}"


def title(shown: Shown) -> str:
    """What the tab says."""
    if shown["state"] == "not begun":
        return f"{shown['experiment']}: not begun"
    state = WORDS.get(shown["state"], shown["state"])
    return f"{shown['done']}/{shown['planned']} {shown['experiment']}: {state}"


def clock(shown: Shown) -> float | None:
    """The sweep's own clock, by which times go on in the browser; None where they stand still."""
    return None if shown["state"] in (*OVER, "not begun") else shown["written"]


@cache
def style() -> str:
    """The style of reports, and over it the page's own."""
    return (files("rnnzoo") / "report/pages/style.css").read_text() + _own("style.css")


@cache
def script() -> str:
    return _own("script.js")


def _own(name: str) -> str:
    return (files("rnnzoo") / "live" / name).read_text()


# ------------------------------------------------------------------ the head


def _not_begun(shown: Shown, spec: str) -> Markup:
    return join(
        [
            _title(shown),
            tag("p", _state("not begun"), " This page shows the sweep once it begins."),
            tag("p", tag("code", command("sweep", spec))),
        ]
    )


def _head(shown: Shown, spec: str) -> Markup:
    about = tag("p", shown["about"], class_="lead") if shown["about"] else Markup()
    bar = tag(
        "progress",
        value=shown["done"],
        max=max(shown["planned"], 1),
        aria_label="trials that ended",
    )
    facts = [tag("li", fact) for fact in _facts(shown)]
    return join(
        [
            _title(shown),
            about,
            tag("p", _state(shown["state"]), " ", *_said(shown, spec), role="status"),
            bar,
            tag("ul", *facts, class_="facts"),
            *_steered(shown.get("told") or {}, spec),
            *_parts(shown["parts"]),
        ]
    )


def _title(shown: Shown) -> Markup:
    return tag("h1", shown["experiment"])


def _state(state: str) -> Markup:
    return tag("span", WORDS.get(state, state), class_=f"state {state.replace(' ', '-')}")


def _said(shown: Shown, spec: str) -> Iterator[str]:
    """What follows from the state, in a sentence."""
    again = tag("code", command("sweep", spec))
    match shown["state"]:
        case "silent":
            yield f"for {duration(shown['silent'])}: the sweep was killed, its machine is away, or"
            yield " its folder cannot be reached. If it is gone, "
            yield from (again, " goes on.")
        case "failed":
            yield tag("span", prose(shown["ended"]["text"]), class_="said")
        case "stopped":
            yield f"at {moment(shown['ended']['time'])}. "
            yield from (again, " goes on.")
        case "ended":
            left = shown["planned"] - shown["done"]
            rest = f"{number_of(left, 'trial is', 'trials are')} left" if left > 0 else ""
            if len(shown["parts"]) == 1:  # each of several has its own reason
                rest = shown["ended"]["text"] or rest
            yield f"at {moment(shown['written'])}"
            yield prose(f"; {rest}. " if rest else ". ")
            yield "The report: "
            yield tag("code", shown.get("report") or "")


def _facts(shown: Shown) -> Iterator[str]:
    follows = shown["confirm"] and not shown["second_stage"] and shown["state"] not in OVER
    of = f" of {number_of(shown['planned'], 'trial')}"
    search = " of the search; the second stage follows" if follows else ""
    yield join([tag("b", str(shown["done"])), of, search])
    if shown["state"] not in OVER:
        yield join([tag("b", str(len(shown["running"]))), " running"])
    if shown["state"] == "running":
        left = shown["left"]
        yield "measuring the pace" if left is None else f"about {duration(left)} left"
    began = f"begun {moment(shown['began'])}"
    if clock(shown) is None:
        yield f"{began}, ran for {duration(shown['written'] - shown['began'])}"
    else:
        yield join([began, ", ", _for(shown, shown["began"]), " ago"])


def _steered(told: Mapping[str, Any], spec: str) -> Iterator[Markup]:
    """What the sweep was told by `rnnzoo ctl`, as far as it is in force."""
    said: list[str] = []
    if told.get("paused"):
        resume = tag("code", command("ctl", spec, "resume"))
        since = moment(datetime.fromisoformat(told["paused"]).timestamp())
        said.append(join([f"paused since {since}: no trial begins until ", resume]))
    if told.get("stopped"):
        said.append(f"no more trials of {', '.join(told['stopped'])}")
    if told.get("workers") is not None:
        said.append(f"{number_of(told['workers'], 'trial')} at a time")
    if told.get("budget") is not None:
        said.append(f"a budget of {number_of(told['budget'], 'training')} a task")
    if said:
        yield tag("p", "Told: ", join(said, "; "), ".", class_="note")


def _parts(parts: Sequence[Shown]) -> Iterator[Markup]:
    """Who runs it."""
    if len(parts) == 1:
        part = parts[0]
        what = "" if part["part"] == "everything" else f"{part['part']}, "
        yield tag("p", f"{what}{_process(part)}", class_="soft")
        return
    rows = [
        _row([part["part"], _state(part["state"]), _process(part), moment(part["began"])])
        for part in parts
    ]
    yield _table(["part", "state", "process", "begun"], rows, "parts", "parts of the sweep")


def _process(part: Shown) -> str:
    workers = part.get("workers")
    at_once = f", {number_of(workers, 'trial')} at a time" if workers else ""
    return f"process {part['pid']} on {part['host']}{at_once}"


# ------------------------------------------------------------------ claims


def _claims(shown: Shown) -> Markup:
    if not shown["claims"]:
        return Markup()
    second = shown["second_stage"]
    head = tag("h2", "Claims")
    if not second:
        when = "when the sweep is over, in the report"
        if shown["confirm"]:
            when = "by the second stage, which begins when the search has ended"
        items = [tag("li", text, class_="claim") for text in shown["claims"]]
        judged = tag("p", f"They are judged {when}.", class_="note")
        return join([head, judged, tag("ul", *items, class_="claims")])
    tasks = [_second(shown, task, now) for task, now in second.items()]
    return join([head, *tasks])


def _second(shown: Shown, task: str, now: Mapping[str, Any]) -> Markup:
    unit = shown["metrics"].get(task, {}).get("unit", "")
    cards = [_claim(claim, unit) for claim in now["claims"]]
    legend = tag(
        "p",
        "Each picture: the mean difference of the two and its interval, round by round. Above 0 the"
        " first is worse. A claim is decided where the interval lies outside of the darker floor,"
        " or, for the same, inside of the dashed lines; the lighter band is the margin.",
        class_="note",
    )
    return join(
        [
            tag("p", f"{_begin(now['lines'][0])}{_to_come(now)}."),
            *([tag("p", f"Not tuned: {', '.join(now['untuned'])}.")] if now["untuned"] else []),
            tag("div", *cards, class_="cards") if cards else Markup(),
            legend if cards else Markup(),
        ]
    )


def _to_come(now: Mapping[str, Any]) -> str:
    if now["ended"]:
        return ""
    return f"; {number_of(now['next'], 'training')} in this round, at most {now['at_most']} to come"


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _claim(claim: Mapping[str, Any], unit: str) -> Markup:
    looks = [
        (look["rounds"], look["mean"], look["low"], look["high"])
        for look in claim["history"]
        if look["rounds"]
    ]
    answer, a, b = claim["answer"], claim["a"], claim["b"]
    bounds = claim["floor"], claim["inside"], claim["margin"]
    said = _standing(claim, unit)
    picture = draw.closing(looks, bounds, (a, b), unit, f"{claim['claim']}: {answer}, {said}")
    return tag(
        "article",
        tag("h3", claim["claim"]),
        tag("p", tag("span", _answer(claim), class_=f"word {answer}"), said),
        picture,
        class_="card",
    )


def _answer(claim: Mapping[str, Any]) -> str:
    match claim["answer"]:
        case "same":
            return f"the same within {claim['margin']:g}"
        case "open":
            return "open"
    return f"{claim['a']} is {claim['answer']}"


def _standing(claim: Mapping[str, Any], unit: str) -> str:
    after = f"after {number_of(claim['rounds'], 'round')}"
    if claim["low"] is None or claim["high"] is None:
        return after if claim["rounds"] else "no round has ended"
    of = f" {unit}" if unit else ""
    return f"{signed(claim['low'])} to {signed(claim['high'])}{of}, {after}"


# ------------------------------------------------------------------ trials that run


def _running(shown: Shown) -> Markup:
    running = shown["running"]
    if shown["state"] in OVER:
        return Markup()
    head = tag("h2", "Running")
    if not running:
        text = "No trial runs." if shown["done"] else "Starting the processes that train."
        return join([head, tag("p", text, class_="note")])
    cards = [_trial(shown, trial) for trial in running[:CARDS]]
    text = "A trial's curve is blue; grey are those of the others that run on its task."
    note = tag("p", text, class_="note")
    rest = [_row(_listed(shown, trial)) for trial in running[CARDS:]]
    names = ["trial", "epoch", "score", "for", "where"]
    return join(
        [
            head,
            tag("div", *cards, class_="cards"),
            note if len(running) > 1 else Markup(),
            _table(names, rest, "more", "more trials that run") if rest else Markup(),
        ]
    )


def _trial(shown: Shown, trial: Shown) -> Markup:
    others = [
        _points(other)
        for other in shown["running"]
        if other is not trial and other["task"] == trial["task"]
    ]
    what, name = _metric(shown, trial["task"]), label(shown, trial)
    epoch = f"epoch {trial['epoch']} of {trial['epochs']}" if trial["epoch"] else "compiling"
    picture = draw.curve(
        _points(trial), others, trial["epochs"], f"{shown['select']} {what}", f"{name}: {epoch}"
    )
    scores = ""
    if trial["value"] is not None:
        scores = f"now {score_text(trial['value'])}, best {score_text(trial['best'])}"
    where = f", {trial['place']}" if trial["place"] else ""
    return tag(
        "article",
        tag("h3", name),
        tag("p", epoch, ", for ", _for(shown, trial["began"]), where, class_="soft"),
        picture,
        tag("p", scores, class_="scores") if scores else Markup(),
        tag("p", setting(trial["setting"]), class_="soft"),
        class_="card",
    )


def _listed(shown: Shown, trial: Shown) -> list[str]:
    epoch = f"{trial['epoch']}/{trial['epochs']}"
    value = score_text(trial["value"])
    return [label(shown, trial), epoch, value, _for(shown, trial["began"]), trial["place"]]


def _points(trial: Shown) -> list[draw.Point]:
    return [(step, value) for step, value in trial["curve"] if value is not None]


def _metric(shown: Shown, task: str) -> str:
    """The metric of a task, with its unit where that says more."""
    of_task = shown["metrics"].get(task, {})
    metric, unit = of_task.get("metric", "score"), of_task.get("unit", "")
    return f"{metric}, {unit}" if unit and unit != metric else metric


# ------------------------------------------------------------------ trials that ended


def _variants(shown: Shown) -> Markup:
    studies = shown["studies"]
    tasks = dict.fromkeys(study["task"] for study in studies)
    several = len(tasks) > 1
    waits = any(study["waiting"] for study in studies)
    bad = any(study["not_complete"] for study in studies)
    names = ["variant", *(["task"] if several else []), "progress", "trials"]
    names += [*(["wait at a rung"] if waits else []), *(["not complete"] if bad else []), "best"]
    rows = []
    for study in studies:
        counts = [study["waiting"]] * waits + [study["not_complete"]] * bad
        bar = tag("progress", value=study["done"], max=max(study["planned"], 1),
                  aria_label=f"trials of {study['variant']}")  # fmt: skip
        cells = [
            _variant(study), *([study["task"]] if several else []), bar,
            f"{study['done']}/{study['planned']}", *(str(count or "") for count in counts),
            score_text(study["best"]),
        ]  # fmt: skip
        rows.append(_row([*cells, setting(study["setting"])]))
    metrics = "; ".join(f"{task}: {_metric(shown, task)}" for task in tasks)
    note = tag("p", f"Best score on {shown['select']}. {metrics}.", class_="note")
    return join(
        [
            tag("h2", "Search"),
            _table([*names, "its setting"], rows, "studies", "trials of each variant"),
            note,
        ]
    )


def _ended(shown: Shown) -> Markup:
    if not shown["ended_last"]:
        return Markup()
    rows = [_row(_of_ended(shown, trial)) for trial in shown["ended_last"]]
    names = ["trial", "outcome", shown["select"], "epochs", "took", "at", "where", "setting"]
    all_of_them = prose("The storage has all of them: `rnnzoo status`, `rnnzoo report`.")
    note = tag("p", all_of_them, class_="note")
    return join(
        [tag("h2", "Ended last"), _table(names, rows, "last", "trials that ended last"), note]
    )


def _of_ended(shown: Shown, trial: Shown) -> list[str]:
    said = f": {trial['message']}" if trial["message"] else ""
    took = "" if trial["seconds"] is None else duration(trial["seconds"])
    kind = tag("span", trial["kind"].replace("_", " "), class_=f"kind {trial['kind']}")
    return [
        label(shown, trial), kind, score_text(trial["score"]), str(trial["epochs"] or ""), took,
        moment(trial["time"]), trial["place"], join([setting(trial["setting"]), prose(said)]),
    ]  # fmt: skip


def _notes(shown: Shown) -> Markup:
    if not shown["notes"]:
        return Markup()
    items = [
        tag("li", tag("span", moment(note["time"]), class_="soft"), " ", prose(note["text"]))
        for note in reversed(shown["notes"])
    ]
    return join(
        [tag("h2", "What the sweep said"), tag("ol", *items, class_="notes", reversed=True)]
    )


# ------------------------------------------------------------------ words


def label(shown: Shown, trial: Shown) -> str:
    """What the terminal calls a trial."""
    task = f" on {trial['task']}" if len(shown["metrics"]) > 1 else ""
    return f"{_variant(trial, task)} {trial['index']}"


def _variant(study: Shown, task: str = "") -> str:
    replicate = f", replicate {study['replicate']}" if study["replicate"] else ""
    stage = f", {study['stage']}" if study["stage"] else ""
    return f"{study['variant']}{task}{replicate}{stage}"


def setting(values: Mapping[str, Any]) -> str:
    """A point of the space."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value_text(value)}" for name, value in values.items()
    )


def moment(seconds: float) -> str:
    """A time of day, with the date where that is another day."""
    return errors.moment(datetime.fromtimestamp(seconds), "%H:%M:%S")


def _for(shown: Shown, began: float) -> Markup:
    """How long something takes by now; it goes on in the browser."""
    return tag("span", duration(max(0.0, shown["written"] - began)), data_began=began)


def _row(cells: Iterable[str]) -> Markup:
    return tag("tr", *(tag("td", cell) for cell in cells))


def _table(names: Sequence[str], rows: Sequence[Markup], kind: str, about: str) -> Markup:
    """A table that scrolls by itself where it is too wide; `about` is for those who cannot see."""
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_=kind)
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=about)
