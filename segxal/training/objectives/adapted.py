"""Learning from another world, from people and from machines: a mean of its own for each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.features import Maps
from segxal.training.batches import batches
from segxal.training.objectives.base import Objective
from segxal.training.objectives.supervised import annotated_pixels, class_weights, cross_entropy
from segxal.training.predict import logits, logits_at
from segxal.training.settings import TrainConfig
from segxal.training.task import HUNDREDTHS, Task


@dataclass(frozen=True)
class Voice:
    """Labels that teach: batches of them, and what a class counts in their loss."""

    batches: Iterator[tuple[Tensor, Tensor]]
    weights: Tensor | None


class Adapted(Objective):
    """Every step takes a batch of each: source images, annotated images, images that a machine labelled.

    The loss is the sum of three means of cross-entropy, so that a few pixels of people are not drowned by the many of a
    machine or of the source; what is not there adds nothing.

    Attributes:
        source: labels of the source, or None.
        people: labels of people, or None.
        machine: labels of a machine with their weights, or None.
        seen: batches of target images, whatever is known of them; started when first used.

    Source: AdvEnt's, ESL's and RIPU's losses have these terms in common. Departure: class weights as for every other
    objective (``train.class_weights``), each by the labels of its own; one head, where theirs have a second one.
    """

    source: Voice | None
    people: Voice | None
    machine: Voice | None
    seen: Iterator[tuple[Tensor, Tensor]]

    def setup(self, model: Network, task: Task, config: TrainConfig) -> None:
        """Weigh the classes by what is labelled.

        Raises:
            ConfigError: if there is no label at all.
        """
        super().setup(model, task, config)
        if task.source is None and not task.by_people and task.machine is None:
            raise ConfigError("no labels to train on; name a data.source, or label images first")
        self.source = self.people = self.machine = None
        if task.source is not None:
            world = task.source
            self.source = self._voice(world, range(len(world)), world.labels, replace(config, sampling="image"))
        if task.annotated:
            self.people = self._voice(task.target, task.annotated, task.labels, config)
        if task.machine is not None and task.machine.positions:
            both = torch.stack([task.machine.labels, task.machine.weights], 1)
            self.machine = self._voice(task.target, task.machine.positions, both, replace(config, sampling="image"))
        nothing = torch.full((len(task.target), 1, 1), VOID, dtype=torch.uint8)
        blank = nothing.expand(-1, *task.target.images.shape[-2:])
        every, images = range(len(task.target)), replace(config, sampling="image")
        self.seen = batches(task.target, every, blank, images, task.generator)

    def _voice(self, frames: Frames, positions: Sequence[int], labels: Tensor, config: TrainConfig) -> Voice:
        said = labels if labels.dim() == 3 else labels[:, 0]
        weights = class_weights(said, len(frames.classes), config.class_weights)
        found = batches(frames, positions, labels, config, self.task.generator)
        return Voice(found, weights if weights is None else weights.to(device()))

    def loss(self, step: int) -> Tensor:
        """The sum of what the three say."""
        return self.from_source() + self.from_labels()

    def from_source(self) -> Tensor:
        """The loss of a batch of the source, 0 without one."""
        return torch.zeros((), device=device()) if self.source is None else self.said(self.source)

    def from_labels(self) -> Tensor:
        """The losses of a batch that people labelled and of one that a machine did, 0 without any."""
        total = torch.zeros((), device=device())
        if self.people is not None:
            total = total + self.said(self.people)
        if self.machine is not None:
            total = total + self.config.machine_weight * self.said(self.machine)
        return total

    def read_source(self) -> tuple[Tensor, Tensor, Tensor]:
        """A batch of the source, read at every ``train.stride``-th pixel.

        Returns:
            (B, C, h, w) logits with gradients, (B, h, w) int64 labels, and the mean cross-entropy of the two.

        Raises:
            ConfigError: if there is no source.
        """
        if self.source is None:
            raise ConfigError(
                f"train.objective = {self.config.objective} learns from labelled images of another world; name them: "
                "data.source, streets for example"
            )
        images, labels = next(self.source.batches)
        found = whole(self.model, images, self.config.stride, self.config.amp)
        there = labels[grid_of(len(labels), size_of(labels), self.config.stride)]
        return found, there, cross_entropy(found, there, self.source.weights)

    def said(self, voice: Voice) -> Tensor:
        """Cross-entropy with the next batch of labels (B, H, W), or of labels and weights (B, 2, H, W); a scalar."""
        images, labels = next(voice.batches)
        counts = None
        if labels.dim() == 4:
            labels, counts = labels[:, 0], labels[:, 1].float() / HUNDREDTHS
        if not self.config.pixels:
            found = logits(self.model, images, self.config.amp)
        else:
            where = annotated_pixels(labels, self.config.pixels, self.task.generator)
            found = logits_at(self.model, images, where, self.config.amp)
            labels, counts = labels[where], None if counts is None else counts[where]
        if counts is None:
            return cross_entropy(found, labels, voice.weights)
        return weighted_cross_entropy(found, labels, voice.weights, counts)


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None, counts: Tensor) -> Tensor:
    """Cross-entropy averaged over the labelled pixels, each of which counts for more or less.

    Args:
        logits: (N, C, H, W), or (P, C) of single pixels.
        labels: (N, H, W) or (P,) int64, 255 = void.
        weights: (C,) of the classes, or None.
        counts: of the shape of ``labels``, what a pixel counts.

    Returns:
        A scalar; 0 with zero gradients where nothing counts.
    """
    loss = F.cross_entropy(logits, labels, weights, ignore_index=VOID, reduction="none") * counts
    valid = labels != VOID
    mass = counts[valid] if weights is None else counts[valid] * weights[labels[valid]]
    return loss.sum() / mass.sum().clamp(min=1e-6)


def whole(model: Network, images: Tensor | Maps, stride: int, amp: str) -> Tensor:
    """Logits at every ``stride``-th pixel of images, in the mode the network is in; gradients are recorded.

    Args:
        model: the network.
        images: (N, 3, H, W) uint8, or their feature maps.
        stride: in pixels; the grid starts half a stride from the border.
        amp: precision of the forward pass.

    Returns:
        (N, C, h, w) float32, h and w the sides divided by ``stride``, rounded up.
    """
    if stride == 1:
        return logits(model, images, amp)
    where = grid_of(len(images), size_of(images), stride)
    image, row, column = (place.flatten() for place in where)
    return logits_at(model, images, (image, row, column), amp).view(*where[0].shape, -1).permute(0, 3, 1, 2)


def size_of(images: Tensor | Maps) -> tuple[int, int]:
    """Height and width of images, or of those that feature maps stand for."""
    return images.size if isinstance(images, Maps) else (images.shape[-2], images.shape[-1])


def grid_of(count: int, size: tuple[int, int], stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Image numbers, rows and columns (N, h, w) of every ``stride``-th pixel."""
    rows, columns = (torch.arange(stride // 2, side + stride // 2, stride).clamp(max=side - 1) for side in size)
    image, row, column = torch.meshgrid(torch.arange(count), rows, columns, indexing="ij")
    return image.to(device()), row.to(device()), column.to(device())
