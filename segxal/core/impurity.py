"""Region impurity: how many classes a prediction mixes around a pixel (RIPU)."""

import math

import numpy as np
import torch
from torch import Tensor

from segxal.core.errors import ConfigError, ShapeError

CHUNK = 2**22  # numbers of a temporary array


def impurity(prediction: Tensor, classes: int, radius: int) -> Tensor:
    """Entropy of the predicted classes in a square window around each pixel.

    Args:
        prediction: (N, H, W) integer train ids.
        classes: number of classes C.
        radius: half the side of the window, pixels: it is (2 radius + 1) wide. Beyond the border there is nothing, and
            the shares are those of the pixels that are there.

    Returns:
        (N, H, W) float32 in [0, 1]: 0 where the window holds one class, 1 where it holds all of them alike.

    Raises:
        ShapeError: if the prediction is not (N, H, W), or there are fewer than two classes.
        ConfigError: if the radius is negative.

    Source: Xie et al. 2022, RIPU, equation 3. Departure: 0 ln 0 counts as 0, they add 1e-6; divided by ln C for any
    number of classes, their code always by ln 19.
    """
    if prediction.dim() != 3 or classes < 2:
        raise ShapeError(
            f"a prediction of {tuple(prediction.shape)} with {classes} classes; expected (N, H, W), C >= 2"
        )
    inside = box_sum(torch.ones(1, *prediction.shape[1:]), radius)
    found = []
    for one in prediction:  # image by image, a few classes at a time: memory grows with neither
        mixed = torch.zeros(one.shape)
        for some in one.unique().split(max(1, CHUNK // one.numel())):
            mixed += torch.special.entr(box_sum((one == some[:, None, None]).float(), radius) / inside).sum(0)
        found.append(mixed)
    return torch.stack(found) / math.log(classes)


def box_mean(values: Tensor, radius: int) -> Tensor:
    """Mean over a square window around each pixel, of the pixels that are there; see :func:`box_sum`."""
    return box_sum(values, radius) / box_sum(torch.ones(1, *values.shape[1:]), radius)


def box_sum(values: Tensor, radius: int) -> Tensor:
    """Sum over a square window around each pixel, cut off at the border.

    Args:
        values: (N, H, W) float; counts are exact in float32.
        radius: half the side of the window, pixels.

    Returns:
        (N, H, W), of the same type. The time hardly depends on the radius.

    Raises:
        ConfigError: if the radius is negative.
    """
    import cv2  # half a second of import that only this needs

    if radius < 0:
        raise ConfigError(f"radius = {radius}; give 0 or more pixels")
    side, zeros = 2 * radius + 1, cv2.BORDER_CONSTANT
    sums = [cv2.boxFilter(one, -1, (side, side), normalize=False, borderType=zeros) for one in values.numpy()]
    return torch.from_numpy(np.stack(sums))
