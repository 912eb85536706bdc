"""The judge's tools: pure functions on arrays, each with its source.  Needs NumPy, SciPy and scikit-learn, and nothing of ours.

compare     two searches: a permutation test that repeats the selection; Welch's beside it; intervals; how many trials more
adjusted    two searches at equal settings: which does better where both do well
importance  which hyper-parameters explain the scores: functional ANOVA
linear      a mean with its interval, and the slopes of scores along axes
medians     a median by counting alone
ranks       variants over several tasks: Friedman's test and critical differences
sequential  a mean that is looked at again and again: intervals that hold at every look
shares      how many trials of each succeed: exact tests and intervals
sobol       points that fill a cube evenly
surrogate   a surface through scattered scores
tuning      what to expect of the best of n trials
"""
