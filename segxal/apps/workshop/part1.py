"""Part 1, what a segmentation network does not know: entropy, confidence, calibration, and the checks."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from segxal.apps.workshop.answers import Verdict, check_number
from segxal.apps.workshop.seen import Seen
from segxal.core.metrics import CalibrationBins

Bins = tuple[np.ndarray, np.ndarray, np.ndarray]  # confidence, accuracy and share of the pixels, per bin


def most_unsure(seen: Seen, index: int) -> tuple[int, int]:
    """Row and column of the pixel of highest entropy of an image."""
    return divmod(int(seen.entropy[index].argmax()), seen.entropy.shape[-1])


def likeliest(seen: Seen, probs: Tensor, count: int = 4) -> str:
    """The most probable classes of one pixel, for a line of print: ``car 0.41, truck 0.33, ...``."""
    top = probs.topk(count)
    names = seen.frames.classes.names
    return ", ".join(f"{names[i]} {p:.2f}" for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True))


def beside_boundary(labels: Tensor) -> Tensor:
    """Pixels with another class among their eight neighbours, (N, H, W) bool."""
    array, window = labels.numpy(), (1, 3, 3)
    return torch.from_numpy(ndimage.maximum_filter(array, window) != ndimage.minimum_filter(array, window))


def bins_of(probs: Tensor, labels: Tensor) -> Bins:
    """Reliability of a network: what it says and what is true, in 15 bins of confidence.

    Args:
        probs: (N, C, H, W) class probabilities.
        labels: (N, H, W) uint8, 255 = void.

    Returns:
        Mean confidence, share of right pixels, and share of all pixels per bin, each (B,); empty bins are left out.
    """
    counted = _counted(probs, labels)
    full = counted.count > 0
    confidence, correct, count = (part[full].numpy() for part in (counted.confidence, counted.correct, counted.count))
    return confidence / count, correct / count, count / count.sum()


def ece_of(probs: Tensor, labels: Tensor) -> float:
    """Expected calibration error, 0..1."""
    return _counted(probs, labels).ece


def _counted(probs: Tensor, labels: Tensor) -> CalibrationBins:
    bins = CalibrationBins()
    bins.update(probs, labels)
    return bins


def tempered(probs: Tensor, temperature: float) -> Tensor:
    """Probabilities whose logits were divided by a temperature: above 1 softer, below 1 sharper.

    The most probable class stays. Source: Guo et al. 2017, temperature scaling.
    """
    return (probs.clamp(min=1e-30).log() / temperature).softmax(1)


def temperature_table(seen: Seen, temperatures: Sequence[float]) -> dict[float, float]:
    """ECE of a network at each temperature."""
    return {t: ece_of(tempered(seen.probs, t), seen.frames.labels) for t in temperatures}


def check_entropy(given: Any, probs: Tensor) -> Verdict:
    """Exercise 1.1: the entropy of one pixel, divided by ln C.

    Args:
        given: the answer.
        probs: (C,) class probabilities of the pixel.
    """
    nats, most = float(torch.special.entr(probs.double()).sum()), math.log(len(probs))
    return check_number(
        given, nats / most, "a number from 0 (certain) to 1 (all classes equally likely)",
        "Sum -p ln p over the classes, then divide by ln C.",
        f"This pixel is {100 * nats / most:.0f} % as unsure as a network that knows nothing.",
        {
            "That is the sum in nats; divide it by ln C, so that 1 is the maximum.": nats,
            "The sign is reversed: ln p is negative, so -p ln p is positive.": -nats / most,
            "That is the entropy in bits; take the natural logarithm twice, or log2 twice.": nats / math.log(2) / most,
        },
        tolerance=5e-3,  # ln C may be the two decimals that the notebook prints
    )  # fmt: skip


def check_ece(given: Any, bins: Bins) -> Verdict:
    """Exercise 1.2: the expected calibration error from the bins."""
    confidence, accuracy, share = bins
    gaps = confidence - accuracy
    wanted = float((share * np.abs(gaps)).sum())
    return check_number(
        given, wanted, "a share from 0 to 1", "The gap of each bin counts as much as the bin has pixels.",
        f"On average this network is {100 * wanted:.1f} points more or less sure than it is right.",
        {
            "That is the plain mean of the gaps; a bin with few pixels must count little: multiply by `share` and "
            "sum.": float(np.abs(gaps).mean()),
            "Gaps of opposite sign must not cancel: take their absolute value first.": float((share * gaps).sum()),
        },
    )  # fmt: skip


def check_temperature(given: Any, table: Mapping[float, float]) -> Verdict:
    """Exercise 1.3: the temperature of the smallest ECE in the table."""
    best = min(table, key=lambda t: table[t])
    untouched = f"; untouched (T = 1) it was {table[1]:.3f}" if 1 in table else ""
    return check_number(
        given, best, f"one of {', '.join(f'{t:g}' for t in table)}",
        "Look for the smallest ECE in the table and give its temperature, not the ECE.",
        f"At T = {best:g} the ECE is {table[best]:.3f}{untouched}.",
    )  # fmt: skip
