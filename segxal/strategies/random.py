"""Random selection: the baseline every strategy has to beat."""

import numpy as np

from segxal.data.base import Frames
from segxal.strategies.base import Learner


def score_random(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> np.ndarray:
    """Uniform random scores."""
    return rng.random(len(candidates))
