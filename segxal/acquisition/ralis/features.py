"""What RALIS's query network sees of regions: predicted classes, pooled entropies, and how unlike others they are."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from segxal.core.errors import ConfigError

SIDE = 8  # cells per side of a pooled entropy map
POOLED = 3 * SIDE**2  # its values: lowest, mean and highest entropy of each cell
BINS = 32  # of a histogram of divergences
ABSENT = 1e-7  # count of a class that is not there
CEILING = 16.2  # nats; about the divergence of two regions of one class each, and above it
CHUNK = 2**23  # numbers of a temporary array


@dataclass(frozen=True)
class Form:
    """How the features are formed; by default so that regions can be compared with each other.

    Attributes:
        counts: predicted classes as numbers of pixels, as in the release; otherwise as shares of the region.
        whole_steps: entropies are pooled by whole steps, as in the release; otherwise adaptively, for any size.
        own_bins: histograms of divergences over each region's own range, as in the release; otherwise over 0 to 16.2
            nats for all regions.
        parts: what is seen (RALIS Table E.1): the highest entropy of each cell (``1H``), lowest, mean and highest
            (``3H``), and the histograms (``3H+KL``). What is left out is zero, so that the network keeps its shape.
    """

    counts: bool = False
    whole_steps: bool = False
    own_bins: bool = False
    parts: Literal["3H+KL", "3H", "1H"] = "3H+KL"


def region_features(
    predictions: np.ndarray, entropies: np.ndarray, boxes: np.ndarray, classes: int, form: Form
) -> np.ndarray:
    """Features of regions of one image.

    Args:
        predictions: (H, W) integer predicted train ids.
        entropies: (H, W) float, Shannon entropy of the softmax in nats.
        boxes: (M, 4) first row, end row, first column, end column of each region.
        classes: number of classes C.
        form: of the features.

    Returns:
        (M, C + 1 + 192) float32: predicted classes (the last, void, is never predicted), then lowest, mean and highest
        entropy of 8 x 8 cells.

    Raises:
        ConfigError: if pooling by whole steps does not give 8 x 8 cells.

    Source: RALIS section 3.2 and its release. Departure: the paper normalises the counts, the release does not.
    """
    found = np.empty((len(boxes), classes + 1 + POOLED), dtype=np.float32)
    for k, (top, end, left, right) in enumerate(boxes):
        part = predictions[top:end, left:right]
        counts = np.bincount(part.ravel(), minlength=classes + 1)[: classes + 1].astype(np.float64)
        counts[counts == 0] = ABSENT
        found[k, : classes + 1] = counts if form.counts else counts / counts.sum()
        found[k, classes + 1 :] = pooled_entropies(entropies[top:end, left:right], form.whole_steps)
    if form.parts == "1H":
        found[:, classes + 1 : -(SIDE**2)] = 0
    return found


def pooled_entropies(entropies: np.ndarray, whole_steps: bool) -> np.ndarray:
    """(192,) float32: lowest, mean and highest of an entropy map (h, w) in 8 x 8 cells.

    Raises:
        ConfigError: if pooling by whole steps does not give 8 x 8 cells.
    """
    values = torch.from_numpy(np.ascontiguousarray(entropies, dtype=np.float32))[None, None]
    if whole_steps:
        kernel = (max(1, values.shape[2] // SIDE), max(1, values.shape[3] // SIDE))
        pooled = [-F.max_pool2d(-values, kernel), F.avg_pool2d(values, kernel), F.max_pool2d(values, kernel)]
    else:
        lowest, mean = -F.adaptive_max_pool2d(-values, SIDE), F.adaptive_avg_pool2d(values, SIDE)
        pooled = [lowest, mean, F.adaptive_max_pool2d(values, SIDE)]
    rows, columns = pooled[0].shape[-2:]
    if (rows, columns) != (SIDE, SIDE):
        raise ConfigError(
            f"a region of {entropies.shape[0]} x {entropies.shape[1]} pixels is pooled to {rows} x "
            f"{columns} cells, pooling by whole steps needs {SIDE} x {SIDE}: take regions whose sides are multiples "
            f"of {SIDE} or just above, 90 x 80 for example, or the mended recipe"
        )
    return torch.cat(pooled).flatten().numpy()


def divergences(candidates: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of every candidate's class distribution from every other one's, in nats.

    Args:
        candidates: (M, K) counts or shares, none 0.
        others: (J, K) counts or shares, none 0.

    Returns:
        (M, J) float64: sum over k of p log(p / q), both brought to sum 1. One matrix product.
    """
    p = candidates.astype(np.float64) / candidates.sum(1, keepdims=True, dtype=np.float64)
    q = others.astype(np.float64) / others.sum(1, keepdims=True, dtype=np.float64)
    return (p * np.log(p)).sum(1, keepdims=True) - p @ np.log(q).T


def histograms(values: np.ndarray, own_bins: bool) -> np.ndarray:
    """Histogram of each row in 32 bins, divided by its sum; rows without a value give zeros.

    Args:
        values: (M, J) float.
        own_bins: bins over the row's own range, as in the release (all in bin 16 where the values are equal);
            otherwise over 0 to 16.2 nats, the same for every row.

    Returns:
        (M, 32) float32.
    """
    count = values.shape[1]
    if not count:
        return np.zeros((len(values), BINS), dtype=np.float32)
    low: np.ndarray = np.zeros((len(values), 1))
    high: np.ndarray = low + CEILING
    if own_bins:
        low, high = values.min(1, keepdims=True), values.max(1, keepdims=True)
        same = high == low
        low, high = np.where(same, low - 0.5, low), np.where(same, high + 0.5, high)
    bins = np.floor((values - low) / (high - low) * BINS).clip(0, BINS - 1).astype(np.int64)
    flat = (bins + BINS * np.arange(len(values))[:, None]).ravel()
    return (np.bincount(flat, minlength=BINS * len(values)).reshape(-1, BINS) / count).astype(np.float32)


def unlikeness(candidates: np.ndarray, others: np.ndarray, form: Form) -> np.ndarray:
    """Histogram of each candidate's divergences from all the others (:func:`divergences`, :func:`histograms`).

    Args:
        candidates: (M, K) as in :func:`divergences`.
        others: (J, K).
        form: of the features.

    Returns:
        (M, 32) float32, zeros where the histograms are left out. Memory: temporary arrays of ``CHUNK`` numbers.
    """
    if form.parts != "3H+KL":
        return np.zeros((len(candidates), BINS), dtype=np.float32)
    rows = max(1, CHUNK // max(1, len(others)))
    parts = [candidates[start : start + rows] for start in range(0, len(candidates), rows)]
    return np.concatenate([histograms(divergences(part, others), form.own_bins) for part in parts])


def true_shares(labels: np.ndarray, boxes: np.ndarray, classes: int) -> np.ndarray:
    """Class distribution of annotated regions of one image, void included.

    Args:
        labels: (H, W) uint8 train ids, 255 = void.
        boxes: (J, 4) as in :func:`region_features`.
        classes: number of classes C.

    Returns:
        (J, C + 1) float64 counts; a class that is not there counts 1e-7.
    """
    found = np.empty((len(boxes), classes + 1))
    for k, (top, end, left, right) in enumerate(boxes):
        ids = np.minimum(labels[top:end, left:right].ravel(), classes)
        found[k] = np.bincount(ids, minlength=classes + 1)
    return np.where(found == 0, ABSENT, found)
