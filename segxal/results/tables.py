"""From records to tables: pandas only, no network is needed. All scores are in percent."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segxal.core.errors import ConfigError
from segxal.core.faithfulness import Curve
from segxal.core.price import BUDGETS, minutes
from segxal.data.base import Frames
from segxal.methods import names_of, random_selection
from segxal.methods.supervised import SUPERVISED
from segxal.results.statistics import shared_seeds, spread
from segxal.storage import paths
from segxal.storage.files import write_text
from segxal.study.grid import MASK_ABLATIONS
from segxal.study.records import KEY, TABLES
from segxal.study.settings import Preset
from segxal.study.state import Cycle

RUN = ["method", "depth", "seed"]  # what names a run without ablation
MASKS = {"none": "with EEM", "without-ebu": "without EBU", "without-pae": "without PAE"}
BUDGET = "pixels"  # of a study's own comparison, which its tables and its report show


def read_records(preset: Preset, runs: Path = paths.RUNS, table: str = "results") -> pd.DataFrame:
    """One of the tables of a study's records; what is not in them needs the networks of a computed run.

    Args:
        preset: the study.
        runs: folder that holds the studies.
        table: a key of :data:`segxal.study.records.TABLES`; ``results`` has one row per cycle.

    Raises:
        ConfigError: if the study has not been collected.
    """
    file = runs / preset.name / TABLES[table]
    if not file.is_file():
        raise ConfigError(f"{file} not found; run `segxal reproduce` with this preset first")
    return pd.read_csv(file)


def read_class_iou(preset: Preset, runs: Path = paths.RUNS) -> pd.DataFrame:
    """``class_iou.csv`` of a study: one row per cycle and class.

    Raises:
        ConfigError: if the study has not been collected.
    """
    return read_records(preset, runs, "class_iou")


def published(name: str) -> pd.DataFrame:
    """Numbers printed in a paper, with their source, for example ``segxal_table2``."""
    return pd.read_csv(paths.PUBLISHED / f"{name}.csv")


def query_table(cycle: Cycle) -> pd.DataFrame:
    """What one cycle asked for, best score first."""
    return pd.DataFrame(cycle.queries(), columns=["id", "score", "dice", "accepted", "pixels", "clicks"]).round(3)


def class_table(cycle: Cycle) -> pd.DataFrame:
    """IoU of each class after one cycle on the reported split; NaN: the class is in neither truth nor prediction."""
    metrics = cycle.metrics()
    shares = metrics["report"]["class_iou"]
    return pd.DataFrame({"class": metrics["classes"], "IoU": [100 * share for share in shares]})


def run_table(lines: dict[str, list[dict[str, Any]]]) -> pd.DataFrame:
    """Cycles of several runs (:func:`segxal.study.records.rows_of`): what was labelled, what it cost, what it gave."""
    columns = ["cycle", "labelled", "accepted", "pixels", "clicks", "miou", "val_miou"]
    parts = [pd.DataFrame(rows)[columns].assign(run=name) for name, rows in lines.items()]
    return pd.concat(parts)[["run", *columns]].round(2)


def class_frequency(frames: Frames) -> pd.DataFrame:
    """How often each class occurs in a split: share of the labelled pixels, and images that hold it."""
    classes = len(frames.classes)
    counts = np.stack([np.bincount(image.ravel(), minlength=256)[:classes] for image in frames.labels.numpy()])
    shares = 100 * counts.sum(0) / counts.sum()
    return pd.DataFrame({"class": frames.classes.names, "pixels (%)": shares.round(3), "images": (counts > 0).sum(0)})


def fold_table(result: dict[str, Any]) -> pd.DataFrame:
    """K-fold cross-validation: mIoU of each fold, then mean ± standard deviation over folds."""
    values = pd.Series([100 * miou for miou in result["miou"]])
    rows = [{"fold": str(k), "mIoU (%)": f"{value:.2f}"} for k, value in enumerate(values)]
    return pd.DataFrame([*rows, {"fold": "mean ± std over folds", "mIoU (%)": spread(values)}])


def oracle_table(answers: list[dict[str, Any]]) -> pd.DataFrame:
    """Means over the queried images of the answers of :func:`segxal.results.cycle_checks.compare_oracles`."""
    means = pd.DataFrame(answers).drop(columns="id").groupby("oracle", sort=False).mean()
    names = {"share": "labelled (%)", "accuracy": "accuracy (%)", "prediction": "prediction there (%)"}
    table = means.rename(columns=names).reset_index()
    table[list(names.values())] *= 100
    return table.round(2)


def detection_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of :func:`segxal.results.cycle_checks.mask_quality` as a table; AUROC and AP as shares in 0..1."""
    names = {"auroc": "AUROC", "ap": "AP", "top5": "top 5 % area", "top10": "top 10 % area", "top20": "top 20 % area",
             "error_rate": "error rate"}  # fmt: skip
    return pd.DataFrame(rows).rename(columns=names).round(3)


