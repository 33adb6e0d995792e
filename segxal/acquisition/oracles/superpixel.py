"""Superpixel oracle: a person gives each asked superpixel one class."""

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query
from segxal.core.labels import VOID


class SuperpixelOracle:
    """The most frequent true class of each asked superpixel for all its pixels, one click each.

    The superpixels are those of ``query.partition``; without one the asked part counts as one superpixel.

    Source: Cai et al. 2021, Revisiting Superpixels for Active Learning (dominant labelling). Departure: a superpixel
    with more void pixels than pixels of any class stays 255 and is paid for; void pixels of the others get the class.
    """

    def annotate(self, query: Query) -> Annotation:
        """The dominant labels of the asked superpixels; some of their pixels are wrong."""
        regions = np.where(query.asked, 0, -1) if query.partition is None else query.partition
        labels = dominant_labels(query.truth, regions)
        asked = regions >= 0
        return Annotation(labels, asked & (labels == VOID), int(asked.sum()), len(np.unique(regions[asked])))


def dominant_labels(truth: np.ndarray, partition: np.ndarray) -> np.ndarray:
    """The most frequent label of each region, for all its pixels; ties go to the lower train id, never to void.

    Args:
        truth: (H, W) uint8 train ids, 255 = void.
        partition: (H, W) int32 region numbers, -1 = in no region.

    Returns:
        (H, W) uint8 train ids, 255 where there is no region or void is most frequent.
    """
    inside = partition >= 0
    numbers = partition[inside].astype(np.int64)
    regions = int(numbers.max(initial=-1)) + 1
    counts = np.bincount(numbers * (VOID + 1) + truth[inside], minlength=regions * (VOID + 1))
    labels = np.full(truth.shape, VOID, dtype=np.uint8)
    labels[inside] = counts.reshape(regions, VOID + 1).argmax(1)[numbers]
    return labels
