"""Region oracle: a person outlines what lies in the asked regions."""

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query, polygon_clicks
from segxal.core.labels import VOID


class RegionOracle:
    """Ground truth of the asked part, priced as polygons around every piece of every class inside it.

    Regions that touch are outlined together: a border between two cells is not a class border and costs nothing.
    """

    def annotate(self, query: Query) -> Annotation:
        """The true labels of the asked pixels."""
        labels = np.where(query.asked, query.truth, VOID).astype(np.uint8)
        clicks = polygon_clicks(query.truth, query.asked)
        return Annotation(labels, query.asked & (labels == VOID), int(query.asked.sum()), clicks)
