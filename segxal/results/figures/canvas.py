"""Boxes, thumbnails and arrows on one sheet measured in inches: the pieces a diagram is drawn with."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from matplotlib.path import Path

from segxal.results.figures.base import GREY, HEAT, INK, PALE, SOFT, Sheet, new_sheet

Point = tuple[float, float]


def new_canvas(height: float) -> tuple[Sheet, Axes]:
    """A sheet with one frameless axes whose units are inches from the lower left corner."""
    sheet = new_sheet(height, layout=None)
    axes = sheet.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, sheet.get_figwidth()), ylim=(0, height), autoscale_on=False)
    axes.set_axis_off()
    return sheet, axes


def box(axes: Axes, low: Point, high: Point, title: str = "", fill: str = "#f6f6f6", edge: str = PALE) -> None:
    """A rounded box with its title inside, upper left."""
    (x, y), (right, top) = low, high
    shape = FancyBboxPatch(low, right - x, top - y, boxstyle="round,pad=0,rounding_size=0.08",
                           facecolor=fill, edgecolor=edge, linewidth=0.9, zorder=1)  # fmt: skip
    axes.add_patch(shape)
    axes.text(x + 0.08, top - 0.07, title, va="top", weight="bold", fontsize=7.5, zorder=4)


def diamond(axes: Axes, middle: Point, half: Point, text: str, edge: str) -> None:
    """A decision."""
    (x, y), (w, h) = middle, half
    corners = [(x - w, y), (x, y + h), (x + w, y), (x, y - h)]
    axes.add_patch(Polygon(corners, closed=True, facecolor="white", edgecolor=edge, linewidth=1.2, zorder=3))
    axes.text(x, y, text, ha="center", va="center", fontsize=6.8, linespacing=1.15, zorder=4)


def thumbnail(axes: Axes, picture: np.ndarray, middle: Point, width: float, under: str = "") -> None:
    """A small picture (h, w, 3) around a point, with a line of text under it."""
    height = width * picture.shape[0] / picture.shape[1]
    x, y = middle
    extent = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
    drawn = axes.imshow(picture, extent=extent, aspect="auto", interpolation="antialiased", zorder=3)
    drawn.set_clip_on(False)
    corners = [(extent[0], extent[2]), (extent[1], extent[2]), (extent[1], extent[3]), (extent[0], extent[3])]
    axes.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=GREY, linewidth=0.5, zorder=4))
    axes.text(x, extent[2] - 0.04, under, ha="center", va="top", fontsize=6.5, color=SOFT, zorder=4)
    axes.set(xlim=(0, axes.figure.get_figwidth()), ylim=(0, axes.figure.get_figheight()))  # type: ignore[union-attr]


def arrow(axes: Axes, points: Sequence[Point], colour: str = INK, text: str = "", at: Point = (0, 0)) -> None:
    """An arrow along straight lines through the points, with a word near it."""
    path = Path(list(points))
    axes.add_patch(
        FancyArrowPatch(path=path, arrowstyle="-|>,head_length=4,head_width=2.4", color=colour, linewidth=1.3,
                        shrinkA=0, shrinkB=0, joinstyle="round", mutation_scale=1, zorder=2)
    )  # fmt: skip
    axes.text(*at, text, fontsize=6.8, color=colour, ha="left", va="center", zorder=4)


def heat(values: np.ndarray, top: float = 1.0) -> np.ndarray:
    """A map (H, W) in [0, top] as a picture (H, W, 3)."""
    return matplotlib.colormaps[HEAT](values / max(top, 1e-6))[..., :3]


def network(axes: Axes, middle: Point, width: float, height: float, colour: str) -> None:
    """The letter U of a U-Net: bars for the levels, lines for the skip connections."""
    heights = np.array([1.0, 0.74, 0.5, 0.3, 0.5, 0.74, 1.0]) * height
    centres = middle[0] + np.linspace(-0.5, 0.5, len(heights)) * (width - 0.1)
    for x, tall in zip(centres, heights, strict=True):
        low = middle[1] - height / 2
        corners = [(x - 0.045, low), (x + 0.045, low), (x + 0.045, low + tall), (x - 0.045, low + tall)]
        axes.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor="white", linewidth=0.4, zorder=4))
    for k in range(3):
        y = middle[1] - height / 2 + heights[k] - 0.035
        axes.plot([centres[k], centres[-1 - k]], [y, y], color=colour, linewidth=0.8, alpha=0.6, zorder=3)
