"""Whether a model is traced to be exported: neither Keras nor TensorFlow says so, but who calls
does.
"""

from __future__ import annotations

import sys

# modules that write a model for other runtimes
EXPORTERS = (
    "keras.src.export.", "tensorflow.lite.", "tensorflow.python.saved_model.", "jax._src.export.",
)  # fmt: skip


def is_exporting() -> bool:
    """Whether one of them has called what runs now."""
    frame = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(EXPORTERS):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
