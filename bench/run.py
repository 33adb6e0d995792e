"""Speed of segxal against the plain ways, as ratios measured in one run: ``make bench``.

Times of one machine say little about another, ratios of peers measured side by side say more. Repeats are interleaved
and medians taken; still, run it on a machine that does nothing else.
"""

import argparse
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1, as the presets use)")
parser.add_argument("--repeats", type=int, default=7, help="timed runs of each case; the median counts (default 7)")
parser.add_argument("--images", type=int, help="images through the EEM for the memory row (default 5000)")
parser.add_argument("--small", action="store_true", help="tiny sizes, seconds: does it run? the ratios mean nothing")
parser.add_argument("--output", type=Path, help="where the JSON record goes (default papermill_runs/bench.json)")
if __name__ == "__main__":
    arguments = parser.parse_args()
    if min(arguments.threads, arguments.repeats) < 1:
        parser.error("--threads and --repeats are at least 1")
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # read when torch is imported

import map_speed
import steady
import torch
import train_speed
from scene import FULL, SMALL, Sizes, briefly_trained
from timer import Row, table

from segxal.device import device, has_fast_bf16
from segxal.doctor import cpu_name
from segxal.files import write_json
from segxal.paths import RUNS

PACKAGES = ("torch", "torchvision", "grad-cam", "numpy", "scipy", "scikit-image", "scikit-learn")


def measure(sizes: Sizes, repeats: int, stream: int) -> list[Row]:
    """All rows, in the order of the table; says on standard error what it is doing."""
    _say("training a small network for the maps")
    model, layer = briefly_trained(sizes)
    _say("maps")
    rows = map_speed.rows(model, layer, sizes, repeats)
    _say("training")
    rows += train_speed.rows(sizes, repeats)
    _say(f"memory over {stream} images")
    rows.append(steady.memory(model, layer, sizes, stream))
    _say("rendering")
    return [*rows, steady.rendering(sizes, repeats)]


def machine(threads: int) -> dict[str, Any]:
    """What the numbers depend on; no date and no path, so that equal machines give equal records."""
    return {
        "processor": cpu_name(), "cores": os.cpu_count(), "threads": threads,
        "instructions": torch.backends.cpu.get_cpu_capability(), "fast_bf16": has_fast_bf16(),
        "device": torch.cuda.get_device_name() if device().type == "cuda" else "cpu",
        "system": platform.system(), "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }  # fmt: skip


def _say(words: str) -> None:
    print(f"bench: {words} ...", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the table, write the record."""
    torch.set_num_threads(arguments.threads)
    sizes = SMALL if arguments.small else FULL
    where = machine(arguments.threads)
    rows = measure(sizes, arguments.repeats, arguments.images or sizes.stream)
    print(f"{where['processor']}, {where['threads']} of {where['cores']} cores, {where['device']}, "
          f"{where['instructions']}, bf16 fast: {where['fast_bf16']}, torch {where['versions']['torch']}\n")  # fmt: skip
    print(table(rows))
    output = arguments.output or RUNS / "bench.json"
    record = [asdict(row) | {"verdict": row.verdict} for row in rows]
    write_json(output, {"machine": where, "small": arguments.small, "repeats": arguments.repeats, "rows": record})
    print(f"\nWritten: {output.name}. A ratio above 1 means ours is faster; MISSED and met are against the target.")


if __name__ == "__main__":
    main()
