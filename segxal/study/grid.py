"""A study: all runs of a preset, in plain Python, and the records they leave.

    python -m segxal.study.grid --preset camvid

runs the same cycles as ``segxal reproduce`` on a machine without Jupyter or Snakemake.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from segxal.core.errors import ConfigError, SegxalError
from segxal.methods.base import METHODS, PEOPLE, SEGXAL, START, SUPERVISED, depth_of, get_method, split_name
from segxal.models.depth import get_depth
from segxal.storage import paths
from segxal.storage.files import read_json, write_rows
from segxal.study.loop import run_cycle
from segxal.study.settings import Preset, load_preset
from segxal.study.state import MANIFEST, Cycle

if TYPE_CHECKING:
    import pandas as pd

MASK_ABLATIONS = ("without-ebu", "without-pae")  # Table 3
GATE_ABLATIONS = ("gate-low", "gate-all")
GATE_METHOD = "segxal-human"  # the gate's other sides are shown on the paper's main mode
NOISE_ABLATIONS = ("noise-boundary", "noise-class")
COLUMNS = [
    "method", "ablation", "oracle", "depth", "seed", "cycle", "labelled", "accepted", "images", "pixels", "clicks",
    "lead_time", "miou", "near_miou", "far_miou", "dice", "ece", "val_miou", "seconds",
]  # fmt: skip
KEY = ["method", "ablation", "depth", "seed", "cycle"]  # what names a record
CLASS_COLUMNS = [*KEY, "class", "iou"]


def run_of(preset: Preset, method: str, seed: int, ablation: str = "none", runs: Path = paths.RUNS) -> list[Cycle]:
    """The cycles of one run in order, the shared first training included."""
    if method in (START, SUPERVISED):
        return [Cycle(preset, method, seed, 0, ablation, runs)]
    get_method(method)
    cycles = [Cycle(preset, method, seed, n, ablation, runs) for n in range(1, preset.loop.cycles + 1)]
    start = cycles[0].previous
    return [start, *cycles] if start else cycles


def until(run: Sequence[Cycle], number: int) -> Sequence[Cycle]:
    """The cycles of a run up to one of them.

    Raises:
        ConfigError: if the run has no such cycle.
    """
    if not 0 <= number < len(run):
        raise ConfigError(
            f"cycle = {number}; {run[-1].method} has cycles 0..{len(run) - 1} in preset {run[-1].preset.name}"
        )
    return run[: number + 1]


def ours(preset: Preset) -> list[str]:
    """The SegXAL methods of a study whose ablations are run: not those that real people would annotate for."""
    return [m for m in preset.methods if m in SEGXAL and get_method(m).oracle != PEOPLE]


def rivals(preset: Preset) -> list[str]:
    """The methods that SegXAL is compared with, random selection among them."""
    return [method for method in preset.methods if method not in (*SEGXAL, SUPERVISED)]


def noisy(preset: Preset) -> list[str]:
    """The methods of a study that are also run with people who err.

    Raises:
        ConfigError: if the preset names one that does not exist; the error lists the names.
    """
    for name in preset.noisy:
        get_method(name)
    return [name for name in preset.noisy if name in preset.methods]


def split_ablations(preset: Preset) -> dict[float, str]:
    """Initial split -> ablation of Fig. 7; the split that ``grow`` starts from is the main run itself."""
    return {s: "none" if s == preset.loop.start else split_name(s) for s in sorted({*preset.splits, preset.loop.start})}


def ablations_of(preset: Preset) -> dict[str, list[str]]:
    """Every ablation of a study with the methods it is run for."""
    methods = ours(preset)
    splits = [name for name in split_ablations(preset).values() if name != "none"]
    gated = [GATE_METHOD] if GATE_METHOD in methods else []
    return {
        **{name: methods for name in (*MASK_ABLATIONS, *splits)},
        **{name: gated for name in GATE_ABLATIONS},
        **{name: noisy(preset) for name in NOISE_ABLATIONS},
    }


def whole_grid(preset: Preset, runs: Path = paths.RUNS) -> list[list[Cycle]]:
    """Every run of the study, each once: methods x seeds, then ablations x methods x seeds."""
    cells = [(m, "none") for m in preset.methods]
    cells += [(m, name) for name, methods in ablations_of(preset).items() for m in methods]
    return [run_of(preset, m, seed, name, runs) for m, name in cells for seed in preset.seeds]


def check_depth(preset: Preset, methods: Iterable[str]) -> None:
    """Look whether the depth that the error masks of these methods need can be had.

    Raises:
        ConfigError: if there is no such provider.
        WeightsMissing: if it is a network whose weights are neither here nor to be had.
    """
    if any(depth_of(method, "some") != "none" for method in methods):
        get_depth(preset.mask.depth, preset.mask.depth_weights)


def run_cycles(cycles: Sequence[Cycle], data_root: str = "") -> list[Cycle]:
    """Run cycles in order, with a progress bar; those that are done are left alone.

    Raises:
        ConfigError, WeightsMissing: as :func:`check_depth`, before the first training; or as
            :func:`segxal.study.loop.run_cycle`.
    """
    missing = [cycle for cycle in cycles if not cycle.is_done()]
    if missing:
        check_depth(missing[0].preset, [cycle.method for cycle in missing if cycle.method != START])
    for cycle in tqdm(missing, desc="cycles", disable=not missing):
        run_cycle(cycle, data_root)
    return list(cycles)


def select(preset: Preset, seeds: Sequence[int] = (), methods: Sequence[str] = ()) -> Preset:
    """The preset with other seeds or methods; empty keeps its own.

    Raises:
        ConfigError: if a method is unknown or a seed negative.
    """
    for method in methods:
        if method != SUPERVISED:
            get_method(method)
    if any(seed < 0 for seed in seeds):
        raise ConfigError(f"seeds {list(seeds)}; a seed is 0 or larger")
    changes = {"seeds": tuple(seeds) or preset.seeds, "methods": tuple(methods) or preset.methods}
    return Preset(**{name: getattr(preset, name) for name in preset.__dataclass_fields__} | changes)


def as_recorded(preset: Preset, records: "pd.DataFrame") -> Preset:
    """The preset with the seeds and methods that its records hold, which ``--seeds`` and ``--methods`` may have chosen.

    Args:
        preset: the study.
        records: with the columns ``method`` and ``seed``.
    """
    held = set(records["method"]) - {START}
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
        key = {"method": named.method, "ablation": named.ablation, "depth": depth_of(named.method, metrics["depth"]),
               "seed": cycle.seed, "cycle": cycle.number}  # fmt: skip
        oracle = "whole-image" if named.method == SUPERVISED else get_method(named.method).oracle
        rows.append({
            **key, "oracle": oracle, **{name: metrics[name] for name in ("labelled", "accepted")}, "lead_time": 0.0,
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
    known = [name for name in (*METHODS, SUPERVISED) if name in methods]
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a study without notebooks and collect its records."""
    parser = argparse.ArgumentParser(prog="python -m segxal.study.grid", description=__doc__)
    parser.add_argument("--preset", default="quick", help="name of a preset or a .yml file (default: quick)")
    parser.add_argument("--data-root", default="", help="folder that holds the data sets")
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="instead of the preset's")
    parser.add_argument("--methods", nargs="*", default=[], help="instead of the preset's")
    options = parser.parse_args(arguments)
    preset = select(load_preset(options.preset), options.seeds, options.methods)
    run_cycles([cycle for run in whole_grid(preset) for cycle in run], options.data_root)
    print(f"records: {collect(preset)}")
    if others := outdated(preset):
        print(f"{others} cycles there were made with other settings; they are in no table")


if __name__ == "__main__":
    try:
        main()
    except SegxalError as error:
        sys.exit(f"segxal: {error}")
