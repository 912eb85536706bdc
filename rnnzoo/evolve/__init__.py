"""A search over cells: which candidates are drawn and trained next, by what was trained so far.

    rows        what a history holds, one line each: draws, trainings, fates
    history     all rows of a search, found by candidate
    plan        an experiment -> what its search goes by
    draw        the next candidate: a child of the population, or of a grammar
    settings    the settings at which a candidate is trained
    judge       accuracy beside the baseline's; fitness, population, and what becomes of a candidate
    found       its best cells, and an experiment that confirms them, as files
    facts       how it went, what survived, what the best share
    tally       how far it is
    again       trainings that failed, begun once more
    advance     a history -> the rows that follow from it, and the trainings that come next

Jozefowicz, Zaremba and Sutskever, "An Empirical Exploration of Recurrent Network Architectures",
ICML 2015, section 3.  Pure: nothing is trained, read or written here.  All of it is a function of
the seed and of the history up to the generation before, so 1 worker or 8, interrupted or not, have
the same history.
"""
