"""Regions in the order in which a method asks for them: the part of the query step that no budget changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from segxal.acquisition.strategies import get_maps, get_strategy
from segxal.acquisition.strategies.base import Learner, Units, best, region_scores
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
    """

    units: Units
    order: list[int]
    scores: np.ndarray
    partitions: dict[int, np.ndarray]

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
            return annotated_out(grid(height, width, learner.strategy.cell), asked[index])
        image = frames.images[index].permute(1, 2, 0).numpy()
        return annotated_out(superpixels(image, learner.strategy.pieces), asked[index])

    partition = lru_cache(max(1, KEPT // frames.labels[0].numel()))(cut)  # asked for up to three times in turn
    units = _units(candidates, partition)
    spend = int(units.size.sum()) if budget is None else budget
    choice = get_strategy(strategy, granularity)(learner, frames, units, spend, rng)
    return Ranking(units, choice.order, choice.scores, {i: partition(i) for i in units.image[choice.order]})


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
