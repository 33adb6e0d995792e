"""A step of RALIS as pictures and words."""

import html

import numpy as np

from segxal.apps.explore.picture import UNKNOWN, colour_bar, enlarge, factor_for, heat, outline, overlay
from segxal.apps.explore.policy.step import Step
from segxal.apps.explore.tiles import in_column, in_row, titled
from segxal.results.figures.view import picture

WIDTH = 384  # pixels of an image, at most
OPACITY = 0.6  # of the values over an image
CROP = 96  # pixels of a candidate, at most


def step_picture(step: Step, pool: int, candidate: int, width: int = WIDTH) -> np.ndarray:
    """The image of a candidate, the values of all candidates in it, and below the whole pool, best first.

    Args:
        step: what is shown.
        pool: number of the pool, from 0 on.
        candidate: place in the pool by value, from 0 on.
        width: of an image, pixels, at most.

    Returns:
        (h, w, 3) uint8. Every candidate that is asked for has an outline in the picture of the values; the one that is
        looked at has it in the image.
    """
    index, part = step.place(int(step.pools[pool, candidate]))
    image, factor = picture(step.frames, index), factor_for(part.shape, width)
    low, high = _range(step)
    values, asked = np.full(part.shape, np.nan), np.zeros(part.shape, dtype=bool)
    for one in np.flatnonzero(step.ranking.units.image == index):
        where = step.place(int(one))[1]
        values[where] = step.ranking.scores[one]
        asked |= where & (int(one) in step.chosen)
    shown = overlay(image, heat(values, low, high), OPACITY)
    shown[np.isnan(values)] = image[np.isnan(values)]
    which = f"candidate {candidate + 1} of pool {pool + 1}"
    above = [
        titled(outline(enlarge(image, factor), part), which, step.frames.ids[index]),
        in_column([
            titled(outline(enlarge(shown, factor), asked), "values Q of the candidates in it", "outlined: asked for"),
            colour_bar(factor * part.shape[1], "Q", (f"{low:.2f}", f"{high:.2f}")),
        ], 2),
    ]  # fmt: skip
    crops = [_crop(step, int(one), k == candidate) for k, one in enumerate(step.pools[pool])]
    return in_column(
        [in_row(above), titled(in_row(crops), f"pool {pool + 1}, highest value first; the first is asked for")]
    )


def _crop(step: Step, candidate: int, looked_at: bool) -> np.ndarray:
    index, part = step.place(candidate)
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    cut = picture(step.frames, index)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    large = enlarge(cut, factor_for(cut.shape, CROP))
    if looked_at:
        large = outline(large, np.pad(np.ones(np.subtract(large.shape[:2], 4), dtype=bool), 2))
    edge = np.full((large.shape[0] + 2, large.shape[1] + 2, 3), UNKNOWN, dtype=np.uint8)
    edge[1:-1, 1:-1] = large
    return titled(edge, f"{step.ranking.scores[candidate]:.3f}")


def _range(step: Step) -> tuple[float, float]:
    low, high = float(step.ranking.scores.min()), float(step.ranking.scores.max())
    return low, high if high > low else low + 1e-6


def step_text(step: Step, pool: int, candidate: int) -> str:
    """Which features moved the value of a candidate, in words (HTML): one row for each part, the strongest first."""
    one = int(step.pools[pool, candidate])
    moved = {name: float(values[one]) for name, values in step.moved.items()}
    top = max((abs(value) for value in moved.values()), default=0) or 1
    rows = "".join(
        f'<tr><td>{html.escape(name)}</td><td><span class="bar" style="width: {80 * abs(value) / top:.0f}px"></span>'
        f"{value:+.3f}</td></tr>"
        for name, value in sorted(moved.items(), key=lambda item: -abs(item[1]))
    )
    asked = "is asked for" if one in step.chosen else "is not asked for"
    return (
        f'<div class="segxal-numbers">Q = {step.ranking.scores[one]:.3f}; it {asked}. What each part of its features '
        f"adds, against a candidate that is average in it:<table>{rows}</table></div>"
    )
