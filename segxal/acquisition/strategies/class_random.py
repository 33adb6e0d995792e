"""Class-aware random selection: units of rarely predicted classes are more likely."""

import numpy as np

from segxal.acquisition.strategies.base import Choice, Learner, Units, best
from segxal.acquisition.strategies.forward import probabilities
from segxal.data.base import Frames


def class_random_scores(
    learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator
) -> Choice:
    """Units drawn without replacement, with probability proportional to the rarity of what is predicted in them.

    Ground truth is not used: the frequency of a class is its share of the predictions in all units.

    Source: ours; a stand-in for "random, but not of the road again". See :func:`rarity` and :func:`race`.
    """
    scores = race(rarity(class_counts(learner, frames, units)), rng)
    return Choice(best(scores, units.size, budget), scores)


def class_counts(learner: Learner, frames: Frames, units: Units) -> np.ndarray:
    """(M, C) int64: pixels of each unit predicted as each class; only one image is in memory at a time."""
    classes = len(frames.classes)
    counts = np.zeros((len(units), classes), dtype=np.int64)
    parts = probabilities(learner, frames, units.candidates)
    predictions = (image.cpu().numpy() for probs in parts for image in probs.argmax(1))
    for index, prediction in zip(units.candidates, predictions, strict=True):
        here = np.flatnonzero(units.image == index)
        partition = units.partition(index) if units.partition else np.zeros_like(prediction)
        inside = partition >= 0
        regions = max(int(partition.max()), int(units.region[here].max())) + 1
        joint = np.bincount(partition[inside] * classes + prediction[inside], minlength=regions * classes)
        counts[here] = joint.reshape(regions, classes)[units.region[here]]
    return counts


def rarity(counts: np.ndarray) -> np.ndarray:
    """Mean over the pixels of a unit of 1 / frequency of the pixel's class.

    Args:
        counts: (M, C) pixels of each unit predicted as each class; every unit has at least one.

    Returns:
        (M,) float64, >= 1. The frequency of a class is its share of the pixels of all units.
    """
    totals = counts.sum(0)
    inverse = np.divide(counts.sum(), totals, out=np.zeros(counts.shape[1]), where=totals > 0)
    return counts @ inverse / counts.sum(1)


def race(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scores whose descending order is a weighted draw without replacement.

    Args:
        weights: (M,) positive; the first unit is drawn with probability w / sum of w, the next among the rest, ...
        rng: source of the draw.

    Returns:
        (M,) float64, <= 0: ln(u) / w with u uniform, the logarithm of the key u ** (1 / w).

    Source: Efraimidis and Spirakis 2006, algorithm A. The logarithm keeps the order and does not round to 0 or 1.
    """
    return -rng.standard_exponential(len(weights)) / weights
