"""Whole-image oracle: a person labels every pixel, what classical active learning buys."""

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query, polygon_clicks
from segxal.core.labels import VOID


class WholeImageOracle:
    """Ground truth of the whole image; priced as polygons around every piece of every class."""

    def annotate(self, query: Query) -> Annotation:
        """The true labels of all pixels."""
        everywhere = np.ones(query.truth.shape, dtype=bool)
        clicks = polygon_clicks(query.truth, everywhere)
        return Annotation(query.truth.copy(), query.truth == VOID, query.truth.size, clicks)
