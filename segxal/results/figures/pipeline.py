"""Fig. 1: the whole pipeline, drawn with the images and numbers of one cycle of this study."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from segxal.core.labels import Classes
from segxal.data.splits import Splits
from segxal.methods import get_method
from segxal.results.figures.base import ACCENT, BAD, GOOD, GREY, SOFT, Sheet, label_picture, styled
from segxal.results.figures.canvas import arrow, box, diamond, heat, network, new_canvas, thumbnail
from segxal.results.figures.view import View, first_query, picture, view_of
from segxal.results.learner import learner_that_asked
from segxal.study.settings import Preset
from segxal.study.state import Cycle

HEIGHT, MIDDLE = 4.35, 2.18  # inches; height of the sheet and of the row in its middle
SHOWN = 4  # thumbnails in a row
LANES = (3.42, 0.1)  # inches; where the upper and the lower lane begin
GATE = 6.84  # inches; where the gate stands
LANE = 0.83  # inches; how high a lane is
ORACLES = {"pseudo": "by the machine", "human": "by a human", "gt-patch": "in patches", "whole-image": "of everything"}


@dataclass(frozen=True)
class PipelineParts:
    """What the diagram shows of one cycle.

    Attributes:
        view: the best-ranked image as the network that asked sees it.
        annotation: (H, W) uint8 train ids of it, 255 = not annotated.
        labelled: label maps of some images of the labelled pool before the cycle.
        unlabelled: some images (H, W, 3) uint8 of the unlabelled pool.
        accepted: annotations (Dice, (H, W) uint8) that joined the labelled pool, best score first.
        rejected: images (Dice, (H, W, 3) uint8) that went back to the pool.
        settings: of the cycle.
        numbers: what is printed in the figure.
    """

    view: View
    annotation: np.ndarray
    labelled: list[np.ndarray]
    unlabelled: list[np.ndarray]
    accepted: list[tuple[float, np.ndarray]]
    rejected: list[tuple[float, np.ndarray]]
    settings: Preset
    numbers: dict[str, Any]


def pipeline_parts(cycle: Cycle, splits: Splits) -> PipelineParts:
    """Collect images and numbers of one cycle.

    Args:
        cycle: a finished cycle, from 1 on.
        splits: the data of its study.

    Raises:
        ConfigError: for cycle 0, in which nothing is asked.
    """
    frames, name, learner = splits.train, first_query(cycle), learner_that_asked(cycle)
    before = cycle.previous or cycle
    pool, answers, queries = before.pool(), cycle.annotations(), cycle.queries()
    index = {name: k for k, name in enumerate(frames.ids)}
    shown = pool.labelled[:: max(1, len(pool.labelled) // SHOWN)][:SHOWN]
    others = pool.unlabelled[:: max(1, len(pool.unlabelled) // SHOWN)][:SHOWN]
    metrics = cycle.metrics()
    accepted = [(q["dice"], answers[q["id"]]) for q in queries if q["accepted"]]
    rejected = [(q["dice"], picture(frames, index[q["id"]])) for q in queries if not q["accepted"]]
    numbers = {
        "method": cycle.method, "cycle": cycle.number, "image": name, "training_images": len(frames),
        "labelled_before": len(pool.labelled), "labelled_after": metrics["labelled"], "queried": len(queries),
        "accepted": len(accepted), "tau": cycle.settings.gate.tau, "split": metrics["split"],
        "miou_before": round(100 * before.metrics()["report"]["miou"], 2),
        "miou_after": round(100 * metrics["report"]["miou"], 2),
    }  # fmt: skip
    return PipelineParts(
        view_of(learner, frames, index[name]), answers[name],
        list(before.labels_of([frames.ids[i] for i in shown]).numpy()), [picture(frames, i) for i in others],
        accepted, rejected, cycle.settings, numbers,
    )  # fmt: skip


@styled
def pipeline_figure(parts: PipelineParts) -> Sheet:
    """Fig. 1: pools, training, prediction, explainable error mask, oracle and Dice gate, with this run's images."""
    sheet, axes = new_canvas(HEIGHT)
    _pools(axes, parts)
    _network(axes, parts)
    _mask(axes, parts.view)
    _oracle(axes, parts)
    _returns(axes, parts)
    return sheet


def _pools(axes: Axes, parts: PipelineParts) -> None:
    numbers, classes = parts.numbers, parts.view.classes
    top, low = LANES
    names = (f"labelled pool: {numbers['labelled_before']} images, then {numbers['labelled_after']}",
             f"unlabelled pool: {numbers['training_images'] - numbers['labelled_before']} images")  # fmt: skip
    pictures = [label_picture(labels, classes) for labels in parts.labelled]
    for y, name, found, colour in zip((top, low), names, (pictures, parts.unlabelled), (GOOD, GREY), strict=True):
        box(axes, (0.08, y), (2.75, y + LANE), name, edge=colour)
        _row(axes, found, 0.08, 2.75, y, [""] * len(found))


def _row(axes: Axes, pictures: list[np.ndarray], left: float, right: float, y: float, under: list[str]) -> None:
    """Up to four thumbnails side by side in a lane."""
    step = (right - left) / SHOWN
    space = 0.33 if any(under) else 0.22  # inches for title and words
    for k, (image, words) in enumerate(zip(pictures[:SHOWN], under, strict=False)):
        width = min(step - 0.1, (LANE - space - 0.1) * image.shape[1] / image.shape[0])
        middle = y + (LANE - 0.2) / 2 + (0.07 if any(under) else 0.0)
        thumbnail(axes, image, (left + (k + 0.5) * step, middle), width, words)


