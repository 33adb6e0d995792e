"""RIPU's way to learn from a source and a few labelled pixels: consistent at borders, sure of what it is not."""

import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.core.labels import VOID
from segxal.training.objectives.adapted import Adapted, whole

IMPROBABLE = 0.05  # probability below which a class is to become more improbable
TINY = 1e-6  # keeps the logarithm finite


class Ripu(Adapted):
    """Labels, consistency at borders of the source's classes, and negative learning on all of the target.

    No teacher, no pseudo-labels.

    Source: Xie et al. 2022, RIPU, section 3.3 and its code. Departure: predictions are read at every
    ``train.stride``-th pixel, so the neighbours of the consistency are as far apart. Any other label beside a pixel
    makes a border (theirs: a sum, which can cancel), the rim of an image makes none, and without a border the
    consistency is 0, not NaN. Class weights as for every other objective.
    """

    def loss(self, step: int) -> Tensor:
        """Labels, consistency on a batch of the source, negative learning on a batch of the target."""
        images, _ = next(self.seen)
        probs = whole(self.model, images, self.config.stride, self.config.amp).softmax(1)
        total = self.from_labels() + self.config.negative * negative(probs)
        if self.source is None:
            return total
        found, labels, labelled = self.read_source()
        return total + labelled + self.config.consistency * consistency(found.softmax(1), labels)


def negative(probs: Tensor) -> Tensor:
    """Mean of -log(1 - p) over all probabilities below 0.05; 0 where there are none.

    Args:
        probs: (N, C, h, w).
    """
    improbable = (probs < IMPROBABLE).detach()
    return -(torch.log(1 - probs + TINY) * improbable).sum() / improbable.sum().clamp(min=1)


def consistency(probs: Tensor, labels: Tensor) -> Tensor:
    """How much predictions at borders differ from the mean of their 3x3 neighbours.

    Args:
        probs: (N, C, h, w).
        labels: (N, h, w) int64, 255 = void.

    Returns:
        The mean over the pixels of borders of the absolute differences, summed over the classes; 0 without a border.
    """
    around = F.avg_pool2d(F.pad(probs, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    at = borders(labels)
    return ((probs - around).abs().sum(1) * at).sum() / at.sum().clamp(min=1)


def borders(labels: Tensor) -> Tensor:
    """Pixels that are not void and have a neighbour, diagonal ones included, of another label.

    Args:
        labels: (N, h, w) int64, 255 = void.

    Returns:
        (N, h, w) bool.
    """
    values = F.pad(labels.unsqueeze(1).float(), (1, 1, 1, 1), mode="replicate")
    highest, lowest = F.max_pool2d(values, 3, stride=1), -F.max_pool2d(-values, 3, stride=1)
    return (highest != lowest).squeeze(1) & (labels != VOID)
