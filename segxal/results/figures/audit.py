"""The ranking of SegXAL's Table 1 as it is printed, and as its class cells give it (notebook paper_audit)."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from segxal.results.audit import SEGXAL_ROWS
from segxal.results.figures.base import BAD, GOOD, GREY, SOFT, Sheet, new_sheet, styled

ENDS = ("printed", "recomputed")


@styled
def ranking_figure(ranks: pd.DataFrame, supervised: pd.Series) -> Sheet:
    """Left: rank by printed and by recomputed mIoU. Right: how far apart the two mIoUs of a row are.

    Args:
        ranks: of :func:`segxal.results.audit.ranking`.
        supervised: ``printed`` and ``recomputed`` mIoU of the fully supervised row, in percent.
    """
    sheet = new_sheet(2.7)
    left, right = sheet.subplots(1, 2, width_ratios=[1.45, 1], sharey=True)
    for row in ranks.to_dict("records"):
        _rank_line(left, row)
        _score_line(right, row)
    left.set(xlim=(-1.25, 2.25), ylim=(len(ranks) + 0.5, 0.5), xticks=[0, 1], yticks=[])
    left.set_xticklabels(["mIoU (%),\nprinted", "mean of the\n19 class IoUs"])
    left.set_title("rank among the rows with 40 % of the labels")
    right.axvline(supervised["recomputed"], color=GREY, linestyle=(0, (5, 3)), linewidth=0.9, zorder=1)
    right.annotate("fully supervised", (supervised["recomputed"], len(ranks)), xytext=(-3, 0), color=SOFT, fontsize=7,
                   textcoords="offset points", ha="right", va="center")  # fmt: skip
    right.set_title("open: printed, filled: mean of the class IoUs")
    right.set_xlabel("mIoU on Cityscapes (%), rows in printed order")
    right.grid(axis="x", color="#e8e8e8", linewidth=0.6)
    right.set_axisbelow(True)
    for axes in (left, right):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False, bottom=False)
    left.spines["bottom"].set_visible(False)
    return sheet


def _rank_line(axes: Axes, row: dict[Any, Any]) -> None:
    """One line from the printed to the recomputed rank, with the name and both mIoUs at its ends."""
    heights = [row[f"{end} rank"] for end in ENDS]
    axes.plot([0, 1], heights, color=_colour(row), marker="o", markersize=10, zorder=2)
    for x, rank in enumerate(heights):
        axes.text(x, rank, str(rank), color="white", ha="center", va="center_baseline", fontsize=7, zorder=3)
    axes.text(-0.13, heights[0], f"{row['method']}  {row['printed']:.2f}", ha="right", va="center", fontsize=7)
    axes.text(1.13, heights[1], f"{row['recomputed']:.2f}  {row['method']}", ha="left", va="center", fontsize=7)


def _score_line(axes: Axes, row: dict[Any, Any]) -> None:
    """Printed mIoU as an open dot, recomputed mIoU as a filled one."""
    ends, heights = [row[end] for end in ENDS], [row["printed rank"]] * 2
    axes.plot(ends, heights, color=_colour(row), linewidth=1.2, zorder=2)
    axes.plot(ends[0], heights[0], "o", color="white", markeredgecolor=_colour(row), markersize=7, zorder=3)
    axes.plot(ends[1], heights[1], "o", color=_colour(row), markersize=4.5, zorder=4)


def _colour(row: dict[Any, Any]) -> str:
    """SegXAL's rows blue, DEAL's vermilion, the others grey."""
    if row["method"] in SEGXAL_ROWS:
        return GOOD
    return BAD if row["method"] == "DEAL" else GREY
