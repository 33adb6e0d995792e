"""Regions: how an image is cut into pieces that can be asked for, and which pixels a map puts first.

A partition is an (H, W) int32 map of region numbers from 0 on; -1 = in no region. Void is not known before somebody
annotates, so nothing here sees it: void pixels are in regions, are asked for and are paid for.
"""

import numpy as np
from scipy import ndimage

from segxal.core.errors import ConfigError, ShapeError

GRANULARITIES = ("image", "grid", "superpixel", "component", "square", "pixel")  # what can be asked for
POOLED = ("grid", "superpixel", "component")  # regions of all images compete; of pixels and squares each image has some
TOP = 0.05  # share of an image's pixels that a spread choice of pixels is drawn from
EIGHT = np.ones((3, 3), dtype=bool)  # neighbours of a pixel, diagonal ones included


def grid(height: int, width: int, cell: int, cell_height: int = 0) -> np.ndarray:
    """Cells, numbered row by row from the upper left.

    Args:
        height: of the image, pixels.
        width: of the image, pixels.
        cell: width of a cell, pixels; cells at the right and bottom border may be smaller.
        cell_height: its height, pixels; 0 = the cells are square.

    Returns:
        (height, width) int32, every pixel in one cell.

    Raises:
        ConfigError: if not one whole cell fits into the image.
    """
    tall = cell_height or cell
    if not (1 <= cell <= width and 1 <= tall <= height):
        raise ConfigError(
            f"a cell of {tall} x {cell} pixels in an image of {height} x {width}; each side must be at least 1 and at "
            "most that of the image: change strategy.cell or strategy.cell_height"
        )
    rows, columns = np.arange(height) // tall, np.arange(width) // cell
    return (rows[:, None] * (columns[-1] + 1) + columns).astype(np.int32)


def superpixels(image: np.ndarray, pieces: int) -> np.ndarray:
    """Connected pieces of similar colour (SLIC); the same for the same image, always.

    Args:
        image: (H, W, 3) uint8, RGB.
        pieces: number of superpixels wanted; SLIC merges small ones, so there are often fewer (about 50 for 64).

    Returns:
        (H, W) int32, every pixel in one piece; numbers are consecutive from 0.

    Raises:
        ShapeError: if the image is not (H, W, 3) uint8.
        ConfigError: if there are more pieces than pixels.

    Source: Achanta et al. 2012, SLIC superpixels, as implemented by scikit-image with its defaults.
    """
    from skimage.segmentation import slic  # a second of import that only superpixels need

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ShapeError(f"an image of {image.shape} {image.dtype}; superpixels need (H, W, 3) uint8, channels last")
    pixels = image.shape[0] * image.shape[1]
    if not 1 <= pieces <= pixels:
        raise ConfigError(f"{pieces} superpixels in an image of {pixels} pixels; give 1 to {pixels}: strategy.pieces")
    return slic(image, n_segments=pieces, start_label=0, channel_axis=-1).astype(np.int32)


def components(chosen: np.ndarray) -> np.ndarray:
    """Connected pieces of a chosen part; pixels that touch at a corner are connected.

    Diagonal neighbours count because the edges of maps are ragged: with four neighbours a slanted line one pixel wide
    falls apart into regions of one pixel, which then win or lose by a single value.

    Args:
        chosen: (H, W) bool.

    Returns:
        (H, W) int32, numbers consecutive from 0 in the order of the first pixel, -1 where nothing is chosen.
    """
    return ndimage.label(chosen, EIGHT)[0].astype(np.int32) - 1


