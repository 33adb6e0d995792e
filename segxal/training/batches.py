"""Batches of images and their annotations, in random order and augmented."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from segxal.core.labels import VOID
from segxal.data.base import Frames
from segxal.models.device import device
from segxal.training.augment import Augmentation
from segxal.training.settings import TrainConfig


def batches(
    frames: Frames, positions: Sequence[int], labels: Tensor, config: TrainConfig, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Passes over some images without end; every batch is full, also when there are fewer images.

    Args:
        frames: the images.
        positions: the n images wanted.
        labels: (n, H, W) uint8 annotations, 255 = not annotated.
        config: batch size, augmentation, and ``sampling``.
        generator: source of the order and the augmentation.

    Yields:
        (B, 3, H, W) uint8 images and (B, H, W) int64 labels, on the device.
    """
    images = frames.images[list(positions)].to(device())
    labels = labels.to(device())
    augment = Augmentation(config, (images.shape[-2], images.shape[-1]))
    for chosen in in_turn(lambda: order(labels, config.sampling, generator), config.batch):
        x, y = augment(images[chosen], labels[chosen], generator)
        yield x, y.long()


def in_turn(draw: Callable[[], Tensor], count: int) -> Iterator[Tensor]:
    """``count`` positions at a time, without end.

    Args:
        draw: the positions of one more pass; it is called when too few are left.
        count: of each part, always full.
    """
    waiting = torch.empty(0, dtype=torch.long)
    while True:
        while len(waiting) < count:
            waiting = torch.cat([waiting, draw()])
        chosen, waiting = waiting[:count], waiting[count:]
        yield chosen


def order(labels: Tensor, sampling: str, generator: torch.Generator) -> Tensor:
    """Which images come next: each once (``image``), or as many draws with odds by what is annotated in them.

    Args:
        labels: (n, H, W) uint8 annotations, 255 = not annotated.
        sampling: ``image``, or ``sqrt-pixels``: the odds of an image are the root of its annotated pixels.
        generator: source of the order.

    Returns:
        (n,) int64 positions.
    """
    if sampling == "image":
        return torch.randperm(len(labels), generator=generator)
    odds = (labels != VOID).flatten(1).sum(1).cpu().float().sqrt() + 1e-6
    return torch.multinomial(odds, len(labels), replacement=True, generator=generator)
