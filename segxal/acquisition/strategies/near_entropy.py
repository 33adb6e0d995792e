"""Near entropy: uncertain pixels of what is near; SegXAL's aim without Grad-CAM."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.acquisition.strategies.forward import image_batches, probabilities
from segxal.core.eem import proximity, soft_attention
from segxal.core.entropy import entropy_map
from segxal.data.base import Frames
from segxal.models.depth import get_depth
from segxal.models.explain import depth_of


def near_entropy_maps(
    learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator
) -> Iterator[Tensor]:  # fmt: skip
    """Entropy of each pixel times the soft attention that dims what is far, 0 to 1.

    Source: ours; entropy and attention are those of SegXAL's sections 3.2.1 and 3.2.2. What the network looked at, its
    Grad-CAM, plays no part.
    """
    provider, start = get_depth(learner.mask.depth, learner.mask.depth_weights), 0
    for images, probs in zip(
        image_batches(learner, frames, candidates), probabilities(learner, frames, candidates), strict=True
    ):
        measured = None if frames.depth is None else frames.depth[candidates[start : start + len(images)]]
        depth = depth_of(provider, images, probs.max(1).indices, frames.classes, measured)
        near = soft_attention(proximity(depth), learner.mask.threshold, learner.mask.quantile)
        yield (entropy_map(probs) * near).cpu()
        start += len(images)
