"""Entropy: how evenly the probabilities of a pixel are spread over the classes."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import probabilities
from segxal.core.entropy import entropy_map
from segxal.data.base import Frames


def entropy_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Shannon entropy of each pixel's class probabilities, divided by ln C: 0 (certain) to 1 (uniform).

    Source: the baseline "Entropy" of SegXAL's Table 1; the same map as its EBU (section 3.2.1, equation 1).
    """
    for probs in probabilities(learner, frames, candidates):
        yield entropy_map(probs).cpu()
