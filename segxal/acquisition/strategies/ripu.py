"""RIPU: uncertain pixels where the prediction mixes classes."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner, Maps
from segxal.acquisition.strategies.forward import probabilities
from segxal.core.entropy import entropy_map
from segxal.core.impurity import box_mean, impurity
from segxal.data.base import Frames


def ripu_square_maps(
    learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator
) -> Iterator[Tensor]:  # fmt: skip
    """Impurity times mean entropy of the square around each pixel (``strategy.square``), 0 to 1.

    Source: Xie et al. 2022, RIPU, section 3.2.
    """
    radius, classes = learner.strategy.square, len(frames.classes)
    for probs in probabilities(learner, frames, candidates):
        mixed = impurity(probs.max(1).indices.cpu(), classes, radius)
        yield box_mean(entropy_map(probs).cpu(), radius) * mixed


def in_squares(maps: Maps) -> Maps:
    """The mean of a map in the square around each pixel, in place of the map."""

    def means(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
        for part in maps(learner, frames, candidates, rng):
            yield box_mean(part, learner.strategy.square)

    return means


def ripu_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Region impurity times entropy of each pixel, 0 to 1; the window is ``strategy.radius``.

    Source: Xie et al. 2022, RIPU, section 3.2; at the pixel level this is their score. Departure: pixels are drawn from
    the highest as for every other strategy, where they take the highest and forbid a square around it; the score of a
    cell or superpixel is the mean over its pixels.
    """
    classes = len(frames.classes)
    for probs in probabilities(learner, frames, candidates):
        mixed = impurity(probs.max(1).indices.cpu(), classes, learner.strategy.radius)
        yield entropy_map(probs).cpu() * mixed
