"""One image through the cycles of a run: what each cycle saw, asked, was told and learned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segxal.acquisition.query import predictions_of
from segxal.apps.explore.picture import (
    class_legend,
    colour_bar,
    enlarge,
    factor_for,
    heat,
    label_picture,
)
from segxal.apps.explore.tiles import change_shares, change_tile, in_column, in_row, labels_tile, ruled, titled
from segxal.data.splits import Splits
from segxal.methods.learner import learner_of
from segxal.results.figures.base import percent
from segxal.results.figures.cycles import Column, cycle_columns
from segxal.study.state import Cycle

WIDTH = 256  # pixels of one picture, at most


@dataclass(frozen=True)
class Scene:
    """One cycle of one image.

    Attributes:
        column: what the network that asked sees, and the annotation of this cycle.
        asked: whether the image was asked about in this cycle; otherwise the annotation is what the machine would say.
        after: (H, W) uint8 train ids that the network predicts after this cycle's training.
        miou: mIoU (0 to 1) on the reported split before and after this cycle's training.
    """

    column: Column
    asked: bool
    after: np.ndarray
    miou: tuple[float, float]

    @property
    def numbers(self) -> dict[str, Any]:
        """The column's numbers, mIoU before and after, and the shares of the pixels that were mended and spoilt."""
        view = self.column.view
        mended, spoilt = change_shares(view.prediction, self.after, view.truth)
        return self.column.numbers | {
            "asked": self.asked, "miou_before": self.miou[0], "miou_after": self.miou[1],
            "mended": mended, "spoilt": spoilt,
        }  # fmt: skip


def scenes(run: Sequence[Cycle], splits: Splits, image: str = "") -> list[Scene]:
    """One scene per cycle from 1 on.

    Args:
        run: the finished cycles of a run in order, cycle 0 included.
        splits: the data of its study.
        image: name of a training image; empty for one that is never labelled.

    Raises:
        ConfigError: if there is no such image, or the run has only cycle 0.
    """
    columns = cycle_columns(run, splits, image)
    return [_scene(cycle, column, splits) for cycle, column in zip(run[1:], columns, strict=True)]


def _scene(cycle: Cycle, column: Column, splits: Splits) -> Scene:
    answers = cycle.annotations()
    asked = column.view.id in answers
    if asked:
        column = replace(column, annotation=answers[column.view.id])
    learner, index = learner_of(cycle, cycle.settings), splits.train.position(column.view.id)
    after = predictions_of(learner, splits.train, [index])[index]
    before = cycle.previous.metrics() if cycle.previous else cycle.metrics()
    return Scene(column, asked, after, (before["report"]["miou"], cycle.metrics()["report"]["miou"]))


def tops_of(played: Sequence[Scene]) -> dict[str, float]:
    """The upper ends of the colour scales of entropy and EEM, the same for every cycle."""
    return {n: max(float(getattr(scene.column.view, n).max()) for scene in played) for n in ("ebu", "eem")}


def scene_picture(scene: Scene, tops: dict[str, float], width: int = WIDTH) -> np.ndarray:
    """One cycle as eight pictures: what the network saw and asked above, what it was told and learned below.

    Args:
        scene: the cycle.
        tops: upper ends of the colour scales, see :func:`tops_of`.
        width: of one picture, pixels, at most.

    Returns:
        (h, w, 3) uint8.
    """
    view, annotated = scene.column.view, scene.column.numbers["annotated"]
    factor = factor_for(view.truth.shape, width)
    classes, wide = view.classes, factor * view.truth.shape[1]

    def labels(values: np.ndarray, title: str) -> np.ndarray:
        return labels_tile(values, view.truth, classes, factor, title)

    def scale(name: str, title: str) -> np.ndarray:
        values, top = getattr(view, name), max(tops[name], 1e-6)
        shown = titled(enlarge(heat(values, 0, top), factor), title, f"mean {values.mean():.3f}")
        return in_column([shown, colour_bar(wide, f"{name.upper()}, 0 to 1", ("0", f"{top:.2f}"))], 2)

    who = "answer to this cycle's question" if scene.asked else "not asked; the machine would say"
    above = [
        titled(enlarge(view.image, factor), "image", view.id), labels(view.prediction, "prediction before"),
        scale("ebu", "entropy"), scale("eem", "explainable error mask"),
    ]  # fmt: skip
    below = [
        titled(enlarge(label_picture(view.truth, classes), factor), "truth", "only people and scores see it"),
        titled(
            ruled(enlarge(label_picture(scene.column.annotation, classes), factor)),
            f"annotation: {percent(annotated)} labelled", who,
        ),
        labels(scene.after, "prediction after"), change_tile(view.prediction, scene.after, view.truth, factor),
    ]  # fmt: skip
    rows = [in_row(above), in_row(below)]
    present = sorted({int(c) for part in (view.truth, view.prediction, scene.after) for c in np.unique(part)})
    return in_column([*rows, class_legend(classes, present, rows[0].shape[1])])


def scene_text(scene: Scene, played: Sequence[Scene]) -> str:
    """What the slider stands at, in words (HTML): mIoU after every cycle, this one's in bold."""
    before, after = scene.miou
    steps = [f"start {100 * played[0].miou[0]:.1f}"]
    for one in played:
        text = f"{one.column.cycle}: {100 * one.miou[1]:.1f}"
        steps.append(f"<b>{text}</b>" if one is scene else text)
    return (
        f"Cycle {scene.column.cycle}: mIoU {100 * before:.1f} % &rarr; {100 * after:.1f} % "
        f"({100 * (after - before):+.1f} points). After each cycle (%): {', '.join(steps)}."
    )