def _network(axes: Axes, parts: PipelineParts) -> None:
    numbers, view = parts.numbers, parts.view
    box(axes, (0.08, 1.5), (1.22, 2.86), "U-Net" if parts.settings.model.name == "unet" else "network", edge=ACCENT)
    network(axes, (0.65, 2.28), 0.85, 0.45, "#4878a8")
    words = f"{numbers['split']} mIoU {numbers['miou_before']:.1f} %\nretrained: {numbers['miou_after']:.1f} %"
    axes.text(0.65, 1.92, words, ha="center", va="top", fontsize=6.8, color=SOFT, linespacing=1.25)
    arrow(axes, [(0.65, LANES[0]), (0.65, 2.86)], GOOD, "train", (0.74, 3.14))
    share = f"{100 * parts.settings.pool.subset:.0f} % at random" if parts.settings.pool.subset < 1 else "all of them"
    arrow(axes, [(0.65, LANES[1] + LANE), (0.65, 1.5)], GREY, f"predict\n{share}", (0.74, 1.22))
    run = f"cycle {numbers['cycle']} of {numbers['method']}"
    axes.text(2.06, 3.14, run, ha="center", va="center", fontsize=6.8, color=SOFT)
    arrow(axes, [(1.22, MIDDLE), (1.5, MIDDLE)])
    height = view.truth.shape[0] / view.truth.shape[1]
    width = min(1.08, 0.72 / height)
    gap = width * height / 2 + 0.1
    thumbnail(axes, view.image, (2.06, MIDDLE + gap), width, "best-ranked image")
    thumbnail(axes, label_picture(view.prediction, view.classes), (2.06, MIDDLE - gap), width, "prediction")
    arrow(axes, [(2.62, MIDDLE), (2.9, MIDDLE)])


def _mask(axes: Axes, view: View) -> None:
    """The module of section 3.2: entropy and proximity-aware explanation become one mask."""
    box(axes, (2.92, 1.12), (5.12, 3.24), "explainable error mask (EEM)", fill="#fdf3ec", edge="#e6a06d")
    height = view.truth.shape[0] / view.truth.shape[1]
    width = min(0.86, 0.66 / height)
    gap = max(width * height / 2 + 0.14, 0.4)
    middle = MIDDLE - 0.05
    thumbnail(axes, heat(view.ebu, float(view.ebu.max())), (3.42, middle + gap), width, "EBU: unsure")
    thumbnail(axes, heat(view.pae), (3.42, middle - gap), width, "PAE: near")
    arrow(axes, [(3.42 + width / 2, middle + gap), (4.02, middle + gap), (4.02, middle + 0.1)], SOFT)
    arrow(axes, [(3.42 + width / 2, middle - gap), (4.02, middle - gap), (4.02, middle - 0.1)], SOFT)
    axes.text(4.02, middle - 0.012, "+", ha="center", va="center", fontsize=11, color=SOFT, zorder=4)
    thumbnail(axes, heat(view.eem, float(view.eem.max())), (4.62, middle), width, "EEM: ask here")
    arrow(axes, [(4.1, middle), (4.62 - width / 2, middle)], SOFT)
    arrow(axes, [(5.12, MIDDLE), (5.34, MIDDLE)])


def _oracle(axes: Axes, parts: PipelineParts) -> None:
    name = ORACLES[get_method(parts.numbers["method"]).oracle]
    view = parts.view
    width = min(0.86, 0.66 * view.truth.shape[1] / view.truth.shape[0])
    box(axes, (5.36, 1.5), (6.3, 2.86), "oracle", edge="#c9a227", fill="#fdf9e8")
    thumbnail(axes, label_picture(parts.annotation, view.classes), (5.83, MIDDLE), width, f"annotation\n{name}")
    arrow(axes, [(6.3, MIDDLE), (6.5, MIDDLE)])
    diamond(axes, (GATE, MIDDLE), (0.33, 0.36), f"Dice\n≥ {parts.numbers['tau']:g}?", "#444444")


def _returns(axes: Axes, parts: PipelineParts) -> None:
    """What the gate lets in goes back along the upper lane, what it does not along the lower one."""
    classes, queried = parts.view.classes, parts.numbers["queried"]
    _lane(axes, LANES[0], GOOD, f"accepted: {len(parts.accepted)} of {queried} annotations", "yes",
          _label_pictures(parts.accepted, classes), [f"Dice {dice:.2f}" for dice, _ in parts.accepted])  # fmt: skip
    _lane(axes, LANES[1], BAD, f"back to the pool: {len(parts.rejected)} of {queried} images", "no",
          [image for _, image in parts.rejected], [f"Dice {dice:.2f}" for dice, _ in parts.rejected])  # fmt: skip


def _label_pictures(found: list[tuple[float, np.ndarray]], classes: Classes) -> list[np.ndarray]:
    return [label_picture(labels, classes) for _, labels in found]


def _lane(
    axes: Axes, y: float, colour: str, title: str, word: str, pictures: list[np.ndarray], under: list[str]
) -> None:
    middle, start = y + LANE / 2, MIDDLE + (0.36 if y > MIDDLE else -0.36)
    box(axes, (3.25, y), (6.3, y + LANE), title, edge=colour)
    _row(axes, pictures, 3.25, 6.3, y, under)
    if not pictures:
        axes.text(4.8, middle - 0.06, "none in this cycle", ha="center", va="center", fontsize=7, color=SOFT)
    arrow(axes, [(GATE, start), (GATE, middle), (6.3, middle)], colour, word, (GATE + 0.08, (start + middle) / 2))
    arrow(axes, [(3.25, middle), (2.75, middle)], colour)
