"""A look into one cycle: what was asked first, and what came back (notebook al_cycle)."""

import numpy as np

from segxal.data.base import Frames
from segxal.data.splits import Splits
from segxal.results.figures.base import (
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
from segxal.results.figures.view import first_query, picture, query_of, view_of
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle


@styled
def cycle_sheet(cycle: Cycle, splits: Splits) -> Sheet:
    """The best-ranked image of a cycle: image, prediction, explainable error mask, annotation.

    The prediction and the mask are those of the network that asked, that is the one the cycle before left. In cycle 0
    nothing is asked: the first initial label is shown.

    Args:
        cycle: a finished cycle.
        splits: the data of its study.
    """
    answers = cycle.annotations()
    if cycle.number == 0:
        return _start_sheet(next(iter(answers)), answers[next(iter(answers))], splits)
    name = first_query(cycle)
    query, annotation = query_of(cycle, name), answers[name]
    view = view_of(learner_that_asked(cycle), splits.train, splits.train.position(name))
    patches = class_patches(view.classes, [view.prediction, annotation])
    sheet = new_sheet(page_height(view.truth.shape, 1, 4, 0.64, len(patches)))
    axes = sheet.subplots(1, 4)
    became = "accepted" if query["accepted"] else "back to the pool"
    show_image(axes[0], view.image, "image", name)
    show_labels(axes[1], view.prediction, view.classes, "prediction", "of the network that asked")
    note = f"mean {view.eem.mean():.2f}; line: asked part"
    scale(axes[2], show_map(axes[2], view.eem, "EEM", note, top=float(view.eem.max())), "EEM (0 to 1)")
    outline(axes[2], view.asked)
    show_labels(axes[3], annotation, view.classes, "annotation", f"Dice {query['dice']:.2f}: {became}")
    legend_below(sheet, patches)
    return sheet


def _start_sheet(name: str, labels: np.ndarray, splits: Splits) -> Sheet:
    frames = splits.train
    patches = class_patches(frames.classes, [labels], "void")
    sheet = new_sheet(page_height(frames.labels.shape[1:], 1, 2.6, 0.4, len(patches)))
    axes = sheet.subplots(1, 2)
    show_image(axes[0], picture(frames, frames.ids.index(name)), "image", name)
    show_labels(axes[1], labels, frames.classes, "initial labels", "cycle 0 asks nothing")
    legend_below(sheet, patches)
    return sheet


@styled
def data_sheet(frames: Frames) -> Sheet:
    """Four images of a split from different rides, where there are as many: image, labels and measured depth.

    Args:
        frames: the split; the row of depths is left out when the data set has none.
    """
    shown = _apart(frames, 4)
    patches = class_patches(frames.classes, list(frames.labels[shown].numpy()), "void")
    rows = 2 if frames.depth is None else 3
    shape = tuple(frames.labels.shape[1:])
    sheet = new_sheet(page_height(shape, rows, len(shown), 0.11, len(patches), side=0.5) + (0.45 if rows == 3 else 0.2))
    axes = sheet.subplots(rows, len(shown), squeeze=False)
    for k, index in enumerate(shown):
        show_image(axes[0, k], picture(frames, index), "", frames.ids[index])
        show_labels(axes[1, k], frames.labels[index].numpy(), frames.classes)
        if frames.depth is not None:
            depth = frames.depth[index].nan_to_num(0.0).numpy()
            drawn = show_map(axes[2, k], depth, cmap=NEAR, top=float(depth.max()))
            scale(axes[2, k], drawn, "relative inverse depth")
    legend_below(sheet, patches)
    return sheet


def _apart(frames: Frames, count: int) -> list[int]:
    """Positions of up to ``count`` images, of different rides first, spread over the split."""
    firsts = [frames.sequences.index(name) for name in dict.fromkeys(frames.sequences)]
    pool = firsts if len(firsts) >= count else list(range(len(frames)))
    return [pool[round(k)] for k in np.linspace(0, len(pool) - 1, min(count, len(pool)))]
