"""Which keys an experiment has, what may stand under each, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from rnnzoo.spec import cell as cells
from rnnzoo.spec.claims import CLAIM
from rnnzoo.spec.document import MAX_TEXT
from rnnzoo.spec.experiment import (
    CellSearch,
    Confirm,
    Rungs,
    Search,
    Select,
)
from rnnzoo.spec.hyperparameters import MODEL, SEARCHABLE, TRAINING, Hyperparameter, Training
from rnnzoo.spec.keys import (
    NUMBER,
    ByName,
    Either,
    Items,
    Key,
    Keys,
    Legal,
    Names,
    Shared,
    Text,
)
from rnnzoo.spec.shares import SHARE
from rnnzoo.spec.space import searched
from rnnzoo.spec.trial import RETRIED

EXTENDS = "extends"
MAX_LABEL = 60  # characters
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
LABEL_FIX = (
    "use English letters, digits, `_`, `-`, `+` and `.`, a letter or digit first, at most"
    f" {MAX_LABEL}"
)
BYTES = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([KMGTkmgt][Ii]?)?[Bb]?\s*")
MAX_VARIANTS = 200  # each has a line in every table and figure
MAX_TASKS = 50
MAX_CLAIMS = 200  # each is a test, and p is adjusted for all of them
MAX_TRIALS = 1_000_000
MAX_POINTS = 1000
MAX_SEED = 2**63 - 1  # the largest whole number that databases hold
MAX_REPLICATES = 1000
MAX_RETRIES = 100
LEAST_ROUNDS = 3  # before a spread can be told
MAX_ROUNDS = 200  # with a last one: each is a look, and a boundary is simulated for all of them
MAX_PILOTS = 20
MAX_NAMES = 100  # of parents, mutations and what is forbidden
MAX_POPULATION = 10_000
MAX_SETTINGS = 10_000
LEAST_NODES, MAX_NODES = 10, 200
SPLITS = ("train", "validation", "test")

_SPLIT = Legal(words=SPLITS)
_FLAG = Legal(flag=True)
_TRIALS = Legal(whole=True, low=1, high=MAX_TRIALS)
_SEED = Legal(whole=True, high=MAX_SEED)
_AMOUNT = Legal()
_SHARE = Either((Legal(open_low=True, high=1, open_high=True), Text(SHARE)))
_SIZE = Either((_AMOUNT, Text(BYTES.pattern)))
_LABEL = Text(LABEL.pattern, most=MAX_LABEL)
_NAMES = Items(Text(), most=MAX_NAMES)
_CELL = Text(names="cells")


def is_label(text: str) -> bool:
    """Whether an experiment, a task or a variant can be called so."""
    return LABEL.fullmatch(text) is not None and len(text) <= MAX_LABEL


def _rows(table: Mapping[str, Hyperparameter]) -> Mapping[str, Key]:
    return {name: Key(row.help, row.legal, row.without) for name, row in table.items()}


TRAINED, BUILT = _rows(TRAINING), _rows(MODEL)
_TRAINING = Shared("training", Keys(TRAINED, Training()))
_SPACE = Shared("space", Keys({name: searched(row) for name, row in SEARCHABLE.items()}))
_POINT = Keys(
    {name: Key(row.help, row.legal, may_be_empty=False) for name, row in SEARCHABLE.items()}
)
_LABELLED = {"label": Key("what claims, studies and reports call it", _LABEL, "its name")}
_TASK = ByName("tasks", _LABELLED, r".*\.py", whole=True)
_WHOLE_TASK = Shared("task", _TASK)

VARIANT: Mapping[str, Key] = {
    "name": Key("what claims, status and reports call it", _LABEL, needed=True),
    "cell": Key("the cell, by its name or the path of its file", _CELL, "that of its name"),
    "options": Key("numbers in the place of the cell's own options", Names(NUMBER), "the cell's"),
    "init": Key(
        'how weights begin, by their names; `"*"` is any weight that is not named',
        Names(cells.INIT),
        "that of the experiment, else the cell's",
    ),
    "space": Key("laid over the space of `search:`, name by name", _SPACE, "that of `search:`"),
}
RUNGS: Mapping[str, Key] = {
    "epochs": Key(
        "epochs in ascending order", Items(Legal(whole=True, low=1), least=1), needed=True
    ),
    "keep": Key("the share of a search's trials that goes on from each rung", _SHARE, "`1/3`"),
}
EARLIER: Mapping[str, Key] = {
    "trials": Key("how many trials there were", _TRIALS, needed=True),
    "space": Key("what was otherwise in the space", _SPACE, needed=True),
}
SEARCH: Mapping[str, Key] = {
    "sampler": Key("`random`, `grid`, `qmc`, or one of Optuna's", ByName("samplers"), "`random`"),
    "pruner": Key("one of Optuna's", ByName("pruners"), "none"),
    "rungs": Key(
        "epochs at which the trials of a search wait for each other, and the best go on",
        Either((RUNGS["epochs"].holds, Keys(RUNGS, Rungs(())))),
        "each trains to its end",
    ),
    "trials": Key(
        "for each variant on each task, a total: raise it and run again for more, which with"
        " `rungs` is another search",
        _TRIALS,
        "10",
    ),
    "seed": Key("drives the points, the weights, the order of the data and dropout", _SEED, "0"),
    "draws": Key(
        "`own`: each variant has its own points; `common`: all get the same ones",
        Legal(words=("own", "common")),
        "`own`",
    ),
    "points": Key(
        "known good points, which are tried first", Items(_POINT, most=MAX_POINTS), "none"
    ),
    "earlier": Key(
        "narrower spaces, from which the first trials were drawn",
        Either((Keys(EARLIER), Items(Keys(EARLIER)))),
        "none",
    ),
    "space": Key(
        "what is searched, and what is fixed", _SPACE, "`units: 64`, `learning_rate: 1e-3`"
    ),
}
SELECT: Mapping[str, Key] = {
    "on": Key("the split that kept trials are chosen on", _SPLIT, "`validation`"),
    "keep": Key(
        "how many of the best trials of each variant are compared: a count, or a share of them",
        Either((NUMBER, Text(SHARE))),
        "a tenth, at least 3",
    ),
    "report": Key("the split that is reported", _SPLIT, "`test`"),
    "replicates": Key(
        "how often each kept trial is run once more, on fresh seeds",
        Legal(whole=True, high=MAX_REPLICATES),
        "0",
    ),
}
CONFIRM: Mapping[str, Key] = {
    "until": Key(
        "`decided`: at most `most` rounds; `stopped`: no last round, for a study whose end is open,"
        " with wider intervals",
        Legal(words=("decided", "stopped")),
        "`decided`",
    ),
    "settings": Key(
        "`common`: all variants train at the same settings, where all do well; `own`: each has a"
        " region of its own, for cells whose best settings lie far apart, or whose spaces differ",
        Legal(words=("common", "own")),
        "`common`",
    ),
    "region": Key(
        "how much of the space the region is: a share, `1%`, `0.01` or `1/100`; where one or two"
        " hyper-parameters are searched, `10%` keeps the answers from being about a single value",
        _SHARE,
        "`1%`",
    ),
    "pilot": Key(
        "trainings of each claimed variant in the region before the rounds; at most 20; 0 trusts"
        " the prediction",
        Legal(whole=True, high=MAX_PILOTS),
        "2",
    ),
    "first": Key(
        "the round after which claims are looked at first; at least 3",
        Legal(whole=True, low=LEAST_ROUNDS, high=MAX_ROUNDS),
        "6",
    ),
    "most": Key(
        "rounds at most, at most 200; the fewer, the narrower the intervals. Choose it before you"
        " look: with another one every look has another level",
        Legal(whole=True, low=LEAST_ROUNDS, high=MAX_ROUNDS),
        "18",
    ),
    "budget": Key(
        "trainings on each task, those of the search and the pilots included", _TRIALS, "150"
    ),
    "hours": Key(
        "hours of training on each task, of all workers together and those of the search included:"
        " two workers spend two in an hour. Once they are spent no further pilots or rounds begin,"
        " beside the `budget`",
        _AMOUNT,
        "no limit",
    ),
}
RETRY: Mapping[str, Key] = {
    str(kind): Key(
        f"how often a trial that ended as `{kind}` is begun again",
        Legal(whole=True, high=MAX_RETRIES),
        "never",
    )
    for kind in RETRIED
}
RESOURCES: Mapping[str, Key] = {
    "memory": Key(
        "a trial that holds more resident memory is ended as `out_of_memory` (`500MB`, `2GB`,"
        " `1.5GiB`)",
        _SIZE,
        "no limit",
    ),
    "minutes": Key("a trial that takes longer is ended as `timed_out`", _AMOUNT, "no limit"),
    "states": Key(
        "how much room the states of all finished trainings may take, from which these go on with"
        " more epochs (`500MB`, `2GB`, `0`)",
        _SIZE,
        "`100MB`",
    ),
    "retry": Key(
        "how often a trial that ended as `failed`, `out_of_memory` or `timed_out` is begun again,"
        " on the same seed",
        Keys(RETRY),
        "never",
    ),
}
FIRST_STAGE: Mapping[str, Key] = {
    "task": Key("a task that can be solved", _WHOLE_TASK, needed=True),
    "space": Key("what the setting of that training is drawn from", _SPACE, "the defaults"),
    "training": Key("its settings beside those of the space", _TRAINING, "the defaults"),
}
CELLS: Mapping[str, Key] = {
    "parents": Key(
        "variants of the experiment from which the search begins", _NAMES, "`[lstm, gru]`"
    ),
    "from": Key(
        "whether a candidate is a mutated parent, or drawn from a grammar of gated cells",
        Legal(words=("parents", "grammar")),
        "`parents`",
    ),
    "candidates": Key(
        "trained in all; more of them later go on with the same search", _TRIALS, "10000"
    ),
    "generation": Key(
        "candidates that are drawn before the population is renewed",
        Legal(whole=True, low=1, high=MAX_POPULATION),
        "50",
    ),
    "population": Key(
        "of how many best cells the next candidates are children",
        Legal(whole=True, low=1, high=MAX_POPULATION),
        "100",
    ),
    "filter": Key(
        "a task that can be solved; or `{task: ..., space: ..., training: ...}`",
        Either((_WHOLE_TASK, Keys(FIRST_STAGE))),
        "none",
    ),
    "settings": Key(
        "trainings on each task; `0` runs the filter alone",
        Legal(whole=True, high=MAX_SETTINGS),
        "20",
    ),
    "first": Key(
        "trainings of each first cell on each task",
        Legal(whole=True, low=1, high=MAX_SETTINGS),
        "100",
    ),
    "more_settings": Key(
        "in which share of its steps a search trains a cell of the population at `settings` more"
        " settings on each task, instead of drawing a candidate",
        _SHARE,
        "none",
    ),
    "gate": Key(
        "the share of the baseline's best accuracy that a candidate must exceed on a task",
        _SHARE,
        "`90%`",
    ),
    "mutations": Key("names, such as `[swap_activation, combine]`", _NAMES, "all"),
    "forbid": Key(
        'operations, or expressions in which a name is any value: `[relu, "sigmoid(sigmoid(a))"]`',
        _NAMES,
        "nothing",
    ),
    "nodes": Key(
        "most operations; an LSTM has 25",
        Legal(whole=True, low=LEAST_NODES, high=MAX_NODES),
        "60",
    ),
    "seed": Key("drives what is drawn, and the trainings", _SEED, "0"),
    "hours": Key("after which nothing is begun any more, as with `--hours`", _AMOUNT, "no limit"),
    "unseen": Key(
        "tasks that the search does not see, on which what was found is confirmed too",
        Items(_WHOLE_TASK, most=MAX_TASKS),
        "none",
    ),
}
EXPERIMENT: Mapping[str, Key] = {
    "experiment": Key(
        "its name in all stores: letters, digits, `_ - + .`, at most 60",
        _LABEL,
        "needed",
        may_be_empty=False,
    ),
    EXTENDS: Key(
        "the path of another experiment, of which this one changes some keys",
        Text(r".*\.ya?ml"),
        "none",
        may_be_empty=False,
    ),
    "about": Key("a sentence for reports", Text(most=MAX_TEXT), "empty"),
    "task": Key(
        "the task; `tasks` has several",
        replace(_TASK, whole=False),
        "needed, or `tasks`",
        may_be_empty=False,
    ),
    "tasks": Key(
        "a list of tasks",
        Items(_WHOLE_TASK, least=1, most=MAX_TASKS),
        "needed, or `task`",
        may_be_empty=False,
    ),
    "variants": Key(
        "the cells that are compared",
        Items(Either((_CELL, Keys(VARIANT))), least=1, most=MAX_VARIANTS),
        "needed",
        may_be_empty=False,
    ),
    "baseline": Key(
        "the variant that the others are compared with", Text(most=MAX_TEXT), "the first one"
    ),
    "equal": Key(
        "`units`, or `weights`: each variant gets the number of units with which it has as many"
        " weights as the baseline with the `units` of the space, at most 1 % off",
        Legal(words=("units", "weights")),
        "`units`",
    ),
    "search": Key(
        "how hyper-parameters are searched",
        Keys(SEARCH, Search()),
        "10 trials of random search",
    ),
    "training": Key("how each model is trained", _TRAINING, "see below"),
    "model": Key(
        "what a model has beside its recurrent layers",
        Keys(BUILT, Training()),
        "see below",
    ),
    "select": Key("which trials are compared, and on what", Keys(SELECT, Select()), "see below"),
    "margin": Key(
        "the largest difference that counts as none, in the metric's unit; `same as` needs it",
        _AMOUNT,
        "none",
    ),
    "floor": Key(
        "with `confirm`: a difference that does not exceed it is neither worse nor better",
        _AMOUNT,
        "half the margin; at least a quarter of it",
    ),
    "confirm": Key(
        "a second stage of fresh trainings, which decides the claims; needs a `margin` above 0",
        Keys(CONFIRM, Confirm()),
        "none: the search decides",
    ),
    "controls": Key(
        "`true` runs the baseline a second time, as `BASELINE_again`, under draws of its own: what"
        " differs then is chance",
        _FLAG,
        "`false`",
    ),
    "resources": Key(
        "what a trial may take, and how often one that failed is begun again",
        Keys(RESOURCES),
        "no limits",
    ),
    "init": Key("one initialiser for all weights of all models", cells.INIT, "that of each cell"),
    "family": Key(
        "which claims share the error rate of 5 %: all of the `file`, or those on each `task`"
        " separately, with those about several tasks as a group of their own; no trial depends on"
        " it",
        Legal(words=("file", "task")),
        "`file`",
    ),
    "share": Key(
        "`true` takes over trials of other experiments in the storage that are these to the bit, as"
        " `sweep --share` does; no trial depends on it",
        _FLAG,
        "`false`",
    ),
    "search_cells": Key(
        "a search over cells, which `rnnzoo evolve` runs and a sweep does not read:"
        " [evolve.md](evolve.md)",
        Keys(CELLS, CellSearch(())),
        "none",
    ),
    "claims": Key(
        "sentences that the runs are to support or refute",
        Items(Either((Text(most=MAX_TEXT), Keys(CLAIM))), most=MAX_CLAIMS),
        "none",
    ),
}
