"""Which predictions a machine keeps as labels: a threshold of doubt for each class, over a pool of any size (ESL).

Doubt is a number in [0, 1] per pixel, small where the machine is sure: entropy, or 1 - the largest probability.
"""

from collections.abc import Callable, Iterable

import numpy as np

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.labels import VOID

HIGH = 2**14  # buckets of the first pass: the upper 16 bits of a float32 in [0, 1] are below this
LOW = 2**16  # buckets of the second pass: its lower 16 bits
ROUNDING = 1e-5  # by which float32 leaves [0, 1] when it adds up an entropy

Said = tuple[np.ndarray, np.ndarray]  # prediction (N, H, W) of train ids, 255 = not counted; doubt (N, H, W) float


def class_thresholds(
    stream: Callable[[], Iterable[Said]], classes: int, share: float, floor: float, exact: bool = True
) -> np.ndarray:
    """For each class the doubt up to which a prediction is kept.

    Counts are kept, not pixels: memory does not grow with the pool.

    Args:
        stream: gives what is said of all images, batch after batch; it is called once, or twice for exact thresholds,
            and must say the same both times.
        classes: number of classes C.
        share: of the pixels predicted as a class that are kept: those of least doubt, and all that equal the last.
        floor: doubt that is always small enough.
        exact: False takes the upper end of the bucket the threshold lies in, at most 1/128 of its value too high.

    Returns:
        (C,) float32, at least ``floor``; ``floor`` for a class that is never predicted.

    Raises:
        ShapeError: if a prediction and its doubt differ in size.
        ConfigError: if ``share`` or ``floor`` is not in [0, 1], a doubt is NaN or outside [0, 1], or the second call
            says something else.

    Source: ESL (Saporta et al. 2020): the element at index round(share n) of the doubts of a class in order, with
    entropy, ``share`` 0.5 and ``floor`` 0.1; with 1 - the largest probability it is BDL (Li et al. 2019), whose
    threshold of 0.9 is the same floor. Departure: over any number of images; ESL sorts 3,000 at a time, and counts the
    empty places of the last time as class 0.
    """
    if not (0 <= share <= 1 and 0 <= floor <= 1):
        raise ConfigError(f"share = {share}, floor = {floor}; both must lie in [0, 1]")
    counts = np.zeros((classes, HIGH), dtype=np.int64)
    for labels, bits in _read(stream()):
        counts += np.bincount(labels * HIGH + (bits >> 16), minlength=counts.size).reshape(counts.shape)
    total = counts.sum(1)
    rank = np.minimum(np.round(share * total).astype(np.int64), np.maximum(total - 1, 0))
    bucket, rest = _find(counts, rank)
    found = (bucket << 16) + LOW - 1
    if exact:
        low = np.zeros((classes, LOW), dtype=np.int64)
        for labels, bits in _read(stream()):
            here = (bits >> 16) == bucket[labels]
            places = labels[here] * LOW + (bits[here] & (LOW - 1))
            low += np.bincount(places, minlength=low.size).reshape(low.shape)
        if (low.sum(1) != counts[np.arange(classes), bucket]).any():
            raise ConfigError("the second pass over the pool says something else than the first; give the same again")
        found = (bucket << 16) + _find(low, rest)[0]
    found = np.where(total > 0, found, 0)
    return np.clip(found.astype(np.uint32).view(np.float32), np.float32(floor), np.float32(1))


def kept(prediction: np.ndarray, doubt: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The predictions as labels where their doubt is small enough.

    Args:
        prediction: (..., H, W) train ids, 255 = none.
        doubt: of the same shape.
        thresholds: (C,) of :func:`class_thresholds`.

    Returns:
        uint8 of the same shape, 255 where nothing is kept.
    """
    limit = np.append(thresholds, np.zeros(256 - len(thresholds), dtype=thresholds.dtype))[prediction]
    return np.where((doubt.astype(np.float32) <= limit) & (prediction != VOID), prediction, VOID).astype(np.uint8)


def _read(said: Iterable[Said]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Predictions (K,) int64 that count, with their doubt as the bits of a float32, which grow as it does."""
    for prediction, doubt in said:
        if prediction.shape != doubt.shape:
            raise ShapeError(f"a prediction of {prediction.shape} and a doubt of {doubt.shape}; give one per pixel")
        counted = prediction != VOID
        values = doubt[counted].astype(np.float32)
        if not ((values >= -ROUNDING) & (values <= 1 + ROUNDING)).all():
            raise ConfigError("a doubt is NaN or outside [0, 1]; give entropy_map, or 1 - the largest probability")
        values = values.clip(0, 1) + np.float32(0)  # -0.0 becomes 0.0, whose bits are 0
        yield prediction[counted].astype(np.int64), values.view(np.uint32).astype(np.int64)


def _find(counts: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bucket that holds the element of each row's rank, and its rank in that bucket."""
    sums = counts.cumsum(1)
    bucket = np.minimum((sums <= rank[:, None]).sum(1), counts.shape[1] - 1)
    rows = np.arange(len(counts))
    return bucket, rank - (sums[rows, bucket] - counts[rows, bucket])
