"""The judge's tools: pure functions on arrays, each with its source.  Needs NumPy and SciPy, and nothing of ours.

estimate    intervals by the bootstrap
"""
