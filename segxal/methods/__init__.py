"""Methods by name; a run is a method with a seed."""

from collections.abc import Iterable

from segxal.core.errors import ConfigError
from segxal.methods import adaptation, baselines, ralis, s4al, segxal
from segxal.methods.base import Method
from segxal.methods.supervised import START, SUPERVISED

METHODS: dict[str, Method] = {
    method.name: method
    for method in (*segxal.METHODS, *baselines.METHODS, *s4al.METHODS, *ralis.METHODS, *adaptation.METHODS, SUPERVISED)
}
SHARED: dict[str, Method] = {START.name: START, ralis.POLICY.name: ralis.POLICY}  # what methods of a seed start from


def get_method(name: str) -> Method:
    """A method by name; what others start from, the first training and a trained policy, is one as well.

    Raises:
        ConfigError: if there is none of that name; the error lists the names.
    """
    if name in SHARED:
        return SHARED[name]
    if name not in METHODS:
        raise ConfigError(f"no method {name!r}; choose one of {', '.join(METHODS)}")
    return METHODS[name]


def names_of(family: str) -> tuple[str, ...]:
    """Names of the methods of a family: ``segxal``, ``baseline``, ``s4al``, ``ralis``, ``adaptation``, ..."""
    return tuple(name for name, method in METHODS.items() if method.family == family)


def random_selection(names: Iterable[str]) -> str:
    """What the other methods are compared with: random whole images, else the first random parts; empty without any."""
    found = [n for n in names if get_method(n).family == "baseline" and get_method(n).strategy == "random"]
    return "random" if "random" in found else next(iter(found), "")
