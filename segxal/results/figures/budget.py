"""Scores of all methods over what they cost, what each of them bought, and who beats whom."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from segxal.core.errors import ConfigError
from segxal.core.price import BUDGETS
from segxal.methods import get_method, random_selection
from segxal.methods.baselines import BY_MAP, DROPOUT
from segxal.methods.supervised import SUPERVISED
from segxal.results.figures.base import BAD, GOOD, GREY, HEAT, INK, PALE, SOFT, Sheet, new_sheet, price_axis, styled

UNCERTAIN = {*BY_MAP, "eem-top"} - {*DROPOUT}
MOST = 6  # lines in a panel
LINE_POINTS = 7  # height of a line of text, points
GROUPS = {  # title of a panel -> the methods in it
    "SegXAL and S4AL": lambda m: m.family in ("segxal", "s4al"),
    "images: uncertainty": lambda m: m.granularity == "image" and m.strategy in UNCERTAIN,
    "images: committees and difficulty": lambda m: (
        m.granularity == "image" and m.strategy.startswith(("deal", *DROPOUT))
    ),
    "images: coverage": lambda m: m.granularity == "image",
    "regions": lambda m: m.granularity != "pixel",
    "pixels: error mask": lambda m: m.masks,
    "pixels: uncertainty": lambda m: True,
}
LINES = (":", "--", "-.", (0, (6, 1, 1, 1, 1, 1)))  # of those that are neither the best nor the reference
WIDE_RANGE = 20  # budgets that grow by more than this factor stand on a log axis


@styled
def budget_figure(records: pd.DataFrame, units: Sequence[str] = ("pixels", "clicks")) -> Sheet:
    """Scores (mIoU) over budgets: one row of panels for each family of methods, one column for each unit.

    In colour: the random selection of the study, which is in every panel, and the family's best method (mean over its
    last scores). The others are grey; all are named where they end.

    Args:
        records: of :func:`segxal.results.tables.main_runs`.
        units: keys of ``BUDGETS``.
    """
    names = [name for name in dict.fromkeys(records.method) if get_method(name).buys]
    families = _families(names)
    sheet = new_sheet(0.4 + 2.1 * len(families))
    axes = sheet.subplots(len(families), len(units), sharey=True, squeeze=False)
    for row, (words, part) in zip(axes, families.items(), strict=True):
        for panel, unit in zip(row, units, strict=True):
            _family(sheet, panel, records, part, unit)
            panel.set(xlabel=BUDGETS[unit], title=words)
        row[0].set_ylabel("mIoU (%)")
    if records.seed.nunique() > 1:
        sheet.suptitle("bands: lowest to highest seed", x=0.01, ha="left", fontsize=7, color=SOFT)
    return sheet


def _families(names: Sequence[str]) -> dict[str, list[str]]:
    """Title of a panel -> its methods, the reference first; each method is in the first group that takes it."""
    reference = random_selection(names)
    known = [reference] if reference else []
    waiting = [name for name in names if name != reference]
    found = {}
    for words, takes in GROUPS.items():
        part = [name for name in waiting if takes(get_method(name))]
        waiting = [name for name in waiting if name not in part]
        for k in range(0, len(part), MOST - 1):
            found[f"{words}, more" if k else words] = [*known, *part[k : k + MOST - 1]]
    return found or {"random selection": known}


def _family(sheet: Sheet, axes: Axes, records: pd.DataFrame, names: Sequence[str], unit: str) -> None:
    last = {name: _means(records[records.method == name], unit)["mean"].iloc[-1] for name in names}
    reference = random_selection(dict.fromkeys(records.method))
    best = max((name for name in names if name != reference), key=lambda name: last[name], default="")
    ends, grey = [], iter(LINES * 2)
    for name in names:
        means = _means(records[records.method == name], unit)
        colour = {best: GOOD, reference: BAD}.get(name, GREY)
        style = "-" if colour != GREY else next(grey)
        axes.plot(means.x, means["mean"], color=colour, linewidth=1.0 if colour == GREY else 1.6, linestyle=style,
                  marker="o", markersize=2.5, label=name)  # fmt: skip
        if colour != GREY and (means.high > means.low).any():
            axes.fill_between(means.x, means.low, means.high, color=colour, alpha=0.12, linewidth=0)
        ends.append((means.x.iloc[-1], means["mean"].iloc[-1], name, colour if colour != GREY else SOFT))
    _full(axes, records)
    bought = records[records.method.isin(names) & (records[unit] > 0)][unit]
    price_axis(axes, log=bought.max() > WIDE_RANGE * bought.min())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.6)
    _name_ends(sheet, axes, ends)


def _name_ends(sheet: Sheet, axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names of lines (x and y of the end, name, colour) beside their ends, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    apart = (high - low) * LINE_POINTS / (72 * axes.get_position().height * sheet.get_figheight())
    place = low
    right = max((x for x, *_ in ends), default=0.0)
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        place = max(y, place)
        axes.annotate(
            name, (x, y), xytext=(right, place), fontsize=6, color=colour, va="center", annotation_clip=False,
            xycoords="data", textcoords=offset_copy(axes.transData, sheet, 10, 0, units="points"),
            arrowprops={"arrowstyle": "-", "color": PALE, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 1},
        )  # fmt: skip
        place += apart


def _means(rows: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Mean, lowest and highest score over seeds at the mean budget, cycle by cycle."""
    scores = {"mean": ("miou", "mean"), "low": ("miou", "min"), "high": ("miou", "max")}
    return rows[rows[unit] > 0].groupby("cycle").agg(x=(unit, "mean"), **scores)


def _full(axes: Axes, records: pd.DataFrame) -> None:
    full = records[records.method == SUPERVISED.name].miou.mean()
    if np.isfinite(full):
        for share, style, words in ((1, (0, (5, 3)), "fully supervised"), (0.95, (0, (1, 2)), "95 % of it")):
            axes.axhline(share * full, color=INK, linewidth=0.7, linestyle=style)
            axes.annotate(
                words, (0, share * full), xycoords=("axes fraction", "data"), xytext=(2, 1.5),
                textcoords="offset points", fontsize=5.5, color=SOFT,
            )  # fmt: skip


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
