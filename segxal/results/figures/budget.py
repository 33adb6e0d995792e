"""Scores of all methods over what they cost, what each of them bought, and who beats whom."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from segxal.core.errors import ConfigError
from segxal.core.price import BUDGETS
from segxal.methods import get_method
from segxal.methods.supervised import SUPERVISED
from segxal.results.figures.base import GREY, HEAT, INK, PALE, Sheet, new_sheet, styled
from segxal.results.figures.curves import COLOURS, MARKERS

LINES = ("-", "--", ":", "-.")


@styled
def budget_figure(records: pd.DataFrame, units: Sequence[str] = ("pixels", "clicks")) -> Sheet:
    """Scores (mIoU) over budgets: SegXAL and whole images on the left, regions and pixels on the right.

    A side without methods is left out.

    Args:
        records: of :func:`segxal.results.tables.main_runs`.
        units: keys of ``BUDGETS``, one row each.
    """
    names = [name for name in dict.fromkeys(records.method) if get_method(name).buys]
    whole = [name for name in names if get_method(name).granularity == "image"]
    regions = [name for name in names if name not in whole]
    known = [name for name in ("random", "segxal-human") if name in names]
    sides = {"SegXAL and whole images": whole, "regions and pixels": known + regions if regions else []}
    sides = {words: part for words, part in sides.items() if part}
    bands = ", bands: lowest to highest seed" if records.seed.nunique() > 1 else ""
    sheet = new_sheet(0.9 + 2.9 * len(units))
    axes = sheet.subplots(len(units), len(sides), sharey=True, squeeze=False)
    for row, unit in zip(axes, units, strict=True):
        for panel, (words, part) in zip(row, sides.items(), strict=True):
            for name in part:
                _band(panel, records[records.method == name], unit, name, names.index(name))
            _full(panel, records)
            panel.set(xlabel=BUDGETS[unit], title=words + bands)
            panel.xaxis.set_major_locator(MaxNLocator(6))
            panel.xaxis.set_major_formatter("{x:,.0f}")
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(axis="y", color="#e8e8e8", linewidth=0.6)
        row[0].set_ylabel("mIoU (%)")
        if whole and regions:  # where they end; whole images go on
            row[1].set_xlim(right=1.04 * records[records.method.isin(regions)][unit].max())
    for panel in axes[-1]:
        handles, labels = panel.get_legend_handles_labels()
        panel.legend(
            handles, labels, frameon=False, fontsize=6, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2)
        )
    return sheet


def _band(axes: Axes, rows: pd.DataFrame, unit: str, name: str, k: int) -> None:
    """Mean over seeds against the mean budget, cycle by cycle; the band reaches from the lowest to the highest seed."""
    scores = {"mean": ("miou", "mean"), "low": ("miou", "min"), "high": ("miou", "max")}
    found = rows[rows[unit] > 0].groupby("cycle").agg(x=(unit, "mean"), **scores)
    colour, heavy = COLOURS[k % 7], 1.8 if get_method(name).masks else 1.0
    axes.plot(found.x, found["mean"], color=colour, marker=MARKERS[k % 7], markersize=3, linewidth=heavy,
              linestyle=LINES[k // 7 % 4], label=name)  # fmt: skip
    if rows.seed.nunique() > 1:
        axes.fill_between(found.x, found.low, found.high, color=colour, alpha=0.1, linewidth=0)


def _full(axes: Axes, records: pd.DataFrame) -> None:
    full = records[records.method == SUPERVISED.name].miou.mean()
    if np.isfinite(full):
        axes.axhline(full, color="black", linewidth=0.8, linestyle=(0, (5, 3)), label="fully supervised")
        axes.axhline(0.95 * full, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)), label="95 % of it")


@styled
def bought_figure(table: pd.DataFrame, reference: str = "random", title: str = "") -> Sheet:
    """How often each class is among the pixels a method bought, against a reference.

    Args:
        table: of :func:`segxal.results.comparison_tables.bought_table`, with a row ``reference``.
        reference: a method that buys, usually random whole images.
        title: what is seen.

    Raises:
        ConfigError: if ``reference`` bought nothing.
    """
    if reference not in set(table.method):
        raise ConfigError(f"{reference} bought no labels to compare with; choose one of {', '.join(table.method)}")
    shares = table.set_index("method").drop(columns="seeds")
    ratio = np.log2((shares + 0.05) / (shares.loc[reference] + 0.05))
    sheet = new_sheet(0.9 + 0.19 * len(shares), layout="constrained")
    axes = sheet.add_subplot()
    image = axes.imshow(ratio, cmap="PuOr", vmin=-2, vmax=2, aspect="auto")
    _grid(
        axes, shares, [[f"{value:.1f}" for value in row] for row in shares.to_numpy()], (ratio.abs() > 1.2).to_numpy()
    )
    bar = sheet.colorbar(image, ax=axes, fraction=0.03, pad=0.01, ticks=[-2, -1, 0, 1, 2])
    bar.set_ticklabels(["1/4", "1/2", "1", "2", "4"])
    bar.set_label(f"against {reference}")
    axes.set_title(title or "share of each class among the bought pixels (%)")
    return sheet


@styled
def penalty_figure(matrix: pd.DataFrame, title: str = "") -> Sheet:
    """Pairwise penalty matrix: the row's method beats the column's at which share of the budget points.

    Args:
        matrix: of :func:`segxal.results.comparison.penalty_matrix`.
        title: what is seen.
    """
    side = 1.4 + 0.24 * len(matrix)
    sheet = new_sheet(side, min(7.2, side + 0.8), layout="constrained")
    axes = sheet.add_subplot()
    image = axes.imshow(matrix.to_numpy(float), cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    words = [["" if np.isnan(v) or v == 0 else f"{v:.1f}" for v in row] for row in matrix.to_numpy(float)]
    _grid(axes, matrix, words, matrix.to_numpy(float) < 0.6)
    if not matrix.notna().to_numpy().any():
        axes.text(0.5, 0.5, "no test: fewer than 2 seeds", ha="center", transform=axes.transAxes, color=INK)
    sheet.colorbar(image, ax=axes, fraction=0.04, pad=0.02).set_label("share of budget points")
    axes.set_title(title)
    return sheet


def _grid(axes: Axes, table: pd.DataFrame, words: list[list[str]], dark: np.ndarray) -> None:
    """Names of rows and columns, and a word in every cell; white on dark cells."""
    axes.set_xticks(range(table.shape[1]), table.columns, rotation=60, ha="right", fontsize=6)
    axes.set_yticks(range(table.shape[0]), table.index, fontsize=6)
    axes.tick_params(length=0)
    axes.spines[:].set_color(PALE)
    for i, row in enumerate(words):
        for k, word in enumerate(row):
            colour = "white" if dark[i, k] else INK
            axes.text(k, i, word, ha="center", va="center", fontsize=5.5, color=colour)
