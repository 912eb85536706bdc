"""The loop: plan, search, run.

open        a spec file -> the experiment with its data, its studies and its storage
begun       `backend: auto` -> the backend with which an experiment was begun
fit         whether tasks, cells and models fit each other
plan        experiment -> studies and trials, as data (pure)
search      Optuna's storage, and what the loop asks and tells it
database    where it is: opened, made; these two and `samplers` alone import Optuna
queries     its tables, read by queries of our own
samplers    Optuna's samplers and pruners, and our own points as one
run         open -> take over -> search -> what rests on the search
editions    the open studies, and what earlier editions of them leave
takeover    trials that were run elsewhere
loop        submit -> wait -> tell -> record
tracked     trials in the tracker
after       what rests on whole searches: replicates, the second stage, speeds
supply      which trial is begun next
parts       some variants or every n-th trial of a sweep, for several machines
candidates  a search over cells with its data: its plan, its trials
evolution   the loop of a search over cells
recorded    the file of its history
equal       trials of other studies that are a study's own, to the bit
longer      trials that go on where those of earlier editions ended
halving     rungs: which trials of a search go on
steering    what a running sweep is told
channel     the folder through which it is told
observer    what the loop tells whoever shows it
tally       what it has told so far, counted
status      how far an experiment is
measure     how long a trial takes
speed       how fast two variants train, side by side
machine     cores and memory that this process has
provenance  where and with what trials are run
leftovers   files of trials that nothing needs any more
edited      whether the package's files change while a sweep runs
lock        one sweep of an experiment at a time
work        what a launcher runs
preload     what the fork server imports before the first trial
doctor      what a sweep needs of a machine

`_retry` is search's own: calls of the storage are repeated while its server is unreachable.
"""

import warnings

# of tqdm, which Optuna imports: a notebook without ipywidgets lacks bars that nobody draws
warnings.filterwarnings("ignore", message="IProgress not found")
