"""The networks a person can look through: those a run left, and others by name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.mask.maps import Kept
from segxal.apps.your_network.wrapped import learner_of as own_learner
from segxal.core.errors import ConfigError
from segxal.core.labels import Classes
from segxal.data.splits import Splits
from segxal.methods.learner import learner_of
from segxal.models.base import Network
from segxal.models.settings import MaskConfig
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle
from segxal.training.predict import probabilities

KEPT = 2  # networks of the run in memory


class Networks:
    """A network is a number: first come the cycles of the run by position, then the others in their order.

    Args:
        run: finished cycles of one run in order.
        splits: of the study.
        others: networks that belong to no cycle, by name: with their settings, or modules of any package alone.
        classes: of the others.

    Attributes:
        first: what is shown first: the first of the others, or the network that asked in the last cycle.

    Raises:
        ConfigError: if one of the others cannot take the study's images, does not distinguish these classes, or has no
            layer that Grad-CAM can look at.
    """

    def __init__(
        self, run: Sequence[Cycle], splits: Splits, others: Mapping[str, Learner | nn.Module], classes: Classes
    ) -> None:
        self._others = {name: _ready(name, own, splits.train.images[:1], classes) for name, own in others.items()}
        self._run, self._splits, self._classes = run, splits, classes
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


def _ready(name: str, own: Learner | nn.Module, image: Tensor, classes: Classes) -> Learner:
    """A network as the explorer asks it, tried on an image (1, 3, H, W) uint8."""
    try:
        if isinstance(own, nn.Module):
            learner = own_learner(own, image, MaskConfig())
        elif isinstance(own.model, Network):
            learner = own
        else:
            learner = replace(own, model=own_learner(own.model, image, own.mask).model)
        learner.model.layer()
        known = probabilities(learner.model, image, "off").shape[1]
    except ConfigError as error:
        raise ConfigError(f"the network {name!r}: {error}") from error
    if known != len(classes):
        raise ConfigError(
            f"the network {name!r} distinguishes {known} classes, but {len(classes)} are named; say with `classes` "
            "which ones it knows"
        )
    return learner
