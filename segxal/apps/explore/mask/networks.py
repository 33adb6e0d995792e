"""The networks a person can look through: those a run left, and others by name."""

from collections.abc import Mapping, Sequence

import torch

from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.mask.maps import Kept
from segxal.core.errors import ConfigError
from segxal.core.labels import Classes
from segxal.data.splits import Splits
from segxal.methods.learner import learner_of
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle
from segxal.training.predict import probabilities

KEPT = 2  # networks of the run in memory


class Networks:
    """A network is a number: first come the cycles of the run by position, then the others in their order.

    Args:
        run: finished cycles of one run in order.
        splits: of the study.
        others: networks that belong to no cycle, by name.
        classes: of the others.

    Attributes:
        first: what is shown first: the first of the others, or the network that asked in the last cycle.

    Raises:
        ConfigError: if one of the others does not distinguish these classes.
    """

    def __init__(self, run: Sequence[Cycle], splits: Splits, others: Mapping[str, Learner], classes: Classes) -> None:
        for name, learner in others.items():
            probs = probabilities(learner.model, torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "off")
            if probs.shape[1] != len(classes):
                raise ConfigError(
                    f"the network {name!r} distinguishes {probs.shape[1]} classes, but {len(classes)} are named; say "
                    "with `classes` which ones it knows"
                )
        self._run, self._splits, self._others, self._classes = run, splits, dict(others), classes
        self._loaded = Kept(KEPT)
        self.first = len(run) if others else max(0, len(run) - 2)

    @property
    def options(self) -> list[tuple[str, int]]:
        """(What it is called, number), the others first."""
        cycles = [(f"after cycle {c.number}" if c.number else "after the start", k) for k, c in enumerate(self._run)]
        return [(name, len(self._run) + k) for k, name in enumerate(self._others)] + cycles

    def learner(self, number: int) -> Learner:
        """A network; one of the run comes with the mask it asked with in the next cycle, if there was one."""
        if number >= len(self._run):
            return list(self._others.values())[number - len(self._run)]

        def load() -> Learner:
            last = self._run[number]
            asked = number + 1 < len(self._run)
            return learner_that_asked(self._run[number + 1]) if asked else learner_of(last, last.settings)

        return self._loaded.get(number, load)

    def classes(self, number: int) -> Classes:
        """The classes a network distinguishes."""
        return self._splits.train.classes if self.cycle(number) is not None else self._classes

    def whose(self, number: int) -> str:
        """Whose target layer it comes with, in words."""
        return "the study's" if self.cycle(number) is not None else "its own"

    def cycle(self, number: int) -> int | None:
        """Number of the cycle that left a network; None where it belongs to no cycle."""
        return self._run[number].number if number < len(self._run) else None
