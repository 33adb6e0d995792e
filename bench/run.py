"""Speed of segxal against the plain ways, as ratios measured in one run: ``make bench``.

Times of one machine say little about another, ratios of peers measured side by side say more. Repeats are interleaved
and medians taken, and with one CPU thread it is CPU time that counts. Still, use a machine that does nothing else.
"""

import argparse
import os
import platform
import re
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import explorer_speed
import frozen_speed
import map_speed
import ralis_speed
import steady
import strategy_speed
import torch
import train_speed
from scene import FULL, SMALL, Sizes, briefly_trained
from timer import Row, clock, table

from segxal.models.device import device, has_fast_bf16
from segxal.storage.files import write_json
from segxal.storage.paths import SHIPPED_RUNS

PACKAGES = (
    "torch", "torchvision", "timm", "grad-cam", "numpy", "scipy", "scikit-image", "scikit-learn", "scikit-activeml",
    "baal",
)  # fmt: skip


def measure(sizes: Sizes, repeats: int, stream: int) -> list[Row]:
    """All rows, in the order of the table; what is done and found so far goes to standard error."""
    _say("training a small network for the maps")
    model = briefly_trained(sizes)
    parts = (
        ("maps", lambda: map_speed.rows(model, sizes, repeats)),
        ("training", lambda: train_speed.rows(sizes, repeats)),
        (f"strategies over {sizes.pool} images", lambda: strategy_speed.rows(model, sizes, min(3, repeats))),
        (f"memory over {stream} images", lambda: [steady.memory(model, sizes, stream)]),
        ("RALIS", lambda: ralis_speed.rows(model, sizes, repeats)),
        ("a frozen encoder", lambda: frozen_speed.rows(sizes, repeats, 2 * stream)),
        ("rendering", lambda: [steady.rendering(sizes, repeats)]),
        ("the explorer", lambda: explorer_speed.rows(sizes, repeats)),
    )
    rows = []
    for what, part in parts:
        _say(what)
        found = part()
        print(table(found), file=sys.stderr)
        rows += found
    return rows


def machine(threads: int) -> dict[str, Any]:
    """What the numbers depend on; no date and no path, so that equal machines give equal records."""
    return {
        "processor": _processor(), "cores": os.cpu_count(), "threads": threads,
        "clock": clock().__name__, "fast_bf16": has_fast_bf16(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name() if device().type == "cuda" else "cpu",
        "system": platform.system(), "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }  # fmt: skip


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf-8"), re.M) if info.is_file() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def _say(words: str) -> None:
    print(f"bench: {words} ...", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1, as the presets use)")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each case, the median counts (default 7)")
    parser.add_argument("--images", type=int, help="images through the EEM for the memory row (default 5000)")
    parser.add_argument("--small", action="store_true", help="tiny sizes: does it run? the ratios mean nothing")
    parser.add_argument(
        "--output", type=Path, default=SHIPPED_RUNS / "bench.json", help="record (papermill_runs/bench.json)"
    )
    given = parser.parse_args()
    if min(given.threads, given.repeats, given.images or 1) < 1:
        parser.error("--threads, --repeats and --images are at least 1")
    return given


def main() -> None:
    """Measure, print the table, write the record."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    sizes, where = SMALL if given.small else FULL, machine(given.threads)
    rows = measure(sizes, given.repeats, given.images or sizes.stream)
    if given.small:
        rows = [replace(row, target=None) for row in rows]
    shown = ("processor", "threads", "cores", "device", "instructions", "fast_bf16", "clock")
    print(", ".join(f"{name} {where[name]}" for name in shown) + f", torch {where['versions']['torch']}\n")
    print(table(rows))
    record = [asdict(row) | {"verdict": row.verdict} for row in rows]
    write_json(given.output, {"machine": where, "small": given.small, "repeats": given.repeats, "rows": record})
    print(f"\nWritten: {given.output.name}. A ratio above 1 means ours is faster; met and MISSED are about the target.")


if __name__ == "__main__":
    main()
