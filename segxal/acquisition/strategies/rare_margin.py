"""Rare margin: uncertain pixels first, and among them those of classes that have few annotations."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import probabilities
from segxal.acquisition.strategies.margin import level
from segxal.core.metrics import class_counts
from segxal.data.base import Frames


def rare_margin_maps(
    learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator
) -> Iterator[Tensor]:  # fmt: skip
    """The margin's map times the rarity that is expected of the pixel's class: sum over classes of p_c r_c.

    Source: ours; the margin is that of :func:`segxal.acquisition.strategies.margin.margin_maps`. mIoU gives every class
    the same weight, however few its pixels are.
    """
    weights = rarity(learner.labels, len(frames.classes))
    for probs in probabilities(learner, frames, candidates):
        expected = (probs * weights.to(probs.device).view(1, -1, 1, 1)).sum(1)
        yield (level(probs) * expected).cpu()


def rarity(labels: Tensor, classes: int) -> Tensor:
    """How rare each class is among the annotated pixels.

    Args:
        labels: (N, H, W) uint8 annotations, 255 = not annotated.
        classes: number of classes C.

    Returns:
        (C,) float32, proportional to 1 / sqrt(n_c + 1) with the annotated pixels n_c of the class; their mean is 1.
    """
    weights = (class_counts(labels, classes) + 1).rsqrt()
    return weights / weights.mean()
