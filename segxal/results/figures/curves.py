"""Scores over cycles, one line per run."""

from collections.abc import Mapping, Sequence
from typing import Any

from segxal.core.faithfulness import Curve, Stage
from segxal.results.figures.base import PALE, Sheet, new_sheet, styled
from segxal.study.state import Cycle

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)  # Okabe and Ito, colour-blind safe
MARKERS = "osD^vPX"
POLICY_CURVES = {
    "reward": "reward (points of mIoU)", "loss": "loss of Q", "epsilon": "share chosen at random",
    "rate": "learning rate",
}  # fmt: skip


@styled
def curves(lines: Mapping[str, Sequence[dict[str, Any]]], unit: str = "labelled", title: str = "") -> Sheet:
    """Scores (mIoU) of runs over what they had labelled or paid.

    Args:
        lines: name -> rows of one run in order, see :func:`segxal.study.records.rows_of`.
        unit: column of the horizontal axis: ``labelled``, ``images``, ``pixels`` or ``clicks``.
        title: what is seen.
    """
    figure = new_sheet(3.6, 6, "constrained")
    axes = figure.add_subplot()
    for k, (name, rows) in enumerate(lines.items()):
        x, y = [row[unit] for row in rows], [row["miou"] for row in rows]
        axes.plot(x, y, marker=MARKERS[k % 7], color=COLOURS[k % 7], label=name, markersize=5)
    axes.set_xlabel({"labelled": "labelled images"}.get(unit, f"{unit} paid for"))
    axes.set_ylabel("mIoU (%)")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


@styled
def training(cycle: Cycle) -> Sheet:
    """Loss and validation mIoU of one training."""
    history = cycle.metrics()["history"]
    steps = [row["step"] for row in history]
    figure = new_sheet(2.6, 7, "constrained")
    left, right = figure.subplots(1, 2)
    left.plot(steps, [row["loss"] for row in history], marker="o", color=COLOURS[0])
    left.set(xlabel="step", ylabel="training loss (mean since the last check)")
    right.plot(steps, [100 * row["val_miou"] for row in history], marker="o", color=COLOURS[1])
    right.set(xlabel="step", ylabel="validation mIoU (%)")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


@styled
def policy(history: Sequence[dict[str, Any]]) -> Sheet:
    """How a policy was trained, step by step: reward and its mean per episode, loss, exploration and learning rate.

    Args:
        history: rows of the stage ``ralis-policy`` (``metrics.json``, ``policy``).
    """
    figure = new_sheet(4.2, 7, "constrained")
    steps = range(1, len(history) + 1)
    panels = figure.subplots(2, 2, sharex=True)
    for axes, (column, words) in zip(panels.flat, POLICY_CURVES.items(), strict=True):
        values = [float("nan") if row[column] is None else row[column] for row in history]
        axes.plot(steps, values, color=COLOURS[0], linewidth=0.8)
        axes.set_ylabel(words)
        axes.spines[["top", "right"]].set_visible(False)
    episodes = sorted({row["episode"] for row in history})
    parts = [[k for k, row in enumerate(history, 1) if row["episode"] == number] for number in episodes]
    means = [sum(history[k - 1]["reward"] for k in part) / len(part) for part in parts]
    panels[0, 0].plot(
        [sum(part) / len(part) for part in parts], means, "o", color=COLOURS[1], label="mean of an episode"
    )
    panels[0, 0].axhline(0, color=PALE, linewidth=0.6)
    panels[0, 0].legend(frameon=False, fontsize=7)
    panels[1, 1].set_yscale("log")
    for axes in panels[1]:
        axes.set_xlabel("step over all episodes")
    return figure


@styled
def randomisation(stages: Sequence[Stage]) -> Sheet:
    """Likeness of the map to the original one while layer after layer is randomised."""
    figure = new_sheet(3.4, 7, "constrained")
    axes = figure.add_subplot()
    numbers = [stage.number for stage in stages]
    axes.plot(numbers, [stage.spearman for stage in stages], marker="o", color=COLOURS[0], label="rank correlation")
    axes.plot(numbers, [stage.ssim for stage in stages], marker="s", color=COLOURS[1], label="SSIM")
    axes.set_xticks(numbers, [stage.layer or "as trained" for stage in stages], rotation=60, ha="right", fontsize=7)
    axes.set(ylabel="likeness to the original map", xlabel="layer randomised last, from the output to the input")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


@styled
def deletion(orders: Sequence[Curve]) -> Sheet:
    """Pixels that keep their class while pixels are removed, and come back while they are inserted."""
    figure = new_sheet(3, 7, "constrained")
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ("deletion", "insertion"), strict=True):
        for k, curve in enumerate(curve for curve in orders if curve.kind == kind):
            x, y = [100 * share for share in curve.shares], [100 * share for share in curve.kept]
            axes.plot(x, y, color=COLOURS[k], marker=MARKERS[k], markersize=4, label=f"order: {curve.order}")
        axes.set(title=kind, xlabel=f"area {'blurred' if kind == 'deletion' else 'shown'} (%)")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("pixels that keep their class (%)")
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure
