"""BALD: what dropout passes disagree about."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import over_passes
from segxal.data.base import Frames


def bald_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Mutual information of prediction and weights, estimated with ``strategy.passes`` dropout passes, as :func:`bald`.

    Source: Houlsby et al. 2011; Gal, Islam and Ghahramani 2017. Departure: dropout sits before the last convolution
    only, and the network is trained with it.
    """
    return over_passes(learner, frames, candidates, rng, bald)


def bald(passes: Iterable[Tensor]) -> Tensor:
    """Entropy of the mean prediction minus the mean entropy of the predictions.

    Args:
        passes: T times (N, C, H, W) float probabilities of the same images. They are summed up as they come, so
            memory does not grow with T.

    Returns:
        (N, H, W) float, in nats, from 0 (all passes agree) to ln C; rounding below 0 is cut off.
    """
    total, entropy, count = torch.zeros(()), torch.zeros(()), 0
    for probs in passes:
        total = total + probs
        entropy = entropy + torch.special.entr(probs).sum(1)
        count += 1
    return (torch.special.entr(total / count).sum(1) - entropy / count).clamp(min=0)