def faithfulness_table(curves: list[Curve]) -> pd.DataFrame:
    """Area under each deletion and insertion curve; deletion: lower is better, insertion: higher is better."""
    rows = [{"kind": c.kind, "order": c.order, "probability": c.probability_area, "kept": c.kept_area} for c in curves]
    return pd.DataFrame(rows).round(3)


def main_runs(records: pd.DataFrame) -> pd.DataFrame:
    """The runs without ablation, with ``minutes``: the time of the people who annotated.

    It is measured where Label Studio was used (the initial labels before it estimated), and otherwise estimated.
    Records from before ``lead_time`` was kept hold no measured time.
    """
    main = records[records.ablation == "none"]
    seconds = main.get("lead_time", pd.Series(0.0, main.index))
    start = main[main.cycle == 0].groupby(RUN)[["images", "clicks"]].first()
    first = main[RUN].join(start, on=RUN)
    measured = minutes(first.images, first.clicks) + seconds / 60
    return main.assign(minutes=measured.where(seconds > 0, minutes(main.images, main.clicks)))


def last_cycles(records: pd.DataFrame) -> pd.DataFrame:
    """The last cycle of each run."""
    return records[records.cycle == records.groupby(["method", "ablation", "seed"]).cycle.transform("max")]


def table2(records: pd.DataFrame) -> pd.DataFrame:
    """Scores (mIoU) of each method after each cycle of protocol ``grow``, then the paper's printed rows.

    Args:
        records: of :func:`read_records`.

    Returns:
        One row per method with its depth provider and seeds, one column per cycle; mean ± standard deviation over
        seeds. ``supervised`` has one training with all labels, printed under cycle 0.
    """
    main = main_runs(records)
    rows = [
        {"method": method, "depth": depth, "seeds": part.seed.nunique(),
         **{f"cycle {n}": spread(at.miou) for n, at in part.groupby("cycle")}}
        for (method, depth), part in main.groupby(["method", "depth"], sort=False)
    ]  # fmt: skip
    for mode, part in published("segxal_table2").groupby("mode", sort=False):
        printed = {f"cycle {n}": f"{miou:.2f}" for n, miou in zip(part.cycle, part.miou, strict=True)}
        rows.append({"method": f"paper, printed: {mode}", "depth": _paper_depth(str(mode)), "seeds": 5, **printed})
    return pd.DataFrame(rows).fillna("")


def _paper_depth(mode: str) -> str:
    return {"Manual-M": "MiDaS", "Manual-D": "DINOv2"}.get(mode, "not stated")


def table3(records: pd.DataFrame) -> pd.DataFrame:
    """Scores (mIoU) after the last cycle with the whole mask, without EBU and without PAE, beside the paper's.

    Returns:
        One row per mask, one column per SegXAL method (mean ± standard deviation over the seeds that have all masks)
        and per mode of the paper.
    """
    last = records[records.method.isin(names_of("segxal")) & records.ablation.isin(MASKS)]
    last = shared_seeds(last[last.cycle == last.cycle.max()])
    rows = []
    for ablation, name in MASKS.items():
        here = last[last.ablation == ablation]
        measured = {str(method): spread(part.miou) for method, part in here.groupby("method", sort=False)}
        paper = published("segxal_table3")
        paper = paper[paper["mask"] == name]
        printed = {f"paper: {mode}": f"{miou:.2f}" for mode, miou in zip(paper["mode"], paper.miou, strict=True)}
        rows.append({"mask": name, **measured, **printed})
    return pd.DataFrame(rows).fillna("")


def paired_differences(records: pd.DataFrame, ablations: tuple[str, ...] = MASK_ABLATIONS) -> pd.DataFrame:
    """What an ablation changes, seed by seed: mIoU with it minus mIoU of the main run, after the last cycle."""
    last = records[records.cycle == records.cycle.max()]
    wide = last.pivot_table(index=["method", "seed"], columns="ablation", values="miou")
    present = [name for name in ablations if name in wide]
    return wide[present].sub(wide["none"], axis=0).dropna(how="all").round(2).reset_index()


