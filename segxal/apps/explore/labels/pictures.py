"""Labels of a machine as pictures and words."""

import html
from collections.abc import Sequence

import numpy as np

from segxal.apps.explore.labels.doubted import Doubted
from segxal.apps.explore.picture import WRONG, class_legend, enlarge, factor_for, label_picture
from segxal.apps.explore.tiles import in_column, in_row, titled
from segxal.core.labels import VOID
from segxal.results.figures.view import picture

WIDTH = 256  # pixels of an image, at most
PALE = 0.35  # of the image where nothing is labelled; the rest is white


def labels_picture(view: Doubted, index: int, shares: Sequence[float], width: int = WIDTH) -> np.ndarray:
    """An image with its truth, and below what is labelled by each kind of doubt; wrong labels are vermilion.

    Args:
        view: what is shown.
        index: of the image.
        shares: of each class that is labelled, 0..1.
        width: of an image, pixels, at most.

    Returns:
        (h, w, 3) uint8.
    """
    truth, image = view.frames.labels[index].numpy(), picture(view.frames, index)
    factor, classes = factor_for(truth.shape, width), view.frames.classes
    above = [
        titled(enlarge(image, factor), "image", view.frames.ids[index]),
        titled(enlarge(label_picture(truth, classes), factor), "truth", "the machine sees none"),
    ]
    pale = (255 - PALE * (255 - image.astype(np.float32))).astype(np.uint8)
    below, shown = [], {*np.unique(truth)}
    for name in view.doubt:
        labels = view.labels(name, shares, index)
        drawn = np.where((labels != VOID)[..., None], label_picture(labels, classes), pale)
        wrong = (labels != VOID) & (truth != VOID) & (labels != truth)
        drawn[wrong] = WRONG
        note = f"{(labels != VOID).mean():.0%} labelled, {wrong.mean():.0%} wrong"
        below.append(titled(enlarge(drawn, factor), f"labels by {name}", note))
        shown |= {*np.unique(labels)}
    rows = [in_row(above), in_row(below)]
    legend = class_legend(classes, sorted(int(c) for c in shown if c != VOID), max(row.shape[1] for row in rows))
    return in_column([*rows, legend])


def labels_text(view: Doubted, shares: Sequence[float], category: int) -> str:
    """How much each kind of doubt labels in all images, and how much of it is right (HTML); of a class and of all."""
    name = html.escape(view.frames.classes.names[category])
    rows = []
    for kind in view.doubt:
        cells: list[str] = [kind]
        for one in (None, category):
            labelled, right = view.quality(kind, shares, one)
            cells += [_percent(labelled), _percent(right)]
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    head = "".join(f"<td>{word}</td>" for word in ("doubt", "labelled", "of these right", f"{name} labelled", "right"))
    body = "".join(f"<tr>{row}</tr>" for row in (head, *rows))
    return f'<div class="segxal-numbers">In all {len(view.frames)} images: <table>{body}</table></div>'


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{100 * share:.1f} %"
