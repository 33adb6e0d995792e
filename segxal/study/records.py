"""The records of a study: a few tables with rows for every cycle, collected from its finished runs.

The state of single cycles stays on the machine that computed it; the tables are what is kept and what the rest reads.
A row says in ``digest`` which settings it was made with, so rows of runs that are no longer on disk are kept.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segxal.core.errors import ConfigError
from segxal.methods import METHODS
from segxal.methods.supervised import START
from segxal.storage import paths
from segxal.storage.files import read_json, read_rows, write_rows
from segxal.study.grid import run_cycles, select, whole_grid
from segxal.study.settings import Preset
from segxal.study.state import MANIFEST, Cycle

if TYPE_CHECKING:
    import pandas as pd

TABLES = {  # name -> its file in the study's folder
    "results": "results.csv",  # one row per cycle
    "class_iou": "class_iou.csv",  # one row per cycle and class
    "bought": "bought.csv",  # one row per cycle: annotated pixels of each class that joined
    "training": "training.csv",  # one row per cycle and check of the validation split
    "queries": "queries.csv.gz",  # one row per cycle and image that was asked about
    "machine": "machine.csv",  # one row per cycle and class: what a machine labelled, where a method learns from that
    "confusion": "confusion.csv.gz",  # one row per cycle, part of the reported split and true class: predicted pixels
}
LATER = ("machine",)  # tables that studies have only where they have rows
KEY = ["method", "ablation", "depth", "seed", "cycle"]  # what names a record; the first columns of all but results
COLUMNS = [
    "method", "ablation", "oracle", "depth", "seed", "cycle", "labelled", "accepted", "images", "pixels", "clicks",
    "lead_time", "miou", "near_miou", "far_miou", "dice", "ece", "val_miou", "seconds",
    "queried", "w_pae", "w_ebu", "device", "threads", "torch", "python", "digest",
]  # fmt: skip
QUERY = ["id", "score", "dice", "accepted", "pixels", "clicks", "lead_time"]
Rows = dict[str, list[dict[str, Any]]]  # name of a table -> rows


def as_recorded(preset: Preset, records: "pd.DataFrame") -> Preset:
    """The preset with the seeds and methods that its records hold, which ``--seeds`` and ``--methods`` may have chosen.

    Args:
        preset: the study.
        records: with the columns ``method`` and ``seed``.
    """
    held = set(records["method"]) - {START.name}
    methods = [*(name for name in preset.methods if name in held), *sorted(held - set(preset.methods))]
    return select(preset, sorted(int(seed) for seed in set(records["seed"])), methods)


def rows_of(run: Sequence[Cycle]) -> Rows:
    """Record rows of the finished cycles of a run, by table; scores in percent.

    The first training, which methods share, is named after the method of the run.
    """
    found: Rows = {name: [] for name in TABLES}
    for cycle in run:
        if cycle.is_recorded() and cycle.how.scored(cycle.number):
            _extend(found, _rows_of_cycle(cycle, run[-1]))
    return found


def _extend(found: Rows, more: Rows) -> None:
    for name, rows in more.items():
        found[name] += rows


def _rows_of_cycle(cycle: Cycle, named: Cycle) -> Rows:
    metrics, timing = cycle.metrics(), read_json(cycle.folder / "timing.json")
    report, classes = metrics["report"], metrics["classes"]
    depth = metrics["depth"] if named.how.masks else "none"
    key = {"method": named.method, "ablation": named.ablation, "depth": depth,
           "seed": cycle.seed, "cycle": cycle.number}  # fmt: skip
    values = {
        **metrics, **key, "oracle": named.how.oracle, "lead_time": 0.0, **metrics["budget"],
        **{f"{part}_miou": _percent(metrics[part]["miou"]) for part in ("near", "far", "val")},
        **{name: _percent(report[name]) for name in ("miou", "dice", "ece")},
        **timing, "digest": cycle.digest,
    }  # fmt: skip
    confusion = [
        {**key, "part": part, "class": name, **dict(zip(classes, counts, strict=True))}
        for part in ("report", "near")
        for name, counts in zip(classes, metrics[part]["confusion"], strict=True)
    ]
    return {
        "results": [{name: values[name] for name in COLUMNS}],
        "class_iou": [
            {**key, "class": name, "iou": _percent(iou)} for name, iou in zip(classes, report["class_iou"], strict=True)
        ],
        "bought": [{**key, **dict(zip(classes, metrics["bought"], strict=True))}],
        "training": [
            {**key, "step": row["step"], "loss": _short(row["loss"]), "val_miou": _percent(row["val_miou"])}
            for row in metrics["history"]
        ],
        "queries": [{**key, **_query(query)} for query in cycle.queries()],
        "machine": _machine(metrics, key),
        "confusion": confusion,
    }


def _machine(metrics: dict[str, Any], key: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per class; shares in percent, empty where there is nothing to divide by."""
    if "machine" not in metrics:
        return []
    found = metrics["machine"]
    shares = {name: found[name] for name in ("coverage", "accuracy", "dropped_accuracy")}
    return [
        {
            **key, "confidence": found["confidence"], "auroc": found["auroc"], "class": name,
            "threshold": found["thresholds"][k],
            **{part: "" if values[k] is None else _percent(values[k]) for part, values in shares.items()},
        }
        for k, name in enumerate(metrics["classes"])
    ]  # fmt: skip


def _query(query: dict[str, Any]) -> dict[str, Any]:
    short = {name: _short(query[name]) for name in ("score", "dice")}
    return {name: (query | short).get(name, 0.0) for name in QUERY}


