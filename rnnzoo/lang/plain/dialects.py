"""What the operations of the cell language are called in PyTorch, JAX and NumPy.

An operation that stands in none of a dialect's tables is refused (`write.Writer`).  To add one, add
its row.  Infix operators are Python's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a library's functions are written.

    Attributes:
        library: its name in messages.
        calls: operation -> function of the same operands.
        forms: operation -> an expression with one `{}` for each operand.
        where: the choice between two values.
        lower, upper: the larger, and the smaller, of an array and a number.
        helpers: functions that a file gets where it calls them, by name.
        joined: vectors side by side.
        whole: a column of a matrix in all columns, as many as another matrix has.
        rows: whether vectors are rows of a batch, so that `W @ v` is `v @ W.T`.
    """

    library: str
    calls: Mapping[str, str]
    forms: Mapping[str, str]
    where: str
    lower: str
    upper: str
    joined: str
    whole: str = ""
    rows: bool = False
    helpers: Mapping[str, str] = field(default_factory=dict)


# of Python's numbers, such as options
NUMBERS: Mapping[str, str] = {
    "exp": "math.exp", "log": "math.log", "sqrt": "math.sqrt", "sin": "math.sin",
    "cos": "math.cos", "tanh": "math.tanh", "floor": "math.floor", "erf": "math.erf",
    "abs": "abs", "minimum": "min", "maximum": "max",
}  # fmt: skip

_SAME = ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "sign", "minimum", "maximum")

# what operations on matrices that a step computes are called: functions that a file gets
MATRICES: Mapping[str, str] = {
    "outer": "outer", "times": "multiply", "times_turned": "multiply_turned",
    "rows_scaled": "scale_rows", "columns_scaled": "scale_columns",
}  # fmt: skip
_MATRIX_HELPERS = {
    "outer": '''
def outer(a: Array, b: Array, heads: int = 1) -> Array:
    """In each head, a_i * b_j in row i and column j of a matrix; all entries in one vector."""
    rows = a.reshape(*a.shape[:-1], heads, -1, 1)
    matrix = rows * b.reshape(*b.shape[:-1], heads, 1, -1)
    return matrix.reshape(*matrix.shape[:-3], -1)
''',
    "multiply": '''
def multiply(matrix: Array, vector: Array, heads: int = 1) -> Array:
    """In each head, a matrix whose entries lie in one vector, row by row, times a vector."""
    columns = vector.reshape(*vector.shape[:-1], heads, 1, -1)
    entries = matrix.reshape(*matrix.shape[:-1], heads, -1, columns.shape[-1])
    product = (entries * columns).sum(-1)
    return product.reshape(*product.shape[:-2], -1)
''',
    "multiply_turned": '''
def multiply_turned(matrix: Array, vector: Array, heads: int = 1) -> Array:
    """In each head, a transposed matrix times a vector."""
    rows = vector.reshape(*vector.shape[:-1], heads, -1, 1)
    entries = matrix.reshape(*matrix.shape[:-1], heads, rows.shape[-2], -1)
    product = (entries * rows).sum(-2)
    return product.reshape(*product.shape[:-2], -1)
''',
    "scale_rows": '''
def scale_rows(vector: Array, matrix: Array, heads: int = 1) -> Array:
    """In each head, each row of a matrix times a unit of a vector."""
    rows = vector.reshape(*vector.shape[:-1], heads, -1, 1)
    scaled = rows * matrix.reshape(*matrix.shape[:-1], heads, rows.shape[-2], -1)
    return scaled.reshape(*scaled.shape[:-3], -1)
''',
    "scale_columns": '''
def scale_columns(matrix: Array, vector: Array, heads: int = 1) -> Array:
    """In each head, each column of a matrix times a unit of a vector."""
    columns = vector.reshape(*vector.shape[:-1], heads, 1, -1)
    scaled = matrix.reshape(*matrix.shape[:-1], heads, -1, columns.shape[-1]) * columns
    return scaled.reshape(*scaled.shape[:-3], -1)
''',
}


def _matrix_helpers(array: str) -> dict[str, str]:
    """These functions of a library's arrays."""
    return {name: text.replace("Array", array) for name, text in _MATRIX_HELPERS.items()}