def budget_table(records: pd.DataFrame) -> pd.DataFrame:
    """Where each method ended: labelled images, price (minutes as of :func:`main_runs`) and scores; mean over seeds.

    Returns:
        One row per method. ``pixels (%)``: of all pixels of the training split. ``supervised (%)``: the score as a
        share of that of ``supervised``, mean over the seeds of each. Both are empty in a study without it.
    """
    main = main_runs(records)
    columns = ["labelled", "images", "pixels", "clicks", "minutes", "miou", "dice", "ece"]
    means = last_cycles(main).groupby(["method", "depth"], sort=False)[columns].mean()
    shares = shares_of_supervised(means, main)
    means[["pixels (%)", "supervised (%)"]] = shares[["pixels", "miou"]]
    return means.round(2).reset_index()


def shares_of_supervised(means: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """Columns ``pixels`` and ``miou`` of means in percent of those of ``supervised``; NaN in a study without it."""
    return 100 * means[["pixels", "miou"]] / main[main.method == SUPERVISED.name][["pixels", "miou"]].mean()


def random_gain(records: pd.DataFrame) -> dict[str, float]:
    """What labels are worth under random selection: gain from the first to the last cycle, and on to full supervision.

    Returns:
        ``grow`` and ``full``: differences of mean mIoU in points; NaN where one of the two methods is not recorded.
    """
    main = main_runs(records)
    random = main[main.method == "random"].groupby("cycle").miou.mean()
    supervised = main[main.method == SUPERVISED.name].miou.mean()
    if random.empty:
        return {"grow": float("nan"), "full": float("nan")}
    return {"grow": random.iloc[-1] - random.iloc[0], "full": supervised - random.iloc[-1]}


def depth_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Depth providers side by side: the rows of :class:`segxal.results.depth_check.DepthCheck`; no percent."""
    names = {
        "provider": "provider", "what": "what it is", "abs_rel": "AbsRel", "delta": "δ < 1.25", "spearman": "rank",
        "near": "near half found", "rank_geometry": "rank, geometry", "near_geometry": "near half, geometry",
    }  # fmt: skip
    return pd.DataFrame(rows).rename(columns=names).round(3)


def check_means(records: pd.DataFrame, class_iou: pd.DataFrame) -> float:
    """Largest difference between a recorded mIoU and the mean of its recorded class IoUs, in points.

    Infinite where a cycle has no class IoUs, so that rows which are missing never pass for rows that agree.
    """
    means = class_iou.groupby(KEY, sort=False).iou.mean().rename("mean").reset_index()
    both = records.merge(means, on=KEY, how="left")
    return float((both.miou - both["mean"]).abs().fillna(np.inf).max())


def question(records: pd.DataFrame, reference: str = "", budget: str = BUDGET) -> tuple[str, str]:
    """What a comparison asks, and under which names its answers are kept.

    Args:
        records: of the study.
        reference: the reference for all comparisons; empty for the random selection that is recorded.
        budget: what the scores are compared over, a key of ``BUDGETS``.

    Returns:
        ``reference``, and the ending of the names of its tables and figures: none for the study's own question (random
        selection, pixels), so that another question never overwrites its answers.

    Raises:
        ConfigError: if ``reference`` buys no labels or is not recorded, if it is empty and no random selection is
            recorded, or if ``budget`` is not one of ``BUDGETS``.
    """
    methods = [name for name in dict.fromkeys(records.method) if name != SUPERVISED.name]
    own = random_selection(methods)
    reference = reference or own
    if not reference:
        raise ConfigError(f"no random selection is recorded; choose a reference from {', '.join(methods)}")
    if reference not in methods:
        raise ConfigError(f"reference = {reference!r} has no budget curve here; choose one of {', '.join(methods)}")
    if budget not in BUDGETS:
        raise ConfigError(f"budget = {budget!r}; choose one of {', '.join(BUDGETS)}")
    return reference, "" if (reference, budget) == (own, BUDGET) else f"-{reference}-{budget}"


def save_table(table: pd.DataFrame, preset: Preset, name: str, runs: Path = paths.RUNS, ending: str = "") -> Path:
    """Write a table as CSV, Markdown and LaTeX into ``papermill_runs/<preset>/tables``, named ``name`` + ``ending``.

    The ending keeps the answers to another question apart, see :func:`question`. A table without a row says nothing: it
    is not written, and one of that name from before goes.

    Returns:
        The folder.
    """
    folder = runs / preset.name / "tables"
    forms: dict[str, Any] = {
        "csv": table.to_csv(index=False, lineterminator="\n"),
        "md": table.to_markdown(index=False, disable_numparse=True) + "\n",
        "tex": table.to_latex(index=False, escape=True),
    }
    for kind, text in forms.items():
        file = folder / f"{name}{ending}.{kind}"
        if len(table):
            write_text(file, text)
        else:
            file.unlink(missing_ok=True)
    return folder
