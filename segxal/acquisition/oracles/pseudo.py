"""Machine oracle: pseudo-labels without ground truth (paper section 3.3)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.acquisition.oracles.base import Annotation, Query
from segxal.core.labels import VOID
from segxal.models.base import Network
from segxal.models.device import autocast, device

SCALES = (0.75, 1.0, 1.25)

Labeller = Callable[[Tensor], Tensor]


def flip_scale(model: Network, amp: str) -> Labeller:
    """Labeller that averages the network's probabilities over three scales, plain and mirrored."""

    @torch.no_grad()
    def label(images: Tensor) -> Tensor:
        x = model.normalise(images.to(device()))
        total = torch.zeros(())
        for scale in SCALES:
            size = [round(scale * side) for side in x.shape[-2:]]
            resized = F.interpolate(x, size, mode="bilinear", antialias=True) if scale != 1 else x
            for mirrored in (False, True):
                with autocast(amp):
                    logits = model(resized.flip(-1) if mirrored else resized).float()
                logits = logits.flip(-1) if mirrored else logits
                total = total + F.interpolate(logits, x.shape[-2:], mode="bilinear").softmax(1)
        return total / (2 * len(SCALES))

    return label


def teacher(model: Network, amp: str) -> Labeller:
    """Labeller that asks another network, here the moving average of the weights."""

    @torch.no_grad()
    def label(images: Tensor) -> Tensor:
        with autocast(amp):
            return model(model.normalise(images.to(device()))).float().softmax(1)

    return label


class PseudoOracle:
    """A labeller that is not the network itself labels the image; nobody is asked.

    Inside the asked part, where the mask expects errors, the labeller must be confident; outside it, it must agree
    with the prediction. All other pixels stay 255 and count as disagreement in the Dice gate.

    Args:
        labeller: maps images (N, 3, H, W) uint8 to probabilities (N, C, H, W).
        confidence: probability a label needs inside the asked part.

    Source: section 3.3, machine oracle. Departure: the paper does not say who labels; with the network's own argmax
    the Dice gate would compare a map with itself, so an independent labeller is required.
    """

    def __init__(self, labeller: Labeller, confidence: float) -> None:
        self.labeller = labeller
        self.confidence = confidence

    def annotate(self, query: Query) -> Annotation:
        """Labels the labeller is sure of; costs no pixels and no clicks."""
        probs = self.labeller(torch.from_numpy(query.image).unsqueeze(0))
        best, labels = (part.squeeze(0).cpu().numpy() for part in probs.max(1))
        sure = np.where(query.asked, best >= self.confidence, labels == query.prediction)
        return Annotation(np.where(sure, labels, VOID).astype(np.uint8), ~sure, 0, 0)
