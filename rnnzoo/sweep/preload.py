"""What the fork server imports: everything that a trial needs, and Keras without the libraries that
it only looks for.

Keras imports scikit-learn, pandas and matplotlib where they are installed, for wrappers and
adapters that no trial uses: a third of its import, and memory of each trial.  A task of the user's
that wants them can import them all the same.
"""

from __future__ import annotations

import sys

OPTIONAL = ("sklearn", "pandas", "matplotlib")

_absent = [name for name in OPTIONAL if name not in sys.modules]
for _name in _absent:
    # what Python calls a module that cannot be imported
    sys.modules[_name] = None  # type: ignore[assignment]
try:
    import rnnzoo.nn.train  # noqa: F401
finally:
    for _name in _absent:
        del sys.modules[_name]
