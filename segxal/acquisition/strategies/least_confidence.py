"""Least confidence: what the most probable class leaves open."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import probabilities
from segxal.data.base import Frames


def least_confidence_maps(
    learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator
) -> Iterator[Tensor]:
    """1 - p1 with the largest probability of each pixel: 0 (certain) to 1 - 1/C (uniform).

    Source: Lewis and Gale 1994.
    """
    for probs in probabilities(learner, frames, candidates):
        yield (1 - probs.amax(1)).cpu()
