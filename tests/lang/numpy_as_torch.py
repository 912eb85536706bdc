"""The functions of PyTorch that a written cell calls, in float64 NumPy, for machines without torch.

Each is what PyTorch's documentation says of it, and no more of it than is called.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
from scipy import linalg

RNG = np.random.default_rng(5)


class Tensor(np.ndarray):
    data = property(lambda self: self)

    def new_zeros(self, *shape: int) -> Tensor:
        return tensor(np.zeros(shape))

    def new_full(self, shape: tuple[int, ...], value: float) -> Tensor:
        return tensor(np.full(shape, float(value)))

    def new_tensor(self, value: float) -> Tensor:
        return tensor(float(value))

    def expand(self, *shape: int) -> Tensor:
        *axes, size = shape
        size = self.shape[-1] if size == -1 else size
        return np.broadcast_to(self, (*axes, size), subok=True)

    def expand_as(self, other: Tensor) -> Tensor:
        return self.expand(*other.shape)

    def to(self, dtype: str) -> Tensor:
        return self.astype(dtype)

    def abs(self) -> Tensor:
        return np.abs(self)

    def detach(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return np.asarray(self)

    def sum(self, dim: int, keepdim: bool = False) -> Tensor:
        return np.add.reduce(self, axis=dim, keepdims=keepdim)

    def mean(self, dim: int, keepdim: bool) -> Tensor:
        return self.sum(dim, keepdim) / self.shape[dim]

    def amax(self, dim: int, keepdim: bool) -> Tensor:
        return np.maximum.reduce(self, axis=dim, keepdims=keepdim)

    def norm(self, dim: int, keepdim: bool) -> Tensor:
        return np.sqrt((self * self).sum(dim, keepdim))

    def softmax(self, dim: int) -> Tensor:
        e = np.exp(self - self.amax(dim, True))
        return e / e.sum(dim, True)

    def mul_(self, factor: float) -> Tensor:
        self[...] = self * factor
        return self


class Parameter(Tensor):
    pass


class Module:
    def __init__(self) -> None:
        self.buffers: list[str] = []

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.forward(*args, **options)  # type: ignore[attr-defined]

    def register_buffer(self, name: str, value: Tensor, persistent: bool) -> None:
        assert not persistent
        assert value.dtype == float
        setattr(self, name, value)

    def state_dict(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}

    def load_state_dict(self, values: dict[str, Tensor]) -> None:
        own = self.state_dict()
        assert own.keys() == values.keys()
        for name, value in values.items():
            assert own[name].shape == value.shape
            setattr(self, name, value.view(Parameter))


def tensor(values: Any) -> Tensor:
    return np.array(values).view(Tensor)


def empty(*shape: Any) -> Tensor:
    """Of sizes, or of a tuple of them: `empty(())` is a number."""
    return tensor(np.empty(() if shape == ((),) else shape))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    assert np.asarray(condition).dtype == bool
    return tensor(np.where(condition, a, b))


def clamp(a: Tensor, min: float = -np.inf, max: float = np.inf) -> Tensor:
    assert isinstance(a, Tensor)
    return np.minimum(np.maximum(a, float(min)), float(max))


def of_tensors(function: Any) -> Any:
    """A function that wants tensors, as those of torch do."""

    def called(*operands: Any) -> Tensor:
        assert all(isinstance(operand, Tensor) for operand in operands)
        return function(*operands)

    return called


def sigmoid(a: Tensor) -> Tensor:
    return 1 / (1 + np.exp(-a))


def fans(weight: Tensor) -> tuple[int, int]:
    """Inputs and outputs of a matrix, which alone has them."""
    rows, columns = weight.shape
    return columns, rows


def put(weight: Tensor, values: Any) -> Tensor:
    weight[...] = values
    return weight


def uniform(weight: Tensor, low: float, high: float) -> Tensor:
    return put(weight, RNG.uniform(low, high, weight.shape))


def normal(weight: Tensor, std: float) -> Tensor:
    return put(weight, RNG.normal(0, std, weight.shape))


def xavier(weight: Tensor) -> float:
    return math.sqrt(2 / sum(fans(weight)))


def kaiming(weight: Tensor, nonlinearity: str) -> float:
    return {"relu": math.sqrt(2), "linear": 1.0}[nonlinearity] / math.sqrt(fans(weight)[0])


def orthogonal(weight: Tensor, gain: float = 1) -> Tensor:
    rows, columns = weight.shape
    q, _ = np.linalg.qr(RNG.normal(size=(max(rows, columns), min(rows, columns))))
    return put(weight, gain * (q if rows >= columns else q.T))


def modules() -> dict[str, ModuleType]:
    """What stands for `torch` and its modules, by name."""
    RNG.bit_generator.state = np.random.default_rng(5).bit_generator.state  # in any order of tests
    torch, nn, functional = (ModuleType(name) for name in ("torch", "nn", "functional"))
    vars(torch).update(
        Tensor=Tensor, nn=nn, tensor=tensor, where=where, clamp=clamp, float64="float64",
        get_default_dtype=lambda: "float64", empty=empty,
        arange=lambda count, dtype=int: tensor(np.arange(count, dtype=dtype)),
        rand_like=lambda like: tensor(RNG.random(like.shape)),
        cat=lambda values, dim: np.concatenate(values, dim).view(Tensor),
        as_tensor=lambda value, dtype=None: np.asarray(value, dtype).view(Tensor),
        matrix_exp=of_tensors(lambda a: linalg.expm(a).view(Tensor)),
        stack=lambda values, dim: np.stack(values, dim).view(Tensor),
        sigmoid=of_tensors(sigmoid), relu=of_tensors(lambda a: np.maximum(a, 0)),
        erf=of_tensors(np.vectorize(math.erf)),
        **{
            name: of_tensors(getattr(np, name))
            for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "sign",
                         "minimum", "maximum")
        },
    )  # fmt: skip
    vars(torch).update(
        randn_like=lambda like: tensor(RNG.normal(size=like.shape)),
        linalg=ModuleType("linalg"),
    )
    torch.linalg.eigvals = lambda a: np.linalg.eigvals(np.asarray(a)).view(Tensor)  # type: ignore[attr-defined]
    vars(nn).update(
        Module=Module, Parameter=lambda value, requires_grad=True: value.view(Parameter)
    )
    nn.functional, nn.init = functional, ModuleType("init")  # type: ignore[attr-defined]
    vars(functional).update(
        softplus=of_tensors(lambda a: np.log(1 + np.exp(a))),
        softsign=of_tensors(lambda a: a / (1 + np.abs(a))),
        elu=of_tensors(lambda a: np.where(a > 0, a, np.exp(a) - 1).view(Tensor)),
        hardsigmoid=of_tensors(lambda a: clamp(a / 6 + 0.5, 0, 1)),
        silu=of_tensors(lambda a: a * sigmoid(a)),
        gelu=of_tensors(lambda a: a / 2 * (1 + np.vectorize(math.erf)(a / math.sqrt(2)))),
        leaky_relu=of_tensors(lambda a: np.where(a > 0, a, 0.01 * a).view(Tensor)),
        logsigmoid=of_tensors(lambda a: np.log(sigmoid(a))),
        layer_norm=lambda a, shape: (
            (a - a.mean(-1, True)) / np.sqrt(np.var(a, -1, keepdims=True) + 1e-5)
        ),
    )
    vars(nn.init).update(
        zeros_=lambda weight: put(weight, 0), ones_=lambda weight: put(weight, 1),
        constant_=put, eye_=lambda weight: put(weight, np.eye(*weight.shape)),
        orthogonal_=orthogonal, uniform_=uniform, normal_=normal,
        xavier_normal_=lambda weight: normal(weight, xavier(weight)),
        xavier_uniform_=lambda weight: uniform(
            weight, -math.sqrt(3) * xavier(weight), math.sqrt(3) * xavier(weight)
        ),
        kaiming_normal_=lambda weight, nonlinearity: normal(weight, kaiming(weight, nonlinearity)),
        kaiming_uniform_=lambda weight, nonlinearity: uniform(
            weight,
            -math.sqrt(3) * kaiming(weight, nonlinearity),
            math.sqrt(3) * kaiming(weight, nonlinearity),
        ),
    )  # fmt: skip
    return {"torch": torch, "torch.nn": nn, "torch.nn.functional": functional}