_TORCH_HELPERS = _matrix_helpers("Tensor") | {
    "layer_norm": '''
def layer_norm(a: Tensor) -> Tensor:
    """Units with mean 0 and variance 1, without weights."""
    return F.layer_norm(a, a.shape[-1:])
''',
    "in_groups": '''
def in_groups(function: Callable[[Tensor], Tensor], a: Tensor, groups: int) -> Tensor:
    """A function of the last axis, in each group of neighbouring units by itself."""
    split = a.reshape(*a.shape[:-1], groups, -1)
    return function(split).expand_as(split).reshape(a.shape)
''',
    "zoh": '''
def zoh(a: Tensor, b: Tensor) -> Tensor:
    """What an input u that is held over a step adds to x in x' = a x + b u."""
    rows = torch.cat([a, b], dim=1)
    block = torch.cat([rows, rows.new_zeros(b.shape[1], rows.shape[1])], dim=0)
    return torch.matrix_exp(block)[: len(a), len(a) :]
''',
    "reservoir": '''
def reservoir(matrix: Tensor, radius: float, density: float = 1) -> None:
    """Begin with a sparse random matrix of a spectral radius."""
    entries = torch.randn_like(matrix) * (torch.rand_like(matrix) < density)
    largest = float(torch.linalg.eigvals(entries).abs().max())
    matrix.data[...] = entries * (radius / largest if largest > 1e-3 else 1.0)
''',
}
_JAX_HELPERS = _matrix_helpers("jax.Array") | {
    "norm": '''
def norm(a: jax.Array) -> jax.Array:
    """The root of the sum of squares, whose gradient at 0 is 0."""
    square = (a * a).sum(-1, keepdims=True)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
''',
    "layer_norm": '''
def layer_norm(a: jax.Array) -> jax.Array:
    """Units with mean 0 and variance 1, without weights."""
    centred = a - a.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
''',
    "in_groups": '''
def in_groups(function: Callable, a: jax.Array, groups: int) -> jax.Array:
    """A function of the last axis, in each group of neighbouring units by itself."""
    split = a.reshape(*a.shape[:-1], groups, -1)
    return jnp.broadcast_to(function(split), split.shape).reshape(a.shape)
''',
    "zoh": '''
def zoh(a: jax.Array, b: jax.Array) -> jax.Array:
    """What an input u that is held over a step adds to x in x' = a x + b u."""
    rows = jnp.concatenate([a, b], axis=1)
    block = jnp.concatenate([rows, jnp.zeros((b.shape[1], rows.shape[1]))])
    return jax.scipy.linalg.expm(block)[: len(a), len(a) :]
''',
    "reservoir": '''
def reservoir(
    key: jax.Array, shape: tuple[int, int], radius: float, density: float = 1
) -> jax.Array:
    """A sparse random matrix of a spectral radius."""
    of_entries, of_shares = jax.random.split(key)
    stays = jax.random.uniform(of_shares, shape) < density
    entries = jax.random.normal(of_entries, shape) * stays
    largest = jnp.abs(jnp.linalg.eigvals(entries)).max()
    return entries * jnp.where(largest > 1e-3, radius / largest, 1.0)
''',
}

TORCH = Dialect(
    "PyTorch",
    calls={
        **{name: f"torch.{name}" for name in (*_SAME, "sigmoid", "relu", "erf")},
        "softplus": "F.softplus", "softsign": "F.softsign", "elu": "F.elu",
        "hard_sigmoid": "F.hardsigmoid", "silu": "F.silu", "gelu": "F.gelu",
        "leaky_relu": "F.leaky_relu", "log_sigmoid": "F.logsigmoid",
        "expm": "torch.matrix_exp", "zoh": "zoh",
    },
    forms={
        "sum": "{}.sum(-1, keepdim=True)", "mean": "{}.mean(-1, keepdim=True)",
        "max": "{}.amax(-1, keepdim=True)", "norm": "{}.norm(dim=-1, keepdim=True)",
        "dot": "({} * {}).sum(-1, keepdim=True)", "softmax": "{}.softmax(-1)",
        "layer_norm": "layer_norm({})", "cumsum": "{}.cumsum(-1)",
        "cumax": "{}.softmax(-1).cumsum(-1)",
    },
    where="torch.where({}, {}, {})", lower="torch.clamp({}, min={})",
    upper="torch.clamp({}, max={})", joined="torch.cat([{}], dim=-1)",
    whole="{}.expand_as({})", rows=True,
    helpers=_TORCH_HELPERS,
)  # fmt: skip

_REDUCED = {
    "sum": "{}.sum(-1, keepdims=True)", "mean": "{}.mean(-1, keepdims=True)",
    "max": "{}.max(-1, keepdims=True)", "dot": "({} * {}).sum(-1, keepdims=True)",
    "cumsum": "{}.cumsum(-1)",
}  # fmt: skip

JAX = Dialect(
    "JAX",
    calls={
        **{name: f"jnp.{name}" for name in _SAME},
        "sigmoid": "jax.nn.sigmoid", "relu": "jax.nn.relu", "softplus": "jax.nn.softplus",
        "softsign": "jax.nn.soft_sign", "elu": "jax.nn.elu", "silu": "jax.nn.silu",
        "hard_sigmoid": "jax.nn.hard_sigmoid", "leaky_relu": "jax.nn.leaky_relu",
        "log_sigmoid": "jax.nn.log_sigmoid", "erf": "jax.scipy.special.erf",
        "expm": "jax.scipy.linalg.expm", "zoh": "zoh",
    },
    forms={
        **_REDUCED, "gelu": "jax.nn.gelu({}, approximate=False)",
        "norm": "norm({})", "softmax": "jax.nn.softmax({})", "layer_norm": "layer_norm({})",
        "cumax": "jax.nn.softmax({}).cumsum(-1)",
    },
    where="jnp.where({}, {}, {})", lower="jnp.maximum({}, {})", upper="jnp.minimum({}, {})",
    joined="jnp.concatenate([{}])", whole="jnp.broadcast_to({}, {}.shape)",
    helpers=_JAX_HELPERS,
)  # fmt: skip

# constants beside JAX, which has float64 only where it is asked for
NUMPY = Dialect(
    "NumPy",
    calls={name: f"np.{name}" for name in _SAME},
    forms={**_REDUCED, "norm": "np.linalg.norm({}, axis=-1, keepdims=True)"},
    where="np.where({}, {}, {})", lower="np.maximum({}, {})", upper="np.minimum({}, {})",
    joined="np.concatenate([{}])",
)  # fmt: skip
