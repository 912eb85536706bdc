"""Samplers and pruners: those of Optuna by a name in a spec, and our own points as one of its
samplers.

In: a `Search`.  Out: objects of Optuna's, or what is wrong with the spec.  Optuna is imported only
where one of its own is made.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rnnzoo.errors import UsageError, nearest
from rnnzoo.spec import points
from rnnzoo.spec.document import is_number
from rnnzoo.spec.experiment import PRUNERS, SAMPLERS, Named, Search
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.seeds import derive_seed

# packages that Optuna misses only when the search is under way
_NEEDS = {"GPSampler": "torch", "CmaEsSampler": "cmaes"}


def check(search: Search) -> None:
    """Check that sampler and pruner exist and take their options.

    Raises:
        UsageError: they do not; or a package that they need is missing.
    """
    if points.ours(search.sampler.name):
        if search.sampler.options:
            raise UsageError(f"the sampler '{search.sampler.name}' takes no options")
    else:
        _sampler(search.sampler, seed=0)
    pruner(search.pruner)


def for_study(search: Search, identity: str, trials: int) -> Any:
    """The sampler of a study.

    One of Optuna's that was made anew with its old seed would repeat its draws, so its seed depends
    on how many trials there are.
    """
    if points.ours(search.sampler.name):
        return _known_points()
    return _sampler(search.sampler, derive_seed(f"{search.seed} {identity} {trials}"))


def _known_points() -> Any:
    """Our own points, as a sampler of Optuna's; made here so that importing this module does not
    import Optuna.
    """
    from optuna.samplers import BaseSampler

    class Points(BaseSampler):  # type: ignore[misc]  # Optuna is read without its types
        """Suggests the values of `point`."""

        point: Mapping[str, Value] = {}

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(
            self, study: Any, trial: Any, param_name: str, param_distribution: Any
        ) -> Any:
            return self.point[param_name]

    return Points()


@contextmanager
def holding(study: Any, known: Mapping[str, Value]) -> Iterator[None]:
    """While the block runs, these values are suggested, and the study's sampler draws the rest."""
    if not known:
        yield
        return
    from optuna.samplers import PartialFixedSampler

    own = study.sampler
    study.sampler = PartialFixedSampler(dict(known), own)
    try:
        yield
    finally:
        study.sampler = own


def _class(kind: str, names: Mapping[str, str], chosen: str) -> Any:
    """Optuna's class of sampler or pruner for a name of ours, or for its own name."""
    import optuna

    known = (*names, *names.values())
    if chosen not in known:
        raise UsageError(f"no {kind} '{chosen}'", nearest(str(chosen), known))
    return getattr(getattr(optuna, f"{kind}s"), names.get(chosen, chosen))


def _sampler(named: Named, seed: int) -> Any:
    package = _NEEDS.get(SAMPLERS.get(named.name, named.name))
    if package and importlib.util.find_spec(package) is None:
        raise UsageError(f"the sampler '{named.name}' needs {package}", f"pip install {package}")
    kind = _class("sampler", SAMPLERS, named.name)
    return _make(kind, named, {"seed": seed})


def pruner(named: Named | None) -> Any:
    import optuna

    if named is None:
        return optuna.pruners.NopPruner()
    kind = _class("pruner", PRUNERS, named.name)
    options = dict(named.options)
    if kind is optuna.pruners.PatientPruner:
        wrapped = pruner(_wrapped(options.pop("wrapped_pruner", None)))
        return _make(kind, Named(named.name, options), {"wrapped_pruner": wrapped})
    return _make(kind, named, {})


def _wrapped(option: Any) -> Named | None:
    """The pruner that a patient one waits for: a name, or a table with `name` and options; none
    prunes by patience alone.
    """
    if option is None:
        return None
    options = dict(option) if isinstance(option, Mapping) else {"name": option}
    return Named(str(options.pop("name", "")), options)


def _make(kind: Any, named: Named, arguments: Mapping[str, Any]) -> Any:
    parameters = inspect.signature(kind).parameters
    known = [name for name in parameters if name not in arguments]
    for name, value in named.options.items():
        if name not in known:
            raise UsageError(f"{kind.__name__} has no option '{name}'", nearest(name, known))
        kinds = _kinds(parameters[name].annotation)
        if kinds and not any(_KINDS[kind_of_value][1](value) for kind_of_value in kinds):
            wanted = " or ".join(_KINDS[kind_of_value][0] for kind_of_value in sorted(kinds))
            raise UsageError(f"{kind.__name__}: `{name}` must be {wanted}, not {value!r}")
    try:
        with quiet():
            return kind(**named.options, **arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{kind.__name__} cannot be made: {error}") from None


# What Optuna's annotations call the plain values that a spec can hold; a bool is none of Python's
# ints here.
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "float": ("a number", is_number),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "str": ("text", lambda value: isinstance(value, str)),
    "None": ("empty", lambda value: value is None),
}


def _kinds(annotation: Any) -> set[str]:
    """Names of the plain kinds that an annotation allows; empty where it says anything else."""
    words = set(
        re.findall(r"\w+", annotation if isinstance(annotation, str) else str(annotation))
    ) - {"class"}
    return words if words <= set(_KINDS) else set()


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its log lines, and without its warning that what we chose is experimental."""
    import optuna

    # a notebook that calls us may use Optuna for itself, and read its lines
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
