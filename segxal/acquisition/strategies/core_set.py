"""Core-Set: units far from everything annotated, by k-center greedy on the network's features."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from segxal.acquisition.strategies.base import Choice, Learner, Units, best
from segxal.acquisition.strategies.forward import image_batches
from segxal.core.gradcam import traced
from segxal.core.labels import VOID
from segxal.core.regions import grid
from segxal.data.base import Frames
from segxal.models.device import autocast

CELLS = (2, 4)  # rows and columns an image is pooled to; a single mean would be mostly road and sky
FARTHEST = 2.0  # between two vectors of length 1
CHUNK = 2**20  # numbers of a temporary array


def core_set_scores(learner: Learner, frames: Frames, units: Units, budget: int, rng: np.random.Generator) -> Choice:
    """Units by k-center greedy from the annotated images; see :func:`k_center_greedy` for the scores.

    The feature of a whole image is its target-layer activation, averaged in 2 x 4 cells; of a region, the mean
    activation inside (:func:`region_means`). All have length 1.

    Source: Sener and Savarese 2018, algorithm 1 (greedy, without the solver of the robust variant); the 2 x 4 cells
    follow the release of ViewAL. Departure: for regions, the annotated part of the labelled images is cut into
    squares of ``strategy.cell`` pixels, whose features are the first centres.
    """
    best(np.zeros(len(units)), units.size, budget)  # a budget that does not fit is refused before the work
    features = np.concatenate(list(_unit_features(learner, frames, units)))
    centres = np.concatenate([np.empty((0, features.shape[1]), np.float32), *_centres(learner, frames, units)])
    _, distances = k_center_greedy(features, centres, budget, units.size)
    scores = np.minimum(distances, FARTHEST)  # infinite only while nothing is annotated
    return Choice(best(scores, units.size, budget), scores)


def k_center_greedy(
    features: np.ndarray, centres: np.ndarray, budget: int, sizes: np.ndarray | None = None
) -> tuple[list[int], np.ndarray]:
    """Pick, again and again, the feature that is farthest from its nearest centre; it becomes a centre itself.

    Args:
        features: (N, D) float32.
        centres: (M, D) float32, may be empty; then the first feature is picked first.
        budget: features to pick or, with ``sizes``, pixels to spend: picking ends before the pick that would exceed
            them, and the first pick is always made.
        sizes: (N,) pixels of each feature's unit; None: each counts 1.

    Returns:
        The positions picked, in order (ties go to the earlier), and (N,) float64 Euclidean distances: of a picked
        feature to its nearest centre when it was picked, of the others after the last pick. So the descending order
        of the distances is the order of the picks. Infinite while there is no centre.

    Memory: the features, and temporary arrays of ``CHUNK`` numbers.
    """
    sizes = np.ones(len(features), dtype=np.int64) if sizes is None else sizes
    nearest, lengths = _nearest(features, centres), np.einsum("nd,nd->n", features, features)
    distances = np.full(len(features), np.nan)
    order: list[int] = []
    spent = 0
    while len(order) < len(features):
        farthest = int(np.argmax(nearest))
        spent += int(sizes[farthest])
        if order and spent > budget:
            break
        order.append(farthest)
        distances[farthest] = nearest[farthest]
        _come_nearer(nearest, features, lengths, features[farthest])
        nearest[farthest] = -1  # never again, also when all that is left lies on a centre
    rest = nearest >= 0
    distances[rest] = nearest[rest]
    return order, np.sqrt(distances)


def _nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(N,) float64 squared distance to the nearest centre; infinite without centres."""
    nearest = np.full(len(features), np.inf)
    if not len(centres):
        return nearest
    norms = np.einsum("md,md->m", centres, centres)
    rows = max(1, CHUNK // max(centres.shape))
    for start in range(0, len(features), rows):
        part = features[start : start + rows]
        closest = (norms - 2 * part @ centres.T).argmin(1)  # fast, but its distances are rounded: taken anew below
        nearest[start : start + rows] = np.square(part - centres[closest]).sum(1)
    return nearest


def _come_nearer(nearest: np.ndarray, features: np.ndarray, lengths: np.ndarray, centre: np.ndarray) -> None:
    """Lower the squared distances (N,) in place where a new centre is nearer; ``lengths`` are squared norms (N,).

    One product of matrix and vector tells, within its rounding error, who can be nearer at all; only of those the
    distance is taken, from differences, so that equal features are at exactly 0.
    """
    both = lengths + centre @ centre
    # A product of D terms is off by at most D eps |a| |b| (Higham 2002, section 3.1), and 2 |a| |b| <= |a|^2 + |b|^2.
    slack = 2 * (features.shape[1] + 4) * np.finfo(features.dtype).eps
    candidates = np.flatnonzero((1 - slack) * both - 2 * (features @ centre) < nearest)
    rows = max(1, CHUNK // max(1, features.shape[1]))
    for start in range(0, len(candidates), rows):
        part = candidates[start : start + rows]
        nearest[part] = np.minimum(nearest[part], np.square(features[part] - centre).sum(1))


def activations(learner: Learner, frames: Frames, indices: list[int]) -> Iterator[Tensor]:
    """(K, h, w) float32 outputs of the target layer, image by image on the CPU, in evaluation mode.

    Raises:
        ConfigError: if the layer does not run or gives no (N, K, h, w) tensor.
    """
    for images in image_batches(learner, frames, indices):
        model = learner.model.ready()
        with traced(model, model.layer(), model.as_map) as trace, autocast(learner.amp):
            activation = trace(model.prepare(images)).activation.detach().float().cpu()
        yield from activation


def _unit_features(learner: Learner, frames: Frames, units: Units) -> Iterator[np.ndarray]:
    """(units of the image, D) float32, image by image."""
    images = units.candidates
    for index, activation in zip(images, activations(learner, frames, images), strict=True):
        if units.partition is None:
            yield image_feature(activation)
        else:
            yield region_means(activation, units.partition(index), units.region[units.image == index])


def _centres(learner: Learner, frames: Frames, units: Units) -> Iterator[np.ndarray]:
    """Features of what is annotated, image by image."""
    known = list(learner.labelled)
    for position, activation in enumerate(activations(learner, frames, known)):
        if units.partition is None:
            yield image_feature(activation)
        else:
            annotated = learner.labels[position].numpy() != VOID
            height, width = annotated.shape
            squares = np.where(annotated, grid(height, width, min(learner.strategy.cell, height, width)), -1)
            yield region_means(activation, squares, np.unique(squares[squares >= 0]))


def image_feature(activation: Tensor) -> np.ndarray:
    """(1, K * 8) float32 of length 1: activation (K, h, w) averaged in 2 x 4 cells."""
    pooled = F.adaptive_avg_pool2d(activation.unsqueeze(0), CELLS).flatten(1)
    return F.normalize(pooled).numpy()


def region_means(activation: Tensor, partition: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Mean activation of the pixels of regions; a pixel has the activation of the cell it lies in.

    Args:
        activation: (K, h, w) float32 of one image.
        partition: (H, W) region numbers, -1 = in no region.
        regions: (R,) numbers of the regions wanted; each has at least one pixel.

    Returns:
        (R, K) float32 of length 1 (0 where the mean is 0).
    """
    height, width = activation.shape[-2:]
    rows, columns = (np.arange(n) * cells // n for n, cells in zip(partition.shape, (height, width), strict=True))
    cell = rows[:, None] * width + columns
    inside, cells = partition >= 0, height * width
    joint = np.bincount(partition[inside] * cells + cell[inside], minlength=(int(partition.max()) + 1) * cells)
    counts = torch.from_numpy(joint.reshape(-1, cells)[regions]).float()  # (R, h * w) pixels of a region in a cell
    return F.normalize(counts @ activation.flatten(1).T / counts.sum(1, keepdim=True)).numpy()
