"""The network that asked in a finished cycle, with the error mask it asked with."""

from dataclasses import replace

from segxal.acquisition.strategies.base import Learner
from segxal.core.errors import ConfigError
from segxal.methods.learner import learner_of
from segxal.study.state import Cycle


def learner_that_asked(cycle: Cycle) -> Learner:
    """The network that asked in a cycle, with the mask it asked with: the one the cycle before left.

    Raises:
        ConfigError: for cycle 0, in which nothing is asked.
    """
    if cycle.previous is None:
        raise ConfigError(f"cycle 0 of {cycle.method} asks nothing; choose cycle 1 or later")
    learner, metrics = learner_of(cycle.previous, cycle.previous.settings), cycle.metrics()
    return replace(learner, mask=replace(cycle.settings.mask, w_pae=metrics["w_pae"], w_ebu=metrics["w_ebu"]))
