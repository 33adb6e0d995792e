"""Simulated human oracle: object-level correction inside the mask (paper section 3.3, Fig. 3)."""

import numpy as np
from scipy import ndimage

from segxal.acquisition.oracles.base import Annotation, Query, polygon_clicks
from segxal.core.labels import VOID


class HumanOracle:
    """A person who corrects the asked pixels and every predicted object that lies in them far enough.

    Args:
        overlap: share of a predicted object's area inside the asked part from which on the whole object is corrected.

    Source: section 3.3: the person labels "the region relevant to the object based on the candidate prompts".
    Departure: how far an object must overlap is not said; the person is simulated with the ground truth.
    """

    def __init__(self, overlap: float) -> None:
        self.overlap = overlap

    def annotate(self, query: Query) -> Annotation:
        """True labels of the touched part; pieces the prediction has right are confirmed with one click."""
        touched = touched_objects(query.prediction, query.asked, self.overlap)
        labels = np.where(touched, query.truth, VOID).astype(np.uint8)
        clicks = polygon_clicks(query.truth, touched, query.prediction == query.truth)
        return Annotation(labels, touched & (query.truth == VOID), int(touched.sum()), clicks)


def touched_objects(prediction: np.ndarray, asked: np.ndarray, overlap: float) -> np.ndarray:
    """The asked pixels and all predicted objects of which at least ``overlap`` of the area is asked for.

    Args:
        prediction: (H, W) uint8 train ids; an object is a connected piece of one class.
        asked: (H, W) bool.
        overlap: share in [0, 1].

    Returns:
        (H, W) bool.
    """
    touched = asked.copy()
    for category in np.unique(prediction[asked]):
        pieces, count = ndimage.label(prediction == category)
        areas = np.bincount(pieces.ravel(), minlength=count + 1)
        hits = np.bincount(pieces[asked], minlength=count + 1)
        chosen = (hits > 0) & (hits >= overlap * areas)
        chosen[0] = False
        touched |= chosen[pieces]
    return touched
