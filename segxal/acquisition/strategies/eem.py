"""SegXAL's ranking: the explainable error mask (paper section 3.2)."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.core.eem import ErrorMask
from segxal.data.base import Frames
from segxal.models.explain import error_masks

TOP = 0.1  # share of a unit's pixels that eem-top looks at


def eem_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """The explainable error mask, 0 to 1.

    Source: SegXAL section 3.2. Departure: the paper does not say how the mask of an image becomes its rank; ``eem``
    takes the mean over the pixels, ``eem-top`` the mean over the highest tenth (:func:`top_mean`).
    """
    return (mask.eem.float().cpu() for mask in _masks(learner, frames, candidates))


def product_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """PAE times EBU, 0 to 1: high only where the network is uncertain *and* looked at something near.

    Source: ours; a stricter fusion than the sum of SegXAL's equation 3, which a certain near pixel can win.
    """
    return ((mask.pae * mask.ebu).float().cpu() for mask in _masks(learner, frames, candidates))


def _masks(learner: Learner, frames: Frames, candidates: list[int]) -> Iterator[ErrorMask]:
    depth = None if frames.depth is None else frames.depth[candidates]
    images = frames.images[candidates]
    return error_masks(learner.model, images, depth, frames.classes, learner.mask, learner.amp)


def top_mean(values: np.ndarray) -> float:
    """Mean of the highest tenth of the pixel scores of one unit (1-D), at least one pixel."""
    count = max(1, round(TOP * len(values)))
    return float(np.partition(values, len(values) - count)[-count:].mean())
