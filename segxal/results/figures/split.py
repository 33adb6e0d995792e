"""Fig. 7: mIoU of the last cycle against the share of images that was labelled at the start."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from segxal.methods.supervised import SUPERVISED
from segxal.results.figures.base import GREY, SOFT, Sheet, new_sheet, styled
from segxal.results.figures.curves import COLOURS, MARKERS
from segxal.results.statistics import shared_seeds
from segxal.storage import paths
from segxal.study.grid import run_cycles, run_of, segxal_methods, split_ablations
from segxal.study.records import as_recorded, collect
from segxal.study.settings import Preset
from segxal.study.state import Cycle

# Colour and marker; a mode of the paper looks like the method that stands for it.
LOOKS = {"segxal-pseudo": 0, "segxal-human": 1, "segxal-gt-patch": 2, "Pseudolabel": 0, "Manual-M": 1, "Manual-D": 3}
COLUMNS = ["method", "split_percent", "seed", "miou"]


def split_runs(preset: Preset, runs: Path = paths.RUNS) -> list[list[Cycle]]:
    """The runs that Fig. 7 is drawn from: SegXAL methods at every initial split, and the two baselines."""
    cells = [(method, name) for name in split_ablations(preset).values() for method in segxal_methods(preset)]
    cells += [(method, "none") for method in preset.methods if method in ("random", SUPERVISED.name)]
    return [run_of(preset, method, seed, name, runs) for method, name in cells for seed in preset.seeds]


def split_records(preset: Preset, data_root: str = "", runs: Path = paths.RUNS) -> pd.DataFrame:
    """Last-cycle scores of every initial split, from the study's ``results.csv``.

    A study that was collected is taken as it is, whichever seeds and methods it holds. Where there are no records of
    any split, the runs of Fig. 7 are computed and collected first.

    Args:
        preset: the study.
        data_root: folder that holds the data sets.
        runs: folder that holds the studies.

    Returns:
        One row per method, split and seed, of the seeds that have all splits: method, split_percent (NaN for the
        baselines), seed, miou in percent.
    """
    file = runs / preset.name / "results.csv"
    names = {name: 100 * share for share, name in split_ablations(preset).items()}
    if not file.is_file() or not set(names) <= set(pd.read_csv(file)["ablation"]):
        for run in split_runs(preset, runs):
            run_cycles(run, data_root)
        collect(preset, runs)
    found = pd.read_csv(file)
    baselines = found["method"].isin(["random", SUPERVISED.name]) & (found["ablation"] == "none")
    last = found["cycle"] == preset.pool.cycles
    kept = found[(last & found["ablation"].isin(names)) | (found["method"] == SUPERVISED.name)]
    shown = kept["method"].isin([*segxal_methods(as_recorded(preset, found)), "random", SUPERVISED.name])
    kept = kept[shown].assign(split_percent=kept["ablation"].map(names).where(~baselines[kept.index]))
    complete = shared_seeds(kept[kept["split_percent"].notna()])
    kept = pd.concat([complete, kept[kept["split_percent"].isna() & kept["seed"].isin(complete["seed"])]])
    return kept[COLUMNS].sort_values(COLUMNS[:3], ignore_index=True)


def shown_runs(preset: Preset, records: pd.DataFrame, runs: Path = paths.RUNS) -> list[Cycle]:
    """The last cycles of the runs that stand behind the rows of :func:`split_records`."""
    names = {100 * share: name for share, name in split_ablations(preset).items()}
    shown = {(row.method, names.get(row.split_percent, "none"), row.seed) for row in records.itertuples()}
    ends = [run[-1] for run in split_runs(as_recorded(preset, records), runs)]
    return [end for end in ends if (end.method, end.ablation, end.seed) in shown]


@styled
def split_figure(preset: Preset, records: pd.DataFrame, paper: pd.DataFrame) -> Sheet:
    """Fig. 7: one line per SegXAL method with a band from the lowest to the highest seed; the paper beside it.

    Args:
        preset: the study.
        records: see :func:`split_records`.
        paper: the printed end points: mode, split_percent, miou.
    """
    sheet = new_sheet(3.5)
    left, right = sheet.subplots(1, 2, width_ratios=[2.4, 1])
    for method in segxal_methods(as_recorded(preset, records)):
        _line(left, records[records["method"] == method], method, LOOKS.get(method, 4))
    _baselines(left, records, preset)
    seeds = sorted(set(records["seed"]))
    spread = f"mean and range of {len(seeds)} seeds" if len(seeds) > 1 else f"one seed ({seeds[0]}): no spread is known"
    left.set_title(f"this study ({preset.name}): after {preset.pool.cycles} cycles, {spread}")
    left.set(xlabel="images labelled before the first cycle (%)", ylabel=f"mIoU on {preset.data.report} (%)")
    left.set_xticks(sorted(set(records["split_percent"].dropna())))
    left.margins(x=0.06, y=0.12)
    _paper(right, paper)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e8e8e8", linewidth=0.6)
        axes.set_axisbelow(True)
    return sheet


def _line(axes: Axes, rows: pd.DataFrame, name: str, k: int) -> None:
    scores = rows.groupby("split_percent")["miou"].agg(["mean", "min", "max"])
    axes.plot(scores.index, scores["mean"], color=COLOURS[k], marker=MARKERS[k], markersize=5, label=name)
    if rows["seed"].nunique() > 1:
        axes.fill_between(scores.index, scores["min"], scores["max"], color=COLOURS[k], alpha=0.15, linewidth=0)


def _baselines(axes: Axes, records: pd.DataFrame, preset: Preset) -> None:
    """Fully supervised as a dashed line; where random selection of whole images ends as a cross."""
    means = records[records["split_percent"].isna()].groupby("method")["miou"].mean()
    if SUPERVISED.name in means:
        axes.axhline(
            means[SUPERVISED.name], color="black", linestyle=(0, (5, 3)), linewidth=1, label="fully supervised"
        )
    if "random" in means:
        axes.plot(100 * preset.pool.start, means["random"], "X", color="black", markersize=7, linestyle="none",
                  markeredgecolor="white", label="random, whole images")  # fmt: skip
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))  # crosses no line


def _paper(axes: Axes, paper: pd.DataFrame) -> None:
    """The printed end points, pale, on an axis of their own: other data, other network, other budgets."""
    for mode, rows in paper.groupby("mode", sort=False):
        k = LOOKS.get(str(mode), 4)
        axes.plot(rows["split_percent"], rows["miou"], color=COLOURS[k], alpha=0.45, marker=MARKERS[k], markersize=4,
                  linewidth=1, linestyle=":", label=mode)  # fmt: skip
    axes.set_title("paper, Cityscapes, printed", color=SOFT)
    axes.set_xticks(sorted(set(paper["split_percent"])))
    axes.set(xlabel="initial split (%)")
    axes.tick_params(colors=GREY)
    axes.margins(x=0.15, y=0.12)
    axes.legend(frameon=False, labelcolor=SOFT, loc="lower right")
