"""What the fork server imports: everything that a trial needs, and Keras without the libraries that
it only looks for.

Keras imports scikit-learn, pandas and matplotlib where they are installed, for wrappers and
adapters that no trial uses: a third of its import, and memory of each trial.  Under JAX it also
imports TensorFlow when it saves a model, only to ask whether a part is one of TensorFlow's: four
seconds of each trial.  It asks once, and here the answer is no.  The backend is imported here too,
with what its library would import when it compiles first.  A task of the user's that wants
one of them can import it all the same.
"""

from __future__ import annotations

import sys

from rnnzoo.spec.settings import KERAS_BACKEND, keras_backend

OPTIONAL = ("sklearn", "pandas", "matplotlib")

_is_jax = keras_backend()[0] != KERAS_BACKEND
_unused = (*OPTIONAL, "tensorflow") if _is_jax else OPTIONAL
_absent = [name for name in _unused if name not in sys.modules]
for _name in _absent:
    sys.modules[_name] = None  # type: ignore[assignment]  # what Python calls a module that cannot be imported
try:
    import rnnzoo.nn.train as _train
    from rnnzoo import backends as _backends

    _backends.current()
    if _is_jax:
        _train.look_for_other_libraries()
finally:
    for _name in _absent:
        del sys.modules[_name]
