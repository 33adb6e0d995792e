"""Query strategies by name."""

from segxal.errors import ConfigError
from segxal.strategies.base import Strategy
from segxal.strategies.eem import score_eem
from segxal.strategies.random import score_random

STRATEGIES: dict[str, Strategy] = {"eem": score_eem, "random": score_random}


def get_strategy(name: str) -> Strategy:
    """A query strategy by name.

    Raises:
        ConfigError: if there is none of that name; the error lists the names.
    """
    if name not in STRATEGIES:
        raise ConfigError(f"no strategy {name!r}; choose one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
