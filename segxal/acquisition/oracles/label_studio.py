"""Real people: what they annotated in Label Studio (paper section 3.3, Fig. 3)."""

from collections.abc import Mapping

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query, polygon_clicks
from segxal.core.errors import AnnotationError
from segxal.core.labels import VOID


class LabelStudioOracle:
    """Answers that people gave before the cycle continues; nothing is simulated and no ground truth is used.

    Priced as the simulated human is: the same annotation costs the same pixels and clicks. Beside them stands the
    time that Label Studio measured.

    Args:
        labels: per image (H, W) uint8 train ids, 255 = not annotated.
        undecided: per image (H, W) bool, what people looked at and could not tell.
        lead_time: per image seconds. An image with a time and without labels was skipped: nothing is annotated.

    Departure: where several people annotated an image, pixels and clicks are counted once, the time for each of them.
    """

    def __init__(
        self, labels: Mapping[str, np.ndarray], undecided: Mapping[str, np.ndarray], lead_time: Mapping[str, float]
    ) -> None:
        self.labels, self.undecided, self.lead_time = labels, undecided, lead_time

    def annotate(self, query: Query) -> Annotation:
        """What people annotated in this image.

        Raises:
            AnnotationError: if nobody answered or skipped it.
        """
        if query.id not in self.lead_time:
            raise AnnotationError(f"nobody has annotated {query.id}; import its annotation first")
        nothing = np.zeros(query.prediction.shape, dtype=bool)
        labels = self.labels.get(query.id, np.full(query.prediction.shape, VOID, dtype=np.uint8))
        undecided = self.undecided.get(query.id, nothing)
        annotated = (labels != VOID) | undecided
        clicks = polygon_clicks(labels, annotated, query.prediction == labels)
        return Annotation(labels, undecided, int(annotated.sum()), clicks, self.lead_time[query.id])
