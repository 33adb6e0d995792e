"""Superpixel oracle: a person gives each asked superpixel one class."""

import numpy as np

from segxal.labels import VOID
from segxal.oracles.base import Annotation, Query
from segxal.regions import annotated_out, superpixels


class SuperpixelOracle:
    """The most frequent true class of each asked superpixel for all its pixels, one click each.

    Args:
        pieces: superpixels an image is cut into when the query does not say which regions are asked for; then the
            person is shown the asked part of each.

    Source: Cai et al. 2021, Revisiting Superpixels for Active Learning (dominant labelling). Departure: a superpixel
    with more void pixels than pixels of any class stays 255 and is paid for; void pixels of the others get the class.
    """

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces

    def annotate(self, query: Query) -> Annotation:
        """The dominant labels of the asked superpixels; some of their pixels are wrong."""
        regions = query.partition
        if regions is None:
            regions = annotated_out(superpixels(query.image.transpose(1, 2, 0), self.pieces), ~query.asked)
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