def annotated_out(partition: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """A partition without the pixels that are annotated already; the other pixels keep their numbers.

    Args:
        partition: (H, W) int32.
        annotated: (H, W) bool.

    Returns:
        (H, W) int32, -1 where annotated.

    Raises:
        ShapeError: if the two differ in size.
    """
    if partition.shape != annotated.shape:
        raise ShapeError(f"a partition of {partition.shape} and annotated pixels of {annotated.shape}; give one image")
    return np.where(annotated, np.int32(-1), partition)


def regions_in(partition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the regions that have a pixel, growing, and their pixels: two (K,) int64."""
    return np.unique(partition[partition >= 0].astype(np.int64), return_counts=True)


def top_pixels(
    values: np.ndarray, free: np.ndarray, count: int, rng: np.random.Generator | None = None
) -> np.ndarray:  # fmt: skip
    """The free pixels where a map is highest, or pixels drawn from among them.

    Args:
        values: (H, W) float scores.
        free: (H, W) bool, pixels that may be chosen.
        count: number of pixels; fewer are chosen when fewer are free.
        rng: None takes the highest pixels, ties to the earlier one. With a generator the pixels are drawn uniformly
            from the free ones among the highest: 5 % of the image, or ``count`` where that is more. Neighbouring
            pixels have neighbouring scores, so the highest alone would lie in one spot.

    Returns:
        (H, W) bool.

    Raises:
        ConfigError: if no pixel is free, or a score of a free pixel is NaN.

    Source: Shin et al. 2021, PixelPick: queries are a uniform draw from the most uncertain 5 % of an image. Departure:
    annotated pixels are left out, there they only get the lowest score; void pixels may be chosen, there the ground
    truth keeps them out.
    """
    places = np.flatnonzero(free)
    if not len(places):
        raise ConfigError("no pixel is free, as the whole image is annotated; ask for another image")
    scores = values.ravel()[places]
    if np.isnan(scores).any():
        raise ConfigError("a score is NaN; the network's output is not finite, lower train.lr or set train.amp to off")
    ranked = places[_highest(scores, count if rng is None else max(count, int(TOP * values.size)))]
    if rng is not None:
        ranked = rng.permutation(ranked)
    chosen = np.zeros(values.shape, dtype=bool)
    chosen.ravel()[ranked[:count]] = True
    return chosen


def top_squares(values: np.ndarray, free: np.ndarray, count: int, radius: int) -> np.ndarray:
    """Squares that do not overlap, where a map is highest: the best one, then the best that is left, and so on.

    Args:
        values: (H, W) float, the score of the square around each pixel.
        free: (H, W) bool, pixels that nobody was asked for. A square holds none of the others.
        count: number of squares; fewer are chosen when fewer fit.
        radius: half the side of a square, pixels: it is (2 radius + 1) wide, less at the border of the image.

    Returns:
        (H, W) int32, numbers of the squares from 0 on, best first; -1 elsewhere.

    Raises:
        ConfigError: if no square fits, or a score is NaN.

    Source: Xie et al. 2022, RIPU, section 3.2 and its code, where a chosen square forbids every other that would
    overlap it, in this round and in all later ones.
    """
    taken = ndimage.maximum_filter(~free, size=2 * radius + 1, mode="constant", cval=0)
    if np.isnan(values[~taken]).any():
        raise ConfigError("a score is NaN; the network's output is not finite, lower train.lr or set train.amp to off")
    left = np.where(taken, -np.inf, values)
    numbers, width = np.full(values.shape, -1, dtype=np.int32), values.shape[1]
    for number in range(count):
        row, column = divmod(int(left.argmax()), width)
        if left[row, column] == -np.inf:
            break
        numbers[_around(row, radius), _around(column, radius)] = number
        left[_around(row, 2 * radius), _around(column, 2 * radius)] = -np.inf
    if (numbers < 0).all():
        raise ConfigError("no square is free, as the image is annotated; lower strategy.square or ask for fewer pixels")
    return numbers


def _around(place: int, radius: int) -> slice:
    """Rows or columns up to ``radius`` away from one; the image's border cuts off what is beyond it."""
    return slice(max(0, place - radius), place + radius + 1)


def _highest(scores: np.ndarray, count: int) -> np.ndarray:
    """Positions of the highest of (M,) scores, best first, ties to the earlier one; only these are sorted."""
    most = min(count, len(scores))
    likely = np.flatnonzero(scores >= np.partition(scores, len(scores) - most)[len(scores) - most])
    return likely[np.argsort(-scores[likely], kind="stable")][:most]
