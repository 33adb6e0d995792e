"""Maps as pictures: numbers to RGB to PNG, quick enough to follow a slider.

A picture is an (H, W, 3) uint8 array, RGB. Nothing here draws a matplotlib figure: a heat map is one look-up in a table
of 256 colours, and what is enlarged is enlarged by whole factors, so that a pixel of the map stays a square of one
colour. The tables (magma, cividis, viridis) are perceptually uniform and safe for colour-blind readers.
"""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.labels import VOID, Classes
from segxal.results.figures.base import HEAT, colour_table

WHITE, BLACK, INK, UNKNOWN = (255, 255, 255), (0, 0, 0), (34, 34, 34), (217, 217, 217)
RIGHT, WRONG = (0, 114, 178), (213, 94, 0)  # blue and vermilion of Okabe and Ito, colour-blind safe
COLOURS = 256  # of a table
TEXT = 12  # height of letters, pixels
STRIP = 10  # height of a colour bar, pixels
COMPRESSION = 1  # of PNG: three times as quick as the default, a tenth larger


def heat(values: np.ndarray, low: float = 0.0, high: float = 1.0, table: str = HEAT) -> np.ndarray:
    """A heat map on a fixed scale.

    Args:
        values: (H, W) float; NaN (not known) becomes light grey.
        low: value of the first colour.
        high: value of the last colour; what lies outside gets the colour at the end.
        table: ``magma`` for where to look, ``cividis`` for what is near, ``viridis``.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ShapeError: if the map is not (H, W).
        ConfigError: if ``high`` is not above ``low``, or there is no such table.
    """
    _check_map(values)
    if not high > low:
        raise ConfigError(f"a scale from {low} to {high}; the upper end must be above the lower one")
    known = np.isfinite(values)
    shares = np.where(known, (values - low) / (high - low), 0).clip(0, 1)
    indices = np.minimum((shares * COLOURS).astype(np.int64), COLOURS - 1)
    picture = colour_table(table)[indices]
    picture[~known] = UNKNOWN
    return picture


def label_picture(labels: np.ndarray, classes: Classes) -> np.ndarray:
    """A label map (H, W) uint8 in its class colours, (H, W, 3) uint8; 255 (void, not annotated) is white."""
    _check_map(labels)
    table = np.full((VOID + 1, 3), WHITE, dtype=np.uint8)
    table[: len(classes)] = classes.colours
    return table[labels]


def mask_picture(inside: np.ndarray, colour: tuple[int, int, int] = WRONG) -> np.ndarray:
    """A part (H, W) bool in one colour on white."""
    _check_map(inside)
    return np.where(inside[..., None], np.array(colour, dtype=np.uint8), np.uint8(VOID))


