"""What is known of one image and from whom: people, a machine, nobody."""

from dataclasses import dataclass, replace

import numpy as np

from segxal.core.errors import ShapeError
from segxal.core.labels import VOID

NOBODY, MACHINE, PEOPLE = 0, 1, 2


@dataclass(frozen=True)
class LabelStore:
    """Labels of one image with their makers. People beat the machine, always.

    Attributes:
        labels: (H, W) uint8 train ids, 255 = none; void pixels that people were asked for are 255, too.
        maker: (H, W) uint8: 0 nobody, 1 a machine, 2 people, who were asked for the pixel and are paid for it.
        weights: (H, W) float32, what the pixel counts in a loss; 1 for people, 0 where nobody said anything.
    """

    labels: np.ndarray
    maker: np.ndarray
    weights: np.ndarray

    @staticmethod
    def empty(height: int, width: int) -> "LabelStore":
        """Nothing is known."""
        size = (height, width)
        return LabelStore(
            np.full(size, VOID, np.uint8), np.full(size, NOBODY, np.uint8), np.zeros(size, dtype=np.float32)
        )

    def answered(self, labels: np.ndarray, asked: np.ndarray) -> "LabelStore":
        """With an answer of people on top.

        Args:
            labels: (H, W) uint8 train ids, 255 where they say nothing.
            asked: (H, W) bool, the pixels they were asked for; all of them are theirs now, void ones included.

        Raises:
            ShapeError: if the answer has another size.
        """
        self._check(labels)
        said = np.where(asked, labels, self.labels).astype(np.uint8)
        maker = np.where(asked, np.uint8(PEOPLE), self.maker)
        weights = np.where(asked, (labels != VOID).astype(np.float32), self.weights)
        return LabelStore(said, maker, weights)

    def rewritten(self, labels: np.ndarray, weights: np.ndarray | None = None) -> "LabelStore":
        """With what a machine says now: everything it said before is gone, what people said stays.

        Args:
            labels: (H, W) uint8 train ids, 255 where it says nothing.
            weights: (H, W) float32, what its pixels count in a loss; None: 1.

        Raises:
            ShapeError: if the labels have another size.
        """
        self._check(labels)
        theirs = self.maker == PEOPLE
        says = ~theirs & (labels != VOID)
        counts = np.ones(labels.shape, np.float32) if weights is None else weights
        return replace(
            self,
            labels=np.where(theirs, self.labels, labels).astype(np.uint8),
            maker=np.where(theirs, np.uint8(PEOPLE), np.where(says, np.uint8(MACHINE), np.uint8(NOBODY))),
            weights=np.where(theirs, self.weights, np.where(says, counts, 0)).astype(np.float32),
        )

    def of(self, maker: int) -> np.ndarray:
        """(H, W) uint8 labels of one maker alone, 255 elsewhere."""
        return np.where(self.maker == maker, self.labels, VOID).astype(np.uint8)

    def _check(self, labels: np.ndarray) -> None:
        if labels.shape != self.labels.shape:
            raise ShapeError(f"labels of {labels.shape} for an image of {self.labels.shape}; give one for each pixel")
