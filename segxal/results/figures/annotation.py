"""Fig. 3: how the (simulated) human annotates one image, and what real people see."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from PIL import Image
from scipy import ndimage

from segxal.acquisition.oracles.human import touched_objects
from segxal.core.labels import VOID
from segxal.data.splits import Splits
from segxal.results.figures.base import (
    WIDTH,
    Sheet,
    class_patches,
    hex_of,
    legend_below,
    new_sheet,
    outline,
    page_height,
    percent,
    scale,
    show_image,
    show_labels,
    show_map,
    styled,
)
from segxal.results.figures.view import View, first_query, letters, query_of, right_share, view_of
from segxal.results.learner import learner_that_asked
from segxal.storage import paths
from segxal.study.state import Cycle

TASK = paths.SHIPPED_FIGURES / "label_studio_task.png"  # bench/label_studio_screenshot.py makes it
SMALL = 12  # pixels; outlines of smaller objects would hide them


@dataclass(frozen=True)
class AnnotationSteps:
    """The steps of section 3.3 on one queried image.

    Attributes:
        view: the image as the network that asked sees it.
        prompts: (H, W) bool, the asked pixels and the predicted objects that lie in them far enough.
        annotation: (H, W) uint8 train ids, 255 = not annotated.
        query: the record of the query (score, dice, accepted, pixels, clicks).
    """

    view: View
    prompts: np.ndarray
    annotation: np.ndarray
    query: dict[str, Any]

    @property
    def reannotated(self) -> np.ndarray:
        """(H, W) uint8: the prediction with the annotation in place; undecided pixels 255."""
        kept = np.where(self.annotation != VOID, self.annotation, self.view.prediction)
        return np.where(self.prompts & (self.annotation == VOID), VOID, kept).astype(np.uint8)

    @property
    def numbers(self) -> dict[str, Any]:
        """What the figure shows, in numbers."""
        return {
            "image": self.view.id, "asked_area": round(float(self.view.asked.mean()), 4),
            "prompted_area": round(float(self.prompts.mean()), 4),
            **{name: self.query[name] for name in ("dice", "accepted", "pixels", "clicks")},
            "right_before": round(right_share(self.view.prediction, self.view.truth), 4),
            "right_after": round(right_share(self.reannotated, self.view.truth), 4),
        }  # fmt: skip


def annotation_steps(cycle: Cycle, splits: Splits, image: str = "") -> AnnotationSteps:
    """The query and the annotation of one image of a cycle of ``segxal-human``.

    Args:
        cycle: a finished cycle, from 1 on.
        splits: the data of its study.
        image: name of an image queried in this cycle; empty for the best-ranked one.

    Raises:
        ConfigError: if the image was not queried in this cycle.
    """
    name = image or first_query(cycle)
    query = query_of(cycle, name)
    view = view_of(learner_that_asked(cycle), splits.train, splits.train.position(name))
    prompts = touched_objects(view.prediction, view.asked, cycle.settings.oracle.overlap)
    return AnnotationSteps(view, prompts, cycle.annotations()[name], query)


@styled
def annotation_figure(steps: AnnotationSteps) -> Sheet:
    """Fig. 3: image, prediction, EEM, object candidate prompts, annotation, re-annotated map; a task for real people.

    The task is a screenshot of Label Studio on an image of ``streets``: the same for every study.
    """
    view, query, numbers = steps.view, steps.query, steps.numbers
    became = "accepted" if query["accepted"] else "back to the pool"
    names = (
        "image", "prediction", "EEM", "object candidate prompts", "annotation", "re-annotated map",
        "the same step for real people, in Label Studio",
    )  # fmt: skip
    notes = (
        view.id, f"{percent(numbers['right_before'])} of the pixels right",
        f"line: the {percent(numbers['asked_area'])} asked for",
        f"to be checked: {percent(numbers['prompted_area'])} of the area",
        f"{query['pixels']} pixels, {query['clicks']} clicks",
        f"{percent(numbers['right_after'])} right; Dice {query['dice']:.2f}: {became}",
        "screenshot of a task of the preset quick: image with the prediction as pre-labels, EEM with the asked part",
    )  # fmt: skip
    titles = list(zip(letters(names), notes, strict=True))
    maps = [view.prediction, steps.annotation, steps.reannotated]
    patches = class_patches(view.classes, maps, "not annotated, or void")
    task = np.asarray(Image.open(TASK).convert("RGB"))
    top = page_height(view.truth.shape, 2, 3, 0.4, len(patches), side=0.65)
    low = WIDTH * task.shape[0] / task.shape[1]
    sheet = new_sheet(top + low + 0.3)
    grid = sheet.add_gridspec(3, 3, height_ratios=[top / 2, top / 2, low])
    axes = [sheet.add_subplot(grid[k // 3, k % 3]) for k in range(6)] + [sheet.add_subplot(grid[2, :])]
    show_image(axes[0], view.image, *titles[0])
    show_labels(axes[1], view.prediction, view.classes, *titles[1])
    scale(axes[2], show_map(axes[2], view.eem, *titles[2], top=float(view.eem.max())), "EEM (0 to 1)", "right")
    outline(axes[2], view.asked)
    _prompts(axes[3], steps, *titles[3])
    show_labels(axes[4], steps.annotation, view.classes, *titles[4])
    show_labels(axes[5], steps.reannotated, view.classes, *titles[5])
    show_image(axes[6], task, *titles[6])
    legend_below(sheet, patches)
    return sheet


def _prompts(axes: Axes, steps: AnnotationSteps, title: str, note: str) -> None:
    """The image, paler where nothing is to be checked, with the predicted objects outlined in their class colours."""
    image = steps.view.image / 255
    pale = 0.7 + 0.3 * image.mean(2, keepdims=True)
    show_image(axes, np.where(steps.prompts[..., None], image, pale), title, note)
    for category in np.unique(steps.view.prediction[steps.prompts]):
        pieces, _ = ndimage.label(steps.view.prediction == category)
        whole = [k for k in np.unique(pieces[steps.prompts]) if k and steps.prompts[pieces == k].all()]
        objects = np.isin(pieces, [k for k in whole if (pieces == k).sum() >= SMALL])
        outline(axes, objects, "white", 2.4)
        outline(axes, objects, hex_of(steps.view.classes.colours[category]), 1.3)
