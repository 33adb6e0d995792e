"""Pictures combined: a title over each, rows and columns of them, superpixels drawn into them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from segxal.apps.explore.picture import (
    INK,
    RIGHT,
    TEXT,
    UNKNOWN,
    WHITE,
    WRONG,
    edge,
    enlarge,
    font,
    label_picture,
    mask_picture,
    outline,
    overlay,
)
from segxal.core.errors import ShapeError
from segxal.core.labels import VOID, Classes
from segxal.results.figures.base import percent
from segxal.results.figures.view import right_share

GAP = 8  # pixels between pictures
LINE = TEXT + 5  # pixels, a line of text
SOFT = (90, 90, 90)  # second line of a title
FADED = 0.72  # how far the part that is not asked for fades to white
LINES = 0.45  # how far a border between superpixels darkens the picture


def titled(picture: np.ndarray, title: str, note: str = "") -> np.ndarray:
    """A picture with a line of text above it, and a softer second line where there is a note.

    Args:
        picture: (h, w, 3) uint8.
        title: what is seen; text that is wider than the picture is cut.
        note: numbers that belong to it.

    Returns:
        (h + 17 or 34, w, 3) uint8.
    """
    height, width = picture.shape[:2]
    head = LINE * (2 if note else 1)
    page = Image.new("RGB", (width, head + height), WHITE)
    pen = ImageDraw.Draw(page)
    pen.text((0, 1), title, INK, font(), anchor="lt")
    pen.text((0, LINE), note, SOFT, font(), anchor="lt")
    page.paste(Image.fromarray(picture), (0, head))
    return np.asarray(page)


def ruled(picture: np.ndarray) -> np.ndarray:
    """A picture with a thin grey frame over its outermost pixels, for pictures that are white in part."""
    framed = picture.copy()
    framed[[0, -1]] = UNKNOWN
    framed[:, [0, -1]] = UNKNOWN
    return framed


def in_row(pictures: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Pictures side by side from the left, their upper edges in line; white where one is less high."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + gap * (len(pictures) - 1)
    row, left = np.full((height, width, 3), WHITE, dtype=np.uint8), 0
    for picture in pictures:
        row[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + gap
    return row


def in_column(pictures: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Pictures one under the other, their left edges in line; white where one is less wide."""
    turned = [picture.transpose(1, 0, 2) for picture in pictures]
    return in_row(turned, gap).transpose(1, 0, 2)


def with_borders(picture: np.ndarray, partition: np.ndarray) -> np.ndarray:
    """A picture with thin dark lines between the regions of a partition.

    Args:
        picture: (kH, kW, 3) uint8, the image enlarged by k.
        partition: (H, W) int32 numbers of the regions.

    Raises:
        ShapeError: if the picture is not a whole multiple of the partition.
    """
    factor = picture.shape[0] // partition.shape[0]
    if picture.shape[:2] != (factor * partition.shape[0], factor * partition.shape[1]):
        raise ShapeError(
            f"regions of {partition.shape} on a picture of {picture.shape}; enlarge it by one whole factor"
        )
    large = enlarge(partition, factor)
    line = np.zeros(large.shape, dtype=bool)
    line[:, 1:] |= large[:, 1:] != large[:, :-1]
    line[1:] |= large[1:] != large[:-1]
    return np.where(line[..., None], overlay(picture, np.zeros_like(picture), LINES), picture)


def asked_picture(image: np.ndarray, asked: np.ndarray, factor: int) -> np.ndarray:
    """An image in which only what is asked for keeps its colours, with an outline around it.

    Args:
        image: (H, W, 3) uint8.
        asked: (H, W) bool.
        factor: by which the image is enlarged.

    Returns:
        (factor H, factor W, 3) uint8.
    """
    faded = overlay(image, np.full_like(image, VOID), FADED)
    shown = enlarge(np.where(asked[..., None], image, faded), factor)
    return outline(shown, asked) if edge(asked).any() else shown


def change_picture(before: np.ndarray, after: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What a training changed: mended pixels blue, spoilt ones vermilion, all others white, void grey.

    Args:
        before: (H, W) uint8 train ids predicted before.
        after: (H, W) uint8 train ids predicted after.
        truth: (H, W) uint8 train ids, 255 = void.

    Returns:
        (H, W, 3) uint8.
    """
    was, now = before == truth, after == truth
    picture = mask_picture(was & ~now, WRONG)
    picture[~was & now] = RIGHT
    picture[truth == VOID] = UNKNOWN
    return picture


def change_shares(before: np.ndarray, after: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Shares of the pixels with known truth that a training mended and spoilt, 0 to 1; NaN where none is known."""
    known = truth != VOID
    if not known.any():
        return float("nan"), float("nan")
    was, now = (before == truth)[known], (after == truth)[known]
    return float((~was & now).mean()), float((was & ~now).mean())


def labels_tile(labels: np.ndarray, truth: np.ndarray, classes: Classes, factor: int, title: str) -> np.ndarray:
    """A label map (H, W) enlarged by ``factor`` under a title, with the share that is right."""
    note = f"{percent(right_share(labels, truth))} right"
    return titled(enlarge(label_picture(labels, classes), factor), title, note)


def change_tile(before: np.ndarray, after: np.ndarray, truth: np.ndarray, factor: int) -> np.ndarray:
    """:func:`change_picture` enlarged by ``factor`` under a title, with its two shares."""
    mended, spoilt = change_shares(before, after, truth)
    shown = ruled(enlarge(change_picture(before, after, truth), factor))
    return titled(shown, "change", f"blue: {percent(mended)} mended, orange: {percent(spoilt)} spoilt")
