"""A plug-in of pytest for tests that run under torch: `np.asarray` of a tensor that has a gradient,
which torch refuses, is that of its value; bfloat16, which NumPy has not, is float32.
"""

from typing import Any

import torch

_of_values = torch.Tensor.__array__


def _detached(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
    value = tensor.detach()
    known = value.float() if value.dtype == torch.bfloat16 else value
    return _of_values(known, *arguments, **options)


torch.Tensor.__array__ = _detached
