"""Scores from running counts: one confusion matrix, one set of calibration bins.

Counts come first and scores later, so that every average is a visible choice and two parts of a
data set can be added. All scores are shares in 0..1 (percent is made where records are written);
void pixels (truth 255) are dropped; a class absent from truth and prediction scores NaN and is
left out of the mean.
"""

import torch
from torch import Tensor

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.labels import VOID

_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class Confusion:
    """Confusion matrix of a segmentation, filled batch by batch.

    Attributes:
        counts: (C, C) int64 on the CPU, pixels; rows are the truth, columns the prediction.

    Source: Cityscapes' pixel-level evaluation; scores equal it and torchmetrics on the same arrays.
    """

    def __init__(self, classes: int) -> None:
        """Start empty.

        Args:
            classes: number of classes C, 1 to 255; void is not one.

        Raises:
            ConfigError: if ``classes`` is out of range.
        """
        if not 1 <= classes <= VOID:
            raise ConfigError(f"classes is {classes}, expected 1 to {VOID}; void ({VOID}) is not a class")
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.counts.shape[0]

    @property
    def pixels(self) -> int:
        """Pixels counted so far, void left out."""
        return int(self.counts.sum())

    def update(self, pred: Tensor, truth: Tensor) -> None:
        """Count one image or batch; where all of it is void nothing changes.

        Args:
            pred: integer class ids 0..C-1, any shape. Where the truth is void any id may stand.
            truth: class ids of the same shape, 255 = void.

        Raises:
            ShapeError: if the shapes differ or a tensor does not hold integers.
            ConfigError: if an id that counts is outside 0..C-1.
        """
        _check_ids(pred, "pred")
        _check_ids(truth, "truth")
        if pred.shape != truth.shape:
            raise ShapeError(
                f"pred is {tuple(pred.shape)} and truth is {tuple(truth.shape)}, expected the same shape; "
                "resize the logits to the label's size before argmax"
            )
        if not truth.numel():
            return
        counted, cells = truth != VOID, self.classes**2
        rows, columns = (torch.where(counted, ids, 0) for ids in (truth, pred))
        _check_range(rows, self.classes, "truth")
        _check_range(columns, self.classes, "pred")
        # void pixels have a cell of their own, which is left out: several times as fast as picking out the others
        flat = torch.where(counted, rows.long() * self.classes + columns, cells).flatten()
        found = torch.bincount(flat, minlength=cells + 1)[:cells]
        self.counts += found.view(self.classes, self.classes).cpu()

    def __add__(self, other: "Confusion") -> "Confusion":
        """Counts of both parts together; neither is changed."""
        if self.classes != other.classes:
            raise ShapeError(f"cannot add a confusion matrix of {other.classes} classes to one of {self.classes}")
        total = Confusion(self.classes)
        total.counts = self.counts + other.counts
        return total

    @property
    def iou(self) -> Tensor:
        """(C,) float64, intersection over union of each class, 0..1; NaN if absent from both."""
        hits, union = self._hits_and_union()
        return hits / union

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur, 0..1; NaN before the first pixel."""
        return float(self.iou.nanmean())

    @property
    def dice(self) -> Tensor:
        """(C,) float64, Dice (F1) of each class, 0..1; NaN if absent from both."""
        hits, union = self._hits_and_union()
        return 2 * hits / (union + hits)

    @property
    def mean_dice(self) -> float:
        """Mean Dice over the classes that occur, 0..1; NaN before the first pixel."""
        return float(self.dice.nanmean())

    @property
    def accuracy(self) -> float:
        """Share of pixels with the right class, 0..1; NaN before the first pixel."""
        return float(self.counts.trace().double() / self.counts.sum())

    def _hits_and_union(self) -> tuple[Tensor, Tensor]:
        hits = self.counts.diagonal().double()
        return hits, self.counts.sum(0) + self.counts.sum(1) - hits

    def to_list(self) -> list[list[int]]:
        """Rows of counts, for JSON."""
        return self.counts.tolist()

    @classmethod
    def from_list(cls, rows: list[list[int]]) -> "Confusion":
        """The matrix that :meth:`to_list` wrote.

        Raises:
            ShapeError: if the rows are not a square of integers >= 0.
        """
        square = bool(rows) and all(len(row) == len(rows) for row in rows)
        if not square or not all(isinstance(n, int) and n >= 0 for row in rows for n in row):
            raise ShapeError("a confusion matrix is C rows of C integers >= 0; the saved list is not; make it again")
        matrix = cls(len(rows))
        matrix.counts = torch.tensor(rows, dtype=torch.int64)
        return matrix


class CalibrationBins:
    """Expected calibration error from running sums per confidence bin.

    Bin k of B holds the pixels whose highest probability lies in [k/B, (k+1)/B). A confidence of
    exactly 1 has a bin of its own, as in torchmetrics, so the sums have B + 1 entries.

    Attributes:
        confidence: (B + 1,) float64, sum of the confidences of a bin.
        correct: (B + 1,) float64, right pixels of a bin.
        count: (B + 1,) float64, pixels of a bin.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks. Departure: bins are closed on
    the left and 1.0 stands alone (the article closes them on the right), to equal torchmetrics.
    """

    def __init__(self, bins: int = 15) -> None:
        """Start empty.

        Args:
            bins: number of equal bins B over 0..1, >= 1.

        Raises:
            ConfigError: if ``bins`` is below 1.
        """
        if bins < 1:
            raise ConfigError(f"bins is {bins}, expected at least 1; 15 is usual")
        self.confidence = torch.zeros(bins + 1, dtype=torch.float64)
        self.correct = torch.zeros(bins + 1, dtype=torch.float64)
        self.count = torch.zeros(bins + 1, dtype=torch.float64)

    def update(self, probs: Tensor, truth: Tensor) -> None:
        """Add one batch; where all of it is void nothing changes.

        Args:
            probs: (N, C, ...) float, class probabilities (softmax of the logits), each 0..1.
            truth: (N, ...) integer class ids, 255 = void.

        Raises:
            ShapeError: if the shapes do not fit or the types are wrong.
            ConfigError: if a probability is outside 0..1 or an id outside 0..C-1.
        """
        _check_probs(probs, truth)
        if bool((truth != VOID).any()):
            _check_range(truth[truth != VOID], probs.shape[1], "truth")
        self.update_top(*probs.max(dim=1), truth)

    def update_top(self, confidence: Tensor, pred: Tensor, truth: Tensor) -> None:
        """Add one batch of which the highest probability of each pixel is known already; see :meth:`update`.

        Args:
            confidence: (N, ...) float, the highest class probability, 0..1.
            pred: (N, ...) the class that has it.
            truth: (N, ...) integer class ids, 255 = void.

        Raises:
            ConfigError: if a probability is outside 0..1.
        """
        if not truth.numel():
            return
        counted, bins = truth != VOID, len(self.count)
        top = torch.where(counted, confidence, 0).float()
        low, high = (float(value) for value in top.aminmax())
        if not (low >= 0 and high <= 1):
            raise ConfigError("probs holds values outside 0..1 (or NaN), expected probabilities; pass softmax(logits)")
        edges = torch.linspace(0, 1, bins, dtype=top.dtype, device=top.device)
        index = torch.where(counted, torch.bucketize(top, edges, right=True) - 1, bins).flatten().cpu()
        for total, weights in ((self.confidence, top), (self.correct, pred == truth), (self.count, None)):
            weighed = None if weights is None else weights.flatten().double().cpu()
            total += torch.bincount(index, weighed, minlength=bins + 1)[:bins].double()

    @property
    def ece(self) -> float:
        """Mean gap of confidence and accuracy, weighted by pixels, 0..1; NaN before the first pixel."""
        return float((self.confidence - self.correct).abs().sum() / self.count.sum())


def class_counts(labels: Tensor, classes: int) -> Tensor:
    """(C,) float32, how many pixels each class has in labels of any shape; 255 = void is not counted."""
    return torch.bincount(labels[labels != VOID].long().flatten(), minlength=classes).float()


def _check_ids(ids: Tensor, name: str) -> None:
    if ids.dtype not in _INTEGERS:
        raise ShapeError(f"{name} is {ids.dtype}, expected integer class ids; take argmax over the classes first")


def _check_range(ids: Tensor, classes: int, name: str) -> None:
    low, high = (int(v) for v in ids.aminmax())
    if low < 0 or high >= classes:
        raise ConfigError(
            f"{name} holds class ids {low}..{high}, expected 0..{classes - 1}; "
            f"map unknown ids to {VOID} (void) in the truth"
        )


def _check_probs(probs: Tensor, truth: Tensor) -> None:
    _check_ids(truth, "truth")
    if not probs.is_floating_point():
        raise ShapeError(f"probs is {probs.dtype}, expected floating-point probabilities; pass softmax(logits)")
    if probs.ndim < 2 or probs.shape[:1] + probs.shape[2:] != truth.shape:
        raise ShapeError(
            f"probs is {tuple(probs.shape)} and truth is {tuple(truth.shape)}, expected (N, C, ...) and (N, ...)"
        )
