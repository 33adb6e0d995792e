"""The query step of a cycle: what may be asked, what the strategy chooses, what the oracle is shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from segxal.config import LoopConfig
from segxal.data.base import Frames
from segxal.eem import ErrorMask, error_masks, top_area
from segxal.errors import ConfigError
from segxal.methods import WITHOUT_TRUTH, Method
from segxal.oracles.base import Query
from segxal.pool import Pool, random_subset
from segxal.predict import predict
from segxal.regions import annotated_out, components, grid, regions_in, superpixels, top_pixels
from segxal.state import Cycle
from segxal.strategies import get_maps, get_strategy
from segxal.strategies.base import Learner, Units, best, region_scores, whole_images

KEPT = 2**28  # pixels of partitions kept in memory
SMALLEST = 16  # pixels; smaller connected pieces are specks that nobody would outline


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
) -> list[Ask]:  # fmt: skip
    """What a method asks for beyond what was asked for already, best score first.

    Args:
        learner: the current network.
        method: strategy, oracle and granularity, any but whole images.
        frames: the training split; images without ground truth are not asked about.
        asked: (N, H, W) bool, the pixels somebody was asked for.
        streams: see :func:`ask`.

    Raises:
        ConfigError: if the pool is too small for the budget, or the strategy has no such granularity.
    """
    known = [i for i, labelled in enumerate(frames.labelled) if labelled and not asked[i].all()]
    share = 1.0 if method.granularity == "pixel" else learner.loop.subset
    candidates = random_subset(known, share, 1, streams["subset"])
    choose = {"pixel": _choose_pixels, "component": _choose_components}.get(method.granularity, _choose_regions)
    found = choose(learner, method, frames, candidates, asked, streams["query"])
    indices = sorted(found, key=lambda i: -found[i][0])
    predictions = _predictions(learner, frames, indices)
    return [
        Ask(i, found[i][0], _query(frames, i, prediction, found[i][1]))
        for i, prediction in zip(indices, predictions, strict=True)
    ]


def asked_up_to(before: Cycle, frames: Frames) -> np.ndarray:
    """(N, H, W) bool: the pixels somebody was asked for up to a cycle."""
    asked = np.zeros(tuple(frames.labels.shape), dtype=bool)
    positions = {name: i for i, name in enumerate(frames.ids)}
    for step in before.history:
        for name, part in step.asked().items():
            asked[positions[name]] |= part
    return asked


Chosen = dict[int, tuple[float, np.ndarray]]  # image -> best score, (H, W) int32 regions asked for, -1 elsewhere


def ask_images(
    learner: Learner, method: Method, frames: Frames, pool: Pool, streams: dict[str, np.random.Generator]
) -> list[Ask]:
    """What a method asks for that buys whole images, best score first; see :func:`ask`."""
    count = max(1, round(learner.loop.step * len(frames)))
    free = askable(pool.unlabelled, frames, method.oracle, count)
    candidates = random_subset(free, learner.loop.subset, count, streams["subset"])
    pixels = frames.labels[0].numel()
    choice = get_strategy(method.strategy)(
        learner, frames, whole_images(candidates, pixels), count * pixels, streams["query"]
    )
    indices = [candidates[k] for k in choice.order]
    if method.oracle == "whole-image":
        whole = np.zeros(frames.labels[0].shape, dtype=np.int32)
        predictions = _predictions(learner, frames, indices)
        queries = [_query(frames, i, shown, whole) for i, shown in zip(indices, predictions, strict=True)]
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
            f"simulated oracle {oracle} needs; lower loop.step or loop.cycles, or use segxal-pseudo, or people: "
            "segxal-label-studio"
        )
    return known


def _choose_regions(
    learner: Learner, method: Method, frames: Frames, candidates: list[int], asked: np.ndarray, rng: np.random.Generator
) -> Chosen:
    """Grid cells or superpixels: all regions of all candidates compete for one budget of pixels."""
    height, width = frames.labels[0].shape

    def cut(index: int) -> np.ndarray:
        if method.granularity == "grid":
            return annotated_out(grid(height, width, learner.loop.cell), asked[index])
        image = frames.images[index].permute(1, 2, 0).numpy()
        return annotated_out(superpixels(image, learner.loop.pieces), asked[index])

    partition = lru_cache(max(1, KEPT // frames.labels[0].numel()))(cut)  # asked for up to three times in turn
    units = _units(candidates, partition)
    budget = region_budget(learner.loop, frames)
    choice = get_strategy(method.strategy, method.granularity)(learner, frames, units, budget, rng)
    return _gather(units, choice.order, choice.scores, {i: partition(i) for i in units.image[choice.order]})


def _choose_components(
    learner: Learner, method: Method, frames: Frames, candidates: list[int], asked: np.ndarray, rng: np.random.Generator
) -> Chosen:
    """Connected pieces of the part of each image where the map is highest: SegXAL's regions of interest."""
    count = round(learner.mask.area * frames.labels[0].numel())
    partitions, scores, images, regions, sizes = {}, [], [], [], []
    for index, values in _maps(learner, method, frames, candidates, rng):
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
    return _gather(units, best(found, units.size, region_budget(learner.loop, frames)), found, partitions)


def _choose_pixels(
    learner: Learner, method: Method, frames: Frames, candidates: list[int], asked: np.ndarray, rng: np.random.Generator
) -> Chosen:
    """A few pixels of every image."""
    found: Chosen = {}
    for index, values in _maps(learner, method, frames, candidates, rng):
        chosen = top_pixels(values, ~asked[index], learner.loop.pixels, rng)
        found[index] = (float(values[chosen].max()), _numbered(chosen))
    return found


def _maps(
    learner: Learner, method: Method, frames: Frames, candidates: list[int], rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    parts = get_maps(method.strategy, method.granularity).maps(learner, frames, candidates, rng)
    images = (image.double().numpy() for part in parts for image in part)
    return zip(candidates, images, strict=True)


def region_budget(config: LoopConfig, frames: Frames) -> int:
    """Pixels that region methods ask for in one cycle."""
    return max(1, round(config.region_step * frames.labels.numel()))


def _units(candidates: list[int], partition: Callable[[int], np.ndarray]) -> Units:
    images, regions, sizes = [], [], []
    for index in candidates:
        numbers, areas = regions_in(partition(index))
        images.append(np.full(len(numbers), index))
        regions.append(numbers)
        sizes.append(areas)
    return Units(np.concatenate(images), np.concatenate(regions), np.concatenate(sizes), partition)


def _gather(units: Units, order: list[int], scores: np.ndarray, partitions: dict[int, np.ndarray]) -> Chosen:
    """The chosen units image by image."""
    found: Chosen = {}
    for k in order:
        index = int(units.image[k])
        score, asked = found.get(index, (-np.inf, np.full(partitions[index].shape, -1, dtype=np.int32)))
        asked[partitions[index] == units.region[k]] = units.region[k]
        found[index] = (max(score, float(scores[k])), asked)
    return found


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


def _predictions(learner: Learner, frames: Frames, indices: list[int]) -> list[np.ndarray]:
    parts = predict(learner.model, frames.images[indices], learner.amp)
    return [shown for probs in parts for shown in probs.argmax(1).to(torch.uint8).cpu().numpy()]
