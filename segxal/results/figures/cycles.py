"""Fig. 4: entropy, error mask and machine annotation of one image over the cycles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from segxal.acquisition.oracles import get_oracle
from segxal.acquisition.query import masked_queries
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.data.splits import Splits
from segxal.results.figures.base import (
    SOFT,
    Sheet,
    class_patches,
    legend_below,
    new_sheet,
    page_height,
    percent,
    scale,
    show_image,
    show_labels,
    show_map,
    styled,
)
from segxal.results.figures.view import View, right_share, view_of
from segxal.results.learner import learner_that_asked
from segxal.study.state import Cycle


@dataclass(frozen=True)
class Column:
    """What the network that asked in one cycle sees, and what the machine oracle answers.

    Attributes:
        cycle: number of the cycle.
        view: the image as that network sees it.
        annotation: (H, W) uint8 train ids, 255 = not annotated.
    """

    cycle: int
    view: View
    annotation: np.ndarray

    @property
    def numbers(self) -> dict[str, Any]:
        """Mean entropy and EEM (0 to 1), share of the pixels annotated, and share of those that is right."""
        return {
            "cycle": self.cycle, "ebu": round(float(self.view.ebu.mean()), 4),
            "eem": round(float(self.view.eem.mean()), 4),
            "annotated": round(float((self.annotation != VOID).mean()), 4),
            "right": round(right_share(self.annotation, self.view.truth), 4),
        }  # fmt: skip


def spectator(run: Sequence[Cycle], splits: Splits) -> str:
    """Name of the training image to look at over a run: never labelled, bright, with many classes in it.

    When every image was labelled in the end, one of those that were labelled last. The darker half, night scenes,
    prints badly and is left out.
    """
    pool = run[-1].pool()
    last = max(pool.since)
    candidates = pool.unlabelled or [i for i in pool.labelled if pool.since[i] == last]
    light = splits.train.images[candidates].float().mean((1, 2, 3))
    candidates = [i for i, bright in zip(candidates, light >= light.median(), strict=True) if bright]
    classes = [len(np.setdiff1d(splits.train.labels[i].numpy(), [VOID])) for i in candidates]
    return pool.ids[candidates[int(np.argmax(classes))]]


def cycle_columns(run: Sequence[Cycle], splits: Splits, image: str = "") -> list[Column]:
    """One column per cycle from 1 on.

    Args:
        run: the finished cycles of a run in order, cycle 0 included.
        splits: the data of its study.
        image: name of a training image; empty for :func:`spectator`'s choice.

    Raises:
        ConfigError: if there is no such image or the run has only cycle 0.
    """
    asking = [cycle for cycle in run if cycle.number > 0]
    if not asking:
        raise ConfigError("the run has only cycle 0, in which nothing is asked; run it to a later cycle")
    index = splits.train.position(image or spectator(run, splits))
    return [_column(cycle, splits, index) for cycle in asking]


def _column(cycle: Cycle, splits: Splits, index: int) -> Column:
    learner = learner_that_asked(cycle)
    view = view_of(learner, splits.train, index)
    (query,) = masked_queries(learner, splits.train, [index])
    models = cycle.previous.networks() if cycle.previous else {}
    oracle = get_oracle("pseudo", cycle.settings.oracle, models, learner.amp)
    return Column(cycle.number, view, oracle.annotate(query).labels)


@styled
def cycles_figure(columns: Sequence[Column]) -> Sheet:
    """Fig. 4: EBU, EEM and machine annotation (rows) over the cycles (columns), image and truth on the left.

    All maps of a row share one colour scale.
    """
    first = columns[0].view
    patches = class_patches(first.classes, [first.truth, *(c.annotation for c in columns)], "no label")
    sheet = new_sheet(page_height(first.truth.shape, 3, len(columns) + 1, 0.32, len(patches), side=0.85))
    axes = sheet.subplots(3, len(columns) + 1, squeeze=False)
    tops = [max(float(getattr(c.view, name).max()) for c in columns) for name in ("ebu", "eem")]
    show_image(axes[0, 0], first.image, "image")
    axes[1, 0].set_axis_off()
    axes[1, 0].text(0, 0.5, _name(first.id), va="center", fontsize=7, color=SOFT)
    show_labels(axes[2, 0], first.truth, first.classes, "truth")
    for k, column in enumerate(columns, 1):
        numbers = column.numbers
        ebu = show_map(axes[0, k], column.view.ebu, f"cycle {column.cycle}", f"mean {numbers['ebu']:.3f}", top=tops[0])
        eem = show_map(axes[1, k], column.view.eem, "", f"mean {numbers['eem']:.3f}", top=tops[1])
        note = f"{percent(numbers['annotated'])} labelled,\n{percent(numbers['right'])} right"
        show_labels(axes[2, k], column.annotation, first.classes, "", note)
    scale(axes[0, -1], ebu, "EBU (0 to 1)", "right")
    scale(axes[1, -1], eem, "EEM (0 to 1)", "right")
    _name_rows(list(axes[:, 1]))
    legend_below(sheet, patches)
    return sheet


def _name(image: str) -> str:
    """The name of the image, broken where it may be long."""
    return "image\n" + image.replace("_", "_\n", 1)


def _name_rows(column: Sequence[Axes]) -> None:
    for axes, name in zip(column, ("EBU (entropy)", "EEM", "annotation"), strict=True):
        axes.set_ylabel(name)
