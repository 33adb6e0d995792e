"""DEAL: a small branch that learns where the network errs, and the images it finds difficult."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segxal.acquisition.strategies.base import Learner, draw
from segxal.acquisition.strategies.forward import probabilities
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.seeds import drawing_from
from segxal.data.base import Frames
from segxal.models.device import device

GRID = (23, 30)  # largest height and width at which attention is computed; its cost grows with (h * w) ** 2
STEPS = 300  # of the branch's training
BATCH = 8
RATE = 0.03


class DifficultyBranch(nn.Module):
    """Difficulty of each pixel from class probabilities.

    Args:
        classes: number of classes C.

    Source: DEAL (Xie et al., ACCV 2020), Q = gamma * P A^T + P with gamma learned from 0, then a 1x1 convolution,
    bilinear upsampling and a sigmoid. Departure: the official code leaves the attention out when gamma < -0.01; here
    gamma may take any value.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.conv = nn.Conv2d(classes, 1, 1)

    def forward(self, probs: Tensor, context: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (N, H, W) of the difficulty.

        Args:
            probs: (N, C, h, w) class probabilities P, see :func:`small`.
            context: (N, C, h, w), their :func:`probability_attention`.
            size: (H, W) of the result.
        """
        logits = self.conv(self.gamma * context + probs)
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)[:, 0]


def small(probs: Tensor) -> Tensor:
    """Probabilities (N, C, H, W) averaged to a quarter of the height and width, and at most to :data:`GRID`.

    Departure: DEAL resizes logits to 60x80 or 86x86 before the softmax; this is 8 to 16 times cheaper.
    """
    height, width = (min(most, max(1, side // 4)) for most, side in zip(GRID, probs.shape[-2:], strict=True))
    return F.adaptive_avg_pool2d(probs, (height, width))


def probability_attention(probs: Tensor) -> Tensor:
    """P A^T with A = softmax over each row of P^T P: every pixel gets the mean of the pixels of like probabilities.

    Args:
        probs: (N, C, h, w) class probabilities P.

    Returns:
        (N, C, h, w); each pixel still sums to 1 over C.
    """
    flat = probs.flatten(2)  # (N, C, h * w)
    attention = (flat.transpose(1, 2) @ flat).softmax(-1)
    return (flat @ attention.transpose(1, 2)).view_as(probs)


def error_target(prediction: Tensor, labels: Tensor) -> Tensor:
    """(N, H, W) uint8: 0 = predicted right, 1 = wrong, 255 = void or not annotated."""
    return torch.where(labels == VOID, VOID, (prediction != labels).to(torch.uint8)).to(torch.uint8)


def difficulty_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy in which right and wrong pixels are averaged apart.

    Args:
        logits: (N, H, W).
        target: (N, H, W) uint8, see :func:`error_target`.

    Returns:
        w_0 * (mean over right pixels) + w_1 * (mean over wrong pixels) with w_k proportional to 1 / sqrt(n_k + 1) of
        their numbers n_k and sum 1; a mean over no pixel is 0. Pixels that are not annotated count nowhere.

    Source: DEAL, official code. Departure: there void pixels count as predicted right.
    """
    loss = F.binary_cross_entropy_with_logits(logits, (target == 1).float(), reduction="none")
    counts = torch.stack([(target == k).sum() for k in (0, 1)])
    sums = torch.stack([(loss * (target == k)).sum() for k in (0, 1)])
    weights = (counts + 1).rsqrt()
    return (weights / weights.sum() * sums / counts.clamp(min=1)).sum()


def fit_branch(learner: Learner, frames: Frames, generator: torch.Generator) -> DifficultyBranch:
    """A branch that has learned from the annotated images where the current network errs; the network is frozen.

    Args:
        learner: its network and annotations.
        frames: the training split, for its images.
        generator: source of the initial weights and the batches.

    Raises:
        ConfigError: if no pixel is annotated, or the network's output is not finite.

    Source: DEAL. Departure: trained after the segmentation network, on its probabilities, not jointly with it, so
    that the network is the same for all strategies.
    """
    if bool((learner.labels == VOID).all()):
        raise ConfigError("no annotated pixels to learn difficulty from; label at least one image (pool.start)")
    parts = [(small(p).cpu(), p.max(1).indices.cpu()) for p in probabilities(learner, frames, list(learner.labelled))]
    probs, prediction = torch.cat([probs for probs, _ in parts]), torch.cat([found for _, found in parts])
    target = error_target(prediction, learner.labels)
    context = torch.cat([probability_attention(part) for part in probs.split(BATCH)])
    with drawing_from(generator):
        branch = DifficultyBranch(probs.shape[1])
    groups: list[dict[str, Any]] = [
        {"params": branch.conv.parameters()},
        {"params": [branch.gamma], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    for _ in range(STEPS):
        chosen = torch.randint(len(probs), (BATCH,), generator=generator)
        loss = difficulty_loss(branch(probs[chosen], context[chosen], target.shape[-2:]), target[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return branch


def deal_maps(learner: Learner, frames: Frames, candidates: list[int], rng: np.random.Generator) -> Iterator[Tensor]:
    """Difficulty of each pixel in (0, 1); its mean over an image is DEAL's score DS.

    Raises:
        ConfigError: if no pixel is annotated, or the network's output is not finite.
    """
    branch = fit_branch(learner, frames, draw(rng)).to(device())
    return (_difficulty(branch, probs).cpu() for probs in probabilities(learner, frames, candidates))


@torch.no_grad()
def _difficulty(branch: DifficultyBranch, probs: Tensor) -> Tensor:
    shrunk = small(probs)
    return branch(shrunk, probability_attention(shrunk), (probs.shape[-2], probs.shape[-1])).sigmoid()


def difficulty_entropy(values: np.ndarray, levels: int = 8) -> float:
    """DEAL's score DE: how evenly an image's difficulty is spread over its levels.

    Args:
        values: difficulty of the pixels of one unit, 1-D.
        levels: equal bins between the unit's own smallest and largest value, as the official code makes them.

    Returns:
        Entropy of the histogram in nats, from 0 (one level, or constant values) to ln ``levels``.
    """
    counts = np.histogram(values, levels)[0]
    shares = counts[counts > 0] / len(values)
    return float(-(shares * np.log(shares)).sum()) + 0.0  # not -0.0
