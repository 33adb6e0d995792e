"""Learning from images without annotations: mean teacher, pseudo-labels and ClassMix, as S4AL does it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import PARAM_LIST, get_ema_multi_avg_fn

from segxal.core.labels import VOID

SURE = 0.97  # confidence from which a pixel counts for its image's weight
COLD = 0.2  # share of the steps that learn from annotations alone
COLD_WEIGHT = 1.5  # of the supervised loss in these steps


@dataclass(frozen=True)
class Taught:
    """Images with the labels a network is to learn from.

    Attributes:
        images: (N, 3, H, W) uint8.
        labels: (N, H, W) int64, annotation or pseudo-label; never void.
        confidence: (N, H, W) float in [0, 1], how sure the teacher is; 1 where the label is an annotation.
    """

    images: Tensor
    labels: Tensor
    confidence: Tensor


def unlabelled(count: int, indices: list[int], labels: Tensor) -> tuple[list[int], Tensor]:
    """Images that are not annotated, or for the most part not.

    Args:
        count: images of the training split.
        indices: positions of the n annotated images.
        labels: (n, H, W) uint8 annotations, 255 = not annotated.

    Returns:
        The U positions, and (U, H, W) uint8 what is annotated in them: nothing in images that are not in ``indices``,
        a few regions or pixels in the others. Images of which at least half is annotated are not among them.
    """
    rest = sorted(set(range(count)) - set(indices))
    partly = (labels == VOID).float().mean((1, 2)) > 0.5
    positions = rest + [index for index, chosen in zip(indices, partly.tolist(), strict=True) if chosen]
    nothing = torch.full((len(rest), *labels.shape[1:]), VOID, dtype=labels.dtype)
    return positions, torch.cat([nothing, labels[partly]])


def ramped_average(decay: float) -> Callable[[PARAM_LIST, PARAM_LIST, Tensor | int], None]:
    """The teacher's moving average, whose decay min(1 - 1 / (t + 1), ``decay``) grows with the steps t taken.

    A short training would otherwise leave the teacher near the random start: 0.99 ** 100 is still 0.37.
    """

    def update(averaged: PARAM_LIST, current: PARAM_LIST, steps: Tensor | int) -> None:
        get_ema_multi_avg_fn(min(1 - 1 / (int(steps) + 1), decay))(averaged, current, steps)

    return update


def taught(images: Tensor, annotation: Tensor, probs: Tensor) -> Taught:
    """Pseudo-labels: what the teacher predicts; where pixels are annotated, the annotation stands.

    Args:
        images: (N, 3, H, W) uint8.
        annotation: (N, H, W) int64, 255 = not annotated.
        probs: (N, C, H, W) float, the teacher's class probabilities of these images.
    """
    confidence, labels = probs.max(1)
    known = annotation != VOID
    return Taught(images, torch.where(known, annotation, labels), confidence.masked_fill(known, 1.0))


def class_mix(batch: Taught, generator: torch.Generator) -> Taught:
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
    return Taught(
        torch.where(pasted.unsqueeze(1), batch.images.roll(1, 0), batch.images),
        torch.where(pasted, batch.labels.roll(1, 0), batch.labels),
        torch.where(pasted, batch.confidence.roll(1, 0), batch.confidence),
    )


def unsupervised_loss(logits: Tensor, batch: Taught) -> Tensor:
    """Cross-entropy with the labels of a teacher, which counts more in images the teacher is sure about.

    Args:
        logits: (N, C, H, W) of ``batch.images``.
        batch: the labels and their confidence q.

    Returns:
        A scalar: the mean, over the pixels with a loss above 0, of s * q * cross-entropy, where s is the share of
        the image's pixels with q >= 0.97; 0 when no pixel has a loss (the mean of the official code is NaN there).

    Source: S4AL (arXiv 2210.08403), official code.
    """
    loss = F.cross_entropy(logits, batch.labels, reduction="none") * batch.confidence
    share = (batch.confidence >= SURE).float().mean((1, 2), keepdim=True)
    return (share * loss).sum() / (loss > 0).sum().clamp(min=1)
