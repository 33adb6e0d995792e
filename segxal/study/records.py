"""The records of a study: one row per cycle and per class, collected from its finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segxal.core.errors import ConfigError
from segxal.methods import METHODS
from segxal.methods.supervised import START
from segxal.storage import paths
from segxal.storage.files import read_json, write_rows
from segxal.study.grid import run_cycles, select, whole_grid
from segxal.study.settings import Preset
from segxal.study.state import MANIFEST, Cycle

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    "method", "ablation", "oracle", "depth", "seed", "cycle", "labelled", "accepted", "images", "pixels", "clicks",
    "lead_time", "miou", "near_miou", "far_miou", "dice", "ece", "val_miou", "seconds",
]  # fmt: skip
KEY = ["method", "ablation", "depth", "seed", "cycle"]  # what names a record
CLASS_COLUMNS = [*KEY, "class", "iou"]


def as_recorded(preset: Preset, records: "pd.DataFrame") -> Preset:
    """The preset with the seeds and methods that its records hold, which ``--seeds`` and ``--methods`` may have chosen.

    Args:
        preset: the study.
        records: with the columns ``method`` and ``seed``.
    """
    held = set(records["method"]) - {START.name}
    methods = [*(name for name in preset.methods if name in held), *sorted(held - set(preset.methods))]
    return select(preset, sorted(int(seed) for seed in set(records["seed"])), methods)


def rows_of(run: Sequence[Cycle]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Record rows of the finished cycles of a run: one per cycle, and one per cycle and class; scores in percent."""
    named = run[-1]
    rows, class_rows = [], []
    for cycle in run:
        if not cycle.is_recorded():
            continue
        metrics, timing = cycle.metrics(), read_json(cycle.folder / "timing.json")
        report = metrics["report"]
        depth = metrics["depth"] if named.how.masks else "none"
        key = {"method": named.method, "ablation": named.ablation, "depth": depth,
               "seed": cycle.seed, "cycle": cycle.number}  # fmt: skip
        rows.append({
            **key, "oracle": named.how.oracle, "lead_time": 0.0,
            **{name: metrics[name] for name in ("labelled", "accepted")},
            **metrics["budget"],
            **{f"{part}_miou": _percent(metrics[part]["miou"]) for part in ("near", "far")},
            **{name: _percent(report[name]) for name in ("miou", "dice", "ece")},
            "val_miou": _percent(metrics["val"]["miou"]), "seconds": timing["seconds"],
        })  # fmt: skip
        class_rows += [
            {**key, "class": name, "iou": _percent(iou)}
            for name, iou in zip(metrics["classes"], report["class_iou"], strict=True)
        ]
    return rows, class_rows


def _percent(share: float) -> float:
    return round(100 * share, 4)


def recorded(preset: Preset, runs: Path = paths.RUNS) -> Preset:
    """The preset with every method and seed that the study's folder holds, so that no record is left out."""
    places = [path.relative_to(runs / preset.name / "runs").parts for path in _cycle_folders(preset, runs)]
    methods = {method for method, _, _, _ in places}
    seeds = {int(seed.removeprefix("seed")) for _, _, seed, _ in places}
    known = [name for name in METHODS if name in methods]
    return select(preset, sorted(seeds), sorted(known, key=lambda name: _place(preset.methods, name)))


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _cycle_folders(preset: Preset, runs: Path) -> list[Path]:
    return sorted((runs / preset.name / "runs").glob("*/*/seed*/cycle_*"))


def outdated(preset: Preset, runs: Path = paths.RUNS) -> int:
    """How many cycles on disk were made with other settings than the preset's; they are in no table."""
    made = sum((folder / MANIFEST).is_file() for folder in _cycle_folders(preset, runs))
    cycles = {c for run in whole_grid(recorded(preset, runs), runs) for c in run if c.is_recorded()} if made else set()
    return made - len(cycles)


def collect(preset: Preset, runs: Path = paths.RUNS) -> Path:
    """Write ``results.csv`` and ``class_iou.csv`` from every finished run of the study.

    A run that has not come to its last cycle is left out: beside finished ones it would be compared at another budget.

    Args:
        preset: the study; runs of methods and seeds that it does not name, but that are on disk, are collected too.
        runs: folder that holds the studies.

    Returns:
        The study's folder.

    Raises:
        ConfigError: if no run is finished yet.
    """
    rows, class_rows = [], []
    for run in whole_grid(recorded(preset, runs), runs):
        if not run[-1].is_recorded():
            continue
        new, new_classes = rows_of(run)
        rows += new
        class_rows += new_classes
    study = runs / preset.name
    if not rows:
        raise ConfigError(f"no finished run in {study}; run `segxal reproduce` with this preset first")
    write_rows(study / "results.csv", COLUMNS, rows)
    write_rows(study / "class_iou.csv", CLASS_COLUMNS, class_rows)
    return study


def ensure(preset: Preset, data_root: str = "", runs: Path = paths.RUNS) -> Path:
    """Run the whole study and collect it, unless its records are there already."""
    study = runs / preset.name
    if (study / "results.csv").is_file() and (study / "class_iou.csv").is_file():
        return study
    run_cycles([cycle for run in whole_grid(preset, runs) for cycle in run], data_root)
    return collect(preset, runs)
