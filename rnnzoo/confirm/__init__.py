"""The second stage of an experiment: fresh trainings, where the search says that all do well, until
claims are decided.

    questions     what is asked of two variants, and how rounds of trainings answer it
    several       a claim about several tasks: the level of each, and what they say together
    region        where in the space all do well, from the trials of the search
    stage         what to train next, from all that was trained
    stand         an experiment and its results -> what is decided, and the next trainings
    own_settings  whether a search finds settings of each variant's own
    forecast      what a second stage can be expected to decide
    told          a second stage in sentences, as it runs

Pure: nothing is trained, read or written here.  A sweep, a report and the simulations that say what
a verdict is worth all use these functions.
"""
