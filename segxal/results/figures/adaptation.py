"""Adaptation in pictures: what machines label, how right they are, and which classes gain."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from segxal.acquisition.machine import Written
from segxal.core.labels import VOID
from segxal.data.base import Frames
from segxal.results.figures.base import (
    BAD,
    GOOD,
    NEUTRAL,
    Sheet,
    class_patches,
    legend_below,
    new_sheet,
    page_height,
    show_image,
    show_labels,
    styled,
)
from segxal.results.figures.view import picture

LINES = {"softmax": (GOOD, "-"), "entropy": (BAD, "--"), "eem": ("#009E73", ":")}
LEAST = 5.0  # points of IoU at which the colours of gains are full, at least


@styled
def labels_sheet(frames: Frames, written: Mapping[str, Written], positions: list[int]) -> Sheet:
    """What a machine labels by each kind of doubt: image, truth, and its labels.

    Args:
        frames: the images.
        written: kind of doubt -> the labels.
        positions: of the images to show.
    """
    shown = [[w.labels.labels[i].numpy() for w in written.values()] for i in positions]
    truths = [frames.labels[i].numpy() for i in positions]
    patches = class_patches(frames.classes, [*truths, *(part for row in shown for part in row)], "not labelled")
    columns = 2 + len(written)
    sheet = new_sheet(page_height(frames.labels.shape[1:], len(positions), columns, 0.32, len(patches)))
    grid = sheet.subplots(len(positions), columns, squeeze=False)
    for axes, i, truth, row in zip(grid, positions, truths, shown, strict=True):
        show_image(axes[0], picture(frames, i), "image", frames.ids[i])
        show_labels(axes[1], truth, frames.classes, "truth", "the machine sees none")
        for panel, name, labels in zip(axes[2:], written, row, strict=True):
            known = (labels != VOID) & (truth != VOID)
            wrong = (labels != truth)[known].mean() if known.any() else np.nan
            note = f"{(labels != VOID).mean():.0%} labelled, {wrong:.0%} wrong"
            show_labels(panel, labels, frames.classes, name, note)
    legend_below(sheet, patches)
    return sheet


@styled
def coverage_sheet(curves: pd.DataFrame) -> Sheet:
    """How right labels are (%), over the share of the pixels that is labelled (%), for each kind of doubt.

    Args:
        curves: of :func:`segxal.results.labellers.coverage_curves`.
    """
    sheet = new_sheet(2.6, 4.2)
    axes = sheet.subplots()
    for name, part in curves.groupby("confidence", sort=False):
        colour, dashes = LINES[str(name)]
        axes.plot(part.coverage, part.accuracy, dashes, color=colour, label=str(name))
    axes.set(xlabel="pixels labelled, those of least doubt first (%)", ylabel="of these right (%)", xlim=(0, 100))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.6)
    axes.legend(frameon=False)
    return sheet


@styled
def gains_sheet(gains: pd.DataFrame) -> Sheet:
    """Gain of every class over the network of the source, in points of IoU: blue is a gain, vermilion a loss.

    Args:
        gains: of :func:`segxal.results.adaptation.class_gains`.
    """
    sheet = new_sheet(0.6 + 0.19 * len(gains))
    axes = sheet.subplots()
    most = max(LEAST, float(np.nanmax(np.abs(gains.to_numpy()))))
    colours = LinearSegmentedColormap.from_list("gains", [BAD, NEUTRAL, GOOD])
    axes.imshow(gains.to_numpy(), cmap=colours, vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(len(gains.columns)), gains.columns, rotation=35, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(len(gains)), gains.index)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    for (row, column), value in np.ndenumerate(gains.to_numpy()):
        if np.isfinite(value):
            full = abs(value) > 0.6 * most
            axes.text(column, row, f"{value:+.1f}", ha="center", va="center", fontsize=6,
                      color="white" if full else "black")  # fmt: skip
    for spine in axes.spines.values():
        spine.set_visible(False)
    return sheet
