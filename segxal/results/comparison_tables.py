"""Tables that put all methods side by side: Table 1, near and far, what each method bought. Scores are in percent."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from segxal.methods import get_method
from segxal.results.comparison import compare_with, p_words
from segxal.results.statistics import spread
from segxal.results.tables import last_cycles, main_runs, published, read_records, shares_of_supervised
from segxal.storage import paths
from segxal.study.grid import NOISE_ABLATIONS
from segxal.study.records import KEY, as_recorded
from segxal.study.settings import Preset


def table1(records: pd.DataFrame, class_iou: pd.DataFrame) -> pd.DataFrame:
    """Class IoUs after the last cycle, their mean and both standard deviations, then the paper's printed rows.

    Args:
        records: of :func:`segxal.results.tables.read_records`.
        class_iou: of :func:`segxal.results.tables.read_class_iou`.

    Returns:
        One row per method, best mean first: ``seeds``, one column per class (mean over seeds), ``mIoU`` (the mean of
        these cells), ``std over seeds`` (n - 1, of the runs' mIoU) and ``std over classes`` (of the row's cells, not
        n - 1; the paper's "STD"). The paper's class cells are printed where the classes are the same.
    """
    last = last_cycles(main_runs(records))
    cells = class_iou.merge(last[KEY])
    classes = list(dict.fromkeys(cells["class"]))
    rows = []
    for (method, depth), part in cells.groupby(["method", "depth"], sort=False):
        means = part.groupby("class").iou.mean().reindex(classes).round(2)
        runs = last[last.method == method].miou
        rows.append({
            "method": method, "depth": depth, "seeds": len(runs), **means, "mIoU": means.mean(),
            "std over seeds": runs.std() if len(runs) > 1 else np.nan, "std over classes": means.std(ddof=0),
        })  # fmt: skip
    measured = pd.DataFrame(rows).sort_values("mIoU", ascending=False)
    paper = published("segxal_table1").rename(columns={"STD": "std over classes"}).drop(columns="source")
    paper = paper.assign(method="paper, printed: " + paper.method, depth="", seeds=5)
    table = pd.concat([measured, paper[[name for name in paper if name in measured]]])
    return _as_text(table, [name for name in table if name not in ("method", "depth", "seeds")])


def _as_text(table: pd.DataFrame, scores: list[str]) -> pd.DataFrame:
    """Scores with two decimals; empty where there is none."""
    words = {name: [f"{value:.2f}" if np.isfinite(value) else "" for value in table[name]] for name in scores}
    return table.assign(**words).reset_index(drop=True)


def near_far_table(records: pd.DataFrame) -> pd.DataFrame:
    """Scores (mIoU) among near and among far pixels after the last cycle; mean ± standard deviation over seeds."""
    last = last_cycles(main_runs(records)).dropna(subset=["near_miou", "far_miou"])
    rows = [
        {"method": method, "depth": depth, "seeds": len(part), "all": spread(part.miou),
         "near": spread(part.near_miou), "far": spread(part.far_miou),
         "near - far": spread(part.near_miou - part.far_miou)}
        for (method, depth), part in last.groupby(["method", "depth"], sort=False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def difference_table(
    records: pd.DataFrame, reference: str, budgets: Sequence[str] = ("images", "pixels", "clicks")
) -> pd.DataFrame:
    """Every method beside a reference, one column per budget.

    Returns:
        AUBC of the method minus that of the reference in points, its 95 % confidence interval and Holm's p over the
        methods of that budget; empty where the two share no range of the budget. ``seeds``: of the first budget.
    """
    rows: dict[str, dict[str, str]] = {}
    for budget in budgets:
        for c in compare_with(records, reference, budget):
            t = c.test
            tested = f" ({t.low:+.2f} to {t.high:+.2f}), p {p_words(c.holm, '= ')}" if np.isfinite(t.p) else ""
            cell = f"{t.difference:+.2f}{tested}" if t.seeds else ""
            rows.setdefault(c.method, {"method": c.method, "seeds": str(t.seeds)})[f"over {budget}"] = cell
    return pd.DataFrame(rows.values(), columns=["method", "seeds", *(f"over {budget}" for budget in budgets)])


def share_table(records: pd.DataFrame) -> pd.DataFrame:
    """How few pixels give how much of full supervision: the distance to PixelPick's record.

    Args:
        records: of :func:`segxal.results.tables.read_records`.

    Returns:
        One row per method that asks for parts of images, one column per cycle: share of all training pixels that is
        annotated, and the score (mIoU) as a share of that of ``supervised``, in percent, means over seeds. The last row
        is what PixelPick prints (60 pixels per image are its record for 95 %); its columns are its own five budgets.
        Without ``supervised`` there is that row alone.
    """
    main = main_runs(records)
    rows = []
    for method, part in main.groupby("method", sort=False):
        known = get_method(str(method))
        if not known.buys or (known.granularity == "image" and known.family != "segxal"):
            continue
        shares = shares_of_supervised(part.groupby("cycle")[["pixels", "miou"]].mean(), main).dropna()
        if len(shares):
            rows.append({"method": method, **{n: _share(at.pixels, at.miou) for n, at in shares.iterrows()}})
    printed = published("pixelpick_camvid")
    scores = 100 * printed.miou / printed.full
    cells = {n: _share(*pair) for n, pair in enumerate(zip(printed.pixels_percent, scores, strict=True), 1)}
    rows.append({"method": f"PixelPick, printed: {printed.network[0]}", **cells})
    table = pd.DataFrame(rows).set_index("method").sort_index(axis=1).add_prefix("cycle ")
    return table.fillna("").reset_index()


def _share(pixels: float, score: float) -> str:
    return f"{pixels:.3f} %: {score:.1f} %"


def noise_table(records: pd.DataFrame) -> pd.DataFrame:
    """What errors of people cost each method: mIoU after the last cycle, beside that with people who are always right.

    Args:
        records: of :func:`segxal.results.tables.read_records`, ablations included.

    Returns:
        One row per method and kind of noise: ``mIoU``, ``without noise`` and ``change``, mean ± standard deviation over
        the seeds that have both.
    """
    last = last_cycles(records).pivot(index=["method", "seed"], columns="ablation", values="miou")
    rows = []
    for noise in [name for name in NOISE_ABLATIONS if name in last]:
        for method, part in last[["none", noise]].dropna().groupby("method"):
            change = part[noise] - part["none"]
            rows.append({"method": method, "noise": noise, "seeds": len(part), "mIoU": spread(part[noise]),
                         "without noise": spread(part["none"]), "change": spread(change)})  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "noise", "seeds", "mIoU", "without noise", "change"])


def bought_table(preset: Preset, runs: Path = paths.RUNS) -> pd.DataFrame:
    """Share of each class among the pixels that people were asked for and that joined, in percent; mean over seeds.

    Returns:
        One row per method, one column per class; methods that bought nothing are left out.
    """
    bought = read_records(preset, runs, "bought")
    bought = bought[(bought.ablation == "none") & (bought.cycle > 0)]
    rows = []
    for method in as_recorded(preset, bought).methods:
        if not get_method(method).buys or get_method(method).asks_machine:
            continue
        pixels = bought[bought.method == method].drop(columns=KEY).groupby(bought.seed).sum()
        pixels = pixels[pixels.sum(axis=1) > 0]
        if len(pixels):
            shares = 100 * pixels.div(pixels.sum(axis=1), axis=0)
            rows.append({"method": method, "seeds": len(pixels), **shares.mean()})
    return pd.DataFrame(rows).round(2)
