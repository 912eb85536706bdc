"""Statistics for the judge: pure functions on arrays, each with its source.

Needs NumPy, SciPy, scikit-learn and threadpoolctl only.

    compare     two searches: a permutation test that repeats the selection, Welch's test,
                intervals, trials still needed
    adjusted    two searches at equal settings: which variant does better where both do well
    importance  which hyper-parameters explain the scores: functional ANOVA
    linear      a mean with its interval, and the slopes of scores along axes
    medians     tests and intervals of a median by counting
    ranks       variants over several tasks: Friedman's test and critical differences
    scales      what each variant's scores are measured in
    sequential  repeated looks at a mean: intervals that hold at every look
    shares      success rates: exact tests and intervals
    sobol       points that fill a cube evenly
    surrogate   a surface through scattered scores
    threads     linear algebra on one thread
    tuning      the expected score of the best of n trials
"""
