"""Entropy-based uncertainty, the paper's EBU (section 3.2.1, equation 1)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.core.errors import ConfigError, ShapeError


def entropy_map(probs: Tensor) -> Tensor:
    """Per-pixel predictive entropy: the EBU map.

    Args:
        probs: (N, C, H, W) float, class probabilities; each pixel sums to 1 over C.

    Returns:
        (N, H, W) float: the Shannon entropy divided by ln C, from 0 (certain) to 1 (uniform); 0 log 0 counts as 0.

    Raises:
        ShapeError: if ``probs`` is not 4-D with at least two classes.
        ConfigError: if a pixel does not sum to 1 within 1e-3; pass ``logits.softmax(1)``.

    Source: SegXAL section 3.2.1, equation 1. Departure: divided by ln C, so that it is comparable with PAE in
    the fusion whatever the number of classes.
    """
    if probs.dim() != 4 or probs.shape[1] < 2:
        raise ShapeError(f"probs are {tuple(probs.shape)}, expected (N, C >= 2, H, W)")
    if not torch.allclose(probs.sum(1), torch.ones((), device=probs.device), atol=1e-3):
        raise ConfigError("probabilities do not sum to 1 over the classes; pass logits.softmax(1)")
    return torch.special.entr(probs).sum(1) / math.log(probs.shape[1])


def patch_entropy_map(prediction: Tensor, classes: int, patch: int = 8) -> Tensor:
    """Entropy of the predicted labels' histogram in square patches, as the release draws it.

    Args:
        prediction: (N, H, W) integer train ids.
        classes: number of classes C.
        patch: side of a patch in pixels; the last row and column of patches may be smaller.

    Returns:
        (N, H, W) float in [0, 1]: entropy of the shares of classes in the patch a pixel lies in, divided by ln C.

    Source: the official code of SegXAL (8x8 patches of the predicted label map), offered by name because the paper's
    pictures show it; it sees how mixed the prediction is, not how unsure the network is.
    """
    height, width = prediction.shape[-2:]
    one_hot = F.one_hot(prediction.long(), classes).permute(0, 3, 1, 2).float()
    shares = F.avg_pool2d(one_hot, patch, ceil_mode=True, count_include_pad=False)
    shares = shares / shares.sum(1, keepdim=True)
    entropy = torch.special.entr(shares).sum(1) / math.log(classes)
    return entropy.repeat_interleave(patch, 1).repeat_interleave(patch, 2)[:, :height, :width]
