"""The query step of a cycle: what may be asked, what the strategy chooses, what the oracle is shown."""

from dataclasses import dataclass

import numpy as np
import torch

from segxal.acquisition.oracles.base import Query
from segxal.acquisition.pool import Pool, random_subset
from segxal.acquisition.ranking import Chosen, Ranking, pixel_maps, rank_regions
from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies import get_strategy
from segxal.acquisition.strategies.base import Learner, whole_images
from segxal.core.eem import ErrorMask, error_masks, top_area
from segxal.core.errors import ConfigError
from segxal.core.regions import top_pixels
from segxal.data.base import Frames
from segxal.methods.base import WITHOUT_TRUTH, Method
from segxal.study.state import Cycle
from segxal.training.predict import predict


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
    learner: Learner, method: Method, frames: Frames, pool: Pool, before: Cycle,
    streams: dict[str, np.random.Generator],
) -> list[Ask]:  # fmt: skip
    """What a method asks for in one cycle, best score first.

    Args:
        learner: the current network.
        method: strategy, oracle and granularity.
        frames: the training split.
        pool: which images are labelled.
        before: the last finished cycle; regions that were asked for up to it are not asked for again.
        streams: generators ``subset`` (the part of the pool that is scored) and ``query`` (the strategy's own).

    Raises:
        ConfigError: if the pool is too small for the budget, or the strategy has no such granularity.
    """
    if method.granularity == "image":
        return ask_images(learner, method, frames, pool, streams)
    return ask_regions(learner, method, frames, asked_up_to(before, frames), streams)


def ask_regions(
    learner: Learner, method: Method, frames: Frames, asked: np.ndarray, streams: dict[str, np.random.Generator]
) -> list[Ask]:
    """What a method asks for that buys parts of images, best score first.

    Args:
        learner: the current network.
        method: strategy, oracle and granularity, any but whole images.
        frames: the training split; images without ground truth are not asked about.
        asked: (N, H, W) bool, the pixels somebody was asked for already.
        streams: see :func:`ask`.

    Raises:
        ConfigError: if the pool is too small for the budget, or the strategy has no such granularity.
    """
    if method.granularity == "pixel":
        candidates = random_subset(_open(frames, asked), 1.0, 1, streams["subset"])
        found = _choose_pixels(learner, method, frames, candidates, asked, streams["query"])
    else:
        ranking = rank(learner, method, frames, asked, streams, region_budget(learner.loop, frames))
        found = ranking.first(len(ranking.order))
    return asks_about(frames, found, predictions_of(learner, frames, list(found)))


def rank(
    learner: Learner, method: Method, frames: Frames, asked: np.ndarray, streams: dict[str, np.random.Generator],
    budget: int | None = None,
) -> Ranking:  # fmt: skip
    """The order in which a method of regions asks, as far as ``budget`` pixels reach; to the end where it is None."""
    candidates = random_subset(_open(frames, asked), learner.pool.subset, 1, streams["subset"])
    return rank_regions(learner, method, frames, candidates, asked, budget, streams["query"])


def asks_about(frames: Frames, found: Chosen, predictions: dict[int, np.ndarray]) -> list[Ask]:
    """What is chosen as questions to an oracle, best image first."""
    best_first = sorted(found, key=lambda i: -found[i][0])
    return [Ask(i, found[i][0], _query(frames, i, predictions[i], found[i][1])) for i in best_first]


def _open(frames: Frames, asked: np.ndarray) -> list[int]:
    """Images of known truth in which something is left to ask for."""
    return [i for i, labelled in enumerate(frames.labelled) if labelled and not asked[i].all()]


def asked_up_to(before: Cycle, frames: Frames) -> np.ndarray:
    """(N, H, W) bool: the pixels somebody was asked for up to a cycle."""
    asked = np.zeros(tuple(frames.labels.shape), dtype=bool)
    positions = {name: i for i, name in enumerate(frames.ids)}
    for step in before.history:
        for name, part in step.asked().items():
            asked[positions[name]] |= part
    return asked


def ask_images(
    learner: Learner, method: Method, frames: Frames, pool: Pool, streams: dict[str, np.random.Generator]
) -> list[Ask]:
    """What a method asks for that buys whole images, best score first; see :func:`ask`."""
    count = max(1, round(learner.pool.step * len(frames)))
    free = askable(pool.unlabelled, frames, method.oracle, count)
    candidates = random_subset(free, learner.pool.subset, count, streams["subset"])
    pixels = frames.labels[0].numel()
    choice = get_strategy(method.strategy)(
        learner, frames, whole_images(candidates, pixels), count * pixels, streams["query"]
    )
    indices = [candidates[k] for k in choice.order]
    if method.oracle == "whole-image":
        whole = np.zeros(frames.labels[0].shape, dtype=np.int32)
        predictions = predictions_of(learner, frames, indices)
        queries = [_query(frames, i, predictions[i], whole) for i in indices]
    else:
        queries = queries_for(learner, frames, indices)
    return [Ask(i, float(choice.scores[k]), q) for i, k, q in zip(indices, choice.order, queries, strict=True)]


