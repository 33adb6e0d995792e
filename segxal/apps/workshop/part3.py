"""Part 3, near matters: depth, proximity, PAE and EEM, and the checks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from segxal.apps.workshop.answers import Verdict, check_array, check_number
from segxal.core.detection import auroc
from segxal.core.eem import ErrorMask, fuse
from segxal.core.labels import VOID


def aurocs(masks: ErrorMask, labels: Tensor, near: Tensor | None = None) -> dict[str, float]:
    """AUROC of EBU, PAE and EEM for the errors of a network.

    Args:
        masks: of N images.
        labels: (N, H, W) uint8, 255 = void.
        near: (N, H, W) bool, the pixels that count; None: all.
    """
    counted = labels != VOID if near is None else (labels != VOID) & near
    wrong = (masks.prediction != labels)[counted].numpy()
    return {name: auroc(getattr(masks, name)[counted].numpy(), wrong) for name in ("ebu", "pae", "eem")}


def weight_sweep(masks: ErrorMask, labels: Tensor, weights: Sequence[float]) -> dict[float, float]:
    """AUROC of the fusion for each weight of EBU; PAE gets the rest.

    Args:
        masks: of N images.
        labels: (N, H, W) uint8, 255 = void.
        weights: of EBU, in [0, 1].
    """
    counted = labels != VOID
    wrong = (masks.prediction != labels)[counted].numpy()
    pae, ebu = masks.pae[counted], masks.ebu[counted]
    return {w: auroc(fuse(pae, ebu, 1 - w, w).numpy(), wrong) for w in weights}


def check_attention(given: Any, near: np.ndarray, threshold: float) -> Verdict:
    """Exercise 3.1: soft attention of some proximities.

    Args:
        given: the answer.
        near: (P,) proximities in [0, 1].
        threshold: in (0, 1].
    """
    return check_array(
        given, np.minimum(near / threshold, 1), "one attention per proximity",
        "What is at least as near as the threshold gets 1; below it the attention is near / threshold.",
        "Far pixels are dimmed, not cut: the network still sees where they are.",
        {
            "Above the threshold it must be 1, not more: take the minimum with 1.": near / threshold,
            "That cuts the far pixels off; the soft attention fades them: near / threshold.":
                (near >= threshold).astype(float),
        },
    )  # fmt: skip


def check_fusion(given: Any, pae: float, ebu: float, w_pae: float, w_ebu: float) -> Verdict:
    """Exercise 3.2: EEM of one pixel, with weights that do not sum to 1 yet."""
    total = w_pae + w_ebu
    wanted = (w_pae * pae + w_ebu * ebu) / total
    return check_number(
        given, wanted, "a number from 0 to 1",
        "Divide both weights by their sum first, then w_pae * pae + w_ebu * ebu.",
        f"With weights {w_pae:g} : {w_ebu:g} this pixel has an EEM of {wanted:.2f}.",
        {
            "The weights must sum to 1: divide by w_pae + w_ebu.": wanted * total,
            "The two weights are swapped.": (w_ebu * pae + w_pae * ebu) / total,
            "That is the plain mean of both maps.": (pae + ebu) / 2,
        },
    )  # fmt: skip


def check_weight(given: Any, sweep: Mapping[float, float]) -> Verdict:
    """Exercise 3.3: the weight of EBU whose fusion finds errors best."""
    best = max(sweep, key=lambda w: sweep[w])
    return check_number(
        given, best, f"one of the weights from {min(sweep):g} to {max(sweep):g}",
        "Take the weight at the highest point of the curve, not the AUROC there.",
        f"At w_EBU = {best:g} the AUROC is {sweep[best]:.3f}; half and half gives {sweep[0.5]:.3f}.",
    )  # fmt: skip