def error_picture(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Where a prediction is wrong (vermilion), right (white) and not to be judged because the truth is void (grey)."""
    picture = mask_picture(prediction != truth)
    picture[truth == VOID] = UNKNOWN
    return picture


def overlay(image: np.ndarray, picture: np.ndarray, opacity: float) -> np.ndarray:
    """A picture laid over an image of the same size.

    Args:
        image: (H, W, 3) uint8.
        picture: (H, W, 3) uint8.
        opacity: of the picture, 0 (only the image is seen) to 1 (only the picture).

    Returns:
        (H, W, 3) uint8, rounded to the nearest.

    Raises:
        ShapeError: if the two differ in size.
        ConfigError: if the opacity is not in [0, 1].
    """
    if image.shape != picture.shape:
        raise ShapeError(f"an image of {image.shape} under a picture of {picture.shape}; both must have the same size")
    if not 0 <= opacity <= 1:
        raise ConfigError(f"opacity = {opacity}; give a share from 0 to 1")
    mixed = image * np.float32(1 - opacity) + picture * np.float32(opacity)
    return (mixed + np.float32(0.5)).astype(np.uint8)


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel as a square of ``factor`` x ``factor``; for pictures (H, W, 3) and maps (H, W) of any type.

    Raises:
        ConfigError: if the factor is below 1.
    """
    if factor < 1:
        raise ConfigError(f"enlarge by {factor}; the factor must be a whole number of at least 1")
    return picture.repeat(factor, 0).repeat(factor, 1)


def factor_for(shape: Sequence[int], width: int) -> int:
    """The whole factor that brings an image (H, W) closest to ``width`` pixels from below, at least 1."""
    return max(1, width // shape[1])


def edge(inside: np.ndarray) -> np.ndarray:
    """The pixels of a part (H, W) bool that have a neighbour (left, right, above, below) outside it, (H, W) bool.

    What lies beyond the picture counts as inside: an outline does not run along the border of the picture.
    """
    _check_map(inside)
    padded = np.pad(inside, 1, constant_values=True)
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~surrounded


def outline(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A picture with the outline of a part: white with black around it, visible on any background.

    Args:
        picture: (kH, kW, 3) uint8, the image enlarged by k.
        inside: (H, W) bool.

    Returns:
        A new picture of the same size.

    Raises:
        ShapeError: if the picture is not a whole multiple of the part.
    """
    factor = picture.shape[0] // inside.shape[0]
    if picture.shape[:2] != (factor * inside.shape[0], factor * inside.shape[1]):
        raise ShapeError(f"a part of {inside.shape} on a picture of {picture.shape}; enlarge the picture by one factor")
    large = enlarge(inside, factor)
    drawn = picture.copy()
    drawn[edge(~large)] = BLACK
    drawn[edge(large)] = WHITE
    return drawn


def framed(picture: np.ndarray, row: int, column: int, factor: int) -> np.ndarray:
    """A picture enlarged by ``factor`` with a white and black frame around one pixel of the map."""
    drawn = picture.copy()
    for colour, grow in ((BLACK, 2), (WHITE, 1)):
        box = tuple(slice(max(0, at * factor - grow), (at + 1) * factor + grow) for at in (row, column))
        drawn[box] = colour
    box = tuple(slice(at * factor, (at + 1) * factor) for at in (row, column))
    drawn[box] = picture[box]
    return drawn


def colour_bar(
    width: int, unit: str, ticks: Sequence[str] = ("0", "0.5", "1"), table: str = HEAT
) -> np.ndarray:  # fmt: skip
    """A colour bar as wide as the picture above it, with numbers under it and what they mean.

    Args:
        width: pixels.
        unit: what the numbers mean, for example ``entropy / ln C``.
        ticks: texts under the bar, spread evenly from its left to its right end.
        table: the colours.

    Returns:
        (h, width, 3) uint8.
    """
    strip = heat(np.broadcast_to(np.linspace(0, 1, width), (STRIP, width)), table=table)
    page = Image.new("RGB", (width, STRIP + 2 * TEXT + 8), WHITE)
    page.paste(Image.fromarray(strip), (0, 0))
    pen = ImageDraw.Draw(page)
    for k, tick in enumerate(ticks):
        share = k / max(1, len(ticks) - 1)
        anchor = "lt" if share == 0 else "rt" if share == 1 else "mt"
        pen.text((share * (width - 1), STRIP + 3), tick, INK, font(), anchor=anchor)
    pen.text((width / 2, STRIP + TEXT + 5), unit, INK, font(), anchor="mt")
    return np.asarray(page)


def class_legend(classes: Classes, present: Sequence[int], width: int) -> np.ndarray:
    """Colours and names of the classes that occur, in rows of at most ``width`` pixels: (h, width, 3) uint8.

    Args:
        classes: the classes.
        present: train ids to show; 255 is shown as ``void``.
        width: pixels.
    """
    entries = [(classes.names[c], classes.colours[c]) if c != VOID else ("void", WHITE) for c in present]
    line, x, drawn = 0, 0, []
    for name, colour in entries:
        wide = TEXT + 4 + round(font().getlength(name)) + 10
        line, x = (line + 1, 0) if x and x + wide > width else (line, x)
        drawn.append((x, line * (TEXT + 6), name, colour))
        x += wide
    page = Image.new("RGB", (width, (line + 1) * (TEXT + 6)), WHITE)
    pen = ImageDraw.Draw(page)
    for left, top, name, colour in drawn:
        pen.rectangle((left, top + 2, left + TEXT - 2, top + TEXT), fill=tuple(colour), outline=UNKNOWN)
        pen.text((left + TEXT + 3, top + 1), name, INK, font(), anchor="lt")
    return np.asarray(page)


def png(picture: np.ndarray) -> bytes:
    """A picture as PNG; the same picture gives the same bytes.

    Raises:
        ShapeError: if it is not (H, W, 3) uint8.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ShapeError(f"a picture of {picture.shape} {picture.dtype}; expected (H, W, 3) uint8")
    return _saved(Image.fromarray(picture), compress_level=COMPRESSION)


def heat_png(values: np.ndarray) -> bytes:
    """A heat map (H, W) in [0, 1] as a PNG with a palette: the colours of :func:`heat`, a third of its bytes."""
    _check_map(values)
    picture = Image.fromarray(np.minimum(values.clip(0, 1) * COLOURS, COLOURS - 1).astype(np.uint8), mode="P")
    picture.putpalette(colour_table(HEAT).tobytes())
    return _saved(picture, optimize=True)


def outline_png(inside: np.ndarray, factor: int) -> bytes:
    """The lines of :func:`outline` alone, on nothing, for a part (H, W) bool enlarged by ``factor``."""
    large = enlarge(inside, factor)
    lines = np.zeros(large.shape, dtype=np.uint8)
    lines[edge(~large)], lines[edge(large)] = 1, 2
    picture = Image.fromarray(lines, mode="P")
    picture.putpalette([*UNKNOWN, *BLACK, *WHITE])
    return _saved(picture, optimize=True, transparency=0)


def _saved(picture: Image.Image, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", **options)
    return buffer.getvalue()


def from_png(data: bytes) -> np.ndarray:
    """The picture (H, W, 3) uint8 that a PNG of :func:`png` holds."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@lru_cache(maxsize=1)
def font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The letters of all pictures, read once."""
    return ImageFont.load_default(TEXT)


def _check_map(values: np.ndarray) -> None:
    if values.ndim != 2:
        raise ShapeError(f"a map of {values.shape}; expected (H, W), one image")
