"""Depth from the ground plane and the predicted classes alone."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from segxal.core.labels import Classes

HORIZON = 0.45  # share of the height, when no ground is predicted
MIN_OBJECT = 12  # pixels; smaller predicted pieces have one contact row


def ground_plane_depth(prediction: Tensor, classes: Classes) -> Tensor:
    """Depth from the ground plane: needs no weights and no measurement, only the predicted classes.

    Under a level camera the inverse depth of a flat ground grows in proportion to the rows below the horizon. The
    horizon is taken just above the highest predicted ground. Every other piece of the prediction stands where its
    lowest pixel touches the ground (column by column when it is wide: a facade, a wall) and has the inverse depth of
    that contact row; sky is 0.

    Args:
        prediction: (N, H, W) integer train ids.
        classes: which classes are ground and sky.

    Returns:
        (N, H, W) float32 relative inverse depth, 0 at the horizon to 1 at the bottom row of the image.

    Departure: the paper uses MiDaS or DINOv2; this is the offline provider of segxal.
    """
    maps = [_geometry(labels, classes) for labels in prediction.cpu().numpy()]
    return torch.from_numpy(np.stack(maps)).to(prediction.device)


def _geometry(labels: np.ndarray, classes: Classes) -> np.ndarray:
    height, width = labels.shape
    ground = np.isin(labels, classes.ground_ids)
    rows = np.flatnonzero(ground.sum(1) >= max(1, 0.02 * width))  # a stray pixel is no ground
    horizon = rows[0] - 1 if len(rows) else int(HORIZON * height)
    plane = np.clip((np.arange(height) - horizon) / max(height - 1 - horizon, 1), 0, 1).astype(np.float32)
    near = np.where(ground, plane[:, None], 0).astype(np.float32)
    for category in np.unique(labels[~ground]):
        if category == classes.sky_id:
            continue
        pieces, _ = ndimage.label(labels == category)
        for number, box in enumerate(ndimage.find_objects(pieces), 1):
            inside = pieces[box] == number
            near[box][inside] = np.broadcast_to(plane[_contact_rows(inside, box[0].start)], inside.shape)[inside]
    return near


def _contact_rows(inside: np.ndarray, top: int) -> np.ndarray:
    """Lowest row of a piece: one for a compact object, column by column for a wide one (a facade, a wall)."""
    height, width = inside.shape
    lowest = top + height - 1 - inside[::-1].argmax(0)  # (width,)
    if inside.sum() < MIN_OBJECT or width <= 2 * height:
        return np.full(width, lowest.max())
    return ndimage.maximum_filter1d(lowest, max(3, width // 8))
