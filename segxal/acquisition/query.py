"""The query step: what the strategy chooses within a budget, and what the oracle is shown of it."""

from dataclasses import dataclass

import numpy as np
import torch

from segxal.acquisition.oracles.base import Query
from segxal.acquisition.ranking import Chosen, pixel_maps, rank_regions
from segxal.acquisition.strategies import get_strategy
from segxal.acquisition.strategies.base import Learner, whole_images
from segxal.core.eem import ErrorMask, top_area
from segxal.core.regions import top_pixels, top_squares
from segxal.data.base import Frames
from segxal.models.explain import error_masks
from segxal.training.predict import predictions


@dataclass(frozen=True)
class Ask:
    """One image an oracle is asked about.

    Attributes:
        index: position of the image in the training split.
        score: the strategy's score, of the best unit asked for in the image.
        query: what the oracle is shown.
    """

    index: int
    score: float
    query: Query


def ask(
    learner: Learner, strategy: str, granularity: str, frames: Frames, candidates: list[int], budget: int,
    rng: np.random.Generator, asked: np.ndarray | None = None, masked: bool = False,
) -> list[Ask]:  # fmt: skip
    """What a strategy asks for within a budget, best score first.

    Args:
        learner: the network that asks, and what it was trained on.
        strategy: name of the query strategy.
        granularity: what is asked for, see :data:`segxal.core.regions.GRANULARITIES`.
        frames: the training split.
        candidates: positions of the images that compete.
        budget: images for whole images; pixels of all candidates together for grid cells, superpixels and components;
            pixels of each candidate for pixels and squares.
        rng: the strategy's own stream.
        asked: (N, H, W) bool, the pixels somebody was asked for before, which are not asked for again; not used for
            whole images.
        masked: whole images only: whether the oracle is shown the error mask and asked for its area alone.

    Raises:
        ConfigError: if the budget is 0 or above what the candidates hold, or the strategy has no such granularity.
    """
    if granularity == "image":
        return _ask_images(learner, strategy, frames, candidates, budget, rng, masked)
    asked = np.zeros(tuple(frames.labels.shape), dtype=bool) if asked is None else asked
    if granularity == "pixel":
        found = _choose_pixels(learner, strategy, frames, candidates, asked, budget, rng)
    elif granularity == "square":
        found = _choose_squares(learner, strategy, frames, candidates, asked, budget, rng)
    else:
        ranking = rank_regions(learner, strategy, granularity, frames, candidates, asked, budget, rng)
        found = ranking.first(len(ranking.order))
    return asks_about(frames, found, predictions_of(learner, frames, list(found)))


def asks_about(frames: Frames, found: Chosen, predictions: dict[int, np.ndarray]) -> list[Ask]:
    """What is chosen as questions to an oracle, best image first."""
    best_first = sorted(found, key=lambda i: -found[i][0])
    return [Ask(i, found[i][0], _query(frames, i, predictions[i], found[i][1])) for i in best_first]


def _ask_images(
    learner: Learner, strategy: str, frames: Frames, candidates: list[int], budget: int, rng: np.random.Generator,
    masked: bool,
) -> list[Ask]:  # fmt: skip
    pixels = frames.labels[0].numel()
    units = whole_images(candidates, pixels)
    choice = get_strategy(strategy)(learner, frames, units, budget * pixels, rng)
    indices = [int(units.image[k]) for k in choice.order]
    queries = masked_queries(learner, frames, indices) if masked else whole_queries(learner, frames, indices)
    return [Ask(i, float(choice.scores[k]), q) for i, k, q in zip(indices, choice.order, queries, strict=True)]


def _choose_pixels(
    learner: Learner, strategy: str, frames: Frames, candidates: list[int], asked: np.ndarray, count: int,
    rng: np.random.Generator,
) -> Chosen:  # fmt: skip
    """``count`` pixels of every image."""
    found: Chosen = {}
    for index, values in pixel_maps(learner, strategy, "pixel", frames, candidates, rng):
        chosen = top_pixels(values, ~asked[index], count, rng)
        found[index] = (float(values[chosen].max()), _numbered(chosen))
    return found


