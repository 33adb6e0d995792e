"""SegXAL's ranking: images by their mean explainable error mask (paper section 3.2)."""

import numpy as np
import torch

from segxal.data.base import Frames
from segxal.eem import error_masks
from segxal.strategies.base import Learner


def score_eem(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> np.ndarray:
    """Mean EEM of each candidate.

    Departure: the paper does not say how the mask of an image becomes its rank; we take the mean over pixels.
    """
    depth = None if frames.depth is None else frames.depth[candidates]
    masks = error_masks(
        learner.model, learner.layer, frames.images[candidates], depth, frames.classes, learner.mask, learner.amp
    )
    return torch.cat([mask.eem.mean((1, 2)).cpu() for mask in masks]).double().numpy()
