"""What a network says of some images and how much it doubts it: everything that moving thresholds need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from segxal.acquisition.machine import doubts
from segxal.acquisition.strategies.base import Learner
from segxal.core.labels import VOID
from segxal.core.thresholds import kept
from segxal.data.base import Frames
from segxal.results.labellers import CONFIDENCES

NOTHING = -1.0  # threshold that no doubt is below


@dataclass(frozen=True)
class Doubted:
    """Some images, looked at once.

    Attributes:
        frames: the N images.
        prediction: (N, H, W) uint8 train ids.
        doubt: kind of doubt -> (N, H, W) float32 in [0, 1].
    """

    frames: Frames
    prediction: np.ndarray
    doubt: Mapping[str, np.ndarray]

    @cached_property
    def ordered(self) -> dict[str, list["Ordered"]]:
        """Kind of doubt -> class by class the pixels predicted as it, of all images."""
        return {
            name: [self._ordered(values, category) for category in range(len(self.frames.classes))]
            for name, values in self.doubt.items()
        }

    def _ordered(self, values: np.ndarray, category: int) -> "Ordered":
        here = self.prediction == category
        order = np.argsort(values[here], kind="stable")
        truth = self.frames.labels.numpy()[here][order]
        return Ordered(values[here][order], (truth != VOID).cumsum(), (truth == category).cumsum())

    @property
    def predicted(self) -> list[int]:
        """Train ids that are predicted anywhere."""
        return [int(category) for category in np.unique(self.prediction)]

    def thresholds(self, name: str, shares: Sequence[float]) -> np.ndarray:
        """(C,) float32 doubt up to which each class is labelled, so that its share in 0..1 is; none at 0.

        The rule is that of :func:`segxal.core.thresholds.class_thresholds`.
        """
        found = [part.threshold(share) for part, share in zip(self.ordered[name], shares, strict=True)]
        return np.array(found, dtype=np.float32)

    def labels(self, name: str, shares: Sequence[float], index: int) -> np.ndarray:
        """(H, W) uint8, what the machine labels in an image; 255 = nothing."""
        return kept(self.prediction[index], self.doubt[name][index], self.thresholds(name, shares))

    def quality(self, name: str, shares: Sequence[float], category: int | None = None) -> tuple[float, float]:
        """How much of what is predicted is labelled, and how much of that is right, in all images.

        Args:
            name: kind of doubt.
            shares: of each class, 0..1.
            category: of one class alone; None: of all.

        Returns:
            Shares in 0..1; void truth counts in the first alone; NaN where there is nothing.
        """
        wanted = range(len(shares)) if category is None else [category]
        counts = np.array([self.ordered[name][c].counts(shares[c]) for c in wanted]).sum(0)
        labelled, known, right, predicted = (int(count) for count in counts)
        return labelled / predicted if predicted else float("nan"), right / known if known else float("nan")


@dataclass(frozen=True)
class Ordered:
    """The P pixels predicted as a class, those of least doubt first.

    Attributes:
        values: (P,) their doubt.
        known: (P,) how many of them up to here have a truth.
        right: (P,) how many of them up to here are of the class.
    """

    values: np.ndarray
    known: np.ndarray
    right: np.ndarray

    def threshold(self, share: float) -> float:
        """Doubt up to which a share in 0..1 is labelled."""
        if not len(self.values) or share == 0:
            return NOTHING
        return float(self.values[min(round(share * len(self.values)), len(self.values) - 1)])

    def counts(self, share: float) -> tuple[int, int, int, int]:
        """Pixels that are labelled; of these those with a truth, and those that are right; and all P."""
        end = int(np.searchsorted(self.values, np.float32(self.threshold(share)), side="right"))
        known, right = (int(part[end - 1]) if end else 0 for part in (self.known, self.right))
        return end, known, right, len(self.values)


def doubted(learner: Learner, frames: Frames) -> Doubted:
    """Look at some images once with each kind of doubt.

    Args:
        learner: the network, and the settings of the error mask.
        frames: the images.
    """
    said = {name: list(doubts(learner, frames, name)) for name in CONFIDENCES}
    prediction = np.concatenate([part.prediction for part in said["softmax"]])
    return Doubted(frames, prediction, {n: np.concatenate([part.doubt for part in said[n]]) for n in said})
