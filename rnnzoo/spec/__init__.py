"""The vocabulary: frozen values that know where they were written, and no behaviour beyond reading
and checking.

    document         YAML text -> nodes with a Span (the only file that imports yaml)
    keys             which keys a table has, and what each may hold; a table is read by them
    schema           the keys as JSON Schema, for editors
    cell             CellSpec: a cell as text, `extends` resolved
    experiment       Experiment, Search, Space, Select, Claim
    read_experiment  an experiment file -> Experiment
    hyperparameters  what each hyper-parameter may be, its default, where it acts; all of a
                     training's together
    space, claims    what a space and a claim may say
    shares           how a share is written
    written          settings in messages, in the form in which their author writes them
    meant            the claim that was probably meant by a sentence that is none
    follow_ups       mistakes of an experiment without those that follow from others
    unused           keys of an experiment that have no effect
    files            where a file is that a user names
    points           random, grid and quasi-random points as functions of the index (pure)
    trial            Trial (all that one training needs), Outcome (all that it yields)
    ended            the outcome of a trial that raised an error
    shape            which trials share a program
    timing           how long training steps take, as a sweep keeps it
    stamp            the trial to which the file of a model belongs
    state            what the file of a training's state says of it
    settings         mlflow.yml
    cards            the GPUs of this machine
    plugins          tasks, trackers and launchers by their names, the user's own too
    atomic           files that are whole or not there
    seeds            numbers that follow from words
"""
