"""RIPU: uncertain pixels where the prediction mixes classes."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import probabilities
from segxal.core.entropy import entropy_map
from segxal.core.impurity import impurity
from segxal.data.base import Frames


def ripu_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Region impurity times entropy of each pixel, 0 to 1; the window is ``strategy.radius``.

    Source: Xie et al. 2022, RIPU, section 3.2; at the pixel level this is their score. Departure: pixels are drawn from
    the highest as for every other strategy, where they take the highest and forbid a square around it; a region's score
    is the mean over its pixels, where they average the entropy over a square and take the impurity of its centre.
    """
    classes = len(frames.classes)
    for probs in probabilities(learner, frames, candidates):
        mixed = impurity(probs.max(1).indices.cpu(), classes, learner.strategy.radius)
        yield entropy_map(probs).cpu() * mixed
