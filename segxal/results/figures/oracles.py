"""Fig. 5: what a machine and what a (simulated) human answer about the same image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.data.splits import Splits
from segxal.results.figures.base import (
    BAD,
    GOOD,
    PALE,
    Sheet,
    bare,
    class_patches,
    legend_below,
    new_sheet,
    page_height,
    percent,
    show_image,
    show_labels,
    styled,
)
from segxal.results.figures.view import View, query_of, right_share, view_of
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle


@dataclass(frozen=True)
class Answers:
    """Two oracles' answers about one image, and the prediction they were shown.

    Attributes:
        view: the image as the network that asked sees it.
        pseudo: (H, W) uint8 train ids by the machine, 255 = not annotated.
        human: (H, W) uint8 train ids by the simulated human, 255 = not annotated.
        queries: per oracle (``pseudo``, ``human``) the record of the query.
    """

    view: View
    pseudo: np.ndarray
    human: np.ndarray
    queries: dict[str, dict[str, Any]]

    @property
    def numbers(self) -> dict[str, Any]:
        """What the figure shows, in numbers: per map the share labelled and the share of that which is right."""
        maps = {"prediction": self.view.prediction, "pseudo": self.pseudo, "human": self.human}
        shares = {
            name: {"labelled": round(float((labels != VOID).mean()), 4),
                   "right": round(right_share(labels, self.view.truth), 4)}
            for name, labels in maps.items()
        }  # fmt: skip
        costs = {name: {word: query[word] for word in ("dice", "clicks")} for name, query in self.queries.items()}
        return {"image": self.view.id, **shares, "cost": costs}


def oracle_answers(pseudo: Cycle, human: Cycle, splits: Splits, image: str = "") -> Answers:
    """The answers of ``segxal-pseudo`` and ``segxal-human`` about an image that both asked about.

    Args:
        pseudo: cycle 1 of ``segxal-pseudo``.
        human: cycle 1 of ``segxal-human``, same seed: both continue from the same network.
        splits: the data of the study.
        image: name of an image queried in both cycles; empty for the best-ranked one.

    Raises:
        ConfigError: if the image, or every image, was not queried in both.
    """
    asked = {query["id"] for query in human.queries()}
    common = [query["id"] for query in pseudo.queries() if query["id"] in asked]
    if not common:
        raise ConfigError(f"{pseudo.method} and {human.method} share no query; take cycle 1 of the same seed of both")
    name = image or str(common[0])
    queries = {"pseudo": query_of(pseudo, name), "human": query_of(human, name)}
    view = view_of(learner_that_asked(human), splits.train, splits.train.position(name))
    return Answers(view, pseudo.annotations()[name], human.annotations()[name], queries)


@styled
def oracles_figure(answers: Answers) -> Sheet:
    """Fig. 5: truth, prediction, pseudo-labels and human annotation, and under each where it is wrong."""
    view, numbers = answers.view, answers.numbers
    maps = {"prediction": view.prediction, "pseudo": answers.pseudo, "human": answers.human}
    patches = class_patches(view.classes, [view.truth, *maps.values()], "no label, or void")
    patches += [Patch(facecolor=GOOD, label="right"), Patch(facecolor=BAD, label="wrong"),
                Patch(facecolor=PALE, label="no label: no verdict")]  # fmt: skip
    sheet = new_sheet(page_height(view.truth.shape, 2, 4, 0.33, len(patches)))
    axes = sheet.subplots(2, 4)
    show_image(axes[0, 0], view.image, "(a) image", view.id)
    show_labels(axes[1, 0], view.truth, view.classes, "(b) truth")
    names = {"prediction": "(c) prediction", "pseudo": "(d) pseudo-labels", "human": "(e) human annotation"}
    for k, (name, labels) in enumerate(maps.items(), 1):
        clicks = f", {answers.queries[name]['clicks']} clicks" if name in answers.queries else ""
        show_labels(
            axes[0, k], labels, view.classes, names[name], f"{percent(numbers[name]['labelled'])} labelled{clicks}"
        )
        _verdict(axes[1, k], labels, view.truth, f"{percent(numbers[name]['right'])} of them right")
    legend_below(sheet, patches)
    return sheet


def _verdict(axes: Axes, labels: np.ndarray, truth: np.ndarray, note: str) -> None:
    """Blue where the labels are right, vermilion where they are wrong, grey where one of the two says nothing."""
    picture = np.empty((*labels.shape, 3))
    picture[:] = to_rgb(PALE)
    known = (labels != VOID) & (truth != VOID)
    picture[known & (labels == truth)] = to_rgb(GOOD)
    picture[known & (labels != truth)] = to_rgb(BAD)
    bare(axes, "", note)
    axes.imshow(picture, interpolation="nearest")
