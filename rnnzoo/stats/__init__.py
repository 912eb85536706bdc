"""The judge's tools: pure functions on arrays, each with its source.  Needs NumPy, SciPy and scikit-learn, and nothing of ours.

compare     two searches: a permutation test that repeats the selection; Welch's beside it; intervals; how many trials more
importance  which hyper-parameters explain the scores: functional ANOVA
ranks       variants over several tasks: Friedman's test and critical differences
shares      how many trials of each succeed: exact tests and intervals
tuning      what to expect of the best of n trials
"""
