"""STAL's contrastive term: what is surely of a class comes together, what is surely not of it goes away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.models.base import Network

ANCHORS, NEGATIVES = 256, 50  # pixels of a class that are drawn, and what each of them is held against
QUEUE = 3000  # negatives kept of each class
SURE = 0.3  # the teacher's probability of a class from which a pixel can be an anchor
TOP = 3  # a class that ranks among the first three is a likely one
TEMPERATURE = 0.5


@dataclass(frozen=True)
class Pixels:
    """Pixels of a batch as network and teacher see them.

    Attributes:
        embedded: (P, K) of the network, with gradients.
        taught: (P, K) of the teacher.
        probs: (P, C) of the teacher.
        labels: (P,) int64, annotations or pseudo-labels the teacher is sure of, 255 = none.
        doubtful: (P,) bool, pixels without annotation of whose class the teacher is least sure.
        annotated: (P,) bool, pixels whose label people or the source gave.
    """

    embedded: Tensor
    taught: Tensor
    probs: Tensor
    labels: Tensor
    doubtful: Tensor
    annotated: Tensor


@dataclass
class Contrast:
    """The term with what it remembers: negatives of each class.

    Source: U2PL (Wang et al. 2022), section 3.3, as STAL takes it over: anchors of a class, the mean of the teacher's
    as positive, negatives from a queue; InfoNCE of cosines. Departure: STAL's code takes the place of a class among
    those present for its train id, and asks of a negative that it be labelled as the class itself, so that hardly any
    is found; here both are as in the paper. What is compared is the input of the network's last layer, without a
    projection of its own; a queue of 3,000 for every class.
    """

    generator: torch.Generator
    queues: dict[int, Tensor] = field(default_factory=dict)

    def loss(self, pixels: Pixels) -> Tensor:
        """Mean over the classes that have anchors and negatives; 0 where none has."""
        embedded, taught = F.normalize(pixels.embedded, dim=1), F.normalize(pixels.taught, dim=1)
        rank = pixels.probs.argsort(1, descending=True).argsort(1)
        found = []
        for category in range(pixels.probs.shape[1]):
            self._remember(category, taught[not_of(category, rank[:, category], pixels)])
            anchors = (pixels.labels == category) & (pixels.probs[:, category] > SURE)
            queue = self.queues.get(category)
            if queue is None or not anchors.any():
                continue
            places = self._drawn(anchors.nonzero().flatten(), ANCHORS)
            positive = F.normalize(taught[pixels.labels == category].mean(0), dim=0)
            against = self._drawn(queue, len(places) * NEGATIVES).view(len(places), NEGATIVES, -1)
            near = embedded[places] @ positive
            far = torch.einsum("ak,ank->an", embedded[places], against)
            scores = torch.cat([near.unsqueeze(1), far], 1) / TEMPERATURE
            found.append(F.cross_entropy(scores, torch.zeros(len(places), dtype=torch.long, device=scores.device)))
        return torch.stack(found).mean() if found else pixels.embedded.sum() * 0

    def _remember(self, category: int, new: Tensor) -> None:
        if len(new):
            kept = self.queues.get(category, new[:0])
            self.queues[category] = torch.cat([self._drawn(new, min(len(new), QUEUE // 10)), kept])[:QUEUE]

    def _drawn(self, rows: Tensor, count: int) -> Tensor:
        places = torch.randint(len(rows), (count,), generator=self.generator)
        return rows[places.to(rows.device)]


def not_of(category: int, rank: Tensor, pixels: Pixels) -> Tensor:
    """Pixels that surely are not of a class, and hard to tell from it.

    Args:
        category: train id of the class.
        rank: (P,) its place among the teacher's classes, 0 = the most probable.
        pixels: all of them.

    Returns:
        (P,) bool: annotated as another class though it ranks among the first three, or doubtful and not among them.
    """
    other = pixels.annotated & (pixels.labels != category) & (pixels.labels != VOID) & (rank < TOP)
    return other | (pixels.doubtful & (rank >= TOP))


@contextmanager
def embedding(model: Network) -> Iterator[list[Tensor]]:
    """Inside the block the input (N, K, h, w) of the network's last convolution is noted at every pass.

    Raises:
        ConfigError: if it has no convolution.
    """
    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    if not layers:
        raise ConfigError(f"{type(model).__name__} has no convolution to compare pixels by; set train.contrast to 0")
    seen: list[Tensor] = []
    handle = layers[-1].register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        handle.remove()
