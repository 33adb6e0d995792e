"""Entropy, and the forward passes that plain uncertainty strategies share."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from segxal.acquisition.strategies.base import Learner
from segxal.core.entropy import entropy_map
from segxal.core.errors import ConfigError
from segxal.data.base import Frames
from segxal.training.predict import predict


def image_batches(learner: Learner, frames: Frames, indices: list[int]) -> Iterator[Tensor]:
    """(b, 3, H, W) uint8 images in the order of ``indices``, ``mask.batch`` at a time; no other copy is made."""
    for start in range(0, len(indices), learner.mask.batch):
        yield frames.images[indices[start : start + learner.mask.batch]]


def probabilities(learner: Learner, frames: Frames, indices: list[int]) -> Iterator[Tensor]:
    """Class probabilities of images, batch by batch; between two batches the network is as it was.

    Args:
        learner: its model and the settings ``mask.batch`` and ``amp``.
        frames: the training split.
        indices: positions of the images.

    Yields:
        (b, C, H, W) float32 on the device.

    Raises:
        ConfigError: if the network's output is not finite.
    """
    for images in image_batches(learner, frames, indices):
        (probs,) = predict(learner.model, images, learner.amp, len(images))
        yield checked(probs)


def checked(probs: Tensor) -> Tensor:
    """The same probabilities, if they are finite; a vote or an argmax would hide that they are not.

    Raises:
        ConfigError: if one is NaN or infinite.
    """
    if not bool(probs.isfinite().all()):
        raise ConfigError("the network's output is not finite; lower train.lr or set train.amp to off")
    return probs


def entropy_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Shannon entropy of each pixel's class probabilities, divided by ln C: 0 (certain) to 1 (uniform).

    Source: the baseline "Entropy" of SegXAL's Table 1; the same map as its EBU (section 3.2.1, equation 1).
    """
    for probs in probabilities(learner, frames, candidates):
        yield entropy_map(probs).cpu()
