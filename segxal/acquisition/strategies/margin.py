"""Margin: how close the second class comes to the first."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import probabilities
from segxal.data.base import Frames


def margin_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """1 - (p1 - p2) with the two largest probabilities of each pixel: 0 (certain) to 1 (two classes are level).

    Source: Scheffer, Decomain and Wrobel 2001. Departure: 1 minus their margin, so that higher is asked earlier.
    """
    return (level(probs).cpu() for probs in probabilities(learner, frames, candidates))


def level(probs: Tensor) -> Tensor:
    """How level the two largest probabilities are: (N, C, H, W) class probabilities -> (N, H, W), 1 - (p1 - p2)."""
    first, second = probs.topk(2, dim=1).values.unbind(1)
    return 1 - (first - second)
