"""The record for few pixels: share of full supervision over the price per image, beside PixelPick's printed points."""

import pandas as pd
from matplotlib.axes import Axes

from segxal.results.figures.base import GREY, INK, Sheet, new_sheet, price_axis, styled
from segxal.results.figures.curves import COLOURS, MARKERS
from segxal.results.record import GOAL, UNITS
from segxal.results.tables import published


@styled
def record_figure(table: pd.DataFrame) -> Sheet:
    """Share of the own fully supervised mIoU over pixels and over clicks per image (log axes); bands: 95 % intervals.

    Args:
        table: of :func:`segxal.results.record.record_table`.
    """
    sheet = new_sheet(3.6)
    axes = sheet.subplots(1, len(UNITS), sharey=True)
    last = table.groupby("method").share.last()
    names = sorted(dict.fromkeys(table.method), key=lambda name: -last[name])
    for panel, unit in zip(axes, UNITS, strict=True):
        for k, name in enumerate(names):
            _line(panel, table[table.method == name], unit, COLOURS[k % 7], MARKERS[k % 7])
        _printed(panel)
        panel.axhline(GOAL["share"], color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
        panel.set(xlabel=f"{unit} per training image")
        price_axis(panel, log=True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#e8e8e8", linewidth=0.6)
    axes[0].set_ylabel("share of the own fully supervised mIoU (%)")
    axes[0].annotate(
        f"{GOAL['share']:.0f} %", (0, GOAL["share"]), xycoords=("axes fraction", "data"), xytext=(2, 2),
        textcoords="offset points", fontsize=6.5, color=GREY,
    )  # fmt: skip
    sheet.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=7)
    return sheet


def _line(axes: Axes, rows: pd.DataFrame, unit: str, colour: str, marker: str) -> None:
    axes.plot(rows[unit], rows.share, color=colour, marker=marker, markersize=3.5, linewidth=1.2,
              label=rows.method.iloc[0])  # fmt: skip
    if rows.low.notna().all():
        axes.fill_between(rows[unit], rows.low, rows.high, color=colour, alpha=0.12, linewidth=0)


def _printed(axes: Axes) -> None:
    """PixelPick asks for single pixels: a click each, so its points are the same in both panels."""
    printed = published("pixelpick_camvid")
    share = 100 * printed.miou / printed.full
    axes.plot(printed.pixels_per_image, share, "*", color=INK, markersize=8, linestyle="none",
              label="PixelPick, as printed")  # fmt: skip
