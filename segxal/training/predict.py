"""What a network says of images, and how right it is: predictions and scores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segxal.core.errors import TrainingDiverged
from segxal.core.metrics import CalibrationBins, Confusion
from segxal.data.base import Frames
from segxal.models.base import normalise
from segxal.models.device import autocast, device


@dataclass(frozen=True)
class Scores:
    """Confusion counts and calibration of one network on one split."""

    confusion: Confusion
    calibration: CalibrationBins


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, amp: str, batch: int = 16) -> Iterator[Tensor]:
    """Class probabilities of images, batch by batch (memory stays flat).

    Args:
        model: the network; its training flags are restored afterwards.
        images: (N, 3, H, W) uint8.
        amp: precision, see :func:`segxal.models.device.amp_dtype`.
        batch: images per forward pass.

    Yields:
        (<= batch, C, H, W) float32 on the device; each pixel sums to 1 over C.
    """
    flags = {module: module.training for module in model.modules()}
    model.to(device()).to(memory_format=torch.channels_last).eval()
    try:
        for chunk in images.split(batch):
            x = normalise(chunk.to(device())).contiguous(memory_format=torch.channels_last)
            with autocast(amp):
                logits = model(x)
            yield logits.float().softmax(1)
    finally:
        for module, flag in flags.items():
            module.training = flag


def evaluate(model: nn.Module, frames: Frames, amp: str, batch: int = 16) -> Scores:
    """Score a network on a labelled split: one confusion matrix over all its pixels, void left out.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    return evaluate_parts(model, frames, {"all": frames.labels}, amp, batch)["all"]


def evaluate_parts(
    model: nn.Module, frames: Frames, parts: Mapping[str, Tensor], amp: str, batch: int = 16
) -> dict[str, Scores]:
    """Score one pass of a network against several label maps of the same images, each void where it does not count.

    Args:
        model: the network.
        frames: the N images; their own labels are not looked at.
        parts: name -> (N, H, W) uint8 train ids.
        amp: precision of the forward pass.
        batch: images per forward pass.

    Raises:
        TrainingDiverged: if the network's output is not finite.
    """
    scores = {name: Scores(Confusion(len(frames.classes)), CalibrationBins()) for name in parts}
    truths = (labels.split(batch) for labels in parts.values())
    for probs, *truth in zip(predict(model, frames.images, amp, batch), *truths, strict=True):
        if not bool(probs.sum().isfinite()):  # the same as all of them, several times as fast
            raise TrainingDiverged(
                "the network's output is NaN; lower train.lr or set train.amp to off. The state of the last finished "
                "cycle is untouched"
            )
        prediction, probs = probs.max(1).indices.cpu(), probs.cpu()  # argmax is slower over channels_last
        for score, labels in zip(scores.values(), truth, strict=True):
            score.confusion.update(prediction, labels)
            score.calibration.update(probs, labels)
    return scores
