"""Regions in the order in which a method asks for them: the part of the query step that no budget changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import get_maps, get_strategy
from segxal.acquisition.strategies.base import Choice, Learner, Units, best, region_scores
from segxal.core.errors import ConfigError
from segxal.core.regions import annotated_out, components, grid, regions_in, superpixels, top_pixels
from segxal.data.base import Frames

KEPT = 2**28  # pixels of partitions kept in memory
SMALLEST = 16  # pixels; smaller connected pieces are specks that nobody would outline

Chosen = dict[int, tuple[float, np.ndarray]]  # image -> best score, (H, W) int32 regions asked for, -1 elsewhere


@dataclass(frozen=True)
class Ranking:
    """Regions in the order in which a method asks for them.

    A smaller budget buys a beginning of it: no strategy here changes its mind about the first regions when more are
    asked for.

    Attributes:
        units: all M regions that competed.
        order: positions in ``units`` of the regions that are asked for, first one first.
        scores: (M,) float64, higher = asked earlier.
        partitions: image -> (H, W) int32 region numbers, -1 = in none; for the images that are asked about.
        pools: (K, N) positions in ``units`` of the regions that competed with each other; None where all did.
    """

    units: Units
    order: list[int]
    scores: np.ndarray
    partitions: dict[int, np.ndarray]
    pools: np.ndarray | None = None

    def first(self, count: int) -> Chosen:
        """The first regions, image by image."""
        found: Chosen = {}
        for k in self.order[:count]:
            index, region = int(self.units.image[k]), self.units.region[k]
            partition = self.partitions[index]
            score, asked = found.get(index, (-np.inf, np.full(partition.shape, -1, dtype=np.int32)))
            asked[partition == region] = region
            found[index] = (max(score, float(self.scores[k])), asked)
        return found


def rank_regions(
    learner: Learner, strategy: str, granularity: str, frames: Frames, candidates: list[int], asked: np.ndarray,
    budget: int | None, rng: np.random.Generator,
) -> Ranking:  # fmt: skip
    """Grid cells, superpixels or components: all regions of all candidates compete for one budget of pixels.

    Args:
        learner: the current network.
        strategy: name of the query strategy.
        granularity: ``grid``, ``superpixel`` or ``component``.
        frames: the training split.
        candidates: positions of the images that compete.
        asked: (N, H, W) bool, the pixels somebody was asked for already.
        budget: pixels to spend; None ranks all there is.
        rng: the strategy's own stream.

    Raises:
        ConfigError: if the budget is above all regions together, or the strategy has no such granularity.
    """
    if granularity == "component":
        return _ranked_components(learner, strategy, frames, candidates, asked, budget, rng)
    height, width = frames.labels[0].shape

    def cut(index: int) -> np.ndarray:
        if granularity == "grid":
            cells = grid(height, width, learner.strategy.cell, learner.strategy.cell_height)
            return annotated_out(cells, asked[index])
        image = frames.images[index].permute(1, 2, 0).numpy()
        return annotated_out(superpixels(image, learner.strategy.pieces), asked[index])

    partition = lru_cache(max(1, KEPT // frames.labels[0].numel()))(cut)  # asked for up to three times in turn
    if granularity == "grid" and learner.strategy.candidates and budget is not None:
        units, pools, choice = _best_of_pools(learner, strategy, frames, candidates, partition, budget, rng)
    else:
        units, pools = _units(candidates, partition), None
        spend = int(units.size.sum()) if budget is None else budget
        choice = get_strategy(strategy, granularity)(learner, frames, units, spend, rng)
    return Ranking(units, choice.order, choice.scores, {i: partition(i) for i in units.image[choice.order]}, pools)


def _best_of_pools(
    learner: Learner, strategy: str, frames: Frames, candidates: list[int],
    partition: Callable[[int], np.ndarray], budget: int, rng: np.random.Generator,
) -> tuple[Units, np.ndarray, Choice]:  # fmt: skip
    """The best cell of each of K random pools, K the cells the budget pays for; see :func:`draw_pools`."""
    count = cells_for(budget, learner.strategy)
    units, pools = draw_pools(candidates, partition, count, learner.strategy.candidates, rng)
    scores = get_strategy(strategy, "grid")(learner, frames, units, int(units.size.sum()), rng).scores
    chosen = pools[np.arange(len(pools)), scores[pools].argmax(1)]
    return units, pools, Choice([int(k) for k in chosen], scores)


def cells_for(budget: int, strategy: StrategyConfig) -> int:
    """How many whole grid cells a budget of pixels pays for, at least one; what is left over is not spent."""
    height, width = strategy.cell_size
    return max(1, budget // (height * width))


def draw_pools(
    candidates: list[int], partition: Callable[[int], np.ndarray], count: int, size: int, rng: np.random.Generator
) -> tuple[Units, np.ndarray]:
    """Random pools of regions that do not overlap; one region of each is asked for.

    Args:
        candidates: positions of the images.
        partition: image position -> (H, W) int32 region numbers, -1 = in none.
        count: number of pools K.
        size: regions of each pool N; fewer where there are not so many.
        rng: source of the draws.

    Returns:
        The regions drawn, and (K, N) their positions pool by pool.

    Raises:
        ConfigError: if there are fewer regions than pools.

    Source: RALIS (Casanova et al. 2020), section 3.2 and its release: images are drawn until they hold enough regions.
    Departure: regions are drawn uniformly from these images, not image by image.
    """
    taken, held = [], 0
    for index in rng.permutation(candidates):
        if held >= count * size:
            break
        taken.append(int(index))
        held += len(regions_in(partition(int(index)))[0])
    if held < count:
        raise ConfigError(
            f"{count} regions are to be asked for, but the candidates hold {held}; lower pool.region_step or "
            "pool.cycles, or set pool.subset to 1"
        )
    every, kept = _units(sorted(taken), partition), count * min(size, held // count)
    drawn = np.sort(rng.choice(len(every), kept, replace=False))
    units = Units(every.image[drawn], every.region[drawn], every.size[drawn], partition)
    return units, rng.permutation(kept).reshape(count, -1)


def _ranked_components(
    learner: Learner, strategy: str, frames: Frames, candidates: list[int], asked: np.ndarray, budget: int | None,
    rng: np.random.Generator,
) -> Ranking:  # fmt: skip
    """Connected pieces of the part of each image where the map is highest: SegXAL's regions of interest."""
    count = round(learner.mask.area * frames.labels[0].numel())
    partitions, scores, images, regions, sizes = {}, [], [], [], []
    for index, values in pixel_maps(learner, strategy, "component", frames, candidates, rng):
        pieces = components(top_pixels(values, ~asked[index], count))
        numbers, areas = regions_in(pieces)
        large = areas >= min(SMALLEST, areas.max(initial=0))
        numbers, areas = numbers[large], areas[large]
        scores.append(region_scores(values, pieces, numbers, np.mean))
        partitions[index] = pieces
        images += [index] * len(numbers)
        regions += [*numbers]
        sizes += [*areas]
    units = Units(np.array(images), np.array(regions), np.array(sizes))
    found = np.concatenate(scores)
    spend = int(units.size.sum()) if budget is None else budget
    return Ranking(units, best(found, units.size, spend), found, partitions)


def pixel_maps(
    learner: Learner, strategy: str, granularity: str, frames: Frames, candidates: list[int], rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Each candidate with the strategy's map of it, (H, W) float64, one image in memory at a time."""
    parts = get_maps(strategy, granularity).maps(learner, frames, candidates, rng)
    images = (image.double().numpy() for part in parts for image in part)
    return zip(candidates, images, strict=True)


def _units(candidates: list[int], partition: Callable[[int], np.ndarray]) -> Units:
    images, regions, sizes = [], [], []
    for index in candidates:
        numbers, areas = regions_in(partition(index))
        images.append(np.full(len(numbers), index))
        regions.append(numbers)
        sizes.append(areas)
    return Units(np.concatenate(images), np.concatenate(regions), np.concatenate(sizes), partition)
