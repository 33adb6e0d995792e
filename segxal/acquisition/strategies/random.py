"""Random selection: the baseline every strategy has to beat."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.strategies.base import Choice, Learner, Units, best
from segxal.acquisition.strategies.forward import image_batches
from segxal.data.base import Frames


def random_scores(learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator) -> Choice:
    """Units by uniform random scores; see :class:`segxal.acquisition.strategies.base.UnitScores`."""
    scores = rng.random(len(units))
    return Choice(best(scores, units.size, budget), scores)


def random_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Uniform random scores in [0, 1), one for each pixel."""
    for images in image_batches(learner, frames, candidates):
        yield torch.from_numpy(rng.random((len(images), *images.shape[-2:]), dtype=np.float32))
