"""Learning from annotations: class-weighted cross-entropy (paper sections 3.1 and 4)."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.core.labels import VOID
from segxal.core.metrics import class_counts
from segxal.models.base import Network
from segxal.models.device import device
from segxal.training.batches import batches
from segxal.training.objectives.base import Objective, require_people
from segxal.training.predict import logits, logits_at
from segxal.training.settings import TrainConfig
from segxal.training.task import Task


class Supervised(Objective):
    """Every step takes a batch of annotated images.

    Attributes:
        labelled: batches of them.
        weights: (C,) of the classes in the loss, or None.
    """

    labelled: Iterator[tuple[Tensor, Tensor]]
    weights: Tensor | None

    def setup(self, model: Network, task: Task, config: TrainConfig) -> None:
        """Weigh the classes by what is annotated.

        Raises:
            ConfigError: if people have annotated nothing.
        """
        require_people(task)
        super().setup(model, task, config)
        weights = class_weights(task.labels, len(task.target.classes), config.class_weights)
        self.weights = weights if weights is None else weights.to(device())
        self.labelled = batches(task.target, task.annotated, task.labels, config, task.generator)

    def loss(self, step: int) -> Tensor:
        """Cross-entropy of a batch of annotated images, over all annotated pixels or ``train.pixels`` of them."""
        images, labels = next(self.labelled)
        if not self.config.pixels:
            return cross_entropy(logits(self.model, images, self.config.amp), labels, self.weights)
        where = annotated_pixels(labels, self.config.pixels, self.task.generator)
        return cross_entropy(logits_at(self.model, images, where, self.config.amp), labels[where], self.weights)


def annotated_pixels(labels: Tensor, most: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Annotated pixels of a batch: all of them, or a random part where there are more than may count.

    Args:
        labels: (N, H, W) int64, 255 = not annotated.
        most: pixels that may count; more are drawn from with replacement.
        generator: source of the draw.

    Returns:
        Image numbers, rows and columns.
    """
    image, row, column = torch.nonzero(labels != VOID, as_tuple=True)
    if len(image) <= most:
        return image, row, column
    drawn = torch.randint(len(image), (most,), generator=generator).to(labels.device)
    return image[drawn], row[drawn], column[drawn]


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Class-weighted cross-entropy averaged over the labelled pixels.

    Args:
        logits: (N, C, H, W), or (P, C) of single pixels.
        labels: (N, H, W) or (P,) int64, 255 = void.
        weights: (C,) or None.

    Returns:
        A scalar; 0 with zero gradients when every pixel is void (torch's own mean is NaN there).
    """
    total = F.cross_entropy(logits, labels, weights, ignore_index=VOID, reduction="sum")
    valid = labels[labels != VOID]
    mass = weights[valid].sum() if weights is not None else valid.numel()
    return total / max(float(mass), 1e-6)


def class_weights(labels: Tensor, classes: int, rule: str) -> Tensor | None:
    """Weights of the loss from the labelled pixels.

    Args:
        labels: (N, H, W) uint8, 255 = void.
        classes: number of classes C.
        rule: ``none``, or ``sqrt-frequency``: proportional to 1 / sqrt(share of the pixels).

    Returns:
        (C,) float32 with mean 1 over the classes that occur (absent classes get 1), or None.
    """
    if rule == "none":
        return None
    counts = class_counts(labels, classes)
    present = counts > 0
    weights = torch.ones(classes)
    if present.any():
        inverse = (counts[present] / counts.sum()).rsqrt()
        weights[present] = inverse / inverse.mean()
    return weights
