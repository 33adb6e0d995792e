"""BALD: what dropout passes disagree about, and the passes themselves."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from segxal.acquisition.strategies.base import Learner, draw
from segxal.acquisition.strategies.entropy import checked, image_batches
from segxal.core.errors import ConfigError
from segxal.core.seeds import lent
from segxal.data.base import Frames
from segxal.models.base import normalise
from segxal.models.device import autocast, device
from segxal.models.unet import UNet


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
        with torch.no_grad(), lent(generator), dropping(learner.model) as active:
            reduced = reduce(_passes(learner, images, active)).float().cpu()
        yield reduced


@contextmanager
def dropping(model: nn.Module) -> Iterator[list[nn.Module]]:
    """Switch dropout on and everything else, batch normalisation above all, to evaluation.

    Afterwards all training flags are as they were, also after an error.

    Yields:
        The dropout modules that drop something.

    Raises:
        ConfigError: if there is none, so that all passes would be equal.
    """
    active: list[nn.Module] = [m for m in model.modules() if isinstance(m, _DropoutNd) and m.p > 0]
    if not active:
        raise ConfigError(
            f"{type(model).__name__} has no dropout, so all passes would be equal; train a U-Net with model.dropout, "
            "for example 0.2 (or, for QBC, a committee: strategy.committee)"
        )
    flags = {module: module.training for module in model.modules()}
    model.eval()
    for module in active:
        module.train()
    try:
        yield active
    finally:
        for module, flag in flags.items():
            module.training = flag


def _passes(learner: Learner, images: Tensor, active: list[nn.Module]) -> Iterator[Tensor]:
    """Probabilities (b, C, H, W) of the same images, ``strategy.passes`` times, with fresh dropout each time."""
    model = learner.model.to(device()).to(memory_format=torch.channels_last)
    x = normalise(images.to(device())).contiguous(memory_format=torch.channels_last)
    run = _repeat(model, x, active, learner.amp)
    for _ in range(learner.strategy.passes):
        with autocast(learner.amp):
            logits = run()
        yield checked(logits.float().softmax(1))


def _repeat(model: nn.Module, x: Tensor, active: list[nn.Module], amp: str) -> Callable[[], Tensor]:
    """What has to be run again in each pass: of a U-Net, whose dropout is all in one place, only what follows it."""
    if not isinstance(model, UNet) or active != [model.dropout]:
        return lambda: model(x)
    with autocast(amp):
        features = model.features(x)
    return lambda: model.classify(features, (x.shape[-2], x.shape[-1]))
