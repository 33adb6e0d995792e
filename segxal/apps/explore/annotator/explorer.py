"""An annotator's view: relabel superpixels of one image by click or by keyboard, then retrain and see what changed."""

import html
import time
from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from segxal.acquisition.oracles.base import Annotation
from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.annotator.corrections import Corrections, Lesson, corrections_of, lesson
from segxal.apps.explore.keys import Keys
from segxal.apps.explore.page import STYLE
from segxal.apps.explore.picture import (
    class_legend,
    colour_bar,
    enlarge,
    factor_for,
    heat,
    label_picture,
    outline,
    overlay,
    png,
)
from segxal.apps.explore.pointer import Pointer
from segxal.apps.explore.result import Result
from segxal.apps.explore.tiles import change_tile, in_row, labels_tile, with_borders
from segxal.core.errors import SegxalError
from segxal.core.labels import VOID, Classes
from segxal.core.price import minutes
from segxal.data.splits import Splits
from segxal.results.figures.base import hex_of, percent

WIDTH = 512  # pixels of one picture, at most
ANSWERED = 0.9  # opacity of what a person has answered
UNSURE = "cannot tell"


def labels_picture(given: Corrections, selected: int, opacity: float, width: int = WIDTH) -> np.ndarray:
    """The image under the labels as they stand: predicted ones faint, a person's own strong.

    Args:
        given: the answers so far.
        selected: number of the superpixel with an outline.
        opacity: of the predicted labels, 0 to 1.
        width: pixels, at most.

    Returns:
        (kH, kW, 3) uint8, every pixel of the image a square of k x k.
    """
    image = given.query.image.transpose(1, 2, 0)
    colours = label_picture(given.corrected, given.classes)
    strong, faint = (overlay(image, colours, share) for share in (ANSWERED, opacity))
    shown = np.where(given.answered[..., None], strong, faint)
    return _cut(shown, given, selected, width)


def mask_view(given: Corrections, selected: int, width: int = WIDTH) -> np.ndarray:
    """The explainable error mask on the scale 0 to 1 with the superpixels, (kH, kW, 3) uint8."""
    return _cut(heat(given.query.mask()), given, selected, width)


def _cut(shown: np.ndarray, given: Corrections, selected: int, width: int) -> np.ndarray:
    large = with_borders(enlarge(shown, factor_for(given.partition.shape, width)), given.partition)
    return outline(large, given.partition == selected)


