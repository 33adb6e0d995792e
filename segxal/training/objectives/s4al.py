"""Learning from images without annotations too: mean teacher, pseudo-labels and ClassMix, as S4AL does it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import PARAM_LIST, get_ema_multi_avg_fn

from segxal.core.labels import VOID
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.features import Maps
from segxal.training.augment import Augmentation
from segxal.training.batches import batches
from segxal.training.objectives.base import EMA_DECAY, Average
from segxal.training.objectives.supervised import Supervised
from segxal.training.predict import logits, logits_at
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

SURE = 0.97  # confidence from which a pixel counts for its image's weight
COLD = 0.2  # share of the steps that learn from annotations alone
COLD_WEIGHT = 1.5  # of the supervised loss in these steps


@dataclass(frozen=True)
class PseudoLabelled:
    """Images with the labels a network is to learn from.

    Attributes:
        images: (N, 3, H, W) uint8, or the feature maps that a frozen encoder gives of them.
        labels: (N, H, W) int64, annotation or pseudo-label; never void.
        confidence: (N, H, W) float in [0, 1], how sure the teacher is; 1 where the label is an annotation.
    """

    images: Any
    labels: Tensor
    confidence: Tensor


class S4AL(Supervised):
    """Every step also takes a batch of images that are not annotated, or for the most part not.

    Their labels are the teacher's, and ClassMix mixes the images. Where all images are annotated the loss is the
    supervised one.

    Attributes:
        unlabelled: batches of those images with what is annotated in them; None where there are none.
        recolour: colour jitter of mixed images.

    Source: S4AL (arXiv 2210.08403). Departure: no L_adapt (pasting of tail classes); the first fifth of the steps is
    supervised alone, with weight 1.5 (S4AL: the first 10 of 100 epochs); annotated regions teach in both losses (S4AL:
    in the unsupervised one alone); the teacher is in evaluation mode and averages batch normalisation's statistics
    too; flips and crops come before the teacher, colour jitter on every mixed image. With a frozen encoder the feature
    maps are mixed, each at its own resolution, in place of the images.
    """

    unlabelled: Iterator[tuple[Tensor, Tensor]] | None
    recolour: Augmentation

    def setup(self, model: Network, task: Task, config: TrainConfig) -> None:
        """Find the images that have next to no annotation.

        Raises:
            ConfigError: if people have annotated nothing.
        """
        super().setup(model, task, config)
        positions, annotation = unlabelled(len(task.target), task.annotated, task.labels)
        plain, recolour = replace(config, jitter=0.0), replace(config, crop=1.0, flip=False)
        some = batches(task.target, positions, annotation, plain, task.generator)
        self.unlabelled = some if positions else None
        self.recolour = Augmentation(recolour, (task.labels.shape[-2], task.labels.shape[-1]))

    def loss(self, step: int) -> Tensor:
        """The supervised loss, and after the first fifth of the steps that of a mixed batch."""
        loss = super().loss(step)
        if self.unlabelled is None:
            return loss
        if step <= COLD * self.task.steps:
            return COLD_WEIGHT * loss
        batch = self._mixed(*next(self.unlabelled))
        if not self.config.pixels:
            return loss + unsupervised_loss(logits(self.model, batch.images, self.config.amp), batch)
        where = any_pixels(batch.labels.shape, self.config.pixels, self.task.generator)
        return loss + unsupervised_loss(logits_at(self.model, batch.images, where, self.config.amp), batch, where)

    def average(self) -> Average:
        """The ramped average."""
        return ramped_average(EMA_DECAY)

    @torch.no_grad()
    def _mixed(self, images: Tensor, annotation: Tensor) -> PseudoLabelled:
        probs = logits(self.teacher, images, self.config.amp).softmax(1)
        seen = self.model.prepare(images)
        shown = seen if isinstance(seen, Maps) else images
        mix = class_mix(pseudo_labelled(shown, annotation, probs), self.task.generator)
        return replace(mix, images=self.recolour(mix.images, mix.labels, self.task.generator)[0])


def unlabelled(count: int, annotated: Sequence[int], labels: Tensor) -> tuple[list[int], Tensor]:
    """Images that are not annotated, or for the most part not.

    Args:
        count: images of the training split.
        annotated: positions of the n annotated images.
        labels: (n, H, W) uint8 annotations, 255 = not annotated.

    Returns:
        The U positions, and (U, H, W) uint8 what is annotated in them: nothing in images that are not in ``annotated``,
        a few regions or pixels in the others. Images of which at least half is annotated are not among them.
    """
    rest = sorted(set(range(count)) - set(annotated))
    partly = (labels == VOID).float().mean((1, 2)) > 0.5
    positions = rest + [index for index, chosen in zip(annotated, partly.tolist(), strict=True) if chosen]
    nothing = torch.full((len(rest), *labels.shape[1:]), VOID, dtype=labels.dtype)
    return positions, torch.cat([nothing, labels[partly]])


def ramped_average(decay: float) -> Average:
    """The teacher's moving average, whose decay min(1 - 1 / (t + 1), ``decay``) grows with the steps t taken.

    A short training would otherwise leave the teacher near the random start: 0.99 ** 100 is still 0.37.
    """

    def update(averaged: PARAM_LIST, current: PARAM_LIST, steps: Tensor | int) -> None:
        get_ema_multi_avg_fn(min(1 - 1 / (int(steps) + 1), decay))(averaged, current, steps)

    return update


def pseudo_labelled(images: Any, annotation: Tensor, probs: Tensor) -> PseudoLabelled:
    """Pseudo-labels: what the teacher predicts; where pixels are annotated, the annotation stands.

    Args:
        images: (N, 3, H, W) uint8, or their feature maps.
        annotation: (N, H, W) int64, 255 = not annotated.
        probs: (N, C, H, W) float, the teacher's class probabilities of these images.
    """
    confidence, labels = probs.max(1)
    known = annotation != VOID
    return PseudoLabelled(images, torch.where(known, annotation, labels), confidence.masked_fill(known, 1.0))


def class_mix(batch: PseudoLabelled, generator: torch.Generator) -> PseudoLabelled:
    """Paste half of the classes of each image onto the next one; the last goes onto the first.

    Args:
        batch: N images.
        generator: draws the classes; half of k classes are k // 2.

    Returns:
        N images in which image i + 1 shows, at their places, the drawn classes of image i.

    Source: ClassMix (arXiv 2007.07936), the pairing of S4AL (arXiv 2210.08403).
    """
    masks = []
    for labels in batch.labels:
        present = labels.unique()
        drawn = torch.randperm(len(present), generator=generator)[: len(present) // 2]
        masks.append(torch.isin(labels, present[drawn.to(present.device)]))
    pasted = torch.stack(masks).roll(1, 0)
    return PseudoLabelled(
        pasted_on(batch.images, pasted),
        torch.where(pasted, batch.labels.roll(1, 0), batch.labels),
        torch.where(pasted, batch.confidence.roll(1, 0), batch.confidence),
    )


def pasted_on(images: Any, pasted: Tensor) -> Any:
    """Images, or their feature maps, with parts of the image before; a cell of a map follows the most of its pixels.

    Args:
        images: N images.
        pasted: (N, H, W) bool, the parts.
    """
    if not isinstance(images, Maps):
        return torch.where(pasted.unsqueeze(1), images.roll(1, 0), images)
    share = pasted.unsqueeze(1).float()
    cells = [F.adaptive_avg_pool2d(share, (part.shape[-2], part.shape[-1])) > 0.5 for part in images.maps]
    mixed = (torch.where(cell, part.roll(1, 0), part) for cell, part in zip(cells, images.maps, strict=True))
    return Maps(tuple(mixed), images.size)


def any_pixels(shape: torch.Size, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Random pixels of a batch (N, H, W), drawn with replacement: image numbers, rows and columns, on the device."""
    image, row, column = (torch.randint(side, (count,), generator=generator).to(device()) for side in shape)
    return image, row, column


def unsupervised_loss(
    logits: Tensor, batch: PseudoLabelled, where: tuple[Tensor, Tensor, Tensor] | None = None
) -> Tensor:
    """Cross-entropy with the labels of a teacher, which counts more in images the teacher is sure about.

    Args:
        logits: (N, C, H, W) of ``batch.images``, or (P, C) of some of its pixels.
        batch: the labels and their confidence q.
        where: image numbers, rows and columns of these pixels.

    Returns:
        A scalar: the mean, over the pixels with a loss above 0, of s * q * cross-entropy, where s is the share of
        the image's pixels with q >= 0.97; 0 when no pixel has a loss (the mean of the official code is NaN there).

    Source: S4AL (arXiv 2210.08403), official code.
    """
    share = (batch.confidence >= SURE).float().mean((1, 2), keepdim=True)
    labels, confidence = batch.labels, batch.confidence
    if where is not None:
        labels, confidence, share = labels[where], confidence[where], share.flatten()[where[0]]
    loss = F.cross_entropy(logits, labels, reduction="none") * confidence
    return (share * loss).sum() / (loss > 0).sum().clamp(min=1)