def _choose_squares(
    learner: Learner, strategy: str, frames: Frames, candidates: list[int], asked: np.ndarray, pixels: int,
    rng: np.random.Generator,
) -> Chosen:  # fmt: skip
    """As many squares of every image as have ``pixels`` pixels, rounded up."""
    radius, found = learner.strategy.square, Chosen()
    count = -(-pixels // (2 * radius + 1) ** 2)
    for index, values in pixel_maps(learner, strategy, "square", frames, candidates, rng):
        squares = top_squares(values, ~asked[index], count, radius)
        found[index] = (float(values[squares >= 0].max()), squares)
    return found


def masks_of(learner: Learner, frames: Frames, indices: list[int]) -> ErrorMask:
    """Error masks of some images of a split, all in memory, on the CPU."""
    depth = None if frames.depth is None else frames.depth[indices]
    images = frames.images[indices]
    parts = list(error_masks(learner.model, images, depth, frames.classes, learner.mask, learner.amp))
    names = ErrorMask.__dataclass_fields__
    return ErrorMask(**{name: torch.cat([getattr(part, name) for part in parts]).cpu() for name in names})


def masked_queries(learner: Learner, frames: Frames, indices: list[int]) -> list[Query]:
    """What SegXAL's oracles are shown for these images: prediction, mask and the part that is asked for."""
    masks = masks_of(learner, frames, indices)
    asked = top_area(masks.eem, learner.mask.area)
    return [
        Query(frames.ids[i], frames.images[i].numpy(), masks.prediction[k].numpy(), asked[k].numpy(),
              frames.labels[i].numpy(), eem=masks.eem[k].numpy())
        for k, i in enumerate(indices)
    ]  # fmt: skip


def whole_queries(learner: Learner, frames: Frames, indices: list[int]) -> list[Query]:
    """Queries for whole images: the prediction is shown, no mask."""
    whole = np.zeros(tuple(frames.labels[0].shape), dtype=np.int32)
    predictions = predictions_of(learner, frames, indices)
    return [_query(frames, i, predictions[i], whole) for i in indices]


def first_query(frames: Frames, index: int, pixels: int = 0, rng: np.random.Generator | None = None) -> Query:
    """A query before there is a network; the truth stands where a prediction would.

    Args:
        frames: the training split.
        index: position of the image.
        pixels: how many random pixels are asked for, or all where there are not so many; 0 = the whole image.
        rng: source of the random pixels.
    """
    truth = frames.labels[index].numpy()
    if not pixels or rng is None:
        return _query(frames, index, truth, np.zeros(truth.shape, dtype=np.int32))
    return _query(frames, index, truth, _numbered(top_pixels(rng.random(truth.shape), truth >= 0, pixels)))


def _numbered(chosen: np.ndarray) -> np.ndarray:
    """(H, W) int32: every chosen pixel is a region of its own, -1 elsewhere."""
    numbers = np.full(chosen.shape, -1, dtype=np.int32)
    numbers[chosen] = np.arange(chosen.sum())
    return numbers


def _query(frames: Frames, index: int, prediction: np.ndarray, regions: np.ndarray) -> Query:
    """A query of a method that makes no error mask."""
    image, truth = frames.images[index].numpy(), frames.labels[index].numpy()
    return Query(frames.ids[index], image, prediction, regions >= 0, truth, partition=regions)


def predictions_of(learner: Learner, frames: Frames, indices: list[int]) -> dict[int, np.ndarray]:
    """What a network says of some images of a split: position -> (H, W) uint8 train ids."""
    parts = predictions(learner.model, frames.images[indices], learner.amp)
    shown = [labels for part in parts for labels in part.to(torch.uint8).cpu().numpy()]
    return dict(zip(indices, shown, strict=True))