def lesson_picture(learnt: Lesson, truth: np.ndarray, classes: Classes, width: int = WIDTH) -> np.ndarray:
    """Prediction before, after, and what changed, side by side."""
    factor = factor_for(truth.shape, 3 * width // 4)
    labels = {"prediction before": learnt.before, "prediction after": learnt.after}
    tiles = [labels_tile(shown, truth, classes, factor, title) for title, shown in labels.items()]
    return in_row([*tiles, change_tile(learnt.before, learnt.after, truth, factor)])


def price_text(given: Corrections) -> str:
    """What the answers cost so far, as HTML."""
    answer = given.annotation()
    many = "s" * (answer.clicks != 1)
    return (
        f"<b>{answer.clicks} click{many}</b> for {answer.clicks} superpixel{many}, {answer.pixels} pixels, "
        f"about {minutes(1.0, answer.clicks):.1f} min at the stated rates"
    )


def lesson_text(learnt: Lesson, steps: int) -> str:
    """What the training changed, as HTML."""
    before, after = (100 * value for value in learnt.miou)
    return (
        f"After {steps} steps: mIoU on the test split {before:.1f} % &rarr; {after:.1f} % ({after - before:+.1f} "
        f"points); the same steps without your answers give {100 * learnt.without:.1f} %. "
        f"In this image {percent(learnt.mended)} of the pixels became right, {percent(learnt.spoilt)} wrong."
    )


class Annotator(widgets.VBox):
    """One image to correct: click on a superpixel, or name its number, and give it the chosen class.

    Args:
        learner: the network whose prediction is corrected.
        splits: the study's splits.
        image: name of a training image; empty for the first that the network was not trained on.
        pieces: superpixels of the image, about.
        steps: optimiser steps of a retraining.
        seed: of a retraining.
        clock: gives seconds; answers carry the time from the first to the last of them.

    Attributes:
        given: the answers so far.
        learnt: what the latest retraining changed; None before.
    """

    def __init__(
        self, learner: Learner, splits: Splits, image: str = "", pieces: int = 64, steps: int = 30, seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        train = splits.train
        fresh = next((name for i, name in enumerate(train.ids) if i not in learner.labelled), train.ids[0])
        self.learner, self.splits, self.steps, self.seed = learner, splits, steps, seed
        self.given = corrections_of(learner, train, train.position(image or fresh), pieces)
        self.learnt: Lesson | None = None
        self._busy = False
        self._clock, self._times = clock, list[float]()
        self._make()
        self._listen()
        self.show()
        super().__init__(self._arranged())

    @property
    def annotation(self) -> Annotation:
        """The answers as an ordinary annotation, with the seconds from the first to the last of them."""
        return self.given.annotation(self._times[-1] - self._times[0] if self._times else 0.0)

    def relabel(self, region: int) -> None:
        """Give a superpixel the chosen class."""
        self.given = self.given.relabelled(region, self.category.value)
        self._times.append(self._clock())
        self.region.value = region
        self.show()

    def undo(self) -> None:
        """Undo the latest answer."""
        self.given = self.given.undone()
        self.show()

    def next(self) -> None:
        """Select the superpixel with the highest mean EEM among those that are not answered."""
        left = self.given.suspicious()
        if left:
            self.region.value = left[0]

    def retrain(self) -> None:
        """Train a copy of the network on the answers and show what changed; it starts from scratch each time.

        Until it is trained, nothing can be pressed or clicked.
        """
        text, self.result.value = self.result.value, f"Training for {self.steps} steps &hellip;"
        self._busy = True
        self._enable()
        try:
            with self.progress:
                self.learnt = lesson(self.learner, self.splits, self.given, self.steps, self.seed)
            text = lesson_text(self.learnt, self.steps)
        finally:
            self._busy = False
            self._enable()
            self.progress.clear_output()
            self.result.value = text
        self.change.value = png(lesson_picture(self.learnt, self.given.query.truth, self.given.classes))

    def show(self) -> None:
        """Draw the answers as they stand."""
        selected = self.region.value
        self.labels.value = png(labels_picture(self.given, selected, self.opacity.value))
        self.mask.value = png(mask_view(self.given, selected))
        wide = factor_for(self.given.partition.shape, WIDTH) * self.given.partition.shape[1]
        present = [int(c) for c in np.unique(self.given.corrected)]
        self.legend.value = png(class_legend(self.given.classes, present, wide))
        self.status.value = f"{price_text(self.given)}. {self._now(selected)}."
        self._enable()

    def _enable(self) -> None:
        """Enable only the buttons that have an effect, and none while a network is trained."""
        useless = {"undo": not self.given.acts, "relabel": not 0 <= self.region.value <= self._last}
        for name, button in self.buttons.items():
            button.disabled = self._busy or useless.get(name, False)
        for control in (self.category, self.region, self.opacity):
            control.disabled = self._busy
        self.pointer.listening = not self._busy

    @property
    def _last(self) -> int:
        """The highest number of a superpixel."""
        return int(self.given.partition.max())

    def _now(self, region: int) -> str:
        """Most frequent label of a superpixel as it stands, with its colour, as HTML."""
        if not 0 <= region <= self._last:
            return f"There is no superpixel {region}; choose one of 0..{self._last}"
        labels = self.given.corrected[self.given.partition == region]
        category, classes = int(np.bincount(labels).argmax()), self.given.classes
        name, colour = UNSURE, "#ffffff"
        if category != VOID:
            name, colour = classes.names[category], hex_of(classes.colours[category])
        swatch = f'<span style="background:{colour};border:1px solid #888">&emsp;</span>'
        return f"Superpixel {region} is {swatch} {html.escape(name)}"

    def _make(self) -> None:
        classes = self.given.classes
        options = [*((name, k) for k, name in enumerate(classes.names)), (UNSURE, VOID)]
        wide = {"description_width": "80px"}
        self.category = widgets.Dropdown(options=options, value=0, description="class", style=wide)
        # Not a BoundedIntText, which would put another number in place of a wrong one: that would be relabelled unseen.
        first = self.given.suspicious()[0]
        self.region = widgets.IntText(first, description="superpixel", style=wide, layout={"width": "160px"})
        self.opacity = widgets.FloatSlider(0.5, min=0, max=1, step=0.1, description="prediction", style=wide)
        buttons = {
            "relabel": ("relabel", "give the outlined superpixel the chosen class"),
            "next": ("most suspicious", "go to the unanswered superpixel with the highest mean EEM"),
            "undo": ("undo", "undo the latest answer"),
            "retrain": ("retrain", f"train a copy of the network for {self.steps} steps on your answers"),
        }
        self.buttons = {k: widgets.Button(description=words, tooltip=hint) for k, (words, hint) in buttons.items()}
        self.labels, self.mask, self.legend = (widgets.Image(format="png") for _ in range(3))
        self.change = Result(layout={"max_width": "100%", "align_self": "flex-start"})  # not stretched
        self.status, self.message, self.result = (widgets.HTML() for _ in range(3))
        self.progress = widgets.Output()
        rows, columns = self.given.partition.shape
        self.pointer = Pointer(rows=rows, columns=columns)
        self.pointer.watch(
            {"annotator-labels": self.labels, "annotator-mask": self.mask},
            {"annotator-labels": "your labels over the image", "annotator-mask": "explainable error mask"},
        )

    def _listen(self) -> None:
        acts = {"relabel": lambda: self.relabel(self.region.value), "next": self.next, "undo": self.undo,
                "retrain": self.retrain}  # fmt: skip
        for name, act in acts.items():
            self.buttons[name].on_click(lambda button, act=act: None if button.disabled else self._safely(act))
        self.pointer.on_click(lambda row, column: self._safely(lambda: self._point(row, column)))
        for control in (self.region, self.opacity):
            control.observe(lambda _change: self.show(), "value")

    def _point(self, row: int, column: int) -> None:
        self.relabel(int(self.given.partition[row, column]))

    def _safely(self, act: Callable[[], None]) -> None:
        """Do it; if it cannot be done, say so and leave everything as it was."""
        self.message.value = ""
        try:
            act()
        except SegxalError as error:
            self.message.value = f'<b role="alert">{html.escape(str(error))}</b>'

    def _arranged(self) -> list[widgets.Widget]:
        bar = widgets.Image(value=png(colour_bar(WIDTH, "EEM, 0 to 1")), format="png")
        half = {"flex": "1 1 300px", "min_width": "0"}  # a phone has them under each other
        left = widgets.VBox([widgets.HTML("<b>labels</b>: click to relabel"), self.labels, self.legend], layout=half)
        right = widgets.VBox([widgets.HTML("<b>explainable error mask</b>"), self.mask, bar], layout=half)
        choose = widgets.HBox(
            [self.category, self.region, *(self.buttons[k] for k in ("relabel", "next", "undo")), self.opacity]
        )
        choose.layout.flex_flow = "row wrap"
        end = widgets.HBox([self.buttons["retrain"], self.result])
        pictures = widgets.HBox([left, right], layout={"flex_flow": "row wrap", "width": "100%", "grid_gap": "10px"})
        return [
            widgets.HTML(STYLE), choose, self.status, self.message, pictures, end, self.progress, self.change,
            self.pointer, Keys(),
        ]  # fmt: skip
