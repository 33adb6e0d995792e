"""A whole study in plain Python, and the records it leaves.

    python -m segxal.study --preset camvid

runs the same cycles as ``segxal reproduce`` on a machine without Jupyter or Snakemake.
"""

import argparse
import sys
from collections.abc import Sequence

from segxal.core.errors import SegxalError
from segxal.study.grid import run_cycles, select, whole_grid
from segxal.study.preflight import check_study, claim
from segxal.study.records import collect, listed, outdated
from segxal.study.settings import load_preset


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a study without notebooks and collect its records."""
    parser = argparse.ArgumentParser(prog="python -m segxal.study", description=__doc__)
    parser.add_argument("--preset", default="quick", help="name of a preset or a .yml file (default: quick)")
    parser.add_argument("--data-root", default="", help="folder that holds the data sets")
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="used instead of the preset's")
    parser.add_argument("--methods", nargs="*", default=[], help="used instead of the preset's")
    options = parser.parse_args(arguments)
    preset = select(load_preset(options.preset), options.seeds, options.methods)
    check_study(preset, options.data_root)
    claim(preset, options.preset)
    run_cycles([cycle for run in whole_grid(preset) for cycle in run], options.data_root)
    if others := outdated(preset):  # before their rows go
        print(f"cycles with other settings, left out of the tables: {listed(others)}")
    print(f"records: {collect(preset)}")


if __name__ == "__main__":
    try:
        main()
    except SegxalError as error:
        sys.exit(f"segxal: {error}")
