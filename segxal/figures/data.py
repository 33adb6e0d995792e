"""What the data look like: images, labels and depth of some rides."""

import numpy as np

from segxal.data.base import Frames
from segxal.figures.base import (
    NEAR,
    Sheet,
    class_patches,
    legend_below,
    new_sheet,
    page_height,
    show_image,
    show_labels,
    show_map,
    styled,
)


@styled
def data_sheet(frames: Frames, count: int = 4) -> Sheet:
    """Images of a split from different rides, with their labels and, where the data set has it, their depth.

    Args:
        frames: the split.
        count: how many images; they are spread evenly over the split.
    """
    chosen = [k * len(frames) // count for k in range(count)]
    labels = [frames.labels[i].numpy() for i in chosen]
    patches = class_patches(frames.classes, labels, empty="void")
    rows = 2 if frames.depth is None else 3
    sheet = new_sheet(page_height(labels[0].shape, rows, count, 0.12, len(patches)))
    grid = np.atleast_2d(sheet.subplots(rows, count))
    for axes, i, label in zip(grid.T, chosen, labels, strict=True):
        show_image(axes[0], frames.images[i].permute(1, 2, 0).numpy(), frames.ids[i])
        show_labels(axes[1], label, frames.classes)
        if frames.depth is not None:
            depth = frames.depth[i].nan_to_num(0).numpy()
            show_map(axes[2], depth, cmap=NEAR, top=float(np.quantile(depth, 0.99)))
    for axes, what in zip(grid[:, 0], ("image", "labels", "inverse depth"), strict=False):
        axes.set_ylabel(what)
    legend_below(sheet, patches)
    return sheet
