"""The Dice gate: which annotated images join the labelled pool (paper section 3.4, equation 4)."""

import numpy as np

from segxal.core.labels import VOID


def dice_agreement(prediction: np.ndarray, reannotated: np.ndarray) -> float:
    """Dice of the prediction and the re-annotated map, averaged over the classes that occur in either.

    Args:
        prediction: (H, W) uint8 train ids.
        reannotated: (H, W) uint8 train ids; 255 agrees with nothing.

    Returns:
        ``2 |S and R| / (|S| + |R|)`` per class, mean over classes, in [0, 1]; 1 when nothing was corrected.

    Source: section 3.4, equation 4. Departure: the paper writes it for one set; we average over classes.
    """
    categories = np.setdiff1d(np.union1d(prediction, reannotated), [VOID])
    agree = prediction == reannotated
    scores = []
    for category in categories:
        s, r = prediction == category, reannotated == category
        scores.append(2 * (agree & s).sum() / (s.sum() + r.sum()))
    return float(np.mean(scores)) if scores else 1.0


def passes(dice: float, tau: float, accept: str) -> bool:
    """Whether an image with this Dice joins the labelled pool.

    Args:
        dice: of :func:`dice_agreement`.
        tau: the threshold.
        accept: ``high`` (dice >= tau, the paper), ``low`` (dice < tau: images on which much was corrected) or ``all``.
    """
    return accept == "all" or (dice >= tau) == (accept == "high")
