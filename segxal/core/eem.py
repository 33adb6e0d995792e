"""The explainable error mask: proximity, PAE and its fusion with EBU (paper section 3.2)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from segxal.core.errors import ShapeError
from segxal.core.gradcam import unit_range
from segxal.core.labels import VOID


@dataclass(frozen=True)
class ErrorMask:
    """Everything the mask is made of, for N images.

    Attributes:
        prediction: (N, H, W) uint8 predicted train ids.
        confidence: (N, H, W) float, the largest class probability.
        depth: (N, H, W) float relative inverse depth, larger = nearer.
        attention: (N, H, W) float in [0, 1], the soft attention that dims what is far.
        ebu: (N, H, W) float in [0, 1].
        pae: (N, H, W) float in [0, 1].
        eem: (N, H, W) float in [0, 1]: w_pae * PAE + w_ebu * EBU.
    """

    prediction: Tensor
    confidence: Tensor
    depth: Tensor
    attention: Tensor
    ebu: Tensor
    pae: Tensor
    eem: Tensor


def proximity(depth: Tensor) -> Tensor:
    """Relative inverse depth (N, H, W) scaled per image to [0, 1]; 1 = nearest, constant depth gives 0."""
    return unit_range(depth.float())


def soft_attention(near: Tensor, rule: str, quantile: float = 0.5) -> Tensor:
    """Attention that keeps what is nearer than the image's threshold and fades out what is farther.

    Args:
        near: (N, H, W) proximity in [0, 1].
        rule: ``quantile`` (the threshold is that quantile of the image's proximity) or ``otsu``.
        quantile: for the rule ``quantile``, in [0, 1].

    Returns:
        (N, H, W) in [0, 1]: 1 at and above the threshold t, near / t below it; all 1 when t is 0.

    Source: SegXAL section 3.2.2: the threshold "varies with each image based on the proximity of the nearest
    objects". Departure: the paper gives no rule; the quantile is ours, Otsu's threshold an alternative.
    """
    flat = near.flatten(1)
    if rule == "otsu":
        from skimage.filters import threshold_otsu  # half a second of import

        levels = [threshold_otsu(row.cpu().numpy()) if row.min() < row.max() else 0.0 for row in flat]
        threshold = torch.tensor(np.array(levels), dtype=near.dtype, device=near.device)
    else:
        rank = min(flat.shape[1], 1 + round(quantile * (flat.shape[1] - 1)))
        threshold = flat.kthvalue(rank, dim=1).values
    threshold = threshold.view(-1, 1, 1)
    return torch.where(threshold > 0, (near / threshold.clamp(min=1e-6)).clamp(max=1), torch.ones_like(near))


def depth_informed(images: Tensor, attention: Tensor) -> Tensor:
    """The depth-informed image of Fig. 2: (N, 3, H, W) float in [0, 1], far pixels dimmed towards black."""
    return images.float() / 255 * attention.unsqueeze(1)


def fuse(pae: Tensor, ebu: Tensor, w_pae: float, w_ebu: float) -> Tensor:
    """EEM = w_pae * PAE + w_ebu * EBU with the weights scaled to sum 1 (section 3.2.3, equation 3)."""
    if pae.shape != ebu.shape:
        raise ShapeError(f"PAE is {tuple(pae.shape)} and EBU {tuple(ebu.shape)}; they must have the same shape")
    total = w_pae + w_ebu
    return pae * (w_pae / total) + ebu * (w_ebu / total)


def top_area(eem: Tensor, area: float) -> Tensor:
    """The part of each image that is asked for: its ``area`` share of pixels with the highest EEM.

    Args:
        eem: (N, H, W) float.
        area: share in [0, 1].

    Returns:
        (N, H, W) bool with exactly round(area * H * W) pixels per image; ties go to the earlier pixel.
    """
    count = round(area * eem[0].numel())
    order = eem.flatten(1).argsort(dim=1, descending=True, stable=True)[:, :count]
    chosen = torch.zeros_like(eem.flatten(1), dtype=torch.bool).scatter_(1, order, True)
    return chosen.view_as(eem)


def learn_weights(masks: ErrorMask, truth: Tensor) -> tuple[float, float]:
    """Fusion weights fitted to predict where the network errs ("it can be made learnable", section 3.2.3).

    Logistic regression of the error of each pixel on (PAE, EBU), classes balanced; negative weights count as 0.

    Args:
        masks: PAE, EBU and prediction of labelled images.
        truth: (N, H, W) uint8 labels of these images, 255 = void (left out).

    Returns:
        (w_pae, w_ebu), both >= 0, sum 1; (0.5, 0.5) when the network makes no error or nothing but errors, or when
        neither map speaks for errors.
    """
    from sklearn.linear_model import LogisticRegression  # a second of import that fixed weights do not need

    valid = truth != VOID
    features = torch.stack([masks.pae.cpu()[valid], masks.ebu.cpu()[valid]], dim=1).numpy()
    wrong = (masks.prediction.cpu() != truth)[valid].numpy()
    if wrong.all() or not wrong.any():
        return 0.5, 0.5
    fitted = LogisticRegression(class_weight="balanced").fit(features, wrong).coef_[0].clip(min=0)
    if fitted.sum() == 0:
        return 0.5, 0.5
    w_pae, w_ebu = (float(w) for w in fitted / fitted.sum())
    return w_pae, w_ebu
