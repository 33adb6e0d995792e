"""One step of RALIS: the pools that were drawn, the value of every candidate, and which features moved it."""

from dataclasses import dataclass

import numpy as np

from segxal.acquisition.ralis.features import BINS, SIDE
from segxal.acquisition.ranking import Ranking, rank_regions
from segxal.acquisition.strategies.ralis import look
from segxal.core.errors import ConfigError
from segxal.data.base import Frames
from segxal.data.splits import Splits
from segxal.methods.base import Context
from segxal.methods.cycles import asked_pixels, round_budget
from segxal.methods.ralis import PolicyMethod
from segxal.study.state import Cycle

CELLS = SIDE**2
PARTS = {  # part of the features -> its length; the predicted classes come first, as many as there are
    "predicted classes": 0, "lowest entropies": CELLS, "mean entropies": CELLS, "highest entropies": CELLS,
    "unlike the labelled": BINS, "unlike the candidates": BINS,
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """The first round of a cycle.

    Attributes:
        frames: the training split.
        ranking: what competed, its values, and the pools.
        moved: part of the features -> (M,) by how much it raises the value of each candidate over one whose part is the
            mean of all candidates.
    """

    frames: Frames
    ranking: Ranking
    moved: dict[str, np.ndarray]

    @property
    def pools(self) -> np.ndarray:
        """(K, N) positions of the candidates, pool by pool, the highest value first."""
        found = self.ranking.pools
        if found is None:
            raise ConfigError("all regions compete: strategy.candidates is 0; a policy chooses from pools")
        return np.take_along_axis(found, np.argsort(-self.ranking.scores[found], axis=1, kind="stable"), 1)

    @property
    def chosen(self) -> list[int]:
        """Positions of the candidates that are asked for, pool by pool."""
        return self.ranking.order

    def place(self, candidate: int) -> tuple[int, np.ndarray]:
        """Position of the image a candidate lies in, and its part of it, (H, W) bool."""
        units = self.ranking.units
        index = int(units.image[candidate])
        if units.partition is None:
            raise ConfigError("whole images have no part; a policy chooses regions")
        return index, units.partition(index) == units.region[candidate]


def step_of(cycle: Cycle, splits: Splits) -> Step:
    """The first round of a cycle of RALIS, with the pools that the cycle drew.

    Args:
        cycle: of ``ralis`` or ``ralis-untrained``, 1 or later; the stages it depends on must be done.
        splits: the data of its study.

    Raises:
        ConfigError: if the method follows no policy.
    """
    how = cycle.how
    if not isinstance(how, PolicyMethod):
        raise ConfigError(f"{cycle.method} follows no policy; choose ralis or ralis-untrained")
    settings, train = cycle.settings, splits.train
    context = Context(settings, splits, cycle.seed, cycle.number, tuple(cycle.needs))
    learner, asked = how.asking(context), asked_pixels(context.before[0], train)
    images = how.competing(settings.pool, train, asked, context.rng("subset"))
    budget = round_budget(settings.pool, train)
    ranking = rank_regions(learner, how.strategy, how.granularity, train, images, asked, budget, context.rng("query"))
    policy = learner.policy
    if policy is None:
        raise ConfigError(f"{cycle.method} has no policy; run the stage ralis-policy of the study first")
    seen = look(learner, train, ranking.units, policy.states)
    moved = {}
    for name, columns in parts_of(seen.candidates.shape[1]).items():
        plain = seen.candidates.copy()
        plain[:, columns] = plain[:, columns].mean(0)
        moved[name] = ranking.scores - policy.values(seen.state, plain)
    return Step(train, ranking, moved)


def parts_of(length: int) -> dict[str, slice]:
    """Where each part of the features lies in a candidate's ``length`` numbers."""
    start = length - sum(PARTS.values())
    found, at = {"predicted classes": slice(0, start)}, start
    for name, count in list(PARTS.items())[1:]:
        found[name] = slice(at, at + count)
        at += count
    return found
