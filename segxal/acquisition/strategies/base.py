"""The contract of a query strategy: scores for images or regions, and which of them to ask for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.ralis.policy import Policy
from segxal.acquisition.settings import StrategyConfig
from segxal.core.errors import ConfigError
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig


@dataclass(frozen=True)
class Learner:
    """What a strategy may look at: the current network, how masks are made, and what is annotated so far.

    A strategy changes none of it.

    Attributes:
        model: the current network.
        mask: settings of the explainable error mask.
        strategy: options of the strategies.
        train: settings of training, for strategies that train a network of their own.
        labelled: positions of the annotated images in the training split.
        labels: (len(labelled), H, W) uint8 annotations of these images, 255 = not annotated.
        policy: a trained policy, for the strategy that follows one.
    """

    model: Network
    mask: MaskConfig
    strategy: StrategyConfig
    train: TrainConfig
    labelled: tuple[int, ...] = ()
    labels: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0, dtype=torch.uint8))
    policy: Policy | None = None

    @property
    def amp(self) -> str:
        """Precision of forward passes."""
        return self.train.amp


@dataclass(frozen=True)
class Units:
    """What can be asked for: whole images, or regions of them. M units lie in the images in ascending order.

    Attributes:
        image: (M,) int64, position of the image a unit lies in; never falls.
        region: (M,) int64, number of the unit in its image's partition; 0 for whole images.
        size: (M,) int64, pixels of the unit that are not annotated yet.
        partition: image position -> (H, W) int32 region numbers, -1 = annotated already; None for whole images.
    """

    image: np.ndarray
    region: np.ndarray
    size: np.ndarray
    partition: Callable[[int], np.ndarray] | None = None

    def __len__(self) -> int:
        """Number of units M."""
        return len(self.image)

    @property
    def candidates(self) -> list[int]:
        """Positions of the images the units lie in, each once."""
        return [int(i) for i in np.unique(self.image)]


@dataclass(frozen=True)
class Choice:
    """Which units are asked for, and the scores behind it.

    Attributes:
        order: positions of the chosen units, best first.
        scores: (M,) float64 score of every unit, higher = asked earlier.
    """

    order: list[int]
    scores: np.ndarray


class Maps(Protocol):
    """Scores every pixel; it never sees labels of the candidates and never changes the learner."""

    def __call__(
        self, learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator
    ) -> Iterator[Tensor]:
        """(b, H, W) float32 maps on the CPU, batch by batch in the order of the candidates; higher = asked earlier."""


class UnitScores(Protocol):
    """Scores units; for strategies that are more than a mean over a map."""

    def __call__(self, learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator) -> Choice:
        """The units to ask for with ``budget`` pixels, and the score of every unit."""


@dataclass(frozen=True)
class MapStrategy:
    """Ranks units by what a map says inside them.

    Attributes:
        maps: the map.
        reduce: pixel scores of one unit (1-D) -> score of the unit.
    """

    maps: Maps
    reduce: Callable[[np.ndarray], float] = np.mean

    def __call__(self, learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator) -> Choice:
        """The units of highest score; see :class:`UnitScores`."""
        scores = unit_scores(self.maps(learner, frames, units.candidates, rng), units, self.reduce)
        return Choice(best(scores, units.size, budget), scores)


def unit_scores(maps: Iterator[Tensor], units: Units, reduce: Callable[[np.ndarray], float] = np.mean) -> np.ndarray:
    """Scores of units from maps of their images, one image in memory at a time.

    Args:
        maps: (b, H, W) float maps of ``units.candidates`` in order.
        units: M units.
        reduce: pixel scores of one unit (1-D) -> score of the unit.

    Returns:
        (M,) float64.
    """
    scores = np.empty(len(units))
    images = (image.double().numpy() for part in maps for image in part)
    for index, image in zip(units.candidates, images, strict=True):
        here = np.flatnonzero(units.image == index)
        scores[here] = region_scores(image, units.partition and units.partition(index), units.region[here], reduce)
    return scores


def region_scores(
    values: np.ndarray, partition: np.ndarray | None, regions: np.ndarray, reduce: Callable[[np.ndarray], float]
) -> np.ndarray:
    """Scores of some regions of one image.

    Args:
        values: (H, W) float pixel scores.
        partition: (H, W) int32 region numbers, -1 = in no region; None: the whole image is region 0.
        regions: (K,) numbers of the regions wanted.
        reduce: pixel scores of one region (1-D) -> its score.

    Returns:
        (K,) float64.
    """
    if partition is None:
        return np.array([reduce(values.ravel())])
    if reduce is np.mean:
        inside = partition >= 0
        counts = np.bincount(partition[inside], minlength=int(regions.max()) + 1)
        sums = np.bincount(partition[inside], values[inside], minlength=len(counts))
        return sums[regions] / counts[regions]
    return np.array([reduce(values[partition == region]) for region in regions])


def whole_images(candidates: list[int], pixels: int) -> Units:
    """Units that are whole images of ``pixels`` pixels."""
    positions = np.array(sorted(candidates), dtype=np.int64)
    return Units(positions, np.zeros_like(positions), np.full_like(positions, pixels))


def best(scores: np.ndarray, sizes: np.ndarray, budget: int) -> list[int]:
    """The units with the highest scores that a budget pays for, best first; ties go to the earlier unit.

    Units are bought in this order as long as their sum stays within the budget; the first one is always bought.

    Args:
        scores: (M,) float.
        sizes: (M,) pixels of each unit.
        budget: pixels to spend.

    Raises:
        ConfigError: if the budget is 0 or above all units together, or a score is NaN.
    """
    if not 1 <= budget <= sizes.sum():
        raise ConfigError(
            f"a budget of {budget} pixels for {len(sizes)} candidates with {sizes.sum()} pixels in all; it must be at "
            "least 1 and at most the pool: change pool.step or pool.region_step"
        )
    if np.isnan(scores).any():
        raise ConfigError("a score is NaN; the network's output is not finite, lower train.lr or set train.amp to off")
    order = np.argsort(-scores, kind="stable")
    affordable = int(np.searchsorted(np.cumsum(sizes[order]), budget, side="right"))
    return [int(i) for i in order[: max(1, affordable)]]


def draw(rng: np.random.Generator) -> torch.Generator:
    """A torch generator that continues a strategy's own stream, for dropout and training."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))
