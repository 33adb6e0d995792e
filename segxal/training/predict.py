"""What a network says about images, and how right it is: predictions and scores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segxal.core.errors import TrainingDiverged
from segxal.core.metrics import CalibrationBins, Confusion
from segxal.core.modes import evaluating
from segxal.data.base import Frames
from segxal.models.base import Network
from segxal.models.device import autocast


@dataclass(frozen=True)
class Scores:
    """Confusion counts and calibration of one network on one split."""

    confusion: Confusion
    calibration: CalibrationBins


def logits(model: Network, images: Any, amp: str) -> Tensor:
    """Logits (N, C, H, W) float32 of images (N, 3, H, W), in the mode the network is in; gradients are recorded.

    Args:
        model: the network.
        images: (N, 3, H, W) uint8, or float in [0, 1], or their feature maps.
        amp: precision, see :func:`segxal.models.device.amp_dtype`.
    """
    with autocast(amp):
        found = model(model.prepare(images))
    return found.float()


def logits_at(model: Network, images: Any, where: tuple[Tensor, Tensor, Tensor], amp: str) -> Tensor:
    """Logits (P, C) float32 of some pixels of images, in the mode the network is in; gradients are recorded.

    Args:
        model: the network.
        images: (N, 3, H, W) uint8, or their feature maps.
        where: P image numbers, rows and columns.
        amp: precision, see :func:`segxal.models.device.amp_dtype`.
    """
    with autocast(amp):
        found = model.logits_at(model.prepare(images), where)
    return found.float()


def probabilities(model: Network, images: Tensor, amp: str) -> Tensor:
    """Class probabilities of images in one forward pass, in evaluation mode; the network's modes are restored.

    Args:
        model: the network; it is moved to the device.
        images: (N, 3, H, W) uint8, or float in [0, 1].
        amp: precision, see :func:`segxal.models.device.amp_dtype`.

    Returns:
        (N, C, H, W) float32 on the device; each pixel sums to 1 over C.
    """
    with torch.no_grad(), evaluating(model.ready()):
        return logits(model, images, amp).softmax(1)


def predict(model: Network, images: Tensor, amp: str, batch: int = 16) -> Iterator[Tensor]:
    """Class probabilities of images, batch by batch (memory stays flat); see :func:`probabilities`.

    Yields:
        (<= batch, C, H, W) float32 on the device.
    """
    return (probabilities(model, chunk, amp) for chunk in images.split(batch))


def evaluate(model: Network, frames: Frames, amp: str, batch: int = 16) -> Scores:
    """Score a network on a labelled split: one confusion matrix over all its pixels, void left out.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    return evaluate_parts(model, frames, {"all": frames.labels}, amp, batch)["all"]


def evaluate_parts(
    model: Network, frames: Frames, parts: Mapping[str, Tensor], amp: str, batch: int = 16
) -> dict[str, Scores]:
    """Score one pass of a network against several label maps of the same images, each void where it does not count.

    Args:
        model: the network.
        frames: the N images; their own labels are not used.
        parts: name -> (N, H, W) uint8 train ids.
        amp: precision of the forward pass.
        batch: images per forward pass.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    scores = {name: Scores(Confusion(len(frames.classes)), CalibrationBins()) for name in parts}
    truths = (labels.split(batch) for labels in parts.values())
    for probs, *truth in zip(predict(model, frames.images, amp, batch), *truths, strict=True):
        require_finite(probs)
        confidence, prediction = (part.cpu() for part in probs.max(1))
        for score, labels in zip(scores.values(), truth, strict=True):
            score.confusion.update(prediction, labels)
            score.calibration.update_top(confidence, prediction, labels)
    return scores


def confusion_of(model: Network, frames: Frames, amp: str, batch: int = 16) -> Confusion:
    """The confusion matrix of :func:`evaluate` alone, in half the time: probabilities are not made.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    confusion = Confusion(len(frames.classes))
    for found, labels in zip(predictions(model, frames.images, amp, batch), frames.labels.split(batch), strict=True):
        confusion.update(found.cpu(), labels)
    return confusion


def predictions(model: Network, images: Tensor, amp: str, batch: int = 16) -> Iterator[Tensor]:
    """Predicted classes of images, batch by batch; probabilities, which cost as much again, are not made.

    Yields:
        (<= batch, H, W) int64 train ids on the device.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    for chunk in images.split(batch):
        with torch.no_grad(), evaluating(model.ready()):
            highest, prediction = logits(model, chunk, amp).max(1)
        require_finite(highest)
        yield prediction


def require_finite(values: Tensor) -> None:
    """Check what a network says.

    Raises:
        TrainingDiverged: if a value is NaN or infinite.
    """
    if not bool(values.sum().isfinite()):  # the same as all of them, several times as fast
        raise TrainingDiverged(
            "the network's output is NaN; lower train.lr or set train.amp to off. The state of the last finished "
            "cycle is untouched"
        )
