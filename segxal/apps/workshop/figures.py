"""Figures of the workshop: a row of pictures, reliability, sweeps, pairs of seeds and false alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segxal.core.labels import CITYSCAPES, Classes
from segxal.results.figures.base import (
    BAD,
    GOOD,
    GREY,
    HEAT,
    NEAR,
    Sheet,
    class_patches,
    legend_below,
    new_sheet,
    outline,
    page_height,
    scale,
    show_image,
    show_labels,
    show_map,
    styled,
)
from segxal.results.figures.curves import COLOURS, MARKERS

FEW = 6  # positions, up to which each has a tick of its own


@dataclass(frozen=True)
class Panel:
    """One picture of a row.

    Attributes:
        kind: ``image`` (H, W, 3); ``labels`` (H, W) train ids; ``heat`` or ``near``, a map (H, W) from 0 to 1.
        values: the picture.
        title: what is seen.
        note: a smaller line under the title.
        unit: of a map, under its colour bar.
        line: (H, W) bool, a part that is outlined; None for none.
    """

    kind: Literal["image", "labels", "heat", "near"]
    values: np.ndarray
    title: str
    note: str = ""
    unit: str = "0 to 1"
    line: np.ndarray | None = None


@styled
def panels_figure(panels: Sequence[Panel], columns: int = 4, classes: Classes = CITYSCAPES) -> Sheet:
    """Pictures in rows, every map with its colour bar, label maps with one legend below.

    Args:
        panels: the pictures, row by row.
        columns: pictures per row.
        classes: of the label maps.
    """
    rows, shape = -(-len(panels) // columns), panels[0].values.shape[:2]
    labelled = [panel.values for panel in panels if panel.kind == "labels"]
    patches = class_patches(classes, labelled, "void") if labelled else []
    sheet = new_sheet(page_height(shape, rows, columns, 0.62, len(patches)))
    all_axes = sheet.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(all_axes, panels, strict=False):
        if panel.kind == "image":
            show_image(axes, panel.values, panel.title, panel.note)
        elif panel.kind == "labels":
            show_labels(axes, panel.values, classes, panel.title, panel.note)
        else:
            table = NEAR if panel.kind == "near" else HEAT
            scale(axes, show_map(axes, panel.values, panel.title, panel.note, table), panel.unit)
        if panel.line is not None:
            outline(axes, panel.line)
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    if patches:
        legend_below(sheet, patches)
    return sheet


@styled
def reliability_figure(bins: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Sheet:
    """Said against true: accuracy over confidence, one panel per network, and how many pixels say so below.

    Args:
        bins: network -> confidence, accuracy and share of the pixels per bin, all (B,) in 0..1; NaN where empty.
    """
    sheet = new_sheet(3.3, layout="constrained")
    axes = sheet.subplots(2, len(bins), sharex=True, sharey="row", height_ratios=[3, 1], squeeze=False)
    for (top, below), (name, (confidence, accuracy, share)) in zip(axes.T, bins.items(), strict=True):
        top.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (5, 3)), linewidth=0.9, label="says what is true")
        top.vlines(confidence, accuracy, confidence, color=BAD, linewidth=1.2, label="gap")
        top.plot(confidence, accuracy, "o", color=GOOD, markersize=4, label="pixels of a bin")
        top.set(title=name, xlim=(0, 1), ylim=(0, 1))
        below.bar(confidence, 100 * share, width=0.04, color=GREY)
        below.set(xlabel="confidence: the highest probability (0 to 1)")
        for part in (top, below):
            part.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("share that is right (0 to 1)")
    axes[1, 0].set_ylabel("pixels (%)")
    axes[0, 0].legend(frameon=False, loc="upper left")
    return sheet


@styled
def lines_figure(
    lines: Mapping[str, Sequence[float]], x: Sequence[float], labels: tuple[str, str], level: tuple[str, float] | None
) -> Sheet:  # fmt: skip
    """Curves over one axis.

    Args:
        lines: name -> values.
        x: positions.
        labels: of the horizontal and the vertical axis, with units.
        level: name and height of a dashed line to compare with; None for none.
    """
    sheet = new_sheet(2.9, 5.6, "constrained")
    axes = sheet.add_subplot()
    for k, (name, values) in enumerate(lines.items()):
        axes.plot(x, values, color=COLOURS[k], marker=MARKERS[k], markersize=4, label=name)
    if level:
        axes.axhline(level[1], color=GREY, linestyle=(0, (5, 3)), linewidth=0.9, label=level[0])
    axes.set(xlabel=labels[0], ylabel=labels[1])
    if len(x) <= FEW:
        axes.set_xticks(list(x))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return sheet


@styled
def pairs_figure(pairs: Mapping[str, tuple[Sequence[float], Sequence[float]]], label: str, reference: str) -> Sheet:
    """Seed by seed: a method beside a reference that shares its seeds; one panel per method, a line per seed.

    Args:
        pairs: method -> its scores and those of the reference, in the order of the seeds.
        label: of the vertical axis, with unit.
        reference: name of the reference.
    """
    sheet = new_sheet(2.7, layout="constrained")
    for axes, (name, (own, other)) in zip(
        sheet.subplots(1, len(pairs), sharey=True, squeeze=False)[0], pairs.items(), strict=True
    ):
        for k, (a, b) in enumerate(zip(own, other, strict=True)):
            axes.plot([0, 1], [b, a], color=COLOURS[k], marker=MARKERS[k], markersize=5, label=f"seed {k}")
        axes.set_xticks([0, 1], [reference, name])
        axes.set(xlim=(-0.35, 1.35), title=f"mean difference {np.mean(np.subtract(own, other)):+.2f}")
        axes.spines[["top", "right"]].set_visible(False)
    sheet.axes[0].set_ylabel(label)
    sheet.axes[0].legend(frameon=False)
    return sheet


def alarms_figure(rates: Mapping[str, Sequence[float]], counts: Sequence[int]) -> Sheet:
    """How often equal methods are called different at least once, over the number of comparisons.

    Args:
        rates: correction -> share of the studies with a false alarm, 0..1, per count.
        counts: how many methods are compared with the reference.
    """
    percent = {name: [100 * value for value in values] for name, values in rates.items()}
    labels = "methods compared with the reference", "studies with a false alarm (%)"
    sheet = lines_figure(percent, counts, labels, ("5 %", 5))
    sheet.axes[0].set_ylim(0)
    return sheet
