"""Ground-truth patches: the simulation in the official release of SegXAL."""

import numpy as np

from segxal.acquisition.oracles.base import Annotation, Query
from segxal.core.labels import VOID


class GtPatchOracle:
    """Pastes the ground truth into the square patches with the highest mean EEM.

    Args:
        patch: side of a patch in pixels; patches at the right and bottom border may be smaller.

    Source: the official code of SegXAL ("Ours (GT)" of its README): ground truth is pasted into high-entropy 8x8
    patches. Departure: patches are taken by mean EEM (by entropy in the ablation without PAE), as many as cover the
    asked share of the image. Priced as one click per class in a patch.
    """

    def __init__(self, patch: int) -> None:
        self.patch = patch

    def annotate(self, query: Query) -> Annotation:
        """True labels of the chosen patches."""
        mask = query.mask()
        height, width = mask.shape
        rows, columns = np.arange(height) // self.patch, np.arange(width) // self.patch
        number = rows[:, None] * (columns[-1] + 1) + columns  # (H, W) patch a pixel lies in
        areas = np.bincount(number.ravel())
        means = np.bincount(number.ravel(), mask.ravel().astype(np.float64)) / areas
        count = max(1, round(query.asked.mean() * len(areas)))
        chosen = np.argsort(-means, kind="stable")[:count]
        inside = np.isin(number, chosen)
        labels = np.where(inside, query.truth, VOID).astype(np.uint8)
        clicks = sum(len(np.setdiff1d(labels[number == p], VOID)) for p in chosen)
        return Annotation(labels, inside & (query.truth == VOID), int(inside.sum()), clicks)
