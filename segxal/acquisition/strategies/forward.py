"""The forward passes that strategies share: plain ones, and passes with dropout."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from segxal.acquisition.strategies.base import Learner, draw
from segxal.core.errors import ConfigError
from segxal.core.seeds import drawing_from
from segxal.data.base import Frames
from segxal.models.device import autocast
from segxal.training import predict


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
        yield checked(predict.probabilities(learner.model, images, learner.amp))


def over_passes(
    learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator,
    reduce: Callable[[Iterator[Tensor]], Tensor],
) -> Iterator[Tensor]:  # fmt: skip
    """Maps from ``strategy.passes`` dropout passes of each batch; between two batches the network is as it was.

    Args:
        learner: its model, ``strategy.passes``, ``mask.batch`` and ``amp``.
        frames: the training split.
        candidates: positions of the images.
        rng: source of the dropout.
        reduce: T times (b, C, H, W) probabilities -> (b, H, W) map.

    Yields:
        (b, H, W) float32 on the CPU.

    Raises:
        ConfigError: if the network has no active dropout, or its output is not finite.
    """
    generator = draw(rng)
    for images in image_batches(learner, frames, candidates):
        with torch.no_grad(), drawing_from(generator), learner.model.dropping():
            reduced = reduce(_passes(learner, images)).float().cpu()
        yield reduced


def _passes(learner: Learner, images: Tensor) -> Iterator[Tensor]:
    """Probabilities (b, C, H, W) of the same images, ``strategy.passes`` times, with fresh dropout each time."""
    model = learner.model.ready()
    with autocast(learner.amp):
        again = model.repeated(model.prepare(images))
    for _ in range(learner.strategy.passes):
        with autocast(learner.amp):
            logits = again()
        yield checked(logits.float().softmax(1))


def checked(probs: Tensor) -> Tensor:
    """The same probabilities, if they are finite; a vote or an argmax would hide that they are not.

    Raises:
        ConfigError: if one is NaN or infinite.
    """
    if not bool(probs.sum().isfinite()):  # the same as all of them, several times as fast
        raise ConfigError("the network's output is not finite; lower train.lr or set train.amp to off")
    return probs
