"""Pixel oracle: a person names the class of single pixels."""

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query
from segxal.core.labels import VOID


class PixelOracle:
    """Ground truth of the asked pixels, one click each; void is paid for.

    Source: Shin et al. 2021, PixelPick: one click per pixel. Departure: there void pixels are never asked for.
    """

    def annotate(self, query: Query) -> Annotation:
        """The true labels of the asked pixels."""
        labels = np.where(query.asked, query.truth, VOID).astype(np.uint8)
        pixels = int(query.asked.sum())
        return Annotation(labels, query.asked & (labels == VOID), pixels, pixels)
