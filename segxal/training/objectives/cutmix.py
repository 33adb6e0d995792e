"""Mixing of images without labels: a piece of a class the network is weak in, pasted from an image that has it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from segxal.core.labels import VOID
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.device import device
from segxal.models.features import Maps
from segxal.training.augment import Augmentation
from segxal.training.batches import in_turn
from segxal.training.objectives.s4al import pasted_on
from segxal.training.settings import TrainConfig

COVERS = 0.01  # share of an image from which a class counts as shown in it
PIECE = 0.005  # share of an image from which a piece is large enough to be pasted
HALF = 0.5**0.5  # side of the box that is pasted where no piece is large enough, as a share of the image's

Teach = Callable[[Any], tuple[Tensor, Tensor]]  # images -> the teacher's embeddings and probabilities of them


class PieceMix:
    """Batches of mixed images with what a teacher says of their parts.

    Args:
        frames: the images; their labels are not used.
        config: half of ``batch`` images come of a step; ``flip``.
        generator: source of all randomness.

    Source: adaptive CutMix of AEL (Hu et al. 2021), as STAL has it. Departure: boxes are those of the images' own
    height and width (theirs: squares); images that give a piece are flipped like the others, but not cropped.
    """

    def __init__(self, frames: Frames, config: TrainConfig, generator: torch.Generator) -> None:
        self.images, self.generator = frames.images, generator
        self.count = max(1, config.batch // 2)
        size = (frames.images.shape[-2], frames.images.shape[-1])
        self.flipped = Augmentation(replace(config, crop=1.0, jitter=0.0), size)
        self.shown = torch.zeros(len(frames.classes), len(frames), dtype=torch.bool)
        self.loaded = in_turn(lambda: torch.randperm(len(frames), generator=generator), self.count)

    def next(self, model: Network, teach: Teach, bank: Tensor) -> tuple[Any, Tensor, Tensor]:
        """The next mixed images.

        Args:
            model: prepares the images; where its encoder is frozen, feature maps are mixed.
            teach: the teacher.
            bank: (C,) how sure the network is of each class.

        Returns:
            Images (n, 3, H, W) or their feature maps; the teacher's probabilities (n, C, h, w) and embeddings
            (n, K, h, w) of their parts.
        """
        categories = torch.multinomial((1 - bank).softmax(0), self.count, replacement=True, generator=self.generator)
        pairs = torch.stack([torch.tensor([self._donor(int(c)) for c in categories]), next(self.loaded)], 1).flatten()
        some = self.images[pairs].to(device())
        blank = torch.full((len(some), *some.shape[-2:]), VOID, dtype=torch.uint8, device=some.device)
        shown = model.prepare(self.flipped(some, blank, self.generator)[0])
        taught, probs = teach(shown)
        said = probs.argmax(1)
        self._remember(pairs, said)
        boxes = torch.zeros(said.shape, dtype=torch.bool)
        for place, category in enumerate(categories.tolist()):  # of each pair the second gets a piece of the first
            rows, columns = self._box(said[2 * place].cpu().numpy() == category)
            boxes[2 * place + 1, rows, columns] = True
        boxes = boxes.to(said.device)
        size = (some.shape[-2], some.shape[-1])
        full = F.interpolate(boxes.unsqueeze(1).float(), size, mode="nearest").squeeze(1) > 0
        return (
            _second_of_each(pasted_on(shown, full)),
            _second_of_each(pasted_on(probs, boxes)),
            _second_of_each(pasted_on(taught, boxes)),
        )

    def _donor(self, category: int) -> int:
        """An image that shows a class, as far as is known; any where none is."""
        able = self.shown[category].nonzero().flatten()
        able = able if len(able) else torch.arange(len(self.images))
        return int(able[torch.randint(len(able), (1,), generator=self.generator)])

    def _remember(self, positions: Tensor, said: Tensor) -> None:
        for position, labels in zip(positions.tolist(), said, strict=True):
            counts = torch.bincount(labels.flatten(), minlength=len(self.shown)).cpu()
            self.shown[:, position] = counts >= COVERS * labels.numel()

    def _box(self, there: np.ndarray) -> tuple[slice, slice]:
        """Rows and columns of a piece of a class, or of a box of half the image's area."""
        numbers, _ = ndimage.label(there)
        areas = np.bincount(numbers.ravel())[1:]
        large = np.flatnonzero(areas > PIECE * there.size)
        if len(large):
            place = int(large[int(torch.randint(len(large), (1,), generator=self.generator))])
            rows, columns = ndimage.find_objects(numbers)[place]
            return rows, columns
        sides = []
        for side in there.shape:
            length = max(1, round(HALF * side))
            start = int(torch.randint(side - length + 1, (1,), generator=self.generator))
            sides.append(slice(start, start + length))
        return sides[0], sides[1]


def _second_of_each(images: Any) -> Any:
    """Of images in pairs the second ones."""
    return Maps(tuple(part[1::2] for part in images.maps), images.size) if isinstance(images, Maps) else images[1::2]