def _percent(share: float) -> float:
    return round(100 * share, 4)


def _short(value: float) -> float:
    """Six digits are enough to tell scores apart, and a third of the file."""
    return float(f"{value:.6g}")


Name = tuple[str, ...]  # method, ablation, seed and cycle of a row, as text


def _name_of(row: dict[str, Any]) -> Name:
    return row["method"], row["ablation"], row["seed"], row["cycle"]


def _name(cycle: Cycle, named: Cycle) -> Name:
    return named.method, named.ablation, str(cycle.seed), str(cycle.number)


def _rows_in(study: Path, table: str) -> list[dict[str, Any]]:
    """The rows a table holds now, which may be of cycles that are not on disk."""
    file = study / TABLES[table]
    return [*read_rows(file)] if file.is_file() else []


def _digests_in(study: Path) -> dict[Name, str]:
    """Digest of every cycle that the tables hold; empty for those from before digests were kept."""
    return {_name_of(row): row.get("digest", "") for row in _rows_in(study, "results")}


def _rows_by_cycle(study: Path) -> dict[Name, Rows]:
    found: dict[Name, Rows] = {}
    for table in TABLES:
        for row in _rows_in(study, table):
            found.setdefault(_name_of(row), {name: [] for name in TABLES})[table].append(row)
    return found


def recorded(preset: Preset, runs: Path = paths.RUNS) -> Preset:
    """The preset with every method and seed that the study holds, on disk or in its tables: no record is left out."""
    study = runs / preset.name
    places = [folder.relative_to(study / "runs").parts for folder in _cycle_folders(study)]
    digests = _digests_in(study)
    methods = {place[0] for place in places} | {method for method, *_ in digests}
    seeds = {int(place[2].removeprefix("seed")) for place in places} | {int(seed) for _, _, seed, _ in digests}
    known = [name for name in METHODS if name in methods]
    return select(preset, sorted(seeds), sorted(known, key=lambda name: _place(preset.methods, name)))


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _cycle_folders(study: Path) -> list[Path]:
    return sorted((study / "runs").glob("*/*/seed*/cycle_*"))


def outdated(preset: Preset, runs: Path = paths.RUNS) -> list[str]:
    """Which cycles, on disk or in the tables, were made with other settings than the preset's.

    :func:`collect` leaves them out.

    Returns:
        Their names, ``method/ablation/seed0/cycle_01``.
    """
    study = runs / preset.name
    digests = _digests_in(study)
    here, fitting = set(), set()
    for run in whole_grid(recorded(preset, runs), runs):
        finished = [cycle for cycle in run if cycle.is_recorded()]
        here |= {cycle.folder for cycle in finished}
        replaced = len(finished) == len(run)  # its rows come from disk
        fitting |= {_name(cycle, run[-1]) for cycle in _scored(run) if replaced or _fits(cycle, run[-1], digests)}
    made = {folder for folder in _cycle_folders(study) if (folder / MANIFEST).is_file()}
    stale = {"/".join(folder.parts[-4:]) for folder in made - here}
    stale |= {f"{m}/{a}/seed{seed}/cycle_{int(number):02d}" for m, a, seed, number in digests.keys() - fitting}
    return sorted(stale)


def _scored(run: Sequence[Cycle]) -> list[Cycle]:
    """The stages of a run that have rows: a stage that trains no segmentation network has none."""
    return [cycle for cycle in run if cycle.how.scored(cycle.number)]


def _fits(cycle: Cycle, named: Cycle, digests: dict[Name, str]) -> bool:
    return digests.get(_name(cycle, named)) == cycle.digest


def listed(names: Sequence[str], most: int = 3) -> str:
    """How many names there are and the first of them, for a message."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{len(names)} ({', '.join(names[:most])}{rest})"


def collect(preset: Preset, runs: Path = paths.RUNS) -> Path:
    """Write the tables of a study from its finished runs.

    A run is taken whole: from disk where every cycle of it is finished there, otherwise from the tables as they are,
    where these rows were made with today's settings. A run that has not come to its last cycle is left out: beside
    finished ones it would be compared at another budget.

    Args:
        preset: the study; runs of methods and seeds that it does not name, but that are recorded, are collected too.
        runs: folder that holds the studies.

    Returns:
        The study's folder.

    Raises:
        ConfigError: if no run is finished yet.
    """
    study = runs / preset.name
    digests, kept = _digests_in(study), _rows_by_cycle(study)
    found: Rows = {name: [] for name in TABLES}
    for run in whole_grid(recorded(preset, runs), runs):
        if all(cycle.is_recorded() for cycle in run):
            _extend(found, rows_of(run))
        elif all(_fits(cycle, run[-1], digests) for cycle in _scored(run)):
            for cycle in _scored(run):
                _extend(found, kept[_name(cycle, run[-1])])
    if not found["results"]:
        raise ConfigError(f"no finished run in {study}; run `segxal reproduce` with this preset first")
    for name, file in TABLES.items():
        if found[name] or name not in LATER or (study / file).is_file():
            write_rows(study / file, list(found[name][0]) if found[name] else KEY, found[name])
    return study


def ensure(preset: Preset, data_root: str = "", runs: Path = paths.RUNS) -> Path:
    """Run the whole study and collect it, unless its records are there already."""
    study = runs / preset.name
    if (study / "results.csv").is_file() and (study / "class_iou.csv").is_file():
        return study
    run_cycles([cycle for run in whole_grid(preset, runs) for cycle in run], data_root)
    return collect(preset, runs)