def askable(free: list[int], train: Frames, oracle: str, count: int) -> list[int]:
    """Simulated people need ground truth; images without it can only be asked of the machine or of real people.

    Raises:
        ConfigError: if fewer than ``count`` images with ground truth are left, though there are as many images.
    """
    if oracle in WITHOUT_TRUTH:
        return free
    known = [i for i in free if train.labelled[i]]
    if len(known) < min(count, len(free)):
        raise ConfigError(
            f"{count} images are to be queried, but only {len(known)} unlabelled ones have ground truth, which the "
            f"simulated oracle {oracle} needs; lower pool.step or pool.cycles, or use segxal-pseudo, or people: "
            "segxal-label-studio"
        )
    return known


def _choose_pixels(
    learner: Learner, method: Method, frames: Frames, candidates: list[int], asked: np.ndarray, rng: np.random.Generator
) -> Chosen:
    """A few pixels of every image."""
    found: Chosen = {}
    for index, values in pixel_maps(learner, method, frames, candidates, rng):
        chosen = top_pixels(values, ~asked[index], learner.pool.pixels, rng)
        found[index] = (float(values[chosen].max()), _numbered(chosen))
    return found


def region_budget(config: StrategyConfig, frames: Frames) -> int:
    """Pixels that region methods ask for in one cycle."""
    return max(1, round(config.region_step * frames.labels.numel()))


def masks_of(learner: Learner, frames: Frames, indices: list[int]) -> ErrorMask:
    """Error masks of some images of a split, all in memory, on the CPU."""
    depth = None if frames.depth is None else frames.depth[indices]
    parts = list(
        error_masks(
            learner.model, learner.layer, frames.images[indices], depth, frames.classes, learner.mask, learner.amp
        )
    )
    names = ErrorMask.__dataclass_fields__
    return ErrorMask(**{name: torch.cat([getattr(part, name) for part in parts]).cpu() for name in names})


def queries_for(learner: Learner, frames: Frames, indices: list[int]) -> list[Query]:
    """What SegXAL's oracles are shown for these images: prediction, mask and the part that is asked for."""
    masks = masks_of(learner, frames, indices)
    asked = top_area(masks.eem, learner.mask.area)
    return [
        Query(frames.ids[i], frames.images[i].numpy(), masks.prediction[k].numpy(), masks.eem[k].numpy(),
              asked[k].numpy(), frames.labels[i].numpy())
        for k, i in enumerate(indices)
    ]  # fmt: skip


def whole_query(frames: Frames, index: int) -> Query:
    """A query before there is a network: the whole image is asked for."""
    truth = frames.labels[index].numpy()
    return _query(frames, index, truth, np.zeros(truth.shape, dtype=np.int32))


def pixels_query(frames: Frames, index: int, count: int, rng: np.random.Generator) -> Query:
    """A query before there is a network: ``count`` random pixels are asked for, or all where there are not so many."""
    truth = frames.labels[index].numpy()
    return _query(frames, index, truth, _numbered(top_pixels(rng.random(truth.shape), truth >= 0, count)))


def _numbered(chosen: np.ndarray) -> np.ndarray:
    """(H, W) int32: every chosen pixel is a region of its own, -1 elsewhere."""
    numbers = np.full(chosen.shape, -1, dtype=np.int32)
    numbers[chosen] = np.arange(chosen.sum())
    return numbers


def _query(frames: Frames, index: int, prediction: np.ndarray, regions: np.ndarray) -> Query:
    """A query of a method that makes no error mask."""
    asked = regions >= 0
    image, truth = frames.images[index].numpy(), frames.labels[index].numpy()
    return Query(frames.ids[index], image, prediction, asked.astype(float), asked, truth, regions)


def predictions_of(learner: Learner, frames: Frames, indices: list[int]) -> dict[int, np.ndarray]:
    """What a network says of some images of a split: position -> (H, W) uint8 train ids."""
    parts = predict(learner.model, frames.images[indices], learner.amp)
    shown = [labels for probs in parts for labels in probs.argmax(1).to(torch.uint8).cpu().numpy()]
    return dict(zip(indices, shown, strict=True))
