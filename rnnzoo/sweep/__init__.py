"""The loop: plan, search, run.

plan      experiment -> studies and trials, as data (pure)
points    random, grid and quasi-random points as functions of the index (pure)
search    Optuna: storage, adaptive samplers, pruners (the only file that imports it)
run       ask -> submit -> wait -> tell -> record
status    how far an experiment is
lock      one sweep of an experiment at a time
"""
