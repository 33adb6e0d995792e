"""Part 2, why a segmentation network looks there: Grad-CAM by hand, its failure modes, and the checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segxal.apps.workshop.answers import Verdict, check_array, check_number
from segxal.apps.workshop.seen import Seen
from segxal.core.faithfulness import Curve, Stage
from segxal.core.gradcam import class_scores, gradcam, traced
from segxal.models.base import Network

DIFFERENT = 0.5  # rank correlation below which a map counts as another map


@dataclass(frozen=True)
class CamParts:
    """What Grad-CAM is made of, for one image and one class.

    Attributes:
        activation: (K, h, w) float, the K channels of the target layer.
        gradient: (K, h, w) float, how the class score changes with each of them.
        map: (H, W) float in [0, 1], the finished map at the size of the image.
        predicted: (H, W) bool, the pixels predicted as the class: what the score sums over.
    """

    activation: Tensor
    gradient: Tensor
    map: np.ndarray
    predicted: np.ndarray

    @property
    def weight(self) -> Tensor:
        """(K, 1, 1) float, alpha: the mean gradient of each channel."""
        return self.gradient.mean((1, 2), keepdim=True)

    @property
    def cam(self) -> Tensor:
        """(h, w) float, ReLU(sum_k alpha_k A_k): the map before it is enlarged and scaled to [0, 1]."""
        return (self.weight * self.activation).sum(0).relu()

    @property
    def peak(self) -> float:
        """The highest value of the map before it is scaled to [0, 1]."""
        return float(self.cam.max())

    @property
    def inside(self) -> float:
        """Share of the map's mass on the pixels predicted as the class, 0..1; 0 for an empty map."""
        total = float(self.map.sum())
        return float(self.map[self.predicted].sum()) / total if total else 0.0


def cam_parts(network: Network, layer: str, image: Tensor, category: int) -> CamParts:
    """Grad-CAM of one class, taken apart.

    Args:
        network: the segmentation network.
        layer: name of the target layer, for example ``bottleneck``.
        image: (3, H, W) uint8.
        category: train id of the class; its score sums the logits over the pixels predicted as it.
    """
    with traced(network, network.layer(layer)) as trace:
        seen = trace(network.prepare(image[None]))
        prediction = seen.logits.argmax(1)
        score = class_scores(seen.logits, prediction, category).sum()
        (gradient,) = torch.autograd.grad(score, seen.activation, retain_graph=True)
        made = gradcam(seen, category)[0].cpu().numpy()
    predicted = (prediction[0] == category).cpu().numpy()
    return CamParts(seen.activation.detach()[0].cpu(), gradient[0].cpu(), made, predicted)


def all_classes(network: Network, images: Tensor, layer: str = "bottleneck") -> Tensor:
    """Grad-CAM of all predicted classes at once: (N, H, W) float in [0, 1] of images (N, 3, H, W) uint8."""
    with traced(network, network.layer(layer)) as trace:
        return gradcam(trace(network.prepare(images))).cpu()


def mistaken(seen: Seen, least: float = 0.02) -> tuple[int, int]:
    """Image and class of the answer that is most often wrong, among those that cover at least ``least`` of an image."""
    worst, found = -1.0, (0, 0)
    for index, (prediction, wrong) in enumerate(zip(seen.prediction, seen.wrong, strict=True)):
        for category in prediction.unique().tolist():
            here = prediction == category
            share = float(wrong[here].float().mean())
            if here.float().mean() >= least and share > worst:
                worst, found = share, (index, category)
    return found


def check_weights(given: Any, parts: CamParts) -> Verdict:
    """Exercise 2.1, first line: one weight per channel, the mean of its gradient."""
    means = parts.weight.flatten().numpy()
    return check_array(
        given, means, f"one weight per channel, {len(means)} numbers",
        "`gradient` is (K, h, w): take the mean over its last two dimensions.",
        f"{int((means > 0).sum())} of {len(means)} channels speak for the class, the others against it.",
        {
            "That is the sum over positions; take the mean.": parts.gradient.sum((1, 2)).numpy(),
            "That is the mean of the activation; the weight is the mean of the gradient.":
                parts.activation.mean((1, 2)).numpy(),
        },
        tolerance=1e-5,
    )  # fmt: skip


def check_map(given: Any, parts: CamParts) -> Verdict:
    """Exercise 2.1, second line: the weighted sum of the channels, negative values cut off."""
    wanted, weighted = parts.cam.numpy(), parts.weight * parts.activation
    return check_array(
        given, wanted, "one value per position of the layer",
        "Multiply every channel by its weight, sum over the channels, cut off what is negative.",
        f"The whole map has {wanted.size} values; everything finer in the pictures is interpolation.",
        {
            "Negative values are still there: they speak against the class. Add `.relu()`.": weighted.sum(0).numpy(),
            "That is the mean over the channels; Grad-CAM sums.": weighted.mean(0).relu().numpy(),
        },
        tolerance=1e-4,
    )  # fmt: skip


def first_different(stages: Sequence[Stage]) -> int:
    """Number of the first stage whose map has a rank correlation below 0.5 with the original one; -1 for none."""
    return next((stage.number for stage in stages if stage.spearman < DIFFERENT), -1)


def check_stage(given: Any, stages: Sequence[Stage]) -> Verdict:
    """Exercise 2.2: after how many randomised layers is the map a different one?"""
    wanted = first_different(stages)
    return check_number(
        given,
        wanted,
        "the number of a stage, a whole number",
        f"Go down the list and stop at the first `spearman` below {DIFFERENT}.",
        f"After {wanted} of {len(stages) - 1} layers the map is a different one: it does depend on what was learned.",
        {"That is the last stage; the question is the first one below 0.5.": stages[-1].number},
    )


def curve_of(curves: Sequence[Curve], kind: str, order: str) -> Curve:
    """One of the six curves of :func:`segxal.core.faithfulness.faithfulness_curves`."""
    return next(curve for curve in curves if (curve.kind, curve.order) == (kind, order))


def check_gap(given: Any, curves: Sequence[Curve]) -> Verdict:
    """Exercise 2.3: how much sooner than in random order does deletion in the map's order destroy the prediction?"""
    own, chance = (curve_of(curves, "deletion", order).kept_area for order in ("map", "random"))
    gap = chance - own
    told = "sooner" if gap > 0 else "later"
    return check_number(
        given,
        gap,
        "a difference of two areas, between -1 and 1",
        "Area of the random order minus area of the map's order, both of `deletion`.",
        f"The map's order destroys the prediction {told} than chance, by an area of {abs(gap):.3f}.",
        {"The sign is reversed: a small area is good in deletion, so random minus map.": -gap},
    )
